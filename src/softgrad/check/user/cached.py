"""Functions that hand a cache from the forward to the backward pass.

    forward(*inputs) -> output, cache
    backward(grad_output, cache) -> gradients

That backward is called so is read from the names of its arguments.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from softgrad.check.user.descriptions import kind_of
from softgrad.errors import CheckError

CACHES = ("cache", "caches", "memory", "ctx", "saved", "context")


def takes_cache(backward: Callable[..., Any]) -> bool:
    """Whether a backward pass takes the upstream gradient and a cache."""
    try:
        parameters = list(inspect.signature(backward).parameters.values())
    except (TypeError, ValueError):  # some built-in functions have none
        return False
    needed = [one for one in parameters if one.default is one.empty and one.kind in (0, 1)]
    return len(needed) == 2 and needed[1].name.strip("_").lower() in CACHES


def without_cache(
    forward: Callable[..., Any], backward: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The two functions as forward(*inputs) -> output and backward(*inputs, output, grad_output)."""
    caches: list[Any] = [None]

    @functools.wraps(forward)
    def output(*inputs: Any) -> Any:
        value = forward(*inputs)
        if not isinstance(value, tuple) or len(value) != 2:
            raise CheckError(
                f"check_vjp: forward returned {kind_of(value)}, wanted (output, cache), since vjp takes a cache"
            )
        caches[0] = value[1]
        return value[0]

    def gradients(*arguments: Any) -> Any:
        return backward(arguments[-1], caches[0])

    return output, gradients
