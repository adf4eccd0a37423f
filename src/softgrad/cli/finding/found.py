"""What is checked: two functions of a file as the checker calls them, and what they were taken for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.cli.finding.conventions import Call, Returned
from softgrad.cli.finding.fit import leading
from softgrad.cli.finding.roles import is_target
from softgrad.cli.finding.trial import is_number
from softgrad.cli.inputs import Maker

READ = "is read as the gradient for"  # in what is said


class Found(NamedTuple):
    """A gradient to check."""

    title: str  # "softmax and softmax_grad"
    takes_upstream: bool  # check_vjp; otherwise check_grad
    forward: Callable[..., Any]
    backward: Any
    draw: Maker
    names: tuple[str, ...] | None = None
    wrt: int | tuple[int, ...] | None = None  # of check_grad
    said: tuple[str, ...] = ()  # what was assumed, a line each
    fits: bool = True  # whether each gradient has the shape of its input
    some_fit: bool = True  # whether at least one has
    methods: Mapping[str, str | bool] | None = None  # of an object, which is then `forward`: check_layer
    made_up_for: bool = False  # whether a right gradient calls this wrong one
    redrawn: bool = True  # whether the checker draws further inputs as this does, not from the numbers given
    at_widths: tuple[Any, ...] = ()  # the ways at other lengths, which backward has written out
    beside: tuple[Any, ...] = ()  # the ways in which the gradient has to be right too: with options as they are

    @property
    def takes_numbers(self) -> bool:
        """Whether all inputs are single numbers that were found by trying."""
        tried = any(line.startswith("inputs: ") for line in self.said)
        values = self.draw(np.random.default_rng(0)) if tried and self.methods is None else [[]]
        return all(np.isscalar(value) or (isinstance(value, np.ndarray) and not value.ndim) for value in values)


def as_vjp(
    forward: Callable[..., Any], backward: Callable[..., Any], call: Call, returned: Returned, count: int
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """forward(*inputs) and vjp(*inputs, output, grad_output) by the user's functions.

    The checker calls forward right before vjp, with the same inputs, so that a cache can be handed on.
    """
    last: dict[str, Any] = {}

    def vjp(*arguments: Any) -> Any:
        *inputs, output, upstream = arguments
        value = backward(*call.arguments(inputs, output, upstream, last.get("cache")))
        if returned.form == "derivative of each entry":
            value = upstream * value
        elif returned.form == "gradient of each row's loss":
            value = upstream[..., None] * value
        elif returned.form == "Jacobian":
            value = _through_jacobian(value, upstream)
        places = dict(returned.entries)
        grads = [_entry(value, places[i]) if i in places else None for i in range(count)]
        return tuple(grads) if count > 1 else grads[0]

    return _remembering(forward, last, "cache" in call.sources), vjp


def as_grad(
    forward: Callable[..., Any], backward: Callable[..., Any], call: Call, returned: Returned
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """loss(*inputs) and grad(*inputs) by the user's functions. The upstream gradient of a loss is 1."""
    last: dict[str, Any] = {}

    def grad(*inputs: Any) -> Any:
        output = None
        if {"cache", "output"} & set(call.sources):
            output = loss(*inputs)
        if "output" in call.sources:
            output = predicted(forward, inputs, output)
        value = backward(*call.arguments(inputs, output, 1.0, last.get("cache")))
        grads = [_entry(value, place) for _, place in returned.entries]
        return tuple(grads) if len(grads) > 1 else grads[0]

    loss = _remembering(forward, last, "cache" in call.sources)
    return loss, grad


def predicted(forward: Callable[..., Any], inputs: Sequence[Any], output: Any) -> Any:
    """What backward takes as the output: that of the forward pass, where a loss stands behind it."""
    predict = getattr(forward, "predict", None)
    return output if predict is None else predict(*inputs)


