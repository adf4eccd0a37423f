"""Arrays as the kernels want them, and back: rows of K classes, float32 or float64.

Every check of an array argument is here, with its message.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from softgrad import _kernels
from softgrad.errors import AxisError, DtypeError, LabelError, OptionError, ShapeError

Array: TypeAlias = npt.NDArray[Any]

# What each dtype is computed in. Integers are read as float64; bfloat16 is ml_dtypes', known by its name alone.
COMPUTED_IN = {"float16": "float32", "bfloat16": "float32", "float32": "float32", "float64": "float64"}


# An inner axis at least this long is vectorised across; a shorter one is copied behind the others.
LONG_INNER_AXIS = 16

Layout: TypeAlias = Literal["kept", "transposed", "moved"]


class Rows(NamedTuple):
    """An array seen as rows of K classes: (outer, K, inner), contiguous, where a row runs along the middle axis.

    Its layout says how that came about: "kept", the array itself reshaped; "transposed", its transpose reshaped, for
    Fortran order; "moved", a copy with the class axis last.
    """

    values: Array  # (outer, K, inner), float32 or float64
    shape: tuple[int, ...]  # of the array itself
    axis: int  # where its classes are, counted from 0
    dtype: np.dtype[Any]  # of a result in the array's shape
    layout: Layout

    @property
    def outer_shape(self) -> tuple[int, ...]:
        """The array's shape without the class axis."""
        return self.shape[: self.axis] + self.shape[self.axis + 1 :]

    @property
    def matrix(self) -> Array:
        """The rows as (N, K); for rows asked for as such, where inner is 1."""
        return self.values[:, :, 0]

    def lay_out(self, array: Array) -> Array:
        """An array of the same shape, in the same layout and dtype; a copy only where it is not so already."""
        if self.layout == "transposed":
            array = array.T
        elif self.layout == "moved":
            array = np.moveaxis(array, self.axis, -1)
        return np.require(array, self.values.dtype, ["C", "A"]).reshape(self.values.shape)

    def room(self, out: Array | None, *read: Array | None) -> Array:
        """Room for a result in the shape of `values`: `out` itself where a kernel can write to it, or new.

        It cannot where it would write over what it has still to read: `values`, or one of `read`, that lies over `out`
        other than entry for entry.
        """
        if out is not None and out.dtype == self.values.dtype:
            room = self.lay_out(out)
            if np.may_share_memory(room, out) and not any(_clash(room, other) for other in (self.values, *read)):
                return room
        return np.empty_like(self.values)

    def restore(self, values: Array, out: Array | None = None) -> Array:
        """Values in the shape, axis and dtype of the array they came from; in `out`, if there is one."""
        if out is not None and np.may_share_memory(values, out):
            return out
        if self.layout == "kept":
            array = values.reshape(self.shape)
        elif self.layout == "transposed":
            array = values.reshape(self.shape[::-1]).T
        else:
            array = np.moveaxis(values.reshape(*self.outer_shape, self.shape[self.axis]), -1, self.axis)
        if out is not None:
            out[...] = array
            return out
        return array.astype(self.dtype, copy=False)

    def restore_outer(self, values: Array, *, keepdims: bool = False) -> Array:
        """One value a row in the array's shape without the class axis, or with 1 there; a scalar if that is ()."""
        outer = values.reshape(self.outer_shape[::-1]).T if self.layout == "transposed" else values
        shape = self.shape[: self.axis] + (1,) * keepdims + self.shape[self.axis + 1 :]
        scalar_or_array: Array = outer.reshape(shape)[()]
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


def to_rows(function: str, name: str, value: npt.ArrayLike, axis: int, *, as_matrix: bool = False) -> Rows:
    """`value` as rows of its entries along `axis`; a copy only where it does not lie so, or inner must be 1."""
    array = numbers(function, name, value)
    axis = class_axis(function, name, array, axis)
    computed_in = np.dtype(COMPUTED_IN[array.dtype.name])
    values = array.astype(computed_in, copy=False)
    ways: list[tuple[Layout, Array, int]] = [
        ("kept", values, axis),
        ("transposed", values.T, values.ndim - 1 - axis),
    ]
    for layout, laid_out, at in ways:
        outer, inner = math.prod(laid_out.shape[:at]), math.prod(laid_out.shape[at + 1 :])
        if (
            laid_out.flags.c_contiguous
            and laid_out.flags.aligned
            and (inner == 1 or (inner >= LONG_INNER_AXIS and not as_matrix))
        ):
            return Rows(laid_out.reshape(outer, array.shape[axis], inner), array.shape, axis, array.dtype, layout)
    moved = np.require(np.moveaxis(values, axis, -1), requirements=["C", "A"])
    return Rows(moved.reshape(math.prod(moved.shape[:-1]), moved.shape[-1], 1), array.shape, axis, array.dtype, "moved")


