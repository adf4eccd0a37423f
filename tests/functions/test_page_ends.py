"""Kernels of every instruction set stay inside their arrays: behind each one is a page that nobody may read or write.

Columns and rows are as many as leave some lanes of a tile empty. The results of columns are those of contiguous rows,
and those of rows at the end of a page are those of the same rows elsewhere, to the bit.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from softgrad import _kernels

HERE = Path(__file__)


def before_a_closed_page(array, closed):
    """A copy of an array that ends where a page begins that is closed."""
    import ctypes
    import mmap

    import numpy as np

    pages = -(-array.nbytes // mmap.PAGESIZE) + 1
    memory = mmap.mmap(-1, pages * mmap.PAGESIZE)
    last = ctypes.c_char.from_buffer(memory, (pages - 1) * mmap.PAGESIZE)
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(ctypes.addressof(last)), mmap.PAGESIZE, 0) == 0
    closed.append((memory, last))
    entries = np.frombuffer(memory, array.dtype, array.size, (pages - 1) * mmap.PAGESIZE - array.nbytes)
    entries.reshape(array.shape)[...] = array
    return entries.reshape(array.shape)


def columns_as_rows():
    """Compares columns at the ends of pages with rows that are anywhere."""
    import ml_dtypes
    import numpy as np

    import softgrad as sg

    rng, closed = np.random.default_rng(0), []

    def at_end(array):
        return before_a_closed_page(array, closed)

    def rows(x):
        return np.ascontiguousarray(x.T)

    def assert_same(columns, of_rows, *case):
        columns, of_rows = np.asarray(columns, np.float64), np.asarray(of_rows, np.float64)
        np.testing.assert_array_equal(columns, of_rows.T, err_msg=str(case))

    for dtype in (np.float32, np.float64, np.float16, ml_dtypes.bfloat16):
        for K, width in [(5, 12), (7, 15), (70, 25), (130, 29), (3, 45), (66, 47), (131, 63), (4, 530)]:
            case = np.dtype(dtype), K, width
            z0, g0 = ((3 * rng.normal(size=(K, width))).astype(dtype) for _ in range(2))
            z, g, out = at_end(z0), at_end(g0), at_end(np.zeros_like(z0))
            p0, log_p0 = sg.softmax(rows(z0)), sg.log_softmax(rows(z0))
            assert_same(sg.softmax(z, axis=0, out=out), p0, "softmax", *case)
            p = at_end(p0.T)
            assert_same(sg.softmax_vjp(p, g, axis=0, out=out), sg.softmax_vjp(p0, rows(g0)), "softmax_vjp", *case)
            y0 = rng.integers(0, K, width)
            loss, grad = sg.cross_entropy_with_grad(z, at_end(y0), axis=0, reduction="none", out=out)
            wanted = sg.cross_entropy_with_grad(rows(z0), y0, reduction="none")
            assert_same(loss, wanted.loss, "loss", *case), assert_same(grad, wanted.grad, "grad", *case)
            if z.dtype in (np.float32, np.float64):
                lse = at_end(np.zeros(width, dtype))
                sg._kernels.logsumexp(z[None], lse, 1.0)
                assert_same(lse, sg.logsumexp(rows(z0)), "logsumexp", *case)
            assert_same(sg.log_softmax(z, axis=0, out=out), log_p0, "log_softmax", *case)


def rows_as_elsewhere():
    """Compares rows at the ends of pages with the same rows that are anywhere."""
    import itertools

    import ml_dtypes
    import numpy as np

    import softgrad as sg

    rng = np.random.default_rng(0)
    dtypes = np.float32, np.float64, np.float16, ml_dtypes.bfloat16
    for dtype, N, K in itertools.product(dtypes, (1, 17, 33), (1, 2, 7, 10, 14, 17, 64, 131)):
        z, g = ((3 * rng.normal(size=(N, K))).astype(dtype) for _ in range(2))
        y = rng.integers(0, K, N)
        r = np.linspace(-1, 1, N).astype(np.float64 if dtype is np.float64 else np.float32)
        p, log_p = sg.softmax(z), sg.log_softmax(z)
        for function, *arrays in (
            (sg.softmax, z),
            (sg.log_softmax, z),
            (sg.softmax_vjp, p, g),
            (sg.log_softmax_vjp, log_p, g),
            (lambda *given, **out: sg.cross_entropy_with_grad(*given, **out).grad, z, y),
            (sg.token_log_probs_vjp, z, y, r, r[::-1]),
        ):
            closed = []
            out, *at_end = (before_a_closed_page(array, closed) for array in (z, *arrays))
            got, wanted = (np.asarray(x, np.float64) for x in (function(*at_end, out=out), function(*arrays)))
            np.testing.assert_array_equal(got, wanted, err_msg=f"{function} {np.dtype(dtype)} {N} {K}")


@pytest.mark.skipif(sys.platform == "win32", reason="pages are closed by mprotect")
@pytest.mark.parametrize("instruction_set", _kernels.instruction_sets())
@pytest.mark.parametrize("places", ["columns_as_rows", "rows_as_elsewhere"])
def test_columns_and_rows_at_the_ends_of_pages(places, instruction_set):
    program = f"import sys; sys.path.insert(0, {str(HERE.parent)!r}); import {HERE.stem} as m; m.{places}()"
    environment = os.environ | {"SOFTGRAD_ISA": instruction_set}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr or f"ended by signal {-ran.returncode}"
