"""Tensors on the CPU as arrays over the same memory, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from softgrad._arrays import Array, is_bfloat16
from softgrad._extras import needs


def to_array(tensor: Tensor | None) -> Any:
    """The numbers of a tensor, without a copy."""
    if tensor is None:
        return None
    if tensor.dtype == torch.bfloat16:
        return tensor.detach().resolve_neg().view(torch.int16).numpy().view(_bfloat16())
    return tensor.numpy(force=True)  # of a tensor on the CPU, force copies only a view that stands for its negative


def to_tensor(array: Array) -> Tensor:
    """A tensor over the memory of an array, or of a scalar."""
    array = np.asarray(array)
    if is_bfloat16(array):
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _bfloat16() -> Any:
    with needs("softgrad.torch", "ml_dtypes", extra="torch"):
        import ml_dtypes
    return ml_dtypes.bfloat16
