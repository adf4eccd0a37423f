"""Arrays as the kernels want them, and back: contiguous rows of K classes, float32 or float64.

Every check of an array argument is here, with its message.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from softgrad.errors import AxisError, DtypeError, LabelError, ShapeError

Array: TypeAlias = npt.NDArray[Any]

# What each dtype is computed in. Integers are read as float64; bfloat16 is ml_dtypes', known by its name alone.
COMPUTED_IN = {"float16": "float32", "bfloat16": "float32", "float32": "float32", "float64": "float64"}


class Rows(NamedTuple):
    """An array seen as N rows of K classes."""

    values: Array  # (N, K), contiguous, float32 or float64
    shape: tuple[int, ...]  # of the array itself
    axis: int  # where its classes are, counted from 0
    dtype: np.dtype[Any]  # of a result in the array's shape

    @property
    def outer_shape(self) -> tuple[int, ...]:
        """The array's shape without the class axis."""
        return self.shape[: self.axis] + self.shape[self.axis + 1 :]

    def empty(self) -> Array:
        """Room for a result in the shape of `values`."""
        return np.empty_like(self.values)

    def restore(self, values: Array) -> Array:
        """Rows (N, K) in the shape, axis and dtype of the array they came from."""
        array = np.moveaxis(values.reshape(*self.outer_shape, self.shape[self.axis]), -1, self.axis)
        return array.astype(self.dtype, copy=False)

    def restore_outer(self, values: Array, *, keepdims: bool = False) -> Array:
        """One value a row (N) in the array's shape without the class axis, or with 1 there; a scalar if that is ()."""
        shape = self.shape[: self.axis] + (1,) * keepdims + self.shape[self.axis + 1 :]
        scalar_or_array: Array = values.reshape(shape)[()]
        return scalar_or_array


def numbers(function: str, name: str, value: npt.ArrayLike) -> Array:
    """`value` as an array of floating numbers; integers become float64."""
    array = _array(function, name, value)
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    if array.dtype.name not in COMPUTED_IN:
        raise DtypeError(
            f"{function}: {name}.dtype is {array.dtype}, wanted floating numbers of 16, 32 or 64 bits, or integers; "
            f"convert it first, as {name}.astype(float)"
        )
    return array


def class_axis(function: str, name: str, array: Array, axis: int) -> int:
    """`axis` counted from 0, where `array` has at least one class."""
    if not isinstance(axis, int | np.integer):
        raise AxisError(f"{function}: axis is {axis!r}, wanted one integer")
    if not -array.ndim <= axis < array.ndim:
        raise AxisError(
            f"{function}: axis is {axis}, but {name}.shape is {array.shape}; "
            + (f"wanted an axis in -{array.ndim}..{array.ndim - 1}" if array.ndim else "wanted an array, at least (K,)")
        )
    if array.shape[axis] == 0:
        raise ShapeError(f"{function}: {name}.shape is {array.shape}, with 0 classes on axis {axis}; wanted at least 1")
    return int(axis % array.ndim)


def to_rows(function: str, name: str, value: npt.ArrayLike, axis: int) -> Rows:
    """`value` as rows of its entries along `axis`; a copy only where they are not such rows already."""
    array = numbers(function, name, value)
    axis = class_axis(function, name, array, axis)
    computed_in = np.dtype(COMPUTED_IN[array.dtype.name])
    return Rows(_contiguous(array, axis, computed_in), array.shape, axis, array.dtype)


def to_matching_rows(function: str, name: str, value: npt.ArrayLike, other_name: str, other: Rows) -> Array:
    """`value` as rows (N, K) in the dtype of `other`, whose shape it must have."""
    array = numbers(function, name, value)
    if array.shape != other.shape:
        raise ShapeError(
            f"{function}: {name}.shape is {array.shape}, but {other_name}.shape is {other.shape}; wanted the same"
        )
    return _contiguous(array, other.axis, other.values.dtype)


def to_row_values(function: str, name: str, value: npt.ArrayLike, other_name: str, other: Rows) -> Array:
    """`value`, which holds one number for each row of `other`, as (N) in its dtype."""
    array = numbers(function, name, value)
    if array.shape != other.outer_shape:
        raise ShapeError(
            f"{function}: {name}.shape is {array.shape}, but {other_name}.shape is {other.shape} with the classes on "
            f"axis {other.axis}; wanted one number a row, {other.outer_shape}"
        )
    return array.astype(other.values.dtype, copy=False).reshape(-1)


def to_target(function: str, value: npt.ArrayLike, logits: Rows, axis: int) -> Array:
    """A target as class numbers (N), or as probabilities (N, K) in the dtype of the logits' rows."""
    array = _array(function, "target", value)
    if array.shape == logits.shape:
        return to_matching_rows(function, "target", array, "logits", logits)
    if array.shape != logits.outer_shape:
        raise ShapeError(
            f"{function}: target.shape is {array.shape}, but logits.shape is {logits.shape} with the classes on "
            f"axis {axis}; wanted {logits.outer_shape} for class numbers or {logits.shape} for probabilities"
        )
    if array.dtype.kind not in "iub":
        raise DtypeError(
            f"{function}: target.dtype is {array.dtype} in the shape of class numbers, wanted integers; "
            f"convert it first, as target.astype(int)"
        )
    classes = logits.shape[logits.axis]
    outside = (array < 0) | (array >= classes)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        where = f"target[{', '.join(map(str, index))}]" if index else "target"
        raise LabelError(
            f"{function}: {where} is {array[index]}, but logits have {classes} classes on "
            f"axis {axis}; wanted 0..{classes - 1}, so subtract 1 from labels that count from 1"
        )
    return np.ascontiguousarray(array, dtype=np.int64).reshape(-1)


def _array(function: str, name: str, value: npt.ArrayLike) -> Array:
    try:
        return np.asarray(value)
    except ValueError as error:  # NumPy's word for a ragged list
        raise ShapeError(
            f"{function}: {name} is no array, its rows differ in length; give every row as many entries"
        ) from error


def _contiguous(array: Array, axis: int, dtype: np.dtype[Any]) -> Array:
    rows = np.moveaxis(array, axis, -1)
    return np.ascontiguousarray(rows, dtype=dtype).reshape(-1, array.shape[axis])
