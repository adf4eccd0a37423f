"""What the questions share: their sizes, their inputs, and the comparison with float64 truth."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

# The largest error of a call that is timed, against the sizes of its terms: far above what an honest formula in that
# dtype loses over a long row, far below a sign, a label or a factor 1/N.
LIMIT = {"float16": 2.0**-5, "bfloat16": 2.0**-2, "float32": 2.0**-13, "float64": 2.0**-42}
SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 2.0**-1074}

SPREAD = 3.0  # standard deviation of the logits
BLOCK = 2**22  # entries compared at a time: float64 copies of a whole input would not fit beside the peers


class Size(NamedTuple):
    """N rows of K classes."""

    rows: int
    classes: int

    @property
    def entries(self) -> int:
        """How many numbers the array holds."""
        return self.rows * self.classes

    def __str__(self) -> str:
        return f"{self.rows:,} x {self.classes:,}"


class Operation(Protocol):
    """A computation that libraries offer, with inputs for it and the truth about it."""

    name: str  # of the method that a provider offers it by
    arrays_moved: int  # arrays of N x K that it must read or write

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """The same numbers at every call."""

    def fault(self, inputs: tuple[Array, ...], results: tuple[Array, ...], dtype: str) -> str | None:
        """What is wrong with the results; None if they agree with float64."""


@dataclass(frozen=True)
class Question:
    """One operation in one dtype, at several sizes: one table, one plot, one file of results."""

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


def draw(rng: np.random.Generator, size: Size, dtype: str) -> Array:
    """Standard normal numbers (N, K)."""
    drawn_as = np.float64 if dtype == "float64" else np.float32
    return rng.standard_normal(size, dtype=drawn_as).astype(numpy_dtype(dtype), copy=False)


def row_blocks(size: Size) -> Iterator[slice]:
    """The rows, a few million entries at a time."""
    step = max(1, BLOCK // size.classes)
    return (slice(start, start + step) for start in range(0, size.rows, step))


def softmax64(z: Array) -> tuple[Array, Array]:
    """Probabilities and log-probabilities in float64."""
    shifted = z.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    total = p.sum(axis=1, keepdims=True)
    return p / total, shifted - np.log(total)


def disagreement(name: str, result: npt.ArrayLike, truth: Array, terms: Array, dtype: str) -> str | None:
    """Where `result` is further from `truth` than LIMIT allows for the sizes of its terms; None if it is nowhere."""
    got = np.asarray(result)
    if got.shape != truth.shape:
        return f"{name} has shape {got.shape}, wanted {truth.shape}"
    got = got.astype(np.float64)
    allowed = LIMIT[dtype] * terms + 2 * SMALLEST[dtype]
    bad = ~(np.abs(got - truth) <= allowed)  # NaN is bad
    if not bad.any():
        return None
    where = tuple(int(i) for i in np.argwhere(bad)[0])
    place = f"[{', '.join(map(str, where))}]" if where else ""
    return f"{name}{place} is {got[where]:.9g}, wanted {truth[where]:.9g}"
