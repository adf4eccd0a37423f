"""Objects as the checker reads them: with one forward pass, one output, and a backward pass.

WithContext        static methods forward(ctx, x) and backward(ctx, grad_output)
stacked_outputs    several outputs of one shape
with_loss_behind   forward(X), loss(prediction, y) and backward(X, y)
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from softgrad.cli.finding.fit import wanted
from softgrad.cli.finding.roles import is_target


class WithContext:
    """A class of static methods forward(ctx, *inputs) and backward(ctx, *upstreams) as an object."""

    def __init__(self, kind: type, forward: str, backward: str | bool) -> None:
        self.stacked = 0  # how many outputs are returned as one
        self._forward, self._backward = getattr(kind, forward), getattr(kind, str(backward))
        self.context = Context()
        setattr(self, forward, self._run)
        setattr(self, str(backward), self._back)

    def _run(self, *inputs: Any) -> Any:
        self.context = Context()
        result = self._forward(self.context, *inputs)
        return np.stack(result[: self.stacked]) if self.stacked else result

    def _back(self, *upstreams: Any) -> Any:
        return self._backward(self.context, *(upstreams[0] if self.stacked else upstreams))


def stacked_outputs(cell: Any, methods: tuple[str, str | bool], count: int) -> Any:
    """The same object, whose forward pass returns several outputs of one shape, with a single output.

    Args:
        cell: the object, whose attributes are shared.
        methods: the names of its forward pass and its backward pass.
        count: how many outputs there are.
    """
    if isinstance(cell, WithContext):
        cell.stacked = count
        return cell
    kind = type(cell)
    forward, backward = getattr(kind, methods[0]), getattr(kind, str(methods[1]))

    def whole(self: Any, *inputs: Any) -> Any:
        return np.stack(forward(self, *inputs)[:count])

    def back(self: Any, upstream: Any) -> Any:
        return backward(self, *upstream)

    extended = type(kind.__name__, (kind,), {methods[0]: whole, str(methods[1]): back})
    one: Any = object.__new__(extended)
    one.__dict__ = cell.__dict__
    return one


def outputs(result: Any, backward: Any) -> int:
    """How many outputs of one shape a forward pass returns, if its backward pass takes as many upstream gradients."""
    if not isinstance(result, tuple) or backward is None or not hasattr(backward.__self__, "__dict__"):
        return 1
    shapes = [np.shape(one) for one in result if isinstance(one, np.ndarray)]
    count = len(wanted(backward) or ())
    return count if count == len(shapes) == len(result) and len(set(shapes)) == 1 else 1


class Context:
    """What a forward pass keeps for its backward pass, in the manner of torch.autograd.Function."""

    saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *arrays: Any) -> None:
        """Keeps arrays."""
        self.saved_tensors = self.saved = self.saved_arrays = arrays


def with_loss_behind(network: Any, forward: str, loss: str, names: Sequence[str]) -> Any:
    """The same object, with the method `loss` as a function of the inputs of its forward pass and the target.

    Args:
        network: the object, whose attributes are shared.
        forward: the name of its forward pass.
        loss: the name of the method that takes the prediction and the target.
        names: of the inputs, the target last.
    """
    kind = type(network)
    measure = getattr(kind, loss)
    first = next(iter(inspect.signature(getattr(network, loss)).parameters))

    def whole(self: Any, *inputs: Any) -> Any:
        *data, target = inputs
        pair = (getattr(self, forward)(*data), target)
        return getattr(super(extended, self), loss)(*(pair[::-1] if is_target(first) else pair))

    parameter = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, parameter) for name in ("self", *names)]
    whole.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    whole.parts = (measure,)  # type: ignore[attr-defined]
    extended = type(kind.__name__, (kind,), {loss: whole})
    one: Any = object.__new__(extended)
    one.__dict__ = network.__dict__
    return one
