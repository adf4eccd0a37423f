"""How a backward pass is called, and what it returns: from the names of its arguments, and by trying.

The checker calls vjp(*inputs, output, grad_output) and grad(*inputs). People write backward(dout, cache),
relu_backward(dA, Z), sigmoid_prime(z) and softmax_grad(s), whose result is the derivative of each entry or a Jacobian.
"""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.cli.finding.roles import targets_of
from softgrad.cli.finding.word_sets import word_set

UPSTREAM = re.compile(
    r"(d|d_|grad_|delta_?|g_)?(out|output|y|a|z|h|loss|l|next|values|value|scores|s|j|p)?\d?(_?(out|output|grad))?"
    r"|upstream(_grad(ient)?)?|grads?|gradients?|delta|error|g|dvalues|dl_d\w+|d[A-Za-z]\w*|grad_\w+|\w+_grad"
)
CACHE = re.compile(r"cache\w*|ctx|context|mem\w*|tape|saved|caches|state")
OUTPUT = word_set(
    "a out output outputs p s y y_hat yhat probs prob activation activations softmax sigmoid act result o h fx"
)
MOST_ORDERS = 24
MOST_COMBINATIONS = 50_000  # of what the arguments may be


class Call(NamedTuple):
    """What each argument of a backward pass is: the number of an input, "output", "upstream" or "cache"."""

    sources: tuple[int | str, ...]
    guessed: bool  # the names of the arguments do not say it

    def arguments(self, inputs: Sequence[Any], output: Any, upstream: Any, cache: Any) -> list[Any]:
        """The arguments of one call."""
        other = {"output": output, "upstream": upstream, "cache": cache}
        return [inputs[one] if isinstance(one, int) else other[one] for one in self.sources]

    def described(self, name: str, inputs: Sequence[str]) -> str:
        """In words: "relu_backward(upstream gradient, x)"."""
        words = {"output": "output", "upstream": "upstream gradient", "cache": "cache"}
        said = (inputs[one] if isinstance(one, int) else words[one] for one in self.sources)
        return f"{name}({', '.join(said)})"


def calls(backward: Callable[..., Any], names: Sequence[str], *, has_cache: bool, scalar: bool) -> Iterator[Call]:
    """The ways to call a backward pass, the likeliest first.

    Args:
        backward: the user's function.
        names: of the inputs of forward.
        has_cache: whether forward returns more than its output.
        scalar: whether the output is a number, so that no upstream gradient need be passed.
    """
    parameters = _parameters(backward)
    if parameters is None:
        count = len(names)
        yield Call(tuple(range(count)) if scalar else (*range(count), "output", "upstream"), True)
        return
    targets = targets_of(parameters)
    options = [_sources(one, names, targets, has_cache, scalar) for one in parameters]
    if len(options) == 1 and len(options[0]) > 1:
        options[0] = [one for one in options[0] if one != "upstream"]  # alone, it is no backward pass
    standard: tuple[int | str, ...] = (*range(len(names)), "output", "upstream")
    if len(parameters) == len(standard) and all(s in one for s, one in zip(standard, options, strict=True)):
        yield Call(standard, False)
    if np.prod([float(len(one)) for one in options]) > MOST_COMBINATIONS:
        return
    sure = all(len(one) == 1 for one in options)
    found = 0
    for sources in sorted(itertools.product(*options), key=lambda s: _doubt(s, options)):
        if len(set(sources)) == len(sources):
            yield Call(tuple(sources), not sure)
            found += 1
        if found >= MOST_ORDERS:
            return


def _doubt(sources: Sequence[int | str], options: Sequence[Sequence[int | str]]) -> int:
    return sum(one.index(source) for source, one in zip(sources, options, strict=True))


def _parameters(function: Callable[..., Any]) -> list[str] | None:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return None
    return [one.name for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]


def _sources(
    parameter: str, names: Sequence[str], targets: Sequence[str], has_cache: bool, scalar: bool
) -> list[int | str]:
    """What one argument may be, the likeliest first."""
    low = parameter.lower().strip("_")
    lowered = [name.lower().strip("_") for name in names]
    if parameter in names:
        place = list(names).index(parameter)
        return [place, "output"] if len(names) == 1 else [place]
    if low in lowered and lowered.count(low) == 1:
        return [lowered.index(low)]
    if CACHE.fullmatch(low):
        return ["cache"] if has_cache else ["output", *range(len(names))]
    if is_upstream(parameter) and not (scalar and low == "d"):
        return ["upstream"]
    if parameter in targets:
        return []  # a target that forward does not take is none of its arguments
    if low in OUTPUT:
        return ["output", *range(len(names)), "upstream"]
    return [*range(len(names)), "output", "upstream", *(["cache"] if has_cache else [])]


def is_upstream(parameter: str) -> bool:
    """Whether an argument of this name is an upstream gradient."""
    low = parameter.lower().strip("_")
    return bool(UPSTREAM.fullmatch(low)) and low[:1] in "dgu" and not low.startswith(("data", "dim", "drop"))


class Returned(NamedTuple):
    """What a backward pass returned, read as gradients."""

    entries: tuple[tuple[int, Any], ...]  # the number of an input, and where its gradient stands in the result
    form: str  # "gradient", "derivative of each entry", "gradient of each row's loss", "Jacobian"
    fits: bool  # whether each gradient has the shape of its input
    some_fit: bool = False  # whether at least one has


