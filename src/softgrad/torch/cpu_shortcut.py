"""A shorter way to the kernel for the most common call: float32 or float64 logits in C order, and valid class indices.

For small batches, reading the options takes longer than the kernel. They are read by `softgrad.losses` at the first
call, with its checks, and remembered; so is every call that is not this simple.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from softgrad import _kernels
from softgrad.torch.memory import to_array
from softgrad.torch.options import Options

NUMPY = {torch.float32: np.float32, torch.float64: np.float64}
ROWS_AT_ONCE = 2**18  # longer rows along an inner axis are copied first


@functools.lru_cache(256)
def kernel_numbers(options: Options, rows: int) -> Any:
    """The options as the kernel takes them, for options that were checked."""
    denominator = (options.denominator or float(rows)) if options.reduction == "mean" else 1.0
    return _kernels.LossNumbers(
        scale=1.0 / denominator,
        denominator=denominator,
        label_smoothing=float(options.label_smoothing),
        z_loss=float(options.z_loss),
        softcap=0.0 if options.softcap is None else float(options.softcap),
        temperature=float(options.temperature),
        parameter=float(options.parameter),
    )


def run(options: Options, logits: Tensor, target: Tensor, *, with_grad: bool) -> tuple[Tensor, Tensor | None] | None:
    """The loss and its gradient; None if the call is not of this kind, or its target has ignored or invalid rows.

    The options are checked.
    """
    shape, dtype = logits.shape, NUMPY.get(logits.dtype)
    if (
        dtype is None
        or target.dtype != torch.int64
        or options.reduction == "none"
        or (options.ignore_index is not None and options.ignore_index >= 0)
        or not logits.is_contiguous()
        or not target.is_contiguous()
        or not logits.numel()
        or not -len(shape) <= options.axis < len(shape)
    ):
        return None
    axis = options.axis % len(shape)
    K = shape[axis]
    inner = 1 if axis == len(shape) - 1 else math.prod(shape[axis + 1 :])
    if target.shape != shape[:axis] + shape[axis + 1 :] or (inner > 1 and K > ROWS_AT_ONCE):
        return None
    y = to_array(target).reshape(-1)
    if _kernels.find_label_outside(y, K) >= 0:
        return None
    z = to_array(logits).reshape(-1, K, inner)
    grad = np.empty(z.shape, dtype) if with_grad else None
    numbers = kernel_numbers(options, y.size)
    total = _kernels.loss_of_classes(options.name, z, y, None, numbers, None, grad, None)
    loss = torch.scalar_tensor(total, dtype=logits.dtype)
    return loss, None if grad is None else torch.from_numpy(grad.reshape(shape))
