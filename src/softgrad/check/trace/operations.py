"""What flows back through one operation: from the gradient of its result to that of one operand.

Operations that work entry by entry are in `elementwise.py`, those of linear algebra in `linear_algebra.py`. The others
are here: one function each, in a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from softgrad.check.trace import linear_algebra
from softgrad.check.trace.contractions import einsum_contribution
from softgrad.check.trace.elementwise import FLAT, PARTIALS, partial, share_of
from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array

LINEAR = frozenset(  # finite for finite gradients
    ("sum", "mean", "einsum", "gather", "assemble", "where", "scatter_add", "cast", "write", "cumsum")
)


def summed_to(array: Array, shape: tuple[int, ...]) -> Array:
    """Summed over the axes along which an operand of this shape was broadcast."""
    if array.shape == shape:
        return array
    axes = _broadcast_axes(array.shape, shape)
    return np.add.reduce(array, axis=axes, keepdims=True).reshape(shape)


@lru_cache(maxsize=1024)
def _broadcast_axes(full: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    front = len(full) - len(shape)
    return (*range(front), *(front + i for i, m in enumerate(shape) if m == 1 != full[front + i]))


def local_derivative(node: Node, k: int) -> Array | None:
    """The derivative of each entry of the result with respect to operand k; None unless it works entry by entry."""
    if node.op in FLAT:
        return np.zeros(node.shape)
    return _derivative(node, k)[0] if node.op in PARTIALS else None


def _derivative(node: Node, k: int) -> tuple[Array, bool]:
    """The same, and whether it is finite. It is computed once."""
    return node.derivative(k, lambda: _computed(node, k))  # type: ignore[no-any-return]


def _computed(node: Node, k: int) -> tuple[Array, bool]:
    local = partial(node.op, k, node.value, [parent.value for parent in node.parents])
    return local, bool(np.isfinite(local).all())


def contribution(node: Node, k: int, g: Array) -> Array:
    """What flows from a node, whose gradient is g, back to its operand k: in the shape of the operand."""
    parent = node.parents[k]
    if node.op in PARTIALS:
        local, is_finite = _derivative(node, k)
        if is_finite:
            return summed_to(g * local, parent.shape)
        with np.errstate(all="ignore"):
            return summed_to(np.where(g == 0, 0.0, g * local), parent.shape)
    if node.op in FLAT:
        return np.zeros(parent.shape)
    if node.op in LINEAR:
        return CONTRIBUTIONS[node.op](node, k, g)
    with np.errstate(all="ignore"):
        return CONTRIBUTIONS[node.op](node, k, g)


def spread(node: Node, g: Array) -> Array:
    """The gradient of a reduction along axes, in a shape that broadcasts to its operand."""
    if node.static["keepdims"]:
        return g
    shape = list(node.parents[0].shape)
    for axis in node.static["axis"]:
        shape[axis] = 1
    return g.reshape(shape)


def count(node: Node) -> int:
    """How many entries a reduction takes together."""
    return math.prod(node.parents[0].shape[axis] for axis in node.static["axis"])


def _sum(node: Node, k: int, g: Array) -> Array:
    result = np.empty(node.parents[0].shape)
    result[...] = spread(node, g)
    return result


def _mean(node: Node, k: int, g: Array) -> Array:
    return _sum(node, k, g) / count(node)


def _deviation(node: Node) -> Array:
    x = node.parents[0].value
    return np.asarray(x - x.mean(axis=node.static["axis"], keepdims=True))


def _var(node: Node, k: int, g: Array) -> Array:
    return np.asarray(spread(node, g) * 2 * _deviation(node) / (count(node) - node.static["ddof"]))


def _std(node: Node, k: int, g: Array) -> Array:
    return np.asarray(spread(node, g / node.value) * _deviation(node) / (count(node) - node.static["ddof"]))


def _extreme(node: Node, k: int, g: Array) -> Array:
    """Of the largest or the smallest: entries that tie share it."""
    chosen = node.parents[0].value == spread(node, node.value)
    share = chosen / np.maximum(chosen.sum(axis=node.static["axis"], keepdims=True), 1)
    return np.asarray(share * spread(node, g))


def _norm(node: Node, k: int, g: Array) -> Array:
    y = spread(node, node.value)
    return np.where(y == 0, 0.0, spread(node, g) * node.parents[0].value / np.where(y == 0, 1.0, y))


def _prod(node: Node, k: int, g: Array) -> Array:
    """The product of the others: zeros leave it to the entries before and after."""
    x, axes = node.parents[0].value, node.static["axis"]
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    rows = x.transpose(*kept, *axes).reshape(*[x.shape[axis] for axis in kept], -1)
    ones = np.ones_like(rows[..., :1])
    before = np.cumprod(np.concatenate([ones, rows[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, rows[..., :0:-1]], -1), -1)[..., ::-1]
    others = (before * after).reshape([x.shape[axis] for axis in (*kept, *axes)])
    return others.transpose(np.argsort([*kept, *axes])) * spread(node, g)


def _cumsum(node: Node, k: int, g: Array) -> Array:
    (axis,) = node.static["axis"]
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def _cumprod(node: Node, k: int, g: Array) -> Array:
    (axis,) = node.static["axis"]
    x, g = np.moveaxis(node.parents[0].value, axis, 0), np.moveaxis(g, axis, 0)
    result = np.zeros_like(x)
    for i in range(len(x)):
        rest = np.cumprod(np.concatenate([np.ones_like(x[:1]), x[i + 1 :]]), 0) * np.prod(x[:i], 0)
        result[i] = (g[i:] * rest).sum(0)
    return np.moveaxis(result, 0, axis)


def _gather(node: Node, k: int, g: Array) -> Array:
    parent = node.parents[0]
    if node.static["kind"] == "reshape":
        return g.reshape(parent.shape)
    inverse = node.derivative(k, lambda: _inverse(node.static["index"], parent.value.size))
    if inverse is not None:
        return np.asarray(g.ravel()[inverse].reshape(parent.shape))
    return added_up(node.static["index"], g, parent.shape)


def _inverse(index: Array, size: int) -> Array | None:
    """The opposite of a permutation; None if not every entry is taken just once."""
    if index.size != size or (np.bincount(index.ravel(), minlength=size) != 1).any():
        return None
    return np.argsort(index.ravel())


def added_up(index: Array, g: Array, shape: tuple[int, ...]) -> Array:
    """An array of zeros with each entry of g added where its index says, in the order of C."""
    return np.bincount(index.ravel(), weights=g.ravel(), minlength=math.prod(shape)).reshape(shape)


def _assemble(node: Node, k: int, g: Array) -> Array:
    there, here = node.static["pieces"][k]
    return added_up(here, g.ravel()[there], node.parents[k].shape)


def _where(node: Node, k: int, g: Array) -> Array:
    chosen = node.static["condition"] if k == 0 else ~node.static["condition"]
    return summed_to(np.where(chosen, g, 0.0), node.parents[k].shape)


def _scatter_add(node: Node, k: int, g: Array) -> Array:
    if k == 0:
        return g
    picked = node.static["sign"] * g.ravel()[node.static["index"]]
    return summed_to(picked, node.parents[1].shape)


def _cast(node: Node, k: int, g: Array) -> Array:
    return g


def _softmax(node: Node, k: int, g: Array) -> Array:
    y = node.value
    return np.asarray(y * (g - (g * y).sum(axis=node.static["axis"], keepdims=True)))


def _log_softmax(node: Node, k: int, g: Array) -> Array:
    return np.asarray(g - np.exp(node.value) * g.sum(axis=node.static["axis"], keepdims=True))


def _logsumexp(node: Node, k: int, g: Array) -> Array:
    return np.asarray(share_of(node.parents[0].value, spread(node, node.value)) * spread(node, g))


CONTRIBUTIONS: dict[str, Callable[[Node, int, Array], Array]] = {
    **linear_algebra.CONTRIBUTIONS,
    "sum": _sum,
    "mean": _mean,
    "var": _var,
    "std": _std,
    "max": _extreme,
    "min": _extreme,
    "norm": _norm,
    "prod": _prod,
    "cumsum": _cumsum,
    "cumprod": _cumprod,
    "einsum": einsum_contribution,
    "gather": _gather,
    "assemble": _assemble,
    "where": _where,
    "scatter_add": _scatter_add,
    "cast": _cast,
    "write": _cast,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
}
