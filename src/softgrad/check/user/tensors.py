"""Arrays and tensors as plain arrays, without importing the library that the tensors belong to."""

from __future__ import annotations

from typing import Any

import numpy as np

from softgrad.formulas.numbers import Array


def numbers_of(value: Any) -> Array | None:
    """The numbers of an array or of a tensor; None of anything else."""
    if isinstance(value, np.ndarray):
        return value.view(np.ndarray)
    if not is_tensor(value):
        return None
    try:
        return np.asarray(value.detach())
    except Exception:  # a type that NumPy lacks, or another device
        return None


def is_tensor(value: Any) -> bool:
    """Whether something is a tensor of torch."""
    kind = type(value)
    return hasattr(kind, "detach") and hasattr(kind, "__array__")
