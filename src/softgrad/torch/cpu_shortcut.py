"""The short way to a loss on the CPU, for the most common call.

For a small batch the kernel takes a microsecond or two, and what stands before it takes ten times as long: options are
read, tensors become arrays. So the options are read once, by `softgrad.losses` with its checks, and remembered; the
kernel gets the addresses of the tensors.

The short way computes the mean or the sum of a loss of float32, float64 or bfloat16 logits and class indices in int64,
both contiguous. The long way computes everything else, and says what is wrong with a call. The results are the same.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from softgrad import _kernels
from softgrad.losses._batch import Batch
from softgrad.losses._short import MANY, are_constant, numbers_for_any_rows
from softgrad.torch.arguments import is_differentiated
from softgrad.torch.implementations import PLAIN, is_transformed, records_calls
from softgrad.torch.memory import has_memory
from softgrad.torch.options import Options

DTYPES = {  # of the logits: (its name, a tensor like the loss)
    torch.float32: ("float32", torch.zeros((), dtype=torch.float32, device="cpu")),
    torch.float64: ("float64", torch.zeros((), dtype=torch.float64, device="cpu")),
    torch.bfloat16: ("bfloat16", torch.zeros((), dtype=torch.float32, device="cpu")),
}
HUGE = 2**20  # entries from which NumPy asks the system for large pages, and torch does not
ROWS_AT_ONCE = 2**18  # longer rows along an inner axis are copied first

KNOWN: dict[Options, tuple[list[type], _kernels.LossNumbers]] = {}  # up to MANY; with the types of the options


def remember(options: Options, batch: Batch) -> None:
    """Options that were read without an error; those of the short way need no check again."""
    if not are_constant(options):
        return
    numbers = numbers_for_any_rows(batch, options.ignore_index, counted=options.denominator is None)
    if numbers is not None:
        if len(KNOWN) >= MANY:
            KNOWN.clear()
        KNOWN[options] = [*map(type, options)], numbers


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

    By default, the gradient is computed if the logits are differentiated.
    """
    if where is not None or weight is not None:
        return None
    if type(logits) not in PLAIN or type(target) not in PLAIN or is_transformed() or records_calls():
        return None
    if torch._C._len_torch_function_stack():  # a mode may return another tensor than the one that is asked for
        return None
    try:
        known, entries = KNOWN.get(options), DTYPES.get(logits.dtype)
        if known is None or entries is None or target.dtype != torch.int64 or not (logits.is_cpu and target.is_cpu):
            return None
        if logits.is_neg() or not (logits.is_contiguous() and target.is_contiguous()):
            return None
        z, y, shape, N = logits.data_ptr(), target.data_ptr(), logits.shape, target.numel()
    except (TypeError, RuntimeError):  # an option without a hash; a tensor that is sparse, nested or left by torch.func
        return None
    types, numbers = known
    if [*map(type, options)] != types:  # True and 1.0 are equal to 1
        return None
    axis, last, inner = options.axis, len(shape) - 1, 1
    if not (z and y) or not ~last <= axis <= last:  # no rows, or no memory
        return None
    if z % logits.itemsize or y % 8:  # not aligned
        return None
    # The address of a view of no memory is its offset.
    if logits.storage_offset() + target.storage_offset() and not (has_memory(logits) and has_memory(target)):
        return None
    if axis in (-1, last):
        rows = shape[:-1]
    else:
        rows, inner = shape[:axis] + shape[axis + 1 :], math.prod(shape[axis + 1 :])
    K = shape[axis]
    if target.shape != rows or (inner > 1 and K > ROWS_AT_ONCE):
        return None
    dtype, scalar = entries
    loss, grad, to = torch.empty_like(scalar), None, 0
    if is_differentiated(logits) if with_grad is None else with_grad:
        grad = torch.empty_like(logits) if N * K < HUGE else huge_like(logits)
        to = grad.data_ptr()
    name, ignored = options.name, options.ignore_index
    is_computed = _kernels.loss_at(dtype, name, z, y, loss.data_ptr(), to, N, K, inner, numbers, ignored)
    return (loss, grad) if is_computed else None  # not if a class is outside 0..K-1, or no row counts


def huge_like(logits: Tensor) -> Tensor:
    """A tensor in the shape and dtype of the logits, in memory of NumPy."""
    return torch.from_numpy(np.empty(logits.nbytes, np.uint8)).view(logits.dtype).view(logits.shape)
