"""Matrix products that are written to existing arrays, for every memory order that BLAS takes."""

import numpy as np
import pytest

from layouts import LAYOUTS
from softgrad._blas import fits, multiply

VIEWS = {  # the memory orders of an argument or a result
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "some columns in C order": lambda a: np.pad(a, ((0, 0), (1, 2)))[:, 1:-2],
    "some rows in Fortran order": lambda a: np.asfortranarray(np.pad(a, ((1, 2), (0, 0))))[1:-2],
}
SHAPES = [(3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1), (1, 1, 1), (1, 1, 5), (70, 130, 33)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("add", [False, True])
def test_products_are_exact_for_every_memory_order(shape, dtype, add):
    rng = np.random.default_rng(0)
    rows, inner, columns = shape
    a, b, c = (rng.integers(-4, 5, size).astype(dtype) for size in ((rows, inner), (inner, columns), (rows, columns)))
    for view_of_a in VIEWS.values():
        for view_of_b in VIEWS.values():
            for view_of_out in VIEWS.values():
                x, y, out = view_of_a(a), view_of_b(b), view_of_out(c.copy())
                assert fits(x)
                assert fits(y)
                assert fits(out)
                multiply(x, y, out, add=add)
                np.testing.assert_array_equal(out, a @ b + add * c)


@pytest.mark.parametrize("shape", [(0, 4, 5), (3, 0, 5), (3, 4, 0)])
def test_products_of_empty_matrices_are_zero(shape):
    rows, inner, columns = shape
    out = np.full((rows, columns), np.nan)
    multiply(np.ones((rows, inner)), np.ones((inner, columns)), out)
    assert not out.any()
    multiply(np.ones((rows, inner)), np.ones((inner, columns)), out, add=True)
    assert not out.any()


@pytest.mark.parametrize("layout", ["negative strides", "every other entry", "unaligned"])
def test_layouts_that_blas_does_not_take_do_not_fit(layout):
    assert not fits(LAYOUTS[layout](np.ones((3, 4))))


def test_dtypes_and_strides_that_blas_does_not_take_do_not_fit():
    for dtype in ("float16", ">f4", "int64", "longdouble"):
        assert not fits(np.ones((3, 4), dtype))
    assert not fits(np.broadcast_to(np.ones(4), (3, 4)))