def output_only(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward pass that returns its output alone, not what stands beside it."""
    return _remembering(forward, {}, False)


def _remembering(forward: Callable[..., Any], last: dict[str, Any], cached: bool) -> Callable[..., Any]:
    """A forward pass that returns its output alone. With `cached`, `last` holds what it returns beside it."""

    def first(*inputs: Any) -> Any:
        result = forward(*inputs)
        if cached:
            last["cache"] = cache_of(result)
        return leading(result)

    return first


def cache_of(result: Any) -> Any:
    """What a forward pass returns beside its output."""
    rest = result[1:]
    return rest[0] if len(rest) == 1 else rest


def composed(
    forward: Callable[..., Any], loss: Callable[..., Any], outputs: Sequence[str] = ()
) -> Callable[..., Any] | None:
    """The loss of what a forward pass returns, beside the cache of the forward pass; None if they do not fit.

    compute_cost(A2, Y) after forward_propagation(X, parameters) -> A2, cache. If the outputs of the forward pass have
    names, all of them are the cache.
    """
    try:
        own, others = (list(inspect.signature(one).parameters.values()) for one in (forward, loss))
    except (TypeError, ValueError):
        return None
    required = [one.name for one in own if one.default is one.empty]
    theirs = [one.name for one in others if one.default is one.empty]
    predicted = next((name for name in theirs if name not in required and not is_target(name)), None)
    if predicted is None:
        return None
    more = [name for name in theirs if name not in (*required, predicted)]
    if not any(map(is_target, (*required, *more))):
        return None
    names = [*required, *more]

    def whole(*inputs: Any) -> Any:
        given = dict(zip(names, inputs, strict=True))
        result = forward(*(given[name] for name in required))
        value = loss(**{name: chosen(result) if name == predicted else given[name] for name in theirs})
        if outputs:
            return value, result
        return (value, *result[1:]) if isinstance(result, tuple) else value

    def chosen(result: Any) -> Any:
        return result[outputs.index(predicted)] if predicted in outputs else leading(result)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    whole.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # type: ignore[attr-defined]

    def predict(*inputs: Any) -> Any:
        given = dict(zip(names, inputs, strict=True))
        return chosen(forward(*(given[name] for name in required)))

    whole.parts = (forward, loss)  # type: ignore[attr-defined]
    whole.predict = predict  # type: ignore[attr-defined]  # what backward takes as the output
    return whole


def from_outputs(backward: Callable[..., Any], outputs: Sequence[str]) -> Callable[..., Any] | None:
    """A backward pass that takes outputs of the forward pass by their names, as one that takes them as a cache.

    backward(X, y, Z1, A1, A2) after forward(X) -> Z1, A1, Z2, A2. None if it takes none.
    """
    try:
        parameters = list(inspect.signature(backward).parameters.values())
    except (TypeError, ValueError):
        return None
    taken = [one.name for one in parameters if one.name in outputs]
    if not taken:
        return None
    rest = [one for one in parameters if one.name not in taken and one.kind is one.POSITIONAL_OR_KEYWORD]

    def back(*arguments: Any) -> Any:
        *own, cache = arguments
        given = dict(zip([one.name for one in rest], own, strict=True))
        return backward(**given, **{name: cache[outputs.index(name)] for name in taken})

    last = inspect.Parameter("cache", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    own = [one.replace(default=one.empty) for one in rest]
    back.__signature__ = inspect.Signature([*own, last])  # type: ignore[attr-defined]
    back.parts = (backward,)  # type: ignore[attr-defined]
    return back


def stacked(
    forward: Callable[..., Any], backward: Callable[..., Any], upstreams: Sequence[str]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A forward pass with several outputs, such as next_h and next_c, as one with a single output; and its backward.

    Args:
        forward: returns outputs of one shape, and perhaps a cache.
        backward: takes an upstream gradient for each.
        upstreams: the names of these arguments.
    """
    count = len(upstreams)
    parameters = list(inspect.signature(backward).parameters.values())
    rest = [one for one in parameters if one.name not in upstreams]

    def whole(*inputs: Any) -> Any:
        result = forward(*inputs)
        return (np.stack(result[:count]), *result[count:])

    def back(*arguments: Any) -> Any:
        given = dict(zip([one.name for one in rest], arguments[1:], strict=False))
        return backward(**dict(zip(upstreams, arguments[0], strict=True)), **given)

    first = inspect.Parameter("grad_output", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    whole.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]
    back.__signature__ = inspect.Signature([first, *rest])  # type: ignore[attr-defined]
    whole.parts, back.parts = (forward,), (backward,)  # type: ignore[attr-defined]
    return whole, back


def loss_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns (loss, gradient), though the user's may return (gradient, loss)."""

    def ordered(*inputs: Any) -> Any:
        result = function(*inputs)
        if isinstance(result, tuple) and len(result) == 2 and is_number(result[1]) and not is_number(result[0]):
            return result[1], result[0]
        return result

    ordered.parts = getattr(function, "parts", (function,))  # type: ignore[attr-defined]
    return ordered


def gradient_beside(both: Callable[..., Any], returned: Returned, rest: Callable[[Any], Any]) -> Callable[..., Any]:
    """grad(*inputs) by a function that returns the loss and the gradient."""

    def grad(*inputs: Any) -> Any:
        value = rest(both(*inputs))
        grads = [_entry(value, place) for _, place in returned.entries]
        return tuple(grads) if len(grads) > 1 else grads[0]

    return grad


def _entry(value: Any, place: Any) -> Any:
    """One gradient: the whole result, an entry of it, or a dict of its entries under other names."""
    if place is None:
        return value
    if isinstance(place, Mapping):
        return {key: value[there] for key, there in place.items()}
    return value[place]


def _through_jacobian(jacobian: Any, upstream: Any) -> Any:
    """The product of a transposed Jacobian with the upstream gradient; one Jacobian per row where there are rows."""
    if np.ndim(jacobian) == 2 * np.ndim(upstream):
        axes: Sequence[int] = range(np.ndim(upstream))
        return np.tensordot(upstream, jacobian, axes=(axes, axes))
    return np.einsum("...i,...ij->...j", upstream, jacobian)
