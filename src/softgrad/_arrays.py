"""Every check of an array argument, with its message; logits become `Rows`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from softgrad import _kernels
from softgrad._foreign import as_array
from softgrad._misread import TWO_LOGITS, other_axis, refuse_binary_labels, refuse_misplaced_classes, refuse_names
from softgrad._rows import COMPUTED_IN, Rows, aligned
from softgrad._rows import Array as Array
from softgrad.errors import AxisError, DtypeError, LabelError, OptionError, ShapeError

# Kernels compute some rows along an inner axis at a time, at least a cache line of them. Of longer rows, the class axis
# is copied last.
LONG_ROW = 2**18

Axis: TypeAlias = int | Sequence[int] | None  # one axis, several, or None for all of them


def numbers(function: str, name: str, value: npt.ArrayLike) -> Array:
    """`value` as an array of floating-point numbers; integers become float64."""
    array = value if type(value) is np.ndarray else as_array(function, name, value)
    if array.dtype.char in COMPUTED_IN:
        return array
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    raise DtypeError(
        f"{function}: {name}.dtype is {array.dtype}, wanted floating numbers of 16, 32 or 64 bits, or integers"
        + ("" if array.dtype.kind == "c" else f"; convert it first, as np.asarray({name}, dtype=float)")
    )


def class_axis(function: str, name: str, array: Array, axis: Axis) -> int:
    """`axis` counted from 0; an error if `array` has no such axis."""
    if type(axis) is int and -array.ndim <= axis < array.ndim:
        return axis % array.ndim
    if type(axis) is bool or not isinstance(axis, int | np.integer):
        advice = f"; merge axes first, as with {name}.reshape" if isinstance(axis, tuple | list) or axis is None else ""
        raise AxisError(f"{function}: axis is {axis!r}, wanted one integer{advice}")
    if not -array.ndim <= axis < array.ndim:
        raise AxisError(
            f"{function}: axis is {axis}, but {name}.shape is {array.shape}; "
            + (f"wanted an axis in -{array.ndim}..{array.ndim - 1}" if array.ndim else "wanted an array, at least (K,)")
        )
    return int(axis % array.ndim)


def class_axes(function: str, name: str, array: Array, axis: object) -> tuple[int, ...]:
    """Several axes, or None for all, counted from 0 and in ascending order."""
    if axis is None:
        return tuple(range(array.ndim))
    given = tuple(axis) if isinstance(axis, tuple | list) else ()
    if not given or not all(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in given):
        raise AxisError(f"{function}: axis is {axis!r}, wanted one integer, several, such as (0, 1), or None for all")
    for one in given:
        if not -array.ndim <= one < array.ndim:
            raise AxisError(
                f"{function}: axis is {axis!r}, but {name}.shape is {array.shape}; "
                + (f"wanted axes in -{array.ndim}..{array.ndim - 1}" if array.ndim else "wanted an array")
            )
    axes = tuple(sorted(int(one % array.ndim) for one in given))
    if len({*axes}) < len(axes):
        raise AxisError(f"{function}: axis is {axis!r}, but {name}.shape is {array.shape}; wanted each axis once")
    return axes


def to_rows(
    function: str, name: str, value: npt.ArrayLike, axis: Axis, *, as_matrix: bool = False, several: bool = False
) -> Rows:
    """`value` as rows along `axis`, without a copy where its memory layout allows.

    With `as_matrix`, inner is 1. With `several`, `axis` may be several axes, or None for all.
    """
    array = numbers(function, name, value)
    if several and type(axis) is not int and not isinstance(axis, int | np.integer):
        return _merged(function, name, array, axis)
    axis = class_axis(function, name, array, axis)
    shape, dtype = array.shape, array.dtype
    if axis == len(shape) - 1 and array.flags.carray and dtype.isnative:  # a shortcut for most calls
        return Rows(array.reshape(math.prod(shape[:-1]), shape[axis], 1), shape, axis, dtype, "kept")
    stored = array if dtype.isnative else array.astype(dtype.newbyteorder("="))
    flags = stored.flags
    needs_no_copy = not as_matrix and shape[axis] <= LONG_ROW
    if flags.aligned:
        inner = math.prod(shape[axis + 1 :])
        if flags.c_contiguous and (inner == 1 or needs_no_copy):
            return Rows(stored.reshape(math.prod(shape[:axis]), shape[axis], inner), shape, axis, dtype, "kept")
        inner = math.prod(shape[:axis])
        if flags.f_contiguous and (inner == 1 or needs_no_copy):
            outer = math.prod(shape[axis + 1 :])
            return Rows(stored.T.reshape(outer, shape[axis], inner), shape, axis, dtype, "transposed")
    moved = aligned(np.moveaxis(stored, axis, -1))
    return Rows(moved.reshape(math.prod(moved.shape[:-1]), moved.shape[-1], 1), shape, axis, dtype, "moved")


def to_pair(
    function: str, name: str, value: npt.ArrayLike, axis: Axis, other_name: str, other: npt.ArrayLike
) -> tuple[Rows, Array]:
    """`value` as rows, and `other`, which must have the same shape, arranged as these rows and in their dtype."""
    rows = to_rows(function, name, value, axis, several=True)
    array = in_shape_of(function, name, rows, other_name, other)
    if rows.stored.dtype.itemsize == 2 and array.dtype != rows.stored.dtype:
        rows = rows.wide()
    return rows, rows.arrange(array)


def in_shape_of(function: str, name: str, rows: Rows, other_name: str, other: npt.ArrayLike) -> Array:
    """`other` as an array, which must have the shape of the array that `rows` was made from."""
    array = numbers(function, other_name, other)
    if array.shape != rows.shape:
        raise ShapeError(
            f"{function}: {other_name}.shape is {array.shape}, but {name}.shape is {rows.shape}; wanted the same"
        )
    return array


def to_row_values(function: str, name: str, value: npt.ArrayLike, other_name: str, other: Rows) -> Array:
    """`value`, which holds one number per row of `other`, as (outer, 1, inner) in the dtype `other` is computed in."""
    array = numbers(function, name, value)
    if array.shape != other.outer_shape:
        raise ShapeError(
            f"{function}: {name}.shape is {array.shape}, but {other_name}.shape is {other.shape} with the classes on "
            f"axis {', '.join(map(str, other.axes))}; wanted one number per row, {other.outer_shape}"
        )
    outer, _, inner = other.stored.shape
    ordered = array.T if other.layout == "transposed" else array
    return aligned(ordered, other.computed_in).reshape(outer, 1, inner)


def to_target(function: str, value: npt.ArrayLike, logits: Rows, axis: int, ignore_index: int | None) -> Array:
    """A target as class indices (N), -1 where ignored, or as probabilities arranged as the logits, in their dtype."""
    array = value if type(value) is np.ndarray else as_array(function, "target", value)
    if array.dtype.kind not in "fiub":
        refuse_names(function, array)
    if array.shape == logits.shape:
        if ignore_index is not None:
            raise OptionError(
                f"{function}: ignore_index is {ignore_index}, but target holds probabilities; wanted class indices, or "
                "rows of zeros for the rows to ignore"
            )
        if array.dtype.kind in "iub":
            refuse_misplaced_classes(function, array, logits.axis)
        target = numbers(function, "target", array)
        if target.ndim == 1 or target.shape[logits.axis] == 1:
            refuse_binary_labels(function, target, logits.axis)
        return logits.arrange(target, logits.computed_in)
    outer_shape = logits.outer_shape
    if array.shape != outer_shape:
        raise ShapeError(
            f"{function}: target.shape is {array.shape}, but logits.shape is {logits.shape} with the classes on "
            f"axis {axis}; wanted {outer_shape} for class indices or {logits.shape} for probabilities"
            + other_axis(array.shape, logits.shape)
        )
    return _to_classes(function, "target", value, array, logits, axis, ignore_index)


def to_tokens(function: str, value: npt.ArrayLike, logits: Rows, axis: int, ignore_index: int | None) -> Array:
    """One class index per row (N), -1 where ignored."""
    array = value if type(value) is np.ndarray else as_array(function, "tokens", value)
    if array.shape != logits.outer_shape:
        raise ShapeError(
            f"{function}: tokens.shape is {array.shape}, but logits.shape is {logits.shape} with the classes on "
            f"axis {axis}; wanted one class index per row, {logits.outer_shape}"
        )
    return _to_classes(function, "tokens", value, array, logits, axis, ignore_index)


def to_out(function: str, out: object, shape: tuple[int, ...], dtype: np.dtype[Any], name: str = "out") -> None:
    """Checks that a result of this shape and dtype can be written to `out`."""
    if out is None:
        return
    if not isinstance(out, np.ndarray):
        raise DtypeError(f"{function}: {name} is a {type(out).__name__}, wanted an array of {dtype} of shape {shape}")
    if out.shape != shape or out.dtype != dtype:
        raise ShapeError(
            f"{function}: {name} is an array of {out.dtype} of shape {out.shape}, wanted one of {dtype} of shape "
            f"{shape}"
        )
    if not out.flags.writeable:
        raise ShapeError(f"{function}: {name} is read-only, wanted an array that can be written to")


def _to_classes(
    function: str, name: str, value: object, array: Array, logits: Rows, axis: int, ignore_index: int | None
) -> Array:
    """`array`, which was made from `value`, as class indices."""
    if array.size == 0 and isinstance(value, list):  # for which NumPy chooses float64
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise DtypeError(
            f"{function}: {name}.dtype is {array.dtype} in the shape of class indices, wanted integers; convert it "
            f"first, as np.asarray({name}, dtype=int)"
        )
    ordered = array.T if logits.layout == "transposed" else array
    labels = ordered if ordered.ndim == 1 else ordered.reshape(-1)
    if labels.dtype.char != "l" or not labels.dtype.isnative or not labels.flags.carray:
        labels = aligned(labels, np.dtype(np.int64))
    classes = logits.shape[logits.axis]
    read = labels
    if ignore_index is not None:
        ignored = (ordered == ignore_index).reshape(-1)  # before the cast, which makes large uint64 negative
        labels, read = np.where(ignored, 0, labels), np.where(ignored, -1, labels)
    if not classes:  # every label is outside, unless its row is ignored
        labels = np.ones(len(read), np.int64) if ignore_index is None else np.where(ignored, 0, 1)
    first = _kernels.find_label_outside(labels, classes or 1)
    if first >= 0:
        index = logits.index_of(first)
        entry = f"{name}[{', '.join(map(str, index))}]" if index else name
        advice = (
            f", or ignore_index={array[index]} to leave such rows out"
            if array[index] < 0
            else f", {TWO_LOGITS}"
            if classes == 1 and array[index] == 1
            else ", so subtract 1 from labels that count from 1"
            if array[index] == classes
            else ""
        )
        wanted = f"wanted {0 if classes == 1 else f'0..{classes - 1}'}{advice}"
        if not classes:
            wanted = "wanted rows that are ignored, or no rows"
        raise LabelError(
            f"{function}: {entry} is {array[index]}, but logits have {classes} class{'es' * (classes != 1)} on axis "
            f"{axis}; {wanted}"
        )
    return read


def _merged(function: str, name: str, array: Array, axis: Axis) -> Rows:
    """An array as rows along several axes."""
    axes = class_axes(function, name, array, axis)
    if len(axes) == 1:
        return to_rows(function, name, array, axes[0])
    native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    classes = math.prod(array.shape[one] for one in axes)
    rows = math.prod(length for i, length in enumerate(array.shape) if i not in axes)
    moved = aligned(np.moveaxis(native, axes, range(-len(axes), 0)))
    return Rows(moved.reshape(rows, classes, 1), array.shape, -1, array.dtype, "moved", axes)
