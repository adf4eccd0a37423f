"""Definitions that all questions share: sizes, inputs, and the comparison with results in float64."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

# The largest error of a call that is timed, relative to the size of its terms. It is much larger than the rounding
# error of a right formula in this dtype over a long row, and much smaller than a wrong sign, label or factor 1/N.
LIMIT = {"float16": 2.0**-5, "bfloat16": 2.0**-2, "float32": 2.0**-13, "float64": 2.0**-42}
SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 2.0**-1074}

SPREAD = 3.0  # the standard deviation of the logits
BLOCK = 2**18  # entries that are computed at once, since the memory cannot hold float64 copies of whole inputs
COMPARED = 2**19  # entries of a result that are compared with the truth
MIN_COMPARED_ROWS = 16


class Size(NamedTuple):
    """N rows of K classes. If the logits are products with a matrix, each row has D features."""

    rows: int
    classes: int
    features: int = 0

    @property
    def entries(self) -> int:
        """The number of entries of the array."""
        return self.rows * self.classes

    def __str__(self) -> str:
        lengths = (self.rows, self.features, self.classes) if self.features else (self.rows, self.classes)
        return " x ".join(f"{length:,}" for length in lengths)


class Truth(NamedTuple):
    """The right values of a result, at some of its rows."""

    name: str
    shape: tuple[int, ...]
    rows: Array | EllipsisType  # the indices of the rows that are compared; ... for a scalar
    values: Array  # float64
    terms: Array  # for each value the sum of the absolute values of its terms

    def fault(self, result: npt.ArrayLike, dtype: str) -> str | None:
        """The first entry whose error is larger than LIMIT allows, as a message; None if there is no such entry."""
        got = np.asarray(result)
        if got.shape != self.shape:
            return f"{self.name} has shape {got.shape}, wanted {self.shape}"
        got = got[self.rows].astype(np.float64)
        wrong = ~(np.abs(got - self.values) <= LIMIT[dtype] * self.terms + 2 * SMALLEST[dtype])  # NaN is wrong
        if not wrong.any():
            return None
        entry = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = ""
        if not isinstance(self.rows, EllipsisType):
            place = f"[{', '.join(map(str, (self.rows[entry[0]], *entry[1:])))}]"
        return f"{self.name}{place} is {got[entry]:.9g}, wanted {self.values[entry]:.9g}"


class Operation(Protocol):
    """A computation that libraries offer, with inputs for it and its right results."""

    name: str  # the name of the method in a provider
    arrays_moved: int  # the number of N x K arrays that it must read or write

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """The inputs, which are the same in every call."""

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """The right values of each result, at these rows."""


@dataclass(frozen=True)
class Question:
    """One operation in one dtype, at several sizes. It has one table and one file of results."""

    name: str
    title: str
    operation: Operation
    dtype: str
    sizes: tuple[Size, ...]

    def bytes_moved(self, size: Size) -> int:
        """The number of bytes that must at least be read and written."""
        return self.operation.arrays_moved * size.entries * numpy_dtype(self.dtype).itemsize


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The NumPy dtype of this name. bfloat16 comes from ml_dtypes."""
    return np.dtype(importlib.import_module("ml_dtypes").bfloat16 if name == "bfloat16" else name)


def compared_rows(size: Size) -> Array:
    """The rows that are compared: all rows of a small result; the first, the last and random others of a large one."""
    count = max(MIN_COMPARED_ROWS, COMPARED // size.classes)
    if count >= size.rows:
        return np.arange(size.rows)
    random_rows = np.random.default_rng(0).choice(size.rows, count, replace=False)
    return np.unique([0, size.rows - 1, *random_rows])


def draw(rng: np.random.Generator, size: Size, dtype: str) -> Array:
    """Standard normal numbers of shape (N, K). For 16-bit dtypes they are drawn in float32, and rounded later."""
    return rng.standard_normal((size.rows, size.classes), dtype=np.float64 if dtype == "float64" else np.float32)


def draw_logits(rng: np.random.Generator, size: Size, dtype: str) -> Array:
    """Logits of shape (N, K)."""
    logits = draw(rng, size, dtype)
    logits *= logits.dtype.type(SPREAD)
    return logits.astype(numpy_dtype(dtype), copy=False)


def row_blocks(size: Size) -> Iterator[slice]:
    """Slices that divide the rows into blocks of at most BLOCK entries, or of one row."""
    step = max(1, BLOCK // size.classes)
    return (slice(start, start + step) for start in range(0, size.rows, step))


def softmax_parts(z: Array) -> tuple[Array, Array, Array]:
    """The logits minus their maximum, the exponentials of these, and their sums of shape (N, 1), in the dtype of z."""
    shifted = z - z.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return shifted, exponentials, exponentials.sum(axis=1, keepdims=True)
