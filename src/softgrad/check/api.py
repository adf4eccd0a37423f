"""check_vjp, check_grad and check_layer: is a hand-written gradient right, and if not, what was done wrong?

The steps of a check are in pipeline.py, the ranges of the options in user/options.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from softgrad._calls import explained
from softgrad.check.layer.functions import LayerFunctions
from softgrad.check.pipeline import Check
from softgrad.check.report.report import Report
from softgrad.check.user.both import grad_of, loss_of
from softgrad.check.user.cached import takes_cache, without_cache
from softgrad.check.user.descriptions import shown
from softgrad.check.user.functions import UserFunctions, parameter_names
from softgrad.check.user.options import DRAWS, MAX_CALLS, RTOL, read_options
from softgrad.check.user.other_calls import as_vjp
from softgrad.check.user.signatures import hidden_by_defaults
from softgrad.errors import OptionError


@explained
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
    max_calls: int = MAX_CALLS,
) -> Report:
    """Checks a vector-Jacobian product, a backward pass: is vjp the gradient of <grad_output, forward(...)>?

    A gradient is right where it is within the error estimate of the numerical derivative, or within `rtol` of it.
    Numerical derivatives are taken in float64: by the complex step where the function allows it, otherwise by central
    differences with Richardson extrapolation; for every entry, or along random directions where there are many entries.

    Numbers of every size are judged, from 1e-310 to 1e305. Outputs that are not finite are left out: grad_output is 0
    there. Where neither the gradient nor the numerical derivative is finite, the entry is left out, and a fact says so;
    a gradient that alone is not finite is wrong. The derivative of a function that moves in steps, such as np.round, is
    0. With nothing left to judge, `ok` is None.

    A function that overwrites one of its arguments, as in dout[mask] = 0, is wrong, also where its gradients are right:
    a fact then says that they are.

    The same seed gives the same report, on every run. Afterwards, whatever the functions hold is as it was: attributes,
    caches, the arrays and dicts of a closure, random generators. The functions get each array in the order of memory
    (C or Fortran) of the one given.

    Args:
        forward: forward(*arrays) -> output.
        vjp: vjp(*arrays, output, grad_output) -> the gradient at the first array of real numbers, or a tuple of
            gradients: one for each array (None where it has none), or for the first of them. forward is called right
            before it, with the same arrays. Where forward returns (output, cache), vjp may be vjp(grad_output, cache).
            A vjp with fewer arguments is called by their names, as in relu_backward(dA, x) or
            softmax_backward(dout, out); the derivative of each entry, as in tanh_prime(x), is multiplied by
            grad_output. A fact of the report says how vjp is called.
        *arrays: the inputs: arrays, numbers, dicts or lists of arrays (the gradient is then one too); anything else is
            passed on as it is.
        names: what to call each input; by default the names of forward's parameters.
        context: what you know of the function. Used to recognise it: class_axis, layout ("rows", "columns", "vector"),
            temperature, label_smoothing, class_weight, ignore_index, mask, keep, slope, target, eps, the other numbers
            of a loss, such as z_loss, and any random generator. If a gradient is wrong by a constant factor, the factor
            is compared with all other numbers, such as learning_rate or reg. Anything else becomes a fact of the
            report, in your own words: loss, reduction, layer, activation, network, wrt and output are read off the
            numbers of the functions.
        rtol: the relative error that passes.
        seed: for all random numbers of the check.
        draws: how many times other inputs are drawn; 5 to 1000.
        inputs: inputs(rng) draws fresh inputs, of other shapes too; by default they are drawn like those given. It is
            called `draws` times at most, and these calls do not count as calls of the functions.
        max_calls: how often forward and vjp are called at most, both together; 5,000 by default, at least 100. When the
            limit is reached, what was judged by then stands, and a fact says so.

    Returns:
        The report: `ok`, `error`, `where`, `mistake`, `mistakes`, `facts`.

    Raises:
        CheckError: a function raises, or returns something other than gradients.
        OptionError: an option is outside its range, or names do not fit.

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
    options = read_options(
        "check_vjp", context=context, rtol=rtol, seed=seed, draws=draws, inputs=inputs, max_calls=max_calls
    )
    if takes_cache(vjp):
        forward, vjp = without_cache(forward, vjp)

    def functions_of(backward: Callable[..., Any]) -> UserFunctions:
        return UserFunctions(
            "check_vjp",
            forward,
            backward,
            arrays,
            takes_upstream=True,
            names=names,
            wrt=None,
            generators=options.context.generators,
            max_calls=options.max_calls,
        )

    adapted = as_vjp(forward, vjp, len(arrays), functions_of)
    functions = functions_of(vjp if adapted is None else adapted.vjp)
    functions.calls.made = 0 if adapted is None else adapted.calls
    told = [] if adapted is None else [adapted.fact]
    return Check(functions, options, [*told, *hidden_by_defaults(forward, len(arrays))]).report()


