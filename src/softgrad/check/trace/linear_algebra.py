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
    low = node.value
    half = np.tril(_transposed(low) @ np.tril(g))
    half = half - 0.5 * half * np.eye(low.shape[-1])
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


def _expm(node: Node, k: int, g: Array) -> Array:
    """The upper right block of the exponential of [[a', g], [0, a']]."""
    a = _transposed(node.parents[0].value)
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
    "expm": _expm,
}
