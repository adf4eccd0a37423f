"""NumPy's functions that are written here in terms of others, and those that have an operation of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from softgrad.check.trace import moving
from softgrad.check.trace.array import as_array, node_of, plain, plain_all, traced, traced_array
from softgrad.check.trace.moving import method_of
from softgrad.check.trace.session import Session, paused

_asarray = np.asarray
NEW: dict[str, Any] = {"zeros_like": np.zeros_like, "ones_like": np.ones_like, "empty_like": np.empty_like}


def _where(session: Session, condition: Any, *choices: Any) -> Any:
    if not choices:
        return np.where(plain(condition))
    with paused():
        a, b = (node_of(session, one) for one in choices)
        value = np.where(plain_all(condition), *plain_all(choices))
        mask = np.broadcast_to(_asarray(plain_all(condition)).astype(bool), value.shape)
        node = session.node("where", (a, b), value, {"condition": mask})
        return traced(value, node)


def _like(name: str) -> Callable[..., Any]:
    """np.zeros_like and others: new arrays, into which results are written."""
    numpys = NEW[name]

    def handler(session: Session, a: Any, *args: Any, **options: Any) -> Any:
        options.pop("subok", None)
        with paused():
            result = numpys(plain(a), *args, **options)
            if result.dtype.kind != "f":
                return result
            return traced_array(result, session.node("constant", (), result))

    return handler


def _full_like(session: Session, a: Any, fill_value: Any, *args: Any, **options: Any) -> Any:
    result = _like("empty_like")(session, a, *args, **options)
    result[...] = fill_value
    return result


def _bincount(session: Session, x: Any, weights: Any = None, minlength: int = 0) -> Any:
    x = plain_all(x)
    if weights is None:
        return np.bincount(x, minlength=minlength)
    result = np.zeros(max(int(np.max(x, initial=-1)) + 1, minlength))
    np.add.at(result, x, weights)
    return result


def _apply_along_axis(session: Session, func1d: Any, axis: int, arr: Any, *args: Any, **options: Any) -> Any:
    arr = as_array(arr)
    axis = axis % arr.ndim
    front = np.moveaxis(arr, axis, -1)
    around = front.shape[:-1]
    rows = [as_array(func1d(front[i], *args, **options)) for i in np.ndindex(*around)]
    result = np.stack(rows).reshape(*around, *rows[0].shape)
    places = [*range(len(around), len(around) + rows[0].ndim)]
    return np.moveaxis(result, places, [axis + i for i in range(len(places))]) if places else result


def _diff(session: Session, a: Any, n: int = 1, axis: int = -1, **options: Any) -> Any:
    if options:
        return NotImplemented
    a = as_array(a)
    for _ in range(n):
        begin, end = [slice(None)] * a.ndim, [slice(None)] * a.ndim
        begin[axis], end[axis] = slice(1, None), slice(None, -1)
        a = a[tuple(begin)] - a[tuple(end)]
    return a


def _broadcast_arrays(session: Session, *arrays: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*(np.shape(one) for one in arrays))
    return tuple(np.broadcast_to(one, shape) for one in arrays)


def _interp(session: Session, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    if left is not None or right is not None or period is not None:
        return NotImplemented
    x, xp, fp = as_array(x), as_array(xp), as_array(fp)
    i = np.clip(np.searchsorted(plain(xp), plain(x), side="right") - 1, 0, len(xp) - 2)
    share = (np.clip(x, xp[0], xp[-1]) - xp[i]) / (xp[i + 1] - xp[i])
    return fp[i] * (1 - share) + fp[i + 1] * share  # as backward passes are written


DEFINED: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.bincount: _bincount,
    np.diff: _diff,
    np.interp: _interp,
    np.broadcast_arrays: _broadcast_arrays,
    np.apply_along_axis: _apply_along_axis,
    np.full_like: _full_like,
    **{getattr(np, name): _like(name) for name in NEW},
    np.copyto: moving.copyto,
    np.putmask: moving.putmask,
    np.place: moving.place,
    np.fill_diagonal: moving.fill_diagonal,
    np.sort: moving.ordered,
    np.partition: moving.partitioned,
    np.pad: moving.pad,
    **{
        getattr(np, name): method_of(name)
        for name in ("ravel", "reshape", "transpose", "cumsum", "cumprod", "mean", "var", "std", "trace")
    },
}