@explained
def check_grad(
    loss: Callable[..., Any],
    grad: Callable[..., Any] | Literal[True],
    *arrays: Any,
    wrt: int | Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
    rtol: float = RTOL,
    seed: int = 0,
    draws: int = DRAWS,
    inputs: Callable[[np.random.Generator], tuple[Any, ...]] | None = None,
    max_calls: int = MAX_CALLS,
) -> Report:
    """Checks the gradient of a scalar loss.

    Args:
        loss: loss(*arrays) -> one number.
        grad: grad(*arrays) -> the gradient at the input `wrt`, or a tuple of gradients if `wrt` names several. True
            says that loss returns its gradient too, as (loss, gradient), like a function for SciPy's `jac=True`.
            Several gradients follow the loss one by one, or as a tuple, or as a dict by the names of inputs.
        *arrays: the inputs, as in `check_vjp`.
        wrt: which input the gradient is for, or which ones: 0, or (0, 2). By default the first input; if `grad` is
            True, as many as there are gradients.
        names: as in `check_vjp`, like everything that follows.
        context: what you know of the function.
        rtol: the relative error that passes.
        seed: for all random numbers of the check.
        draws: how many times other inputs are drawn; 5 to 1000.
        inputs: inputs(rng) draws fresh inputs.
        max_calls: how often loss and grad are called at most; 5,000 by default.

    Returns:
        The report, like that of `check_vjp`.

    Raises:
        CheckError: a function raises, or returns something other than a number and gradients.
        OptionError: an option is outside its range, or names do not fit.

    Example:
        >>> def loss(w, x, y):
        ...     return ((x @ w - y) ** 2).mean()
        >>> def grad(w, x, y):
        ...     return 2 * x.T @ (x @ w - y) / len(y)
        >>> rng = np.random.default_rng(0)
        >>> w, x, y = rng.normal(size=3), rng.normal(size=(5, 3)), rng.normal(size=5)
        >>> sg.check_grad(loss, grad, w, x, y).ok
        True
        >>> def loss_and_grad(w, x, y):
        ...     error = x @ w - y
        ...     return (error**2).mean(), 2 * x.T @ error / len(y)
        >>> sg.check_grad(loss_and_grad, True, w, x, y).ok
        True
    """
    options = read_options(
        "check_grad", context=context, rtol=rtol, seed=seed, draws=draws, inputs=inputs, max_calls=max_calls
    )
    indices = None if wrt is None and grad is True else _input_indices(0 if wrt is None else wrt, len(arrays))
    if grad is True:
        loss, grad = loss_of(loss), grad_of(loss, names or parameter_names(loss, len(arrays)), indices)
    functions = UserFunctions(
        "check_grad",
        loss,
        grad,
        arrays,
        takes_upstream=False,
        names=names,
        wrt=indices,
        generators=options.context.generators,
        max_calls=options.max_calls,
    )
    return Check(functions, options, hidden_by_defaults(loss, len(arrays))).report()


