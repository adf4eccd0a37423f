"""What the questions share: their sizes, their inputs, and the comparison with float64 truth."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

# The largest error of a call that is timed, against the sizes of its terms: far above what an honest formula in that
# dtype loses over a long row, far below a sign, a label or a factor 1/N.
LIMIT = {"float16": 2.0**-5, "bfloat16": 2.0**-2, "float32": 2.0**-13, "float64": 2.0**-42}
SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 2.0**-1074}

SPREAD = 3.0  # standard deviation of the logits
BLOCK = 2**18  # entries computed at a time: float64 copies of a whole input would not fit beside the peers
COMPARED = 2**19  # entries of a result that are compared with truth
COMPARED_ROWS = 16  # at least


class Size(NamedTuple):
    """N rows of K classes; of D features each where the logits are their products with a matrix."""

    rows: int
    classes: int
    features: int = 0

    @property
    def entries(self) -> int:
        """How many numbers the array holds."""
        return self.rows * self.classes

    def __str__(self) -> str:
        sides = (self.rows, self.features, self.classes) if self.features else (self.rows, self.classes)
        return " x ".join(f"{side:,}" for side in sides)


class Truth(NamedTuple):
    """What a result has to be, at some of its rows."""

    name: str
    shape: tuple[int, ...]
    rows: Array | EllipsisType  # those compared; ... of a scalar
    values: Array  # float64
    terms: Array  # the size of what is summed to each value

    def fault(self, result: npt.ArrayLike, dtype: str) -> str | None:
        """Where the result is further from truth than LIMIT allows for its terms; None if it is nowhere."""
        got = np.asarray(result)
        if got.shape != self.shape:
            return f"{self.name} has shape {got.shape}, wanted {self.shape}"
        got = got[self.rows].astype(np.float64)
        bad = ~(np.abs(got - self.values) <= LIMIT[dtype] * self.terms + 2 * SMALLEST[dtype])  # NaN is bad
        if not bad.any():
            return None
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        place = "" if isinstance(self.rows, EllipsisType) else f"[{self.rows[where[0]]}, {where[1]}]"
        return f"{self.name}{place} is {got[where]:.9g}, wanted {self.values[where]:.9g}"


class Operation(Protocol):
    """A computation that libraries offer, with inputs for it and the truth about it."""

    name: str  # of the method that a provider offers it by
    arrays_moved: int  # arrays of N x K that it must read or write

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """The same numbers at every call."""

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """Of each result, at these rows."""


@dataclass(frozen=True)
class Question:
    """One operation in one dtype, at several sizes: one table, one file of results."""

    name: str
    title: str
    operation: Operation
    dtype: str
    sizes: tuple[Size, ...]

    def bytes_moved(self, size: Size) -> int:
        """What has to be read and written, at least."""
        return self.operation.arrays_moved * size.entries * numpy_dtype(self.dtype).itemsize


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The NumPy dtype called `name`; bfloat16 is ml_dtypes'."""
    return np.dtype(importlib.import_module("ml_dtypes").bfloat16 if name == "bfloat16" else name)


def compared_rows(size: Size) -> Array:
    """Every row of a small result; the first, the last and some between of a large one."""
    count = max(COMPARED_ROWS, COMPARED // size.classes)
    if count >= size.rows:
        return np.arange(size.rows)
    between = np.random.default_rng(0).choice(size.rows, count, replace=False)
    return np.unique([0, size.rows - 1, *between])


def draw(rng: np.random.Generator, size: Size, dtype: str) -> Array:
    """Standard normal numbers (N, K); float32 where they will be rounded to 16 bits."""
    return rng.standard_normal((size.rows, size.classes), dtype=np.float64 if dtype == "float64" else np.float32)


def row_blocks(size: Size) -> Iterator[slice]:
    """All rows, some at a time."""
    step = max(1, BLOCK // size.classes)
    return (slice(start, start + step) for start in range(0, size.rows, step))


def softmax_parts(z: Array) -> tuple[Array, Array, Array]:
    """Logits less their maximum, the exponentials of that, and their sums (N, 1), in the dtype of z."""
    shifted = z - z.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return shifted, exponentials, exponentials.sum(axis=1, keepdims=True)
