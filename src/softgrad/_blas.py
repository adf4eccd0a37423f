"""Matrix products that are written to an existing array: c = a b, or c += a b without a temporary array.

NumPy's matmul can write a product to an existing array, but cannot add it to the array. BLAS's gemm can, with beta = 1.
This module calls gemm through the pointer that SciPy exports for compiled code. Unlike SciPy's Python functions for
gemm, the pointer takes views with any distance between rows without copying them.

All products of one computation should use this module. The wheels of NumPy and of SciPy each contain their own BLAS
with its own threads. After a call these threads keep spinning for a while, on the processors that the other BLAS needs:
products that alternate between the two libraries run at half the speed.

Source: Dongarra et al., A set of level 3 basic linear algebra subprograms, ACM TOMS 16 (1990).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

from softgrad._arrays import Array

_GEMM = {"f": "sgemm", "d": "dgemm"}
_SCALAR: dict[str, Any] = {"f": ctypes.c_float, "d": ctypes.c_double}


def fits(array: Array) -> bool:
    """Whether BLAS takes a matrix without a copy: float32 or float64, with adjacent entries in each row or column."""
    return array.dtype.char in _GEMM and array.dtype.isnative and array.flags.aligned and _order(array) is not None


def multiply(a: Array, b: Array, out: Array, *, add: bool = False) -> None:
    """Computes out = a b, or out += a b if `add`. The matrices have the same dtype, and each `fits` BLAS."""
    (out_order, out_distance), (a_order, a_distance), (b_order, b_distance) = map(_known_order, (out, a, b))
    if out_order == b"T":
        return multiply(b.T, a.T, out.T, add=add)
    rows, inner, columns = *a.shape, b.shape[1]
    if not (rows and inner and columns):
        if not add:
            out[...] = 0
        return None
    # BLAS stores matrices by columns, so it sees each matrix transposed: out^T = b^T a^T.
    integers = [ctypes.c_int(n) for n in (columns, rows, inner, b_distance, a_distance, out_distance)]
    n, m, k, ldb, lda, ldc = map(ctypes.byref, integers)
    one, beta = (ctypes.byref(_SCALAR[out.dtype.char](x)) for x in (1, add))
    gemm = _gemm(out.dtype.char)
    gemm(b_order, a_order, n, m, k, one, b.ctypes.data, ldb, a.ctypes.data, lda, beta, out.ctypes.data, ldc)
    return None


@cache
def _gemm(dtype: str) -> Callable[..., None]:
    """SciPy's gemm for a dtype. ctypes releases the GIL while it runs."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__[_GEMM[dtype]]
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer_of(capsule, name_of(capsule))
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(address)


def _known_order(array: Array) -> tuple[bytes, int]:
    order = _order(array)
    assert order is not None
    return order


def _order(array: Array) -> tuple[bytes, int] | None:
    """N if the entries of each row are adjacent, T if those of each column are; and the distance from one to the next.

    The distance is the leading dimension of BLAS, in entries. None if neither rows nor columns are contiguous.
    """
    for order, matrix in ((b"N", array), (b"T", array.T)):
        (count, length), (distance, step), size = matrix.shape, matrix.strides, matrix.itemsize
        if length > 1 and step != size:
            continue
        if count <= 1:
            return order, max(1, length)
        if distance >= length * size and distance % size == 0:
            return order, distance // size
    return None
