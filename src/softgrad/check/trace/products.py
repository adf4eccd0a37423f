"""NumPy's products, as einsum, and its linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from softgrad.check.trace.array import as_array, node_of, plain, plain_all, traced
from softgrad.check.trace.contractions import dot_subscripts, explicit, inner_subscripts, tensordot_subscripts
from softgrad.check.trace.session import Session, paused
from softgrad.check.trace.ufuncs import axes_of, store

_array = np.array
numpys_norm: Any = np.linalg.norm


def _product(subscripts: Callable[[int, int], str], numpys: Any) -> Callable[..., Any]:
    def handler(session: Session, a: Any, b: Any, out: Any = None) -> Any:
        with paused():
            one, two = node_of(session, a), node_of(session, b)
            value = numpys(plain_all(a), plain_all(b))
            node = session.node("einsum", (one, two), value, {"subscripts": subscripts(one.value.ndim, two.value.ndim)})
            return traced(value, node) if out is None else store(session, out, value, node)

    return handler


def _vdot(session: Session, a: Any, b: Any) -> Any:
    return np.dot(as_array(a).reshape(-1), as_array(b).reshape(-1))


def _outer(session: Session, a: Any, b: Any, out: Any = None) -> Any:
    with paused():
        nodes = []
        for one in (a, b):
            node = node_of(session, one)
            nodes.append(session.part(node, np.arange(node.value.size)))
        value = np.outer(plain_all(a), plain_all(b))
        node = session.node("einsum", nodes, value, {"subscripts": "i,j->ij"})
        return traced(value, node) if out is None else store(session, out, value, node)


def _tensordot(session: Session, a: Any, b: Any, axes: Any = 2) -> Any:
    with paused():
        one, two = node_of(session, a), node_of(session, b)
        if isinstance(axes, int | np.integer):
            axes = (list(range(one.value.ndim - int(axes), one.value.ndim)), list(range(int(axes))))
        left, right = ([int(i) for i in np.atleast_1d(one)] for one in axes)
        value = np.tensordot(plain_all(a), plain_all(b), (left, right))
        subscripts = tensordot_subscripts(one.value.ndim, two.value.ndim, (left, right))
        return traced(value, session.node("einsum", (one, two), value, {"subscripts": subscripts}))


def _einsum(session: Session, subscripts: Any, *operands: Any, out: Any = None, **options: Any) -> Any:
    if not isinstance(subscripts, str):
        return NotImplemented
    with paused():
        nodes = [node_of(session, one) for one in operands]
        value = _array(np.einsum(subscripts, *plain_all(operands), **plain_all(options)))
        node = session.node("einsum", nodes, value, {"subscripts": explicit(subscripts, [one.shape for one in nodes])})
        return traced(value, node) if out is None else store(session, out, value, node)


def _convolve(session: Session, a: Any, v: Any, mode: str = "full") -> Any:
    """Windows of the longer one, padded with zeros, times the shorter one turned round."""
    a, v = as_array(a), as_array(v)
    if len(v) > len(a):
        a, v = v, a
    return _windowed(a, v[::-1], mode)


def _correlate(session: Session, a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = as_array(a), as_array(v)
    if len(v) > len(a):  # the result is turned round
        return _windowed(v, a, mode)[::-1]
    return _windowed(a, v, mode)


def _windowed(a: Any, v: Any, mode: str) -> Any:
    n = len(v)
    before = {"full": n - 1, "same": n // 2, "valid": 0}[mode]
    after = {"full": n - 1, "same": n - 1 - n // 2, "valid": 0}[mode]
    padded = np.pad(a, (before, after))
    windows = np.arange(len(padded) - n + 1)[:, None] + np.arange(n)
    return padded[windows] @ v


def _linear(op: str, numpys: Any) -> Callable[..., Any]:
    def handler(session: Session, *args: Any) -> Any:
        with paused():
            nodes = [node_of(session, one) for one in args]
            value = numpys(*plain_all(args))
            if op == "solve" and nodes[1].value.ndim not in (1, nodes[0].value.ndim):
                return NotImplemented
            return traced(value, session.node(op, nodes, value))

    return handler


def _slogdet(session: Session, a: Any) -> Any:
    with paused():
        x = node_of(session, a)
        sign, value = np.linalg.slogdet(plain(a))
        return sign, traced(value, session.node("logdet", (x,), value))


def _norm(session: Session, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = as_array(x)
    axes = axes_of(axis, x.ndim)
    one_axis = len(axes) == 1
    if ord is None or ord == "fro" or (one_axis and ord == 2):
        with paused():
            node = node_of(session, x)
            value = numpys_norm(plain(x), ord, axis=axis, keepdims=keepdims)
            return traced(value, session.node("norm", (node,), value, {"axis": axes, "keepdims": bool(keepdims)}))
    if one_axis and ord == 1:
        return np.abs(x).sum(axis=axes, keepdims=keepdims)
    if one_axis and ord in (np.inf, -np.inf):
        return getattr(np.abs(x), "max" if ord > 0 else "min")(axis=axes, keepdims=keepdims)
    if one_axis and isinstance(ord, int | float) and ord > 0:
        return (np.abs(x) ** ord).sum(axis=axes, keepdims=keepdims) ** (1.0 / ord)
    return NotImplemented


def _cholesky(session: Session, a: Any, *, upper: bool = False) -> Any:
    with paused():
        x = node_of(session, a)
        value = np.linalg.cholesky(plain(a))
        result = traced(value, session.node("cholesky", (x,), value))
    return result.T if upper else result


def _eigvalsh(session: Session, a: Any, UPLO: Any = "L") -> Any:
    with paused():
        x = node_of(session, a)
        value = np.linalg.eigvalsh(plain(a), UPLO)
        return traced(value, session.node("eigenvalues", (x,), value))


def _eigh(session: Session, a: Any, UPLO: Any = "L") -> Any:
    with paused():
        x = node_of(session, a)
        found = np.linalg.eigh(plain(a), UPLO)
        values = traced(found[0], session.node("eigenvalues", (x,), found[0]))
        return type(found)(values, traced(found[1], session.node("eigenvectors", (x,), found[1])))


def _svd(session: Session, a: Any, full_matrices: bool = True, compute_uv: bool = True, **options: Any) -> Any:
    square = np.shape(a)[-1] == np.shape(a)[-2]
    if options or (compute_uv and full_matrices and not square):
        return NotImplemented
    with paused():
        x = node_of(session, a)
        if not compute_uv:
            value = np.linalg.svd(plain(a), compute_uv=False)
            return traced(value, session.node("singular values", (x,), value))
        found = np.linalg.svd(plain(a), full_matrices=False)
        ops = ("left vectors", "singular values", "right vectors")
        parts = [traced(one, session.node(op, (x,), one)) for op, one in zip(ops, found, strict=True)]
        return type(found)(*parts)


def _pinv(session: Session, a: Any, *args: Any, **options: Any) -> Any:
    """Of a matrix of full rank."""
    a = as_array(a)
    m, n = a.shape[-2:]
    if args or options or int(np.min(np.linalg.matrix_rank(plain(a)))) < min(m, n):
        return NotImplemented
    t = a.swapaxes(-1, -2)
    return np.linalg.solve(t @ a, t) if m >= n else np.linalg.solve(a @ t, a).swapaxes(-1, -2)


PRODUCTS: dict[Any, Callable[..., Any]] = {
    np.dot: _product(dot_subscripts, np.dot),
    np.inner: _product(inner_subscripts, np.inner),
    np.vdot: _vdot,
    np.outer: _outer,
    np.tensordot: _tensordot,
    np.einsum: _einsum,
    np.convolve: _convolve,
    np.correlate: _correlate,
    np.linalg.inv: _linear("inv", np.linalg.inv),
    np.linalg.solve: _linear("solve", np.linalg.solve),
    np.linalg.det: _linear("det", np.linalg.det),
    np.linalg.cholesky: _cholesky,
    np.linalg.eigvalsh: _eigvalsh,
    np.linalg.eigh: _eigh,
    np.linalg.svd: _svd,
    np.linalg.pinv: _pinv,
    np.linalg.slogdet: _slogdet,
    np.linalg.norm: _norm,
}
