"""A function that returns the loss and its gradient, as two functions.

f(*inputs) -> loss, grad                  SciPy's jac=True
f(*inputs) -> loss, dx, dw                a gradient for each of the first inputs
f(*inputs) -> loss, {"W": ..., "b": ...}  gradients by the names of the inputs, or of a dict of parameters

The second function of the two calls f again, so that each gradient belongs to its own inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from softgrad.check.user.arguments import arrays_in
from softgrad.check.user.descriptions import kind_of
from softgrad.check.user.gradient_names import among
from softgrad.errors import CheckError


def loss_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The loss alone of a function that returns its gradient as well."""

    @functools.wraps(function)
    def loss(*inputs: Any) -> Any:
        return _split(function(*inputs))[0]

    return loss


def grad_of(function: Callable[..., Any], names: Sequence[str] | None, wrt: Sequence[int] | None) -> Callable[..., Any]:
    """The gradient alone.

    Args:
        function: a function that returns the loss and its gradient.
        names: those of the inputs; None: they are unknown.
        wrt: the inputs that gradients are asked for; None: those that it returns.
    """

    @functools.wraps(function)
    def grad(*inputs: Any) -> Any:
        value = _split(function(*inputs))[1]
        if isinstance(value, list) and len(value) > 1 and not any(isinstance(one, list | tuple) for one in inputs):
            return tuple(value)
        if not isinstance(value, Mapping) or names is None:
            return value
        asked = range(len(inputs)) if wrt is None else wrt
        if any(isinstance(inputs[i], Mapping) for i in asked):
            return value if wrt is not None else _of_the_dict(inputs, value)
        keys = [among(value, names[i]) if any(True for _ in arrays_in(inputs[i])) else None for i in asked]
        if not any(key is not None for key in keys) or (wrt is not None and None in keys):
            wanted = ", ".join(repr(names[i]) for i in asked)
            raise CheckError(
                f"check_grad: the gradients that {_name(function)} returned are called "
                f"{', '.join(map(repr, value))}, wanted the names of its inputs: {wanted}"
            )
        return tuple(None if key is None else value[key] for key in keys)

    return grad


def _split(value: Any) -> tuple[Any, Any]:
    """The loss, and what else was returned: one gradient, or a tuple of them."""
    if not isinstance(value, tuple | list) or len(value) < 2:
        raise CheckError(
            f"check_grad: the function returned {kind_of(value)}, wanted the loss and its gradient, as in "
            "return loss, grad, since grad is True"
        )
    loss, *grads = value
    return loss, grads[0] if len(grads) == 1 else tuple(grads)


def _of_the_dict(inputs: Sequence[Any], value: Mapping[Any, Any]) -> Any:
    """One gradient for each input: the dict for the dict of parameters, None for the others."""
    of = next(i for i, one in enumerate(inputs) if isinstance(one, Mapping))
    return tuple(value if i == of else None for i in range(len(inputs)))


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", "the function")