def readings(
    value: Any, inputs: Sequence[Any], names: Sequence[str], real: Sequence[int], output: Any, *, upstream: bool
) -> list[Returned]:
    """Which gradients a backward pass returned, in each way to read it; none if it returned none.

    Args:
        value: what it returned.
        inputs: those of forward.
        names: of the inputs.
        real: the numbers of the inputs that can have a gradient, the learned ones first.
        output: of forward.
        upstream: whether it was given the upstream gradient.
    """
    whole = next((i for i in real if _is_structured(inputs[i]) and _alike(value, inputs[i])), None)
    if whole is not None:
        return [Returned(((whole, None),), "gradient", True, True)] if upstream or not np.ndim(output) else []
    if not upstream and np.ndim(output) and isinstance(value, dict | tuple):
        return []  # several gradients of an array need the upstream gradient
    if isinstance(value, dict):
        one = _read_dict(value, inputs, names, real)
    elif isinstance(value, tuple | list) and not (isinstance(value, list) and _is_plain(value)):
        one = _read_several(list(value), inputs, sorted(real))
    else:
        return _read_array(value, inputs, real, output, upstream=upstream)
    return [] if one is None else [one]


def _read_array(
    value: Any, inputs: Sequence[Any], real: Sequence[int], output: Any, *, upstream: bool
) -> list[Returned]:
    """A single array: of an input of its shape, or a Jacobian, or of the wrong shape."""
    shape, out = _shape(value), np.shape(output)
    plain = [i for i in real if not _is_structured(inputs[i])]
    if shape is None:
        return []
    alike = [i for i in plain if np.shape(inputs[i]) == shape]
    if alike and (upstream or not out):
        return [Returned(((i, None),), "gradient", True, True) for i in alike]
    if alike and shape[: len(out)] == out and len(shape) - len(out) < 2:
        form = "derivative of each entry" if shape == out else "gradient of each row's loss"
        return [Returned(((i, None),), form, True, True) for i in alike]
    if not upstream and out:
        for i in sorted(plain):
            given = np.shape(inputs[i])
            if shape == out + given or (len(out) > 1 and given == out and shape == out + out[-1:]):
                return [Returned(((i, None),), "Jacobian", True, True)]
    return [Returned(((plain[0], None),), "gradient", False)] if plain and (upstream or not out) else []


def _is_structured(value: Any) -> bool:
    return isinstance(value, dict | list | tuple)


def _alike(value: Any, given: Any) -> bool:
    """Whether a value has the structure of an input, with an array of its shape in each place."""
    if isinstance(given, dict):
        return isinstance(value, dict) and all(key in value and _alike(value[key], given[key]) for key in given)
    if isinstance(given, list | tuple):
        return isinstance(value, list | tuple) and len(value) == len(given) and all(map(_alike, value, given))
    return _shape(value) == tuple(np.shape(given))


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of an array of numbers; None for anything else."""
    if value is None or isinstance(value, str | bool):
        return None
    try:
        array = np.asarray(value)
    except Exception:  # whatever an object of the user's raises
        return None
    return array.shape if array.dtype.kind in "fiub" else None


def _read_dict(
    value: dict[Any, Any], inputs: Sequence[Any], names: Sequence[str], real: Sequence[int]
) -> Returned | None:
    keys = {undotted(str(key)): key for key in value}
    lowered = {key.lower(): there for key, there in keys.items()}
    for i in real:
        if isinstance(inputs[i], dict):
            found = {key: keys.get(key, lowered.get(str(key).lower())) for key in inputs[i]}
            found = {key: there for key, there in found.items() if there is not None}
            if found:
                fit = [np.shape(value[there]) == np.shape(inputs[i][key]) for key, there in found.items()]
                return Returned(((i, found),), "gradient", all(fit) and len(found) == len(inputs[i]), any(fit))
    entries = tuple((i, keys[names[i]]) for i in sorted(real) if names[i] in keys)
    return _returned(entries, value, inputs) if entries else None


def _returned(entries: tuple[tuple[int, Any], ...], value: Any, inputs: Sequence[Any]) -> Returned:
    fit = [np.shape(value[place]) == np.shape(inputs[i]) for i, place in entries]
    return Returned(entries, "gradient", all(fit), any(fit))


def undotted(key: str) -> str:
    """The name of the array that a gradient is for: W1 for dW1, grad_W1, W1_grad."""
    bare = re.sub(r"^(d_|grad_|d(?=[A-Za-z])|∂)|(_grad|_g)$", "", key)
    return bare or key


def _read_several(values: list[Any], inputs: Sequence[Any], real: Sequence[int]) -> Returned | None:
    if not values or len(values) > len(inputs):
        return None
    if len(values) == len(inputs) and real:
        return _returned(tuple((i, i) for i in real if values[i] is not None), values, inputs)
    plain = [i for i in real if not _is_structured(inputs[i])]
    if len(values) > len(plain):
        return None

    def misfits(order: Sequence[int]) -> int:
        return sum(np.shape(inputs[i]) != np.shape(value) for i, value in zip(order, values, strict=True))

    order = min(itertools.combinations(plain, len(values)), key=misfits)  # the first of the best
    return _returned(tuple((i, k) for k, i in enumerate(order)), values, inputs)


def _is_plain(value: list[Any]) -> bool:
    """Whether a list is one array of numbers."""
    try:
        return np.asarray(value).dtype.kind in "fiub"
    except ValueError:
        return False
