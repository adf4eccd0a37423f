"""Tensors on the CPU as arrays over the same memory, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from softgrad._arrays import Array
from softgrad._extras import needs
from softgrad._rows import is_bfloat16
from softgrad.errors import DataError

NAMES = ["bool", *(f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16, 32, 64))]
NAMES += ["float16", "float32", "float64"]  # the dtypes of NumPy, as torch calls them
STORED = {getattr(torch, name): (np.dtype(name).str, np.dtype(name).itemsize) for name in NAMES}
STORED[torch.bfloat16] = STORED[torch.int16]


class _Memory:
    """The memory of a tensor, as NumPy reads it. The tensor lives as long as the array."""

    __slots__ = ("__array_interface__", "tensor")
    tensor: Tensor
    __array_interface__: dict[str, Any]


def to_array(tensor: Tensor | None) -> Any:
    """The numbers of a tensor, without a copy.

    `Tensor.numpy` would forbid that the memory is resized later, which FSDP does with that of parameters.
    """
    if tensor is None:
        return None
    dtype = tensor.dtype
    if dtype not in STORED:
        return tensor.numpy(force=True)
    tensor = tensor.resolve_neg()  # copies only a view that stands for its negative
    if tensor._is_zerotensor():  # which has no memory
        tensor = tensor.clone()
    if tensor.numel() and not has_memory(tensor):
        raise DataError(
            f"softgrad.torch: the storage of a tensor of shape {tuple(tensor.shape)} has 0 bytes, wanted its numbers; "
            "call the function while they are there (FSDP frees the memory of parameters outside of forward)"
        )
    typestr, itemsize = STORED[dtype]
    memory = _Memory()
    memory.tensor = tensor
    memory.__array_interface__ = {
        "version": 3,
        "typestr": typestr,
        "shape": tuple(tensor.shape),
        "strides": tuple([stride * itemsize for stride in tensor.stride()]),
        "data": (tensor.data_ptr(), False),
    }
    array = np.asarray(memory)
    return array.view(_bfloat16()) if dtype == torch.bfloat16 else array


def has_memory(tensor: Tensor) -> bool:
    """Whether the storage starts at an address: not if it was freed, nor for zeros that are not stored.

    The address of a view is never 0: its offset is added to that of the storage.
    """
    return tensor.data_ptr() != tensor.storage_offset() * tensor.itemsize


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
