"""Ufuncs on traced arrays, and their methods: reduce, accumulate, at, outer."""

from __future__ import annotations

from typing import Any

import numpy as np

from softgrad.check.trace.array import Traced, node_of, plain, plain_all, plain_key, stacked, traced
from softgrad.check.trace.array import buffer_of as traced_buffer
from softgrad.check.trace.contractions import matmul_subscripts
from softgrad.check.trace.elementwise import FLAT, PARTIALS
from softgrad.check.trace.node import Node
from softgrad.check.trace.session import Session, paused, recording
from softgrad.formulas.numbers import Array

_asarray, _array, _broadcast_to, _zeros = np.asarray, np.array, np.broadcast_to, np.zeros
REDUCTIONS = {
    "add": "sum",
    "maximum": "max",
    "minimum": "min",
    "multiply": "prod",
    "fmax": "max",
    "fmin": "min",
    "logaddexp": "logsumexp",
}
ACCUMULATIONS = {"add": "cumsum", "multiply": "cumprod"}
PRODUCTS = {"matmul": None, "vecdot": "{b}k,{b}k->{b}", "matvec": "{b}ij,{b}j->{b}i", "vecmat": "{b}i,{b}ij->{b}j"}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What numpy does for a ufunc of traced arrays."""
    session = recording()
    if session is None:
        return _called(ufunc, method, inputs, options)
    options = {key: value for key, value in options.items() if value is not np._NoValue}
    with paused():
        if method == "at":  # its index may be a tuple
            return _at(session, ufunc, *inputs[:2], *[_as_operand(session, value) for value in inputs[2:]])
        operands = [_as_operand(session, value) for value in inputs]
        if method == "__call__":
            return _call(session, ufunc, operands, options)
        if method == "reduce" and ufunc.__name__ in REDUCTIONS:
            return _reduce(session, ufunc, operands[0], *operands[1:], **options)
        if method == "accumulate":
            return _accumulate(session, ufunc, operands[0], *operands[1:], **options)
        if method == "outer" and not options:
            a, b = (_asarray(one) if not isinstance(one, np.ndarray) else one for one in operands)
            return _call(session, ufunc, [_with_axes(session, a, b.ndim), b], {})
        return _unknown(session, ufunc, method, operands, options)


def _with_axes(session: Session, a: Any, number: int) -> Any:
    node = node_of(session, a)
    value = node.value.reshape(node.value.shape + (1,) * number)
    return traced(value.copy(), session.part(node, np.arange(value.size).reshape(value.shape)))


def _called(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The plain computation."""
    plainly = {key: plain_all(value) for key, value in options.items()}
    result = getattr(ufunc, method)(*[plain_all(one) for one in inputs], **plainly)
    if method == "at":
        return None
    out = options.get("out")
    return result if out is None or isinstance(result, tuple) else out[0]


def _as_operand(session: Session, value: Any) -> Any:
    """Lists of traced numbers become traced arrays."""
    if isinstance(value, list | tuple):
        return stacked(session, value)
    return value


def _call(session: Session, ufunc: np.ufunc, operands: list[Any], options: dict[str, Any]) -> Any:
    options = dict(options)
    out, where = options.pop("out", None), options.pop("where", True)
    name = ufunc.__name__
    if name == "divmod" and out is None:
        return tuple(_call(session, one, operands, {}) for one in (np.floor_divide, np.remainder))
    if options.get("axes") == [(-2, -1)] * 3:  # of a @= b
        options.pop("axes")
    known = name in PARTIALS or name in FLAT or name in PRODUCTS
    if not known or ufunc.nout > 1 or options.get("axes") is not None or options.get("axis") is not None:
        if out is not None:
            options["out"] = out
        if where is not True:
            options["where"] = where
        return _unknown(session, ufunc, "__call__", operands, options)
    values = [plain(one) for one in operands]
    nodes = [node_of(session, one) for one in operands]
    if out is not None and options.get("dtype") is None and options.get("casting") is None:
        options["casting"] = "unsafe"
    result = ufunc(*values, **options)
    if name in PRODUCTS:
        node = session.node("einsum", nodes, result, {"subscripts": product_subscripts(name, nodes)})
    else:
        node = session.node(name, nodes, result)
    if where is not True:
        mask = _asarray(plain(where))
        before = node_of(session, out[0]) if out is not None else session.constant(_zeros(()))
        shape = np.broadcast_shapes(mask.shape, _asarray(result).shape, before.shape)
        result = np.where(mask, result, before.value)
        node = session.node("where", (node, before), result, {"condition": _broadcast_to(mask, shape)})
    return traced(result, node) if out is None else store(session, out[0], result, node)


def product_subscripts(name: str, nodes: list[Node]) -> str:
    """The subscripts of a product of matrices."""
    a, b = (len(node.shape) for node in nodes)
    if name == "matmul":
        return matmul_subscripts(a, b)
    left, right = {"vecdot": (1, 1), "matvec": (2, 1), "vecmat": (1, 2)}[name]
    batch = "abcdefgh"[: max(a - left, b - right)]
    terms, result = str(PRODUCTS[name]).split("->")
    one, two = terms.split(",")
    one = one.replace("{b}", batch[len(batch) - (a - left) :])
    two = two.replace("{b}", batch[len(batch) - (b - right) :])
    return f"{one},{two}->{result.replace('{b}', batch)}"


