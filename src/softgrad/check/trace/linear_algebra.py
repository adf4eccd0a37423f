"""What flows back through the operations of linear algebra.

Matrices that NumPy takes as symmetric, of which it reads one half, are differentiated as if both halves were read.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np

from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array


def _transposed(a: Array) -> Array:
    return np.swapaxes(a, -1, -2)


def _inv(node: Node, k: int, g: Array) -> Array:
    return -_transposed(node.value) @ g @ _transposed(node.value)


def _solve(node: Node, k: int, g: Array) -> Array:
    a, b = (parent.value for parent in node.parents)
    vector = b.ndim == 1
    up = np.linalg.solve(_transposed(a), g[..., None] if vector else g)
    if k == 1:
        return _summed(up[..., 0] if vector else up, b.shape)
    y = node.value[..., None] if vector else node.value
    return _summed(-up @ _transposed(y), a.shape)


def _det(node: Node, k: int, g: Array) -> Array:
    return (g * node.value)[..., None, None] * _transposed(np.linalg.inv(node.parents[0].value))


def _logdet(node: Node, k: int, g: Array) -> Array:
    return g[..., None, None] * _transposed(np.linalg.inv(node.parents[0].value))


def _cholesky(node: Node, k: int, g: Array) -> Array:
    """For L L' = a, as if all of a, not only its lower half, were read."""
    return by_cholesky(node.value, g)


def by_cholesky(low: Array, g: Array, of_diagonal: float = 0.5) -> Array:
    """What flows back to a from a gradient of L; the right one has half of the diagonal."""
    half = np.tril(_transposed(low) @ np.tril(g))
    half = half - (1 - of_diagonal) * half * np.eye(low.shape[-1])
    middle = np.linalg.solve(_transposed(low), _transposed(np.linalg.solve(_transposed(low), _transposed(half))))
    return np.asarray(0.5 * (middle + _transposed(middle)))


def _summed(array: Array, shape: tuple[int, ...]) -> Array:
    """Summed over the axes along which a stack of matrices was broadcast."""
    extra = array.ndim - len(shape)
    array = array.sum(axis=tuple(range(extra)))
    axes = tuple(i for i, (n, m) in enumerate(zip(array.shape, shape, strict=True)) if m == 1 != n)
    return array.sum(axis=axes, keepdims=True) if axes else array


def _eigenvalues(node: Node, k: int, g: Array) -> Array:
    """Of a symmetric matrix: d(value) = v' da v."""
    v = np.linalg.eigh(node.parents[0].value)[1]
    return np.asarray((v * g[..., None, :]) @ _transposed(v))


def _eigenvectors(node: Node, k: int, g: Array) -> Array:
    """Of a symmetric matrix: dv = v (f * (v' da v)), with f[i, j] = 1 / (value[j] - value[i])."""
    values, v = np.linalg.eigh(node.parents[0].value)
    gaps = values[..., None, :] - values[..., :, None]
    inverse = np.where(gaps == 0, 0.0, 1 / np.where(gaps == 0, 1.0, gaps))
    middle = v @ (inverse * (_transposed(v) @ g)) @ _transposed(v)
    return np.asarray(0.5 * (middle + _transposed(middle)))


def _singular_values(node: Node, k: int, g: Array) -> Array:
    u, _, v = np.linalg.svd(node.parents[0].value, full_matrices=False)
    return np.asarray((u * g[..., None, :]) @ v)


def _left_vectors(node: Node, k: int, g: Array) -> Array:
    """Of a = u s v: da = (u (f * (u' g - g' u)) s + (g - u u' g) / s) v, with f[i, j] = 1 / (s[j]^2 - s[i]^2)."""
    u, s, v = np.linalg.svd(node.parents[0].value, full_matrices=False)
    gaps = _gaps(s)
    own = _transposed(u) @ g
    inner = u @ (gaps * (own - _transposed(own)) * s[..., None, :])
    return np.asarray((inner + (g - u @ own) / s[..., None, :]) @ v)


def _right_vectors(node: Node, k: int, g: Array) -> Array:
    """The rows of v, by the same formula for a' = v' s u'."""
    u, s, v = np.linalg.svd(node.parents[0].value, full_matrices=False)
    gaps = _gaps(s)
    own = v @ _transposed(g)
    inner = (s[..., :, None] * gaps * (own - _transposed(own))) @ v
    return np.asarray(u @ (inner + (g - _transposed(own) @ v) / s[..., :, None]))


def _gaps(s: Array) -> Array:
    squares = s * s
    gaps = squares[..., None, :] - squares[..., :, None]
    return np.where(gaps == 0, 0.0, 1 / np.where(gaps == 0, 1.0, gaps))


def _expm(node: Node, k: int, g: Array) -> Array:
    return by_expm(_transposed(node.parents[0].value), g)


def by_expm(a: Array, g: Array) -> Array:
    """The derivative of the exponential at a in the direction g: the upper right block of that of [[a, g], [0, a]]."""
    n = a.shape[-1]
    block = np.zeros((*a.shape[:-2], 2 * n, 2 * n))
    block[..., :n, :n], block[..., n:, n:], block[..., :n, n:] = a, a, g
    return np.asarray(import_module("scipy.linalg").expm(block)[..., :n, n:])


CONTRIBUTIONS: dict[str, Callable[[Node, int, Array], Array]] = {
    "inv": _inv,
    "solve": _solve,
    "det": _det,
    "logdet": _logdet,
    "cholesky": _cholesky,
    "eigenvalues": _eigenvalues,
    "eigenvectors": _eigenvectors,
    "singular values": _singular_values,
    "left vectors": _left_vectors,
    "right vectors": _right_vectors,
    "expm": _expm,
}
