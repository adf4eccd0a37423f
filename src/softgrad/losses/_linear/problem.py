"""The checks of the arguments of a linear cross-entropy, and the split of its rows and classes into chunks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, numbers
from softgrad._blas import fits, multiply
from softgrad._options import known, shown
from softgrad._rows import COMPUTED_IN, Rows, aligned
from softgrad.errors import DataError, OptionError, ShapeError
from softgrad.formulas.losses import LOSSES
from softgrad.losses._batch import Batch
from softgrad.losses._options import RowOptions, read_batch

CROSS_ENTROPY = LOSSES["cross_entropy"]
OPTIONS = tuple(name for name in CROSS_ENTROPY.options if name not in ("axis", "where"))

Index: TypeAlias = slice | Array  # of rows

# Classes in one call of gemm. It packs its operands: of this many classes into about 2 MB, of all into 25 MB.
BLOCK = 4096
# With fewer rows, gemm loses more than the fourth product of two passes costs, since each call packs w again.
FEW_ROWS = 96
ENOUGH_ROWS = 512  # with more, gemm is no faster
ROUND = 16  # gemm is slower if the number of rows is not a multiple of this
WIDEST = 2**16  # classes in a tile; at least one row of it is computed with about ten temporaries
IN_HAND = 8  # rows outside the buffer: copies that the kernel's threads and gemm make


class Logits(Rows):
    """The shape of logits that are never stored all at once."""

    __slots__ = ()

    def arrange(self, array: Array, dtype: np.dtype[Any] | None = None) -> Array:
        """A target of that shape as (N, V, 1), in its own dtype: each chunk of rows is converted when it is used."""
        return array.reshape(self.stored.shape)


class Problem(NamedTuple):
    """N rows of D features, V classes, targets and options, all checked."""

    function: str
    x: Array  # (N, D), in the caller's dtype
    w: Array  # (V, D), in the caller's dtype
    bias: Array | None  # (V), in the dtype of the computation
    batch: Batch  # target and options
    kept: Array | None  # the indices of the rows that are not ignored; None for all
    rows: int  # in a chunk
    classes: int  # in a tile: V, or fewer

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the computation: float32 or float64."""
        return self.batch.z.computed_in

    @property
    def in_tiles(self) -> bool:
        """Whether a tile holds only some of the classes."""
        return self.classes < len(self.w)

    def chunks(self) -> Iterator[Index]:
        """The rows that are not ignored, chunk by chunk."""
        for start in range(0, len(self.x) if self.kept is None else len(self.kept), self.rows):
            chunk = slice(start, start + self.rows)
            yield chunk if self.kept is None else self.kept[chunk]

    def features(self, rows: Index) -> Array:
        """Rows of x as gemm takes them. An entry that is not finite is an error."""
        x = as_matrix(self.x[rows], self.dtype)
        if not np.isfinite(x).all():
            self._refuse("x", x, rows)
        return x

    def batch_of(self, rows: Index, logits: Array) -> Batch:
        """A batch for the kernels: these rows, with the logits (n, V)."""
        target = self.batch.target[rows]
        if target.ndim == 3:
            target = aligned(target, self.dtype)
        z = Rows(logits[:, :, None], logits.shape, 1, self.dtype, "kept")
        return self.batch._replace(z=z, target=target)

    def blocks(self, classes: slice) -> Iterator[tuple[slice, Array]]:
        """The rows of w, block by block, as gemm takes them."""
        step = BLOCK if fits(self.w) and self.w.dtype == self.dtype else max(1, min(BLOCK, 2**20 // self.w.shape[1]))
        for start in range(classes.start, classes.stop, step):
            block = slice(start, min(start + step, classes.stop))
            yield block, as_matrix(self.w[block], self.dtype)

    def fill(self, logits: Array, x: Array, classes: slice) -> None:
        """Writes x w^T + b of these classes to logits (n, classes)."""
        for block, of_w in self.blocks(classes):
            out = logits[:, block.start - classes.start : block.stop - classes.start]
            if self.bias is not None:
                out[...] = self.bias[block]
            multiply(x, of_w.T, out, add=self.bias is not None)

    def explain_nan(self, where: Array) -> None:
        """Raises an error if some of `where` is NaN because w or the bias is not finite."""
        if not np.isnan(where).any():
            return
        for block, w in self.blocks(slice(0, len(self.w))):
            if not np.isfinite(w).all():
                self._refuse("w", w, block)
        if self.bias is not None and not (self.bias < math.inf).all():
            at = int(np.argmin(self.bias < math.inf))
            raise DataError(
                f"{self.function}: bias[{at}] is {self.bias[at]}, wanted a finite number, or -inf for a mask"
            )

    def _refuse(self, name: str, values: Array, rows: Index) -> None:
        row, column = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        number = row + rows.start if isinstance(rows, slice) else int(rows[row])
        at = np.unravel_index(number, self.batch.z.shape[:-1]) if name == "x" else (number,)
        place = ", ".join(str(int(i)) for i in (*at, column))
        way_out = "; rows marked by ignore_index are not read" if name == "x" else ""
        raise DataError(f"{self.function}: {name}[{place}] is {values[row, column]}, wanted finite numbers{way_out}")


def as_matrix(values: Array, dtype: np.dtype[Any]) -> Array:
    """The matrix in the dtype and layout that gemm takes; a copy only if it must be."""
    return values if values.dtype == dtype and fits(values) else np.array(values, dtype, order="C")


def read_problem(
    function: str,
    x: npt.ArrayLike,
    w: npt.ArrayLike,
    target: npt.ArrayLike,
    bias: npt.ArrayLike | None,
    max_memory: int,
    options: RowOptions,
    *,
    buffers: int = 1,
    whole_rows: bool = False,
) -> Problem:
    """Checks the arguments. `buffers` buffers of logits must fit into max_memory: whole rows, or otherwise tiles."""
    known(function, options, OPTIONS)
    memory = read_bytes(function, max_memory)
    features, head = numbers(function, "x", x), numbers(function, "w", w)
    if head.ndim != 2 or not head.size:
        raise ShapeError(f"{function}: w.shape is {head.shape}, wanted (V, D), D numbers for each of V classes")
    if features.ndim == 0 or features.shape[-1] != head.shape[1]:
        turned = features.ndim > 0 and features.shape[-1] == head.shape[0]
        raise ShapeError(
            f"{function}: x.shape is {features.shape}, but w.shape is {head.shape}; wanted x (..., D) and w (V, D)"
            + (", so give w.T" if turned else "")
        )
    computed_in = np.result_type(COMPUTED_IN[features.dtype.char], COMPUTED_IN[head.dtype.char])
    shape = (*features.shape[:-1], len(head))
    rows, classes = math.prod(shape[:-1]), shape[-1]
    nothing = np.broadcast_to(np.zeros((), computed_in), (rows, classes, 1))
    logits = Logits(nothing, shape, len(shape) - 1, computed_in, "kept")
    if isinstance(target, np.ndarray) and target.dtype.kind in "iu":
        target = target.copy()  # the chunks read it again, and another thread may write to it
    batch = read_batch(function, CROSS_ENTROPY, logits, target, **options)
    kept = None
    if batch.target.ndim == 1 and batch.target.min(initial=0) < 0:
        kept = np.flatnonzero(batch.target >= 0)
        rows = len(kept)
    elif batch.target.ndim == 3 and not (batch.target.dtype == computed_in and batch.target.flags.carray):
        buffers += 1  # for the converted rows of the target
    return Problem(
        function,
        features.reshape(-1, head.shape[1]),
        head,
        None if bias is None else _read_bias(function, bias, classes, computed_in),
        batch,
        kept,
        *_plan(function, rows, classes, memory, buffers * computed_in.itemsize, whole_rows),
    )


def _read_bias(function: str, bias: npt.ArrayLike, classes: int, dtype: np.dtype[Any]) -> Array:
    array = numbers(function, "bias", bias)
    if array.shape != (classes,):
        raise ShapeError(f"{function}: bias.shape is {array.shape}, wanted ({classes},), one number per class")
    return aligned(array, dtype)


def read_bytes(function: str, max_memory: object) -> int:
    """`max_memory` as an integer."""
    number = isinstance(max_memory, int | float | np.integer | np.floating) and not isinstance(max_memory, bool)
    if not number or not -(2**63) < max_memory < 2**63:  # type: ignore[operator]
        raise OptionError(f"{function}: max_memory is {shown(max_memory)}, wanted a number of bytes")
    return int(max_memory)  # type: ignore[call-overload,no-any-return]


def _plan(function: str, rows: int, classes: int, max_memory: int, entry: int, whole_rows: bool) -> tuple[int, int]:
    """The number of rows in a chunk and of classes in a tile. `entry` is the number of bytes per logit."""
    entries, least = max_memory // entry, classes if whole_rows else min(classes, BLOCK)
    if entries < least:
        raise OptionError(
            f"{function}: max_memory is {max_memory}, too few bytes for one row of logits of {least} classes; "
            f"wanted at least {least * entry}"
        )
    whole = min(rows, entries // classes - IN_HAND)
    if whole >= min(rows, FEW_ROWS) or whole_rows:
        return whole - whole % ROUND if ROUND <= whole < rows else max(1, whole), classes
    some = max(1, min(rows, ENOUGH_ROWS, math.isqrt(entries)))
    return some, min(entries // some, WIDEST)
