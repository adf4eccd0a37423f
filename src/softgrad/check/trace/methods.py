"""The methods of traced arrays that NumPy computes in C, where no ufunc is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from softgrad.check.trace.array import (
    Traced,
    TracedScalar,
    as_array,
    buffer_of,
    node_of,
    placed,
    plain,
    plain_all,
    traced,
    traced_array,
    view_of,
)
from softgrad.check.trace.contractions import dot_subscripts
from softgrad.check.trace.session import Session, paused, recording
from softgrad.check.trace.ufuncs import axes_of, store
from softgrad.formulas.numbers import Array

_asarray, _array, _empty_like, _counting = np.asarray, np.array, np.empty_like, np.arange


def moved(session: Session | None, function: Callable[..., Any], arrays: list[Any], kind: str = "index") -> Any:
    """The result of a function that only moves the entries of arrays about, or puts constants between them.

    It is computed twice: with the values, and with the numbers of the entries, where 0 stands for a constant.
    """
    with paused():
        result = function(*[plain(one) for one in arrays])
        if session is None:
            return result
        if len(arrays) == 1 and isinstance(arrays[0], Traced) and isinstance(result, np.ndarray):
            buffer = buffer_of(arrays[0])
            if buffer is not None and result.size and buffer.holds(result):
                return view_of(result, buffer, session.places.here("gather"), kind)
        nodes = [node_of(session, one) for one in arrays]
        ends = np.cumsum([0, *(node.value.size for node in nodes)])
        numbers = [_numbers(1 + begin, plain(one)) for begin, one in zip(ends[:-1], arrays, strict=True)]
        index = _asarray(function(*numbers))
        values = _asarray(result)
        sources = np.searchsorted(ends, index - 1, side="right") - 1
        positions = index - 1 - ends[np.maximum(sources, 0)]
        is_constant = index == 0
        if is_constant.any():
            filler = session.node("constant", (), np.where(is_constant, values, 0))
            nodes.append(filler)
            sources = np.where(is_constant, len(nodes) - 1, sources)
            positions = np.where(is_constant, _counting(index.size).reshape(index.shape), positions)
        return traced(_array(values), session.gathered((sources, positions, nodes), kind=kind, joined=True))


def _numbers(begin: int, like: Array) -> Array:
    """The numbers of the entries of an array, laid out in memory as it is."""
    numbers = _empty_like(like, dtype=np.int64)
    numbers[...] = begin + _counting(like.size).reshape(like.shape)
    return numbers


def _reduced(op: str, numpys: Callable[..., Any], *, ddof: bool = False) -> Callable[..., Any]:
    """mean, var or std, as one operation."""

    def method(
        self: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        *args: Any,
        keepdims: Any = False,
        **others: Any,
    ) -> Any:
        session = recording()
        delta = others.pop("correction", others.pop("ddof", args[0] if ddof and args else 0))
        keep = bool(keepdims) if keepdims is not np._NoValue else False
        if args and not ddof:
            keep = bool(args[0])
        others = {key: plain_all(one) for key, one in others.items() if one is not np._NoValue}
        extra = {"ddof": delta} if ddof else {}
        if session is None:
            return numpys(plain(self), axis=axis, dtype=dtype, out=plain(out), keepdims=keep, **extra, **others)
        with paused():
            x = node_of(session, self)
            axes = axes_of(axis, x.value.ndim)
            value = _array(numpys(plain(self), axis=axes, dtype=dtype, keepdims=keep, **extra, **others))
            if others:  # where=, for example
                if x.active:
                    session.lose(f"{op} of a part")
                node = session.node("unknown", (x,), value, active=False)
            else:
                node = session.node(op, (x,), value, {"axis": axes, "keepdims": keep, **extra})
            return traced(value, node) if out is None else store(session, out, value, node)

    return method


def _cumulated(name: str) -> Callable[..., Any]:
    def method(self: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        session = recording()
        value = getattr(plain(self), name)(axis, dtype)
        if session is None:
            return value
        array = self.reshape(-1) if axis is None else self
        with paused():
            static = {"axis": (0 if axis is None else axis % array.ndim,)}
            node = session.node(name, (node_of(session, array),), value, static)
            return traced(value, node) if out is None else store(session, out, value, node)

    return method


def _dot(self: Any, other: Any, out: Any = None) -> Any:
    session = recording()
    if session is None:
        return np.dot(plain(self), plain_all(other))
    with paused():
        a, b = node_of(session, self), node_of(session, other)
        value = np.dot(plain(self), plain_all(other))
        node = session.node("einsum", (a, b), value, {"subscripts": dot_subscripts(a.value.ndim, b.value.ndim)})
        return traced(value, node) if out is None else store(session, out, value, node)


def _astype(self: Any, dtype: Any, *args: Any, **options: Any) -> Any:
    session = recording()
    result = plain(self).astype(dtype, *args, **options)
    if session is None:
        return result
    with paused():
        node = node_of(session, self)
        if result.dtype.kind != "f":
            if node.active and result.dtype.kind not in "biu":
                session.lose(f"astype({result.dtype})")
            return result
        if result.dtype != node.value.dtype:
            node = session.node("cast", (node,), result)
        return traced(_array(result), node) if result.ndim else traced(result, node)


def _copy(self: Any, order: Any = "C") -> Any:
    session = recording()
    result = plain(self).copy(order=order)
    if session is None:
        return result
    with paused():
        make = traced if isinstance(self, TracedScalar) else traced_array
        return make(result, node_of(session, self))


def _mover(name: str, kind: str = "index") -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        args, options = plain_all(args), plain_all(options)
        options.pop("out", None)
        return moved(recording(), lambda one: getattr(one, name)(*args, **options), [self], kind)

    return method


def _untraced(name: str) -> Callable[..., Any]:
    """Results that are indices."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        return getattr(plain(self), name)(*plain_all(args), **plain_all(options))

    return method


