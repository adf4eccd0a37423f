"""The short way to softmax, log_softmax and logsumexp of tensors on the CPU: kernels/short_tensors.cpp.

It takes most calls: a contiguous tensor, one class axis, no mask. The long way takes the others, and has the messages.
The results are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from softgrad import _kernels
from softgrad.torch.asked import HUGE, TORCH


def shortly(
    name: str, differentiated: type[torch.autograd.Function]
) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """The short way to a function.

    Args:
        name: "softmax", "log_softmax" or "logsumexp".
        differentiated: makes a result differentiable at the logits; it gets the logits, the class axes, the
            temperature, no mask, and the result in a tuple.
    """
    is_compiling, kernel = (
        torch.compiler.is_compiling,
        _kernels.short_tensor(name, TORCH, without_search(differentiated), HUGE),
    )

    def call(args: tuple[Any, ...], options: dict[str, Any]) -> Tensor | None:
        result: Tensor | None = None if is_compiling() else kernel(args, options)
        return result

    return call


def shortly_product(name: str) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """The short way to the vector-Jacobian product, for a backward pass with kernels; elsewhere it gives None."""
    return _kernels.short_tensor(name, TORCH, None, HUGE)


def without_search(function: type[torch.autograd.Function]) -> Callable[..., Tensor]:
    """What `function.apply` ends in, without its search for tensors of torch.func, which the short ways have ended."""
    apply: Callable[..., Tensor] = super(torch.autograd.Function, function).apply
    return apply