def store(session: Session, out: Any, result: Any, node: Node) -> Any:
    """Writes a result into the array that the user gave for it."""
    memory = plain(out)
    buffer = traced_buffer(out) if isinstance(out, Traced) else session.buffer_of(out, make=True)
    np.copyto(memory, result, casting="unsafe")
    if buffer is not None:
        if memory.dtype.kind != "f":
            node = session.node("constant", (), memory)
        buffer.write(_asarray(buffer.grid(memory)), node)
    if isinstance(out, Traced):
        return out
    view = memory.view(Traced)
    view._buffer = buffer
    return view


def _reduce(
    session: Session,
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    x = node_of(session, array)
    given = _asarray(plain_all(array))  # not x.value: the result lies in memory as NumPy would have it
    name = ufunc.__name__
    if where is not True:
        mask = _broadcast_to(_asarray(plain(where)), x.shape)
        fill = {"add": 0.0, "multiply": 1.0, "maximum": -np.inf, "fmax": -np.inf, "logaddexp": -np.inf}.get(
            name, np.inf
        )
        other = session.constant(_asarray(fill if initial is None or name in ("add", "multiply") else initial))
        given = np.where(mask, given, fill)
        x = session.node("where", (x, other), given, {"condition": mask})
    axes = axes_of(axis, len(x.shape))
    value = _asarray(ufunc.reduce(given, axis=axes, dtype=dtype, keepdims=bool(keepdims)))
    if not axes and name in ("add", "multiply", "maximum", "minimum"):
        value = given
    static = {"axis": axes, "keepdims": bool(keepdims)}
    node = session.node(REDUCTIONS[name], (x,), value, static)
    if initial is not None:
        value = _asarray(ufunc(value, plain(initial)))
        node = session.node(name, (node, node_of(session, initial)), value)
    result = _array(value)
    return traced(result, node) if out is None else store(session, _only(out), result, node)


def _only(out: Any) -> Any:
    return out[0] if isinstance(out, tuple) else out


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes of a reduction as a tuple of numbers from 0."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(int(one) % ndim if ndim else 0 for one in axes) if ndim else ()


def _accumulate(
    session: Session, ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: Any = None
) -> Any:
    x = node_of(session, array)
    name = ufunc.__name__
    result = ufunc.accumulate(_asarray(plain_all(array)), axis=axis)
    axis = axis % len(x.shape)
    if name in ACCUMULATIONS:
        node = session.node(ACCUMULATIONS[name], (x,), result, {"axis": (axis,)})
    elif name in ("maximum", "minimum"):
        numbers = np.arange(x.value.size).reshape(x.shape)
        new = np.concatenate(
            [
                np.ones_like(np.take(result, [0], axis), dtype=bool),
                np.diff(result, axis=axis) != 0,
            ],
            axis,
        )
        steps = np.maximum.accumulate(np.where(new, numbers, -1), axis=axis)
        node = session.part(x, steps)
    else:
        return _unknown(session, ufunc, "accumulate", [array], {"axis": axis})
    return traced(result, node) if out is None else store(session, _only(out), result, node)


def _at(session: Session, ufunc: np.ufunc, array: Any, index: Any, other: Any = None) -> None:
    """np.add.at(a, i, b): entries that i names twice get both."""
    name = ufunc.__name__
    index = plain_key(index)
    memory = plain(array)
    buffer = traced_buffer(array) if isinstance(array, Traced) else session.buffer_of(array, make=True)
    before = node_of(session, array)
    added = node_of(session, other) if other is not None else None
    ufunc.at(memory, index, *([] if other is None else [plain_all(other)]))
    if buffer is None:
        return
    if name in ("add", "subtract") and added is not None and memory.dtype.kind == "f":
        numbers = np.arange(memory.size).reshape(memory.shape)[index]
        static = {"index": _asarray(numbers), "sign": 1.0 if name == "add" else -1.0}
        node = session.node("scatter_add", (before, added), memory, static)
    else:
        if before.active or (added is not None and added.active):
            session.lose(f"np.{name}.at")
        node = session.node("constant", (), memory)
    buffer.write(_asarray(buffer.grid(memory)), node)


def _unknown(session: Session, ufunc: np.ufunc, method: str, operands: list[Any], options: dict[str, Any]) -> Any:
    """An operation without a derivative: its result is a constant."""
    nodes = [node_of(session, one) for one in operands if isinstance(one, Traced)]
    result = _called(ufunc, method, tuple(operands), options)
    results = result if isinstance(result, tuple) else (result,)
    if any(node.active for node in nodes) and any(_asarray(one).dtype.kind in "fc" for one in results):
        session.lose(f"np.{ufunc.__name__}" + (f".{method}" if method != "__call__" else ""))
    constants = tuple(_constant(session, one, nodes) for one in results)
    return constants if isinstance(result, tuple) else constants[0]


def _constant(session: Session, value: Any, parents: list[Node]) -> Any:
    if isinstance(value, Traced):
        buffer = traced_buffer(value)
        if buffer is not None:
            buffer.write(_asarray(buffer.grid(value)), session.node("constant", (), plain(value)))
        return value
    array: Array = _asarray(value)
    if array.dtype.kind not in "fb" or (not array.ndim and array.dtype.kind != "f"):
        return value
    return traced(array, session.node("unknown", parents, array, active=False))
