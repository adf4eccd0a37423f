"""The short way to a loss on the CPU, for the most common call.

For a small batch the kernel takes a microsecond or two, and what stands before it takes ten times as long: options are
read, tensors become arrays. So the options are read once, by `softgrad.losses` with its checks, and remembered;
kernels/short_tensor_losses.cpp does the rest.

The short way computes the mean or the sum of a loss of floating logits and class indices in int64, both contiguous. In
float16 the gradient waits for the backward pass, which has a short way of its own. The long way computes everything
else, and says what is wrong with a call. The results are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from softgrad import _kernels
from softgrad.losses._batch import Batch
from softgrad.losses._short import MANY, are_constant, numbers_for_any_rows
from softgrad.torch.asked import HUGE, TORCH
from softgrad.torch.options import Options

LIKES = (  # for float16, bfloat16, float32 and float64 logits, a tensor like the loss
    torch.zeros((), dtype=torch.float32, device="cpu"),
    torch.zeros((), dtype=torch.float32, device="cpu"),
    torch.zeros((), dtype=torch.float32, device="cpu"),
    torch.zeros((), dtype=torch.float64, device="cpu"),
)

KNOWN: dict[Options, tuple[tuple[type, ...], _kernels.LossNumbers]] = {}  # up to MANY; with the types of the options


def remember(options: Options, batch: Batch) -> None:
    """Options that were read without an error; those of the short way need no check again."""
    if not are_constant(options):
        return
    numbers = numbers_for_any_rows(batch, options.ignore_index, counted=options.denominator is None)
    if numbers is not None:
        if len(KNOWN) >= MANY:
            KNOWN.clear()
        KNOWN[options] = tuple(map(type, options)), numbers


def run(
    options: Options,
    logits: Tensor,
    target: Tensor,
    where: Tensor | None,
    weight: Tensor | None,
    *,
    with_grad: bool | None = None,
) -> tuple[Tensor, Tensor | None] | None:
    """The loss and its gradient; None for a call that goes the long way.

    By default, the gradient is computed if the logits are differentiated and not float16.
    """
    if where is not None or weight is not None:
        return None
    return _short(options, logits, target, with_grad)


def run_vjp(options: Options, logits: Tensor, target: Tensor, g: Tensor) -> Tensor | None:
    """The gradient at float16 logits times the upstream gradient; None for a call that goes the long way."""
    grad: Tensor | None = _short_vjp(options, logits, target, g)
    return grad


def huge_like(logits: Tensor) -> Tensor:
    """A tensor in the shape and dtype of the logits, in memory of NumPy."""
    return torch.from_numpy(np.empty(logits.nbytes, np.uint8)).view(logits.dtype).view(logits.shape)


def short_ways(huge: int = HUGE) -> tuple[Any, Any]:
    """What `run` and `run_vjp` end in; from so many entries on, gradients are in memory of NumPy."""
    needed = TORCH, KNOWN, LIKES, huge, huge_like
    return _kernels.short_tensor_loss(*needed), _kernels.short_tensor_loss_vjp(*needed)


_short, _short_vjp = short_ways()
returns_saved_gradient = _kernels.returns_saved_gradient(TORCH)
