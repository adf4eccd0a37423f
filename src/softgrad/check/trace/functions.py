"""NumPy's functions on traced arrays.

Most are traced by their definition: NumPy's own Python code runs on traced arrays. Those that NumPy writes in C, and
those that turn their arguments into plain arrays, have a row here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from softgrad.check.trace.array import Traced, buffer_of, holds_traced, node_of, plain, plain_all, traced
from softgrad.check.trace.contractions import (
    dot_subscripts,
    explicit,
    inner_subscripts,
    tensordot_subscripts,
)
from softgrad.check.trace.methods import moved
from softgrad.check.trace.session import Session, paused, recording
from softgrad.check.trace.ufuncs import axes_of, store

_asarray, _array = np.asarray, np.array
numpys_pad: Any = np.pad


def call_function(function: Any, args: Any, options: Any, default: Callable[..., Any]) -> Any:
    """What numpy does for one of its functions, some of whose arguments are traced arrays."""
    session = recording()
    if session is None:
        return function(*plain_all(args), **plain_all(options))
    handler = HANDLERS.get(function)
    if handler is not None:
        found = handler(session, *args, **options)
        if found is not NotImplemented:
            return found
    if function in MOVERS:
        return _moving(function, args, options)
    if function in PLAINLY:
        return function(*plain_all(args), **plain_all(options))
    result = default(function, (Traced,), args, options)
    return _adopted(session, function, args, options, result)


def _adopted(session: Session, function: Any, args: Any, options: Any, result: Any) -> Any:
    """A result of NumPy's own code. Where the trace was lost on the way, it is a constant."""
    if isinstance(result, tuple | list) and type(result) in (tuple, list):
        return type(result)(_adopted(session, function, args, options, one) for one in result)
    if not isinstance(result, np.ndarray | np.floating) or result.dtype.kind not in "fc":
        return result
    if isinstance(result, Traced) and buffer_of(result) is not None:
        return result
    with paused():
        parents = [node_of(session, one) for one in _traced_in((args, options))]
        array = _asarray(plain(result))
        if any(node.active for node in parents):
            session.lose(_name(function))
        return traced(array, session.node("unknown", parents, array, active=False))


def _name(function: Any) -> str:
    module = str(getattr(function, "__module__", "numpy")).replace("numpy", "np", 1)
    return f"{module}.{getattr(function, '__name__', function)}"


def _traced_in(value: Any) -> list[Any]:
    if isinstance(value, Traced):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [found for one in value for found in _traced_in(one)] if isinstance(value, list | tuple) else []


# Functions that move entries about. ------------------------------------------------------------------------------

MOVERS: dict[Any, str] = {  # and which arguments hold the entries: "first", "list", or the number of arrays
    **dict.fromkeys(
        (np.roll, np.repeat, np.tile, np.flip, np.flipud, np.fliplr, np.rot90, np.take, np.take_along_axis, np.diag,
         np.diagonal, np.diagflat, np.tril, np.triu, np.delete, np.resize, np.compress, np.extract, np.broadcast_to,
         np.trim_zeros), "first"),
    **dict.fromkeys((np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack), "list"),
    np.append: "two",
}  # fmt: skip


def _moving(function: Any, args: Any, options: Any) -> Any:
    out = options.get("out")
    options = {key: plain_all(value) for key, value in options.items() if key != "out" and value is not None}
    kind = MOVERS[function]
    args = list(args)
    if kind == "list":
        arrays = [_as_array(one) for one in args[0]]
        result = moved(recording(), lambda *ones: function(list(ones), *plain_all(args[1:]), **options), arrays)
    elif kind == "two":
        result = moved(
            recording(),
            lambda a, b: function(a, b, *plain_all(args[2:]), **options),
            [_as_array(one) for one in args[:2]],
        )
    elif function in (np.compress, np.extract):
        result = moved(
            recording(), lambda one: function(plain_all(args[0]), one, *plain_all(args[2:]), **options), [args[1]]
        )
    else:
        first = _as_array(args[0]) if args else _as_array(options.pop(next(iter(options))))
        rest = plain_all(args[1:])
        result = moved(recording(), lambda one: function(one, *rest, **options), [first])
    if out is None:
        return result
    session = recording()
    assert session is not None
    return store(session, out, plain(result), node_of(session, result))


def _as_array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value
    session = recording()
    if session is not None and holds_traced(value):
        return traced_of(session, value)
    return _asarray(value)


def traced_of(session: Session, value: Any) -> Any:
    """Nested lists with traced numbers in them, as an array."""
    from softgrad.check.trace.makers import stacked

    return stacked(session, value)


