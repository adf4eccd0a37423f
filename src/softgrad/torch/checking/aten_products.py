"""Products of matrices, and linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np


def _plus(self: Any, product: Any, beta: Any, alpha: Any) -> Any:
    product = product if alpha == 1 else product * alpha
    return product + (self if beta == 1 else self * beta) if beta != 0 else product


def _addmm(self: Any, mat1: Any, mat2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    return _plus(self, np.matmul(mat1, mat2), beta, alpha)


def _addr(self: Any, vec1: Any, vec2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    return _plus(self, np.outer(vec1, vec2), beta, alpha)


def _solve(A: Any, B: Any, left: bool = True, check_errors: bool = False) -> Any:
    if not left:
        turned = np.linalg.solve(np.swapaxes(A, -1, -2), np.swapaxes(B, -1, -2))
        return np.swapaxes(turned, -1, -2), None, None, None
    return np.linalg.solve(A, B), None, None, None


def _triangular(self: Any, B: Any, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    if unitriangular:
        return NotImplemented
    half = np.triu(self) if upper else np.tril(self)
    return _solve(half, B, left)[0]


def _cholesky(self: Any, upper: bool = False, check_errors: bool = False) -> Any:
    low = np.linalg.cholesky(self)
    return (np.swapaxes(low, -1, -2) if upper else low), None


def _eigh(A: Any, UPLO: str = "L", compute_v: bool = True) -> Any:
    found = np.linalg.eigh(A)
    return (found[0], found[1]) if compute_v else (found[0], None)


def _svd(A: Any, full_matrices: bool = False, compute_uv: bool = True, driver: str | None = None) -> Any:
    if not compute_uv:
        return None, np.linalg.svd(A, compute_uv=False), None
    return tuple(np.linalg.svd(A, full_matrices=full_matrices))


def _expm(self: Any) -> Any:
    return import_module("scipy.linalg").expm(self)


def _slogdet(A: Any) -> Any:
    sign, value = np.linalg.slogdet(A)
    return sign, value, None, None


def _cross(self: Any, other: Any, dim: int = -1) -> Any:
    a, b = np.moveaxis(self, dim, -1), np.moveaxis(other, dim, -1)
    (x, y, z), (u, v, w) = ((one[..., 0], one[..., 1], one[..., 2]) for one in (a, b))
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=dim)


def _einsum(equation: Any, *operands: Any) -> Any:
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    return np.einsum(equation.replace(" ", ""), *operands)


def _with_bias(product: Any, bias: Any) -> Any:
    return product if bias is None else product + bias


COMPOSITES: dict[str, Callable[..., Any]] = {  # of several operators, and one operation for the user
    "einsum": _einsum,
    "matmul": lambda input, other, out=None: NotImplemented if out is not None else np.matmul(input, other),
    "linear": lambda input, weight, bias=None: _with_bias(np.einsum("...i,oi->...o", input, weight), bias),
    "outer": lambda input, vec2: np.outer(input, vec2),
}
TABLE: dict[str, Callable[..., Any]] = {
    "mm": np.matmul,
    "bmm": np.matmul,
    "mv": np.matmul,
    "dot": np.dot,
    "vdot": np.dot,
    "addmm": _addmm,
    "addmv": _addmm,
    "addr": _addr,
    "baddbmm": _addmm,
    "linalg_inv_ex": lambda A, check_errors=False: (np.linalg.inv(A), None),
    "_linalg_solve_ex": _solve,
    "linalg_solve_triangular": _triangular,
    "linalg_cholesky_ex": _cholesky,
    "_linalg_det": lambda A: (np.linalg.det(A), None, None),
    "_linalg_slogdet": _slogdet,
    "_linalg_eigh": _eigh,
    "_linalg_svd": _svd,
    "linalg_matrix_exp": _expm,
    "linalg_cross": _cross,
}
