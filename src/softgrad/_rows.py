"""Arrays of any shape and memory layout as rows of K classes, which the kernels take, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Layout: TypeAlias = Literal["kept", "transposed", "moved"]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)

# The dtype that each dtype is computed in, by its character; "E" is bfloat16 of ml_dtypes. Integers become float64.
COMPUTED_IN: dict[str, np.dtype[Any]] = {"e": FLOAT32, "E": FLOAT32, "f": FLOAT32, "d": FLOAT64}


class Rows(NamedTuple):
    """An array as rows of K classes: a contiguous array (outer, K, inner), whose rows run along the middle axis.

    The layout says how it was made: "kept", by reshaping the array; "transposed", by reshaping its transpose, for
    Fortran order; "moved", by a copy with the class axis last. Several class axes are moved last and merged into one.
    """

    stored: Array  # (outer, K, inner), in the dtype of the original array or the dtype that it is computed in
    shape: tuple[int, ...]  # of the original array
    axis: int  # the class axis of the original array, counted from 0; -1 if axes are merged
    dtype: np.dtype[Any]  # of results in the shape of the original array
    layout: Layout
    merged: tuple[int, ...] = ()  # the class axes, if there is not exactly one; the layout is then "moved"

    @property
    def axes(self) -> tuple[int, ...]:
        """The class axes of the original array, counted from 0."""
        return (self.axis,) if self.axis >= 0 else self.merged

    @property
    def computed_in(self) -> np.dtype[Any]:
        """The dtype that the rows are computed in, float32 or float64."""
        return COMPUTED_IN[self.stored.dtype.char]

    @property
    def values(self) -> Array:
        """The rows in the dtype that they are computed in; a copy if they are stored in 16 bits."""
        return self.stored.astype(self.computed_in, copy=False)

    @property
    def row_count(self) -> int:
        """The number of rows."""
        return int(self.stored.shape[0] * self.stored.shape[2])

    @property
    def outer_shape(self) -> tuple[int, ...]:
        """The shape of the original array without the class axes."""
        shape, axis = self.shape, self.axis
        if axis < 0:
            return tuple(length for i, length in enumerate(shape) if i not in self.merged)
        return shape[:-1] if axis == len(shape) - 1 else shape[:axis] + shape[axis + 1 :]

    def call(self, kernel: Callable[..., Any], arrays: tuple[Array, ...], temperature: float, *, fresh: bool) -> Any:
        """Calls a kernel of the softmax family, and returns what it returns; -1 without rows or classes.

        Args:
            kernel: the kernel.
            arrays: its arrays, arranged as these rows are; the kernel writes to the last one.
            temperature: divides the logits.
            fresh: True if the memory of the last array was never written to.
        """
        if not arrays[0].size:  # kernels need a class
            return -1
        if arrays[0].dtype.itemsize > 2:
            return kernel(*arrays, temperature, False, fresh)
        return kernel(*map(bits, arrays), temperature, is_bfloat16(arrays[0]), fresh)

    def index_of(self, row: int) -> tuple[int, ...]:
        """The index of a row in the original array without the class axes; rows are counted as the kernels do."""
        shape, turned = self.outer_shape, self.layout == "transposed"
        index = np.unravel_index(row, shape[::-1] if turned else shape)
        return tuple(int(i) for i in (index[::-1] if turned else index))

    def wide(self) -> Rows:
        """The same rows, stored in the dtype that they are computed in."""
        return self._replace(stored=self.values)

    def arrange(self, array: Array, dtype: np.dtype[Any] | None = None) -> Array:
        """Arranges an array of the original shape as these rows are, by default in their dtype; copies if it must."""
        if self.layout == "kept" and array.flags.carray and array.dtype == (dtype or self.stored.dtype):
            return array.reshape(self.stored.shape)  # a shortcut for most calls
        if self.layout == "transposed":
            array = array.T
        elif self.layout == "moved":
            array = np.moveaxis(array, self.axes, range(-len(self.axes), 0))
        return aligned(array, dtype or self.stored.dtype).reshape(self.stored.shape)

    def output_buffer(self, out: Array | None, *read: Array | None) -> Array:
        """An array in the shape and dtype of `stored` that a kernel can write to: a view of `out`, or a new array.

        It is a new array where `out` is None, has another dtype, or cannot be arranged as these rows without a copy. It
        is also new where the kernel would overwrite entries that it has yet to read: `stored` or one of `read` shares
        memory with `out`, and not entry by entry.
        """
        if out is None:
            return np.empty(self.stored.shape, self.stored.dtype)
        if out.dtype == self.stored.dtype:
            buffer = self.arrange(out)
            if np.may_share_memory(buffer, out) and not any(_overlap(buffer, other) for other in (self.stored, *read)):
                return buffer
        return np.empty(self.stored.shape, self.stored.dtype)

    def in_original_shape(self, values: Array, out: Array | None = None) -> Array:
        """Values (outer, K, inner) in the shape and dtype of the original array; written to `out` if it is given."""
        if out is not None and np.may_share_memory(values, out):
            return out
        if self.layout == "kept":
            array = values.reshape(self.shape)
        elif self.layout == "transposed":
            array = values.reshape(self.shape[::-1]).T
        else:
            lengths = [self.shape[axis] for axis in self.axes]
            array = np.moveaxis(values.reshape((*self.outer_shape, *lengths)), range(-len(lengths), 0), self.axes)
        if out is not None:
            out[...] = array
            return out
        return array if array.dtype is self.dtype else array.astype(self.dtype, copy=False)

    def one_per_row(self, values: Array, *, keepdims: bool = False) -> Array:
        """One value per row, in the original shape without the class axes, or with length 1 there; a scalar for ()."""
        outer = values.reshape(self.outer_shape[::-1]).T if self.layout == "transposed" else values
        shape = self.outer_shape
        if keepdims:
            shape = tuple(1 if i in self.axes else length for i, length in enumerate(self.shape))
        scalar_or_array: Array = outer.reshape(shape)[()]
        return scalar_or_array


def bits(array: Array) -> Array:
    """The bits of 16-bit floats as integers, which is how kernels take them."""
    return array.view(np.uint16)


def is_bfloat16(array: Array) -> bool:
    """Whether an array holds bfloat16. A kernel must be told, because it receives the bits alone."""
    return str(array.dtype.char) == "E"


def aligned(array: Array, dtype: np.dtype[Any] | None = None) -> Array:
    """The array in C order, aligned, and in the byte order of the machine, as kernels take it; a copy if it must be."""
    return np.require(array, dtype or array.dtype.newbyteorder("="), ["C", "A"])


def _overlap(buffer: Array, other: Array | None) -> bool:
    """Whether two arrays share memory, other than entry by entry."""
    if other is None or not np.may_share_memory(buffer, other):
        return False
    same_entries = buffer.size == other.size and buffer.itemsize == other.itemsize
    return not same_entries or buffer.__array_interface__["data"] != other.__array_interface__["data"]