def _sort(self: Any, axis: int = -1, *args: Any, **options: Any) -> None:
    order = plain(self).argsort(axis)
    self[...] = moved(recording(), lambda one: np.take_along_axis(one, order, axis), [self])


def _transpose(self: Any, *axes: Any) -> Any:
    return placed(plain(self).transpose(*axes), self, "transpose")


def _round(self: Any, decimals: int = 0, out: Any = None) -> Any:
    session = recording()
    result = np.round(plain(self), decimals)
    if session is None:
        return result
    with paused():
        return traced(result, session.node("rint", (node_of(session, self),), result))


def _put(self: Any, indices: Any, values: Any, mode: Any = "raise") -> None:
    numbers = _counting(self.size).take(_asarray(plain_all(indices)).ravel(), mode=mode)
    if numbers.size:
        self[np.unravel_index(numbers, self.shape)] = np.resize(as_array(values), numbers.shape)


def _trace(self: Any, *args: Any, **options: Any) -> Any:
    return self.diagonal(*args, **options).sum(-1)


def _partition(self: Any, kth: Any, axis: int = -1, *args: Any, **options: Any) -> None:
    order = plain(self).argpartition(kth, axis)
    self[...] = moved(recording(), lambda one: np.take_along_axis(one, order, axis), [self])


def _conjugate(self: Any) -> Any:
    return self.copy()


METHODS: dict[str, Callable[..., Any]] = {
    "mean": _reduced("mean", np.mean),
    "var": _reduced("var", np.var, ddof=True),
    "std": _reduced("std", np.std, ddof=True),
    "cumsum": _cumulated("cumsum"),
    "cumprod": _cumulated("cumprod"),
    "dot": _dot,
    "astype": _astype,
    "copy": _copy,
    "sort": _sort,
    "partition": _partition,
    "trace": _trace,
    "conj": _conjugate,
    "conjugate": _conjugate,
    "round": _round,
    "transpose": _transpose,
    "put": _put,
    **{name: _mover(name, "reshape") for name in ("reshape", "ravel", "flatten")},
    **{name: _mover(name) for name in ("take", "repeat", "diagonal", "compress", "choose")},
    **{name: _untraced(name) for name in ("argmax", "argmin", "argsort", "nonzero", "searchsorted", "tobytes")},
}

for _name, _method in METHODS.items():
    setattr(Traced, _name, _method)
