"""The short way to softmax, log_softmax and logsumexp of tensors on the CPU: kernels/short_tensors.cpp.

It takes most calls: a contiguous tensor, one class axis, no mask. The long way takes the others, and has the messages.
The results are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from softgrad import _kernels
from softgrad.torch.cpu_shortcut import HUGE
from softgrad.torch.implementations import PLAIN

ENTRIES = {torch.float16: 0, torch.bfloat16: 1, torch.float32: 2, torch.float64: 3}  # kernels/numpy_arrays.hpp
IDLE = (  # true while something transforms, intercepts or traces calls
    torch._C._are_functorch_transforms_active,
    torch._C._len_torch_dispatch_stack,
    torch._C._len_torch_function_stack,
    torch._C._is_tracing,
)


def shortly(name: str, differentiated: Callable[..., Tensor]) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """The short way to a function.

    Args:
        name: "softmax", "log_softmax" or "logsumexp".
        differentiated: makes a result differentiable at the logits; it gets the logits, the result in a tuple, the axis
            and the temperature.
    """
    is_compiling, kernel = (
        torch.compiler.is_compiling,
        _kernels.short_tensor(_of_torch(name, differentiated), vjp=False),
    )

    def call(args: tuple[Any, ...], options: dict[str, Any]) -> Tensor | None:
        result: Tensor | None = None if is_compiling() else kernel(args, options)
        return result

    return call


def shortly_product(name: str) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """The short way to the vector-Jacobian product of softmax or log_softmax, for backward passes with kernels."""
    return _kernels.short_tensor(_of_torch(name, None), vjp=True)


def _of_torch(name: str, differentiated: Callable[..., Tensor] | None) -> tuple[Any, ...]:
    """What the kernel calls."""
    recorded = torch.is_grad_enabled
    return (name, *PLAIN, ENTRIES, IDLE, forward_ad, torch.empty_like, recorded, differentiated, HUGE)
