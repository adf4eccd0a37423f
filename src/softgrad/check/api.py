"""check_vjp and check_grad: a hand-written gradient held against numerical derivatives, and its mistake named.

1. call the two functions, twice: do they answer the same, keep their arguments, return the right shapes and types?
2. judge each gradient at the inputs given, by numerical derivatives (judge.py)
3. draw other inputs (draws.py) and see what the functions say there
4. recognise the function (recipes/); its own backward pass is then known, line by line
5. run that with each wrong line of the catalogue (diagnose.py); where none fits, say what is known (unexplained.py)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from softgrad.check.pipeline import Check
from softgrad.check.report.report import Report
from softgrad.check.user.arguments import kind_of
from softgrad.check.user.context import Context, read_context
from softgrad.check.user.functions import UserFunctions
from softgrad.errors import OptionError

RTOL = 1e-6
DRAWS = 5
MOST_DRAWS = 1000


def check_vjp(
    forward: Callable[..., Any],
    vjp: Callable[..., Any],
    *arrays: Any,
    names: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
    rtol: float = RTOL,
    seed: int = 0,
    draws: int = DRAWS,
    inputs: Callable[[np.random.Generator], tuple[Any, ...]] | None = None,
) -> Report:
    """Checks a vector-Jacobian product, a backward pass: is vjp the gradient of <grad_output, forward(...)>?

    A gradient is right where it is within the error estimate of the numerical derivative, or within `rtol` of it. Those
    are taken in float64: by the complex step where the function allows it, otherwise by central differences with
    Richardson extrapolation; for every entry, or along random directions where the entries are many.

    Args:
        forward: forward(*arrays) -> output.
        vjp: vjp(*arrays, output, grad_output) -> the gradient at the first array of real numbers, or a tuple of
            gradients: one for each array (None where it has none), or for the first of them. forward is called right
            before it, with the same arrays.
        *arrays: the inputs: arrays, numbers, dicts or lists of arrays (the gradient is then one too); anything else is
            handed on as it is.
        names: what to call each input; by default what forward calls it.
        context: what you know of the function. Used to recognise it: class_axis, layout ("rows", "columns", "vector"),
            temperature, label_smoothing, class_weight, ignore_index, mask, keep, slope, target, eps, z_loss, and any
            random generator. Other numbers, such as learning_rate or reg, are what a constant ratio is compared with.
            All else (loss, reduction, layer, activation, network, wrt, output: these are read off the functions'
            numbers) is kept as a fact, in your own words.
        rtol: the relative error that passes.
        seed: of the numbers that are drawn.
        draws: how often the inputs are drawn anew; 5 to 1000.
        inputs: makes fresh inputs from a generator, other shapes included; otherwise they are drawn like those given.

    Returns:
        The report: `ok`, `error`, `where`, `mistake`, `mistakes`, `facts`.

    Raises:
        CheckError: a function raises, or returns something other than gradients.
        OptionError: draws or rtol outside their range, or names that do not fit.

    Example:
        >>> def softmax(z):
        ...     e = np.exp(z - z.max(axis=-1, keepdims=True))
        ...     return e / e.sum(axis=-1, keepdims=True)
        >>> def softmax_backward(z, p, dp):
        ...     return p * (1 - p) * dp
        >>> report = sg.check_vjp(softmax, softmax_backward, np.array([[1.0, 2.0, 3.0], [1.0, 0.0, 1.0]]))
        >>> report.ok, report.mistake.name
        (False, 'diagonal-only')
        >>> report.mistake.fix
        'dz = p * (dp - np.sum(p * dp, axis=-1, keepdims=True))'
    """
    known = _checked_options("check_vjp", rtol, draws, seed, inputs, context)
    functions = UserFunctions(
        "check_vjp", forward, vjp, arrays, takes_upstream=True, names=names, wrt=None, generators=known.generators
    )
    return Check(functions, known, float(rtol), seed, draws, inputs).report()


def check_grad(
    loss: Callable[..., Any],
    grad: Callable[..., Any],
    *arrays: Any,
    wrt: int | Sequence[int] = 0,
    names: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
    rtol: float = RTOL,
    seed: int = 0,
    draws: int = DRAWS,
    inputs: Callable[[np.random.Generator], tuple[Any, ...]] | None = None,
) -> Report:
    """Checks the gradient of a scalar loss.

    Args:
        loss: loss(*arrays) -> one number.
        grad: grad(*arrays) -> the gradient at the input `wrt`, or a tuple of them where that is several.
        *arrays: the inputs, as in `check_vjp`.
        wrt: which input the gradient is for, or which ones: 0, or (0, 2).
        names: as in `check_vjp`, as all that follows.
        context: what you know of the function.
        rtol: the relative error that passes.
        seed: of the numbers that are drawn.
        draws: how often the inputs are drawn anew; 5 to 1000.
        inputs: makes fresh inputs from a generator.

    Returns:
        The report, as that of `check_vjp`.

    Raises:
        CheckError: a function raises, or returns something other than a number and gradients.
        OptionError: wrt, draws or rtol outside their range, or names that do not fit.

    Example:
        >>> def loss(w, x, y):
        ...     return ((x @ w - y) ** 2).mean()
        >>> def grad(w, x, y):
        ...     return 2 * x.T @ (x @ w - y) / len(y)
        >>> rng = np.random.default_rng(0)
        >>> sg.check_grad(loss, grad, rng.normal(size=3), rng.normal(size=(5, 3)), rng.normal(size=5)).ok
        True
    """
    known = _checked_options("check_grad", rtol, draws, seed, inputs, context)
    functions = UserFunctions(
        "check_grad",
        loss,
        grad,
        arrays,
        takes_upstream=False,
        names=names,
        wrt=_input_numbers(wrt, len(arrays)),
        generators=known.generators,
    )
    return Check(functions, known, float(rtol), seed, draws, inputs).report()


def _input_numbers(wrt: Any, count: int) -> list[int]:
    """The inputs that gradients are for, counted from 0."""
    chosen = [wrt] if isinstance(wrt, int | np.integer) else list(wrt) if isinstance(wrt, tuple | list) else []
    if not chosen or not all(isinstance(i, int | np.integer) and not isinstance(i, bool) for i in chosen):
        raise OptionError(f"check_grad: wrt is {wrt!r:.40}, wanted the number of an input, as 0, or several, as (0, 2)")
    for i in chosen:
        if not -count <= i < count:
            raise OptionError(f"check_grad: wrt has {i!r}, wanted input numbers 0..{count - 1}")
    numbers = [int(i) % count for i in chosen]
    if len(set(numbers)) < len(numbers):
        raise OptionError(f"check_grad: wrt is {wrt!r:.40}, wanted each input once")
    return numbers


def _checked_options(function: str, rtol: Any, draws: Any, seed: Any, inputs: Any, context: Any) -> Context:
    if not isinstance(rtol, int | float | np.number) or not 0 < rtol < 1:
        raise OptionError(f"{function}: rtol is {rtol!r}, wanted a number between 0 and 1")
    if not isinstance(draws, int | np.integer) or not 5 <= draws <= MOST_DRAWS:
        raise OptionError(
            f"{function}: draws is {draws!r}, wanted 5 to {MOST_DRAWS}; with fewer a wrong name could fit by chance"
        )
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise OptionError(f"{function}: seed is {seed!r}, wanted a whole number of at least 0")
    if context is not None and not isinstance(context, Mapping):
        raise OptionError(f'{function}: context is {context!r:.40}, wanted a dict, as {{"temperature": 2.0}}')
    if inputs is not None and not callable(inputs):
        raise OptionError(f"{function}: inputs is {kind_of(inputs)}, wanted a function of a generator, inputs(rng)")
    return read_context(context or {})
