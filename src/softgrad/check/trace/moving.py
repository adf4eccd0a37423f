"""NumPy's functions that only move entries about: one word in a list adds another.

Each is computed twice, with the values and with the numbers of the entries (see `moved`), so none needs a derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from softgrad.check.trace.array import as_array, node_of, plain, plain_all
from softgrad.check.trace.methods import moved
from softgrad.check.trace.session import Session
from softgrad.check.trace.ufuncs import store

numpys_pad: Any = np.pad
MOVERS: dict[Any, tuple[int, ...]] = {  # and which arguments hold the entries; they may be nested lists of arrays
    **dict.fromkeys(
        (np.roll, np.repeat, np.tile, np.flip, np.flipud, np.fliplr, np.rot90, np.take, np.take_along_axis, np.diag,
         np.diagonal, np.diagflat, np.tril, np.triu, np.delete, np.resize, np.broadcast_to, np.concatenate, np.stack,
         np.hstack, np.vstack, np.dstack, np.column_stack, np.block, np.trim_zeros, np.partition), (0,)),
    np.append: (0, 1),
    np.insert: (0, 2),
    np.compress: (1,),
    np.extract: (1,),
    np.choose: (1,),
}  # fmt: skip


def moving(session: Session, function: Any, args: Any, options: dict[str, Any]) -> Any:
    """The result of one of the functions in the table."""
    out = options.get("out")
    options = {key: value for key, value in options.items() if key != "out"}
    args = list(args)
    if not args:  # np.roll(a=x, shift=1)
        args = [options.pop(next(iter(options)))]
    places = [i for i in MOVERS[function] if i < len(args)]
    arrays: list[Any] = []
    shapes = {i: _taken_out(args[i], arrays) for i in places}
    others = plain_all(options)

    def call(*ones: Any) -> Any:
        rest = iter(ones)
        filled = [_put_back(shapes[i], rest) if i in shapes else plain_all(one) for i, one in enumerate(args)]
        return function(*filled, **others)

    result = moved(session, call, arrays)
    return result if out is None else store(session, out, plain(result), node_of(session, result))


def _taken_out(value: Any, arrays: list[Any]) -> Any:
    """Appends the arrays in nested lists to a list. Returns the lists, with None in the place of each array."""
    if isinstance(value, list | tuple):
        return [_taken_out(one, arrays) for one in value]
    arrays.append(as_array(value))
    return None


def _put_back(shape: Any, arrays: Iterator[Any]) -> Any:
    return next(arrays) if shape is None else [_put_back(one, arrays) for one in shape]


def pad(session: Session, array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    """np.pad, unless it computes what it adds."""
    if not isinstance(mode, str) or mode not in ("constant", "edge", "reflect", "symmetric", "wrap", "empty"):
        return NotImplemented
    fills = plain_all(options)

    def padded(one: Any) -> Any:
        is_numbers = one.dtype.kind == "i" and mode in ("constant", "empty")
        how = "constant" if is_numbers else mode
        return numpys_pad(one, pad_width, how, **({"constant_values": 0} if is_numbers else fills))

    return moved(session, padded, [as_array(array)])


def ordered(session: Session, a: Any, axis: Any = -1, **options: Any) -> Any:
    """np.sort: each entry comes from where argsort says."""
    array = as_array(a)
    if axis is None:
        array, axis = array.reshape(-1), -1
    order = plain(array).argsort(axis)
    return moved(session, lambda one: np.take_along_axis(one, order, axis), [array])


def partitioned(session: Session, a: Any, kth: Any, axis: Any = -1, **options: Any) -> Any:
    """np.partition. What is sorted is partitioned, too, but not the other way round."""
    array = as_array(a)
    if axis is None:
        array, axis = array.reshape(-1), -1
    order = plain(array).argpartition(kth, axis)
    return moved(session, lambda one: np.take_along_axis(one, order, axis), [array])


def copyto(session: Session, dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    """np.copyto, as an assignment."""
    dst[...] = src if where is True else np.where(where, src, dst)


def putmask(session: Session, a: Any, mask: Any, values: Any) -> None:
    """np.putmask, as an assignment."""
    mask = plain(mask)
    values = as_array(values)
    a[mask] = np.resize(values, a.shape)[mask] if values.ndim else values


def place(session: Session, arr: Any, mask: Any, vals: Any) -> None:
    """np.place, as an assignment."""
    mask = plain(as_array(mask)).astype(bool)
    count = int(mask.sum())
    if count:
        arr[mask] = np.resize(as_array(vals), count)


def fill_diagonal(session: Session, a: Any, val: Any, wrap: bool = False) -> Any:
    """np.fill_diagonal, as an assignment."""
    if wrap or np.ndim(val):
        return NotImplemented
    numbers = np.arange(min(a.shape))
    a[(numbers,) * a.ndim] = val
    return None


def method_of(name: str) -> Callable[..., Any]:
    """A function that does what the method of the same name does."""

    def handler(session: Session, a: Any, *args: Any, **options: Any) -> Any:
        return getattr(as_array(a), name)(*args, **options)

    return handler