@explained
def check_layer(
    layer: Any,
    *arrays: Any,
    gradients: Mapping[str, str | int | None] | None = None,
    forward: str | None = None,
    backward: str | Literal[True] | None = None,
    loss: Callable[..., Any] | str | None = None,
    names: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
    rtol: float = RTOL,
    seed: int = 0,
    draws: int = DRAWS,
    inputs: Callable[[np.random.Generator], tuple[Any, ...]] | None = None,
    max_calls: int = MAX_CALLS,
) -> Report:
    """Checks an object with a forward and a backward pass: a layer, or a network of layers.

    The gradients of the inputs are what the backward pass returns, or attributes such as dinputs. The gradients of the
    parameters are found where classes keep them: dW, grad_W or W_grad beside W, grads["W1"] beside params["W1"], a list
    grads in the order of the list params, W.grad beside W.data, or returned after the gradient of the input. The layers
    that a network holds are searched as well. A backward pass that changes the parameters itself, such as
    backward(grad_output, learning_rate), is read as a step along the gradient. A fact of the report says what is read.

    The backward pass is called by the names of its arguments: with the upstream gradient, and with the inputs, the
    output, the learning rate or the cache where it takes them. A gradient that it adds to is set to 0 before each call.
    Afterwards the object is as it was.

    Args:
        layer: the object, or a list of layers that follow each other.
        *arrays: the inputs of its forward pass, as in `check_vjp`.
        gradients: where gradients are, if they are not found or it cannot be told which one is meant: the name of a
            parameter or an input to a place, such as {"W": "dW", "b": "grads['bias']"}, to a position in what the
            backward pass returns, or to None, which leaves it out.
        forward: the name of the forward pass. By default forward, or names like it, or loss beside gradient.
        backward: the name of the backward pass. True says that the forward pass returns the gradients too, as (loss,
            gradients).
        loss: for a network whose forward pass returns its output and whose backward pass takes the targets: a function
            loss(output, *further arrays), or the name of a method. By default loss, compute_loss, or names like these.
        names: what to call each input, as in `check_vjp`, like everything that follows.
        context: what you know of the function.
        rtol: the relative error that passes.
        seed: for all random numbers of the check.
        draws: how many times other inputs and parameters are drawn; 5 to 1000.
        inputs: inputs(rng) draws fresh inputs.
        max_calls: how often the two methods are called at most; 5,000 by default.

    Returns:
        The report, like that of `check_vjp`. Parameters are called as the object calls them: W, layer1.W, layers[0].W.

    Raises:
        CheckError: the object has no such methods, one of them raises, or it cannot be told where a gradient is.
        OptionError: an option is outside its range, or names something that does not exist.

    Example:
        >>> class Dense:
        ...     def __init__(self, rng):
        ...         self.W, self.b = rng.normal(size=(4, 3)), np.zeros(3)
        ...     def forward(self, x):
        ...         self.x = x
        ...         return x @ self.W + self.b
        ...     def backward(self, grad_output):
        ...         self.dW, self.db = self.x.T @ grad_output, grad_output.mean(axis=0)
        ...         return grad_output @ self.W.T
        >>> rng = np.random.default_rng(0)
        >>> report = sg.check_layer(Dense(rng), rng.normal(size=(5, 4)))
        >>> report.ok, report.where.name
        (False, 'b')
        >>> report.facts[0]
        'dW is read as the gradient of W, db as that of b, what backward returns as that of x'
    """
    options = read_options(
        "check_layer", context=context, rtol=rtol, seed=seed, draws=draws, inputs=inputs, max_calls=max_calls
    )
    if gradients is not None and not isinstance(gradients, Mapping):
        raise OptionError(f'check_layer: gradients is {shown(gradients)}, wanted a dict, such as {{"W": "dW"}}')
    found = LayerFunctions(
        layer, arrays, names=names, gradients=gradients, forward=forward, backward=backward, loss=loss
    )
    if options.inputs is not None:
        options = options._replace(inputs=found.with_parameters(options.inputs))
    functions = UserFunctions(
        "check_layer",
        found.forward,
        found.backward,
        found.inputs,
        takes_upstream=found.takes_upstream,
        names=found.names,
        wrt=None,
        generators=(*options.context.generators, *found.generators),
        max_calls=options.max_calls,
        called=found.called,
        holds=found.holds,
        data=found.data,
    )
    functions.calls.made, functions.parameters = found.calls, frozenset(range(len(arrays), len(found.inputs)))
    return Check(functions, options, found.facts).report()


def _input_indices(wrt: Any, count: int) -> list[int]:
    """The indices of the inputs that gradients are for."""
    chosen = [wrt] if isinstance(wrt, int | np.integer) else list(wrt) if isinstance(wrt, tuple | list) else []
    if not chosen or not all(isinstance(i, int | np.integer) and not isinstance(i, bool) for i in chosen):
        raise OptionError(
            f"check_grad: wrt is {shown(wrt)}, wanted the index of an input, such as 0, or several, such as (0, 2)"
        )
    for i in chosen:
        if not -count <= i < count:
            raise OptionError(f"check_grad: wrt has {i!r}, wanted input indices 0..{count - 1}")
    indices = [int(i) % count for i in chosen]
    if len(set(indices)) < len(indices):
        raise OptionError(f"check_grad: wrt is {shown(wrt)}, wanted each input once")
    return indices