def to_matching_rows(function: str, name: str, value: npt.ArrayLike, other_name: str, other: Rows) -> Array:
    """`value` as rows (N, K) in the dtype of `other`, whose shape it must have."""
    array = numbers(function, name, value)
    if array.shape != other.shape:
        raise ShapeError(
            f"{function}: {name}.shape is {array.shape}, but {other_name}.shape is {other.shape}; wanted the same"
        )
    return other.lay_out(array)


def to_row_values(function: str, name: str, value: npt.ArrayLike, other_name: str, other: Rows) -> Array:
    """`value`, which holds one number for each row of `other`, as (outer, 1, inner) in its dtype."""
    array = numbers(function, name, value)
    if array.shape != other.outer_shape:
        raise ShapeError(
            f"{function}: {name}.shape is {array.shape}, but {other_name}.shape is {other.shape} with the classes on "
            f"axis {other.axis}; wanted one number a row, {other.outer_shape}"
        )
    outer, _, inner = other.values.shape
    ordered = array.T if other.layout == "transposed" else array
    return np.ascontiguousarray(ordered, dtype=other.values.dtype).reshape(outer, 1, inner)


def to_target(function: str, value: npt.ArrayLike, logits: Rows, axis: int, ignore_index: int | None) -> Array:
    """A target as class numbers (N), -1 where ignored, or as probabilities (N, K) in the dtype of the logits."""
    array = _array(function, "target", value)
    if array.shape == logits.shape:
        if ignore_index is not None:
            raise OptionError(
                f"{function}: ignore_index is {ignore_index}, but target holds probabilities; wanted class numbers, or "
                "rows of zeros for the rows to ignore"
            )
        return to_matching_rows(function, "target", array, "logits", logits)[:, :, 0]
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
    ordered = array.T if logits.layout == "transposed" else array
    labels = np.ascontiguousarray(ordered, dtype=np.int64).reshape(-1)
    ignored = None if ignore_index is None else (ordered == ignore_index).reshape(-1)
    classes = logits.shape[logits.axis]
    first = _kernels.find_label_outside(labels if ignored is None else np.where(ignored, 0, labels), classes)
    if first >= 0:
        index = np.unravel_index(first, ordered.shape)[:: -1 if logits.layout == "transposed" else 1]
        place = f"target[{', '.join(str(int(i)) for i in index)}]" if index else "target"
        way_out = (
            f"or ignore_index={array[index]} to leave such rows out"
            if array[index] < 0
            else "so subtract 1 from labels that count from 1"
        )
        raise LabelError(
            f"{function}: {place} is {array[index]}, but logits have {classes} classes on axis {axis}; "
            f"wanted 0..{classes - 1}, {way_out}"
        )
    return labels if ignored is None else np.where(ignored, -1, labels)


def to_out(function: str, out: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Checks that a result of this shape and dtype can be written to `out`."""
    if out is None:
        return
    if not isinstance(out, np.ndarray):
        raise DtypeError(f"{function}: out is a {type(out).__name__}, wanted an array of {dtype} of shape {shape}")
    if out.shape != shape or out.dtype != dtype:
        raise ShapeError(
            f"{function}: out is an array of {out.dtype} of shape {out.shape}, wanted one of {dtype} of shape {shape}"
        )
    if not out.flags.writeable:
        raise ShapeError(f"{function}: out is read-only, wanted an array that can be written to")


def _array(function: str, name: str, value: npt.ArrayLike) -> Array:
    try:
        return np.asarray(value)
    except ValueError as error:  # NumPy's word for a ragged list
        raise ShapeError(
            f"{function}: {name} is no array, its rows differ in length; give every row as many entries"
        ) from error


def _clash(room: Array, other: Array | None) -> bool:
    """Whether they share memory, unless each entry of one is that entry of the other."""
    if other is None or not np.may_share_memory(room, other):
        return False
    return room.size != other.size or room.__array_interface__["data"] != other.__array_interface__["data"]