def _pad(session: Session, array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    if not isinstance(mode, str) or mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        return NotImplemented
    fills = plain_all(options)

    def pad(one: Any) -> Any:
        is_numbers = one.dtype.kind == "i" and mode == "constant"
        return numpys_pad(one, pad_width, mode, **({"constant_values": 0} if is_numbers else fills))

    return moved(session, pad, [_as_array(array)])


# Products, choices, and what NumPy writes in C. --------------------------------------------------------------------


def _product(subscripts: Callable[[int, int], str], numpys: Any) -> Callable[..., Any]:
    def handler(session: Session, a: Any, b: Any, out: Any = None) -> Any:
        with paused():
            one, two = node_of(session, a), node_of(session, b)
            value = numpys(one.value, two.value)
            node = session.node("einsum", (one, two), value, {"subscripts": subscripts(one.value.ndim, two.value.ndim)})
            return traced(value, node) if out is None else store(session, out, value, node)

    return handler


def _vdot(session: Session, a: Any, b: Any) -> Any:
    return np.dot(_as_array(a).reshape(-1), _as_array(b).reshape(-1))


def _outer(session: Session, a: Any, b: Any, out: Any = None) -> Any:
    with paused():
        nodes = []
        for one in (a, b):
            node = node_of(session, one)
            nodes.append(session.part(node, np.arange(node.value.size)))
        value = np.outer(nodes[0].value, nodes[1].value)
        node = session.node("einsum", nodes, value, {"subscripts": "i,j->ij"})
        return traced(value, node) if out is None else store(session, out, value, node)


def _tensordot(session: Session, a: Any, b: Any, axes: Any = 2) -> Any:
    with paused():
        one, two = node_of(session, a), node_of(session, b)
        if isinstance(axes, int | np.integer):
            axes = (list(range(one.value.ndim - int(axes), one.value.ndim)), list(range(int(axes))))
        left, right = ([int(i) for i in np.atleast_1d(one)] for one in axes)
        value = np.tensordot(one.value, two.value, (left, right))
        subscripts = tensordot_subscripts(one.value.ndim, two.value.ndim, (left, right))
        return traced(value, session.node("einsum", (one, two), value, {"subscripts": subscripts}))


def _einsum(session: Session, subscripts: Any, *operands: Any, out: Any = None, **options: Any) -> Any:
    if not isinstance(subscripts, str):
        return NotImplemented
    with paused():
        nodes = [node_of(session, one) for one in operands]
        value = _array(np.einsum(subscripts, *[node.value for node in nodes], optimize=bool(options.get("optimize"))))
        node = session.node("einsum", nodes, value, {"subscripts": explicit(subscripts, [one.shape for one in nodes])})
        return traced(value, node) if out is None else store(session, out, value, node)


def _where(session: Session, condition: Any, *choices: Any) -> Any:
    if not choices:
        return np.where(plain(condition))
    with paused():
        a, b = (node_of(session, one) for one in choices)
        value = np.where(plain_all(condition), a.value, b.value)
        mask = np.broadcast_to(_asarray(plain_all(condition)).astype(bool), value.shape)
        node = session.node("where", (a, b), value, {"condition": mask})
        return traced(value, node)


def _copyto(session: Session, dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if where is True:
        dst[...] = src
    else:
        dst[...] = np.where(where, src, dst)


def _putmask(session: Session, a: Any, mask: Any, values: Any) -> None:
    mask = plain(mask)
    a[mask] = np.broadcast_to(values, a.shape)[mask] if np.ndim(values) else values


def _fill_diagonal(session: Session, a: Any, value: Any, wrap: bool = False) -> None:
    numbers = np.arange(min(a.shape))
    a[(numbers,) * a.ndim] = value


def _zeros_like(value: float | None) -> Callable[..., Any]:
    def handler(session: Session, a: Any, *args: Any, **options: Any) -> Any:
        from softgrad.check.trace.makers import as_constant

        make: Any = np.empty_like if value is None else np.ones_like if value else np.zeros_like
        with paused():
            options.pop("subok", None)
            result = make(plain(a), *args, **options)
        return as_constant(session, result)

    return handler


def _full_like(session: Session, a: Any, fill_value: Any, *args: Any, **options: Any) -> Any:
    from softgrad.check.trace.makers import as_constant

    with paused():
        options.pop("subok", None)
        result = as_constant(session, np.empty_like(plain(a), *args, **options))
    result[...] = fill_value
    return result


def _sort(session: Session, a: Any, axis: Any = -1, **options: Any) -> Any:
    array = _as_array(a)
    if axis is None:
        array, axis = array.reshape(-1), -1
    order = plain(array).argsort(axis)
    return moved(session, lambda one: np.take_along_axis(one, order, axis), [array])


def _bincount(session: Session, x: Any, weights: Any = None, minlength: int = 0) -> Any:
    x = plain_all(x)
    if weights is None:
        return np.bincount(x, minlength=minlength)
    result = np.zeros(max(int(np.max(x, initial=-1)) + 1, minlength))
    np.add.at(result, x, weights)
    return result


def _reshape_like(name: str) -> Callable[..., Any]:
    def handler(session: Session, a: Any, *args: Any, **options: Any) -> Any:
        return getattr(_as_array(a), name)(*args, **options)

    return handler


# Linear algebra and what else turns its arguments into plain arrays. -----------------------------------------------


def _linear(op: str, numpys: Any) -> Callable[..., Any]:
    def handler(session: Session, *args: Any) -> Any:
        with paused():
            nodes = [node_of(session, one) for one in args]
            value = numpys(*[node.value for node in nodes])
            if op == "solve" and nodes[1].value.ndim not in (1, nodes[0].value.ndim):
                return NotImplemented
            return traced(value, session.node(op, nodes, value))

    return handler


def _slogdet(session: Session, a: Any) -> Any:
    with paused():
        x = node_of(session, a)
        sign, value = np.linalg.slogdet(x.value)
        return sign, traced(value, session.node("logdet", (x,), value))


def _norm(session: Session, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = _as_array(x)
    axes = axes_of(axis, x.ndim)
    one_axis = len(axes) == 1
    if ord is None or ord == "fro" or (one_axis and ord == 2):
        with paused():
            node = node_of(session, x)
            value = np.sqrt((node.value**2).sum(axis=axes, keepdims=keepdims))
            return traced(value, session.node("norm", (node,), value, {"axis": axes, "keepdims": bool(keepdims)}))
    if one_axis and ord == 1:
        return np.abs(x).sum(axis=axes, keepdims=keepdims)
    if one_axis and ord in (np.inf, -np.inf):
        return getattr(np.abs(x), "max" if ord > 0 else "min")(axis=axes, keepdims=keepdims)
    if one_axis and isinstance(ord, int | float) and ord > 0:
        return (np.abs(x) ** ord).sum(axis=axes, keepdims=keepdims) ** (1.0 / ord)
    return NotImplemented


def _apply_along_axis(session: Session, func1d: Any, axis: int, arr: Any, *args: Any, **options: Any) -> Any:
    arr = _as_array(arr)
    axis = axis % arr.ndim
    front = np.moveaxis(arr, axis, -1)
    around = front.shape[:-1]
    rows = [func1d(front[i], *args, **options) for i in np.ndindex(*around)]
    result = np.stack([_as_array(one) for one in rows]).reshape(*around, *np.shape(rows[0]))
    number = np.ndim(rows[0])
    places = [*range(len(around), len(around) + number)]
    return np.moveaxis(result, places, range(axis, axis + number)) if number else result


def _diff(session: Session, a: Any, n: int = 1, axis: int = -1, **options: Any) -> Any:
    if options:
        return NotImplemented
    a = _as_array(a)
    for _ in range(n):
        begin, end = [slice(None)] * a.ndim, [slice(None)] * a.ndim
        begin[axis], end[axis] = slice(1, None), slice(None, -1)
        a = a[tuple(begin)] - a[tuple(end)]
    return a


HANDLERS: dict[Any, Callable[..., Any]] = {
    np.dot: _product(dot_subscripts, np.dot),
    np.inner: _product(inner_subscripts, np.inner),
    np.vdot: _vdot,
    np.outer: _outer,
    np.tensordot: _tensordot,
    np.einsum: _einsum,
    np.where: _where,
    np.copyto: _copyto,
    np.putmask: _putmask,
    np.fill_diagonal: _fill_diagonal,
    np.zeros_like: _zeros_like(0.0),
    np.ones_like: _zeros_like(1.0),
    np.empty_like: _zeros_like(None),
    np.full_like: _full_like,
    np.sort: _sort,
    np.pad: _pad,
    np.bincount: _bincount,
    np.diff: _diff,
    np.apply_along_axis: _apply_along_axis,
    np.linalg.inv: _linear("inv", np.linalg.inv),
    np.linalg.solve: _linear("solve", np.linalg.solve),
    np.linalg.det: _linear("det", np.linalg.det),
    np.linalg.slogdet: _slogdet,
    np.linalg.norm: _norm,
    **{getattr(np, name): _reshape_like(name) for name in ("ravel", "reshape", "transpose", "cumsum", "cumprod")},
    np.mean: _reshape_like("mean"),
    np.var: _reshape_like("var"),
    np.std: _reshape_like("std"),
}

NAMES_OF_PLAIN = (  # their results are no floats, or are not meant to be traced
    "argmax", "argmin", "argsort", "argwhere", "nonzero", "flatnonzero", "searchsorted", "shape", "ndim",
    "size", "result_type", "can_cast", "min_scalar_type", "common_type", "iscomplexobj", "isrealobj",
    "array_equal", "array_equiv", "allclose", "isclose", "shares_memory", "may_share_memory",
    "unravel_index", "ravel_multi_index", "lexsort", "digitize", "count_nonzero", "unique", "in1d", "isin",
    "array2string", "array_repr", "array_str", "save", "savetxt", "nanargmax", "nanargmin", "argpartition",
    "packbits", "unpackbits",
)  # fmt: skip
PLAINLY = frozenset(getattr(np, name) for name in NAMES_OF_PLAIN if hasattr(np, name))

__all__ = ["call_function"]
