"""Products into memory that is there, of matrices in every order that BLAS takes."""

import numpy as np
import pytest

from layouts import LAYOUTS
from softgrad._blas import fits, multiply

VIEWS = {  # as a product's argument or result may lie
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "some columns of more": lambda a: np.pad(a, ((0, 0), (1, 2)))[:, 1:-2],
    "some rows of columns": lambda a: np.asfortranarray(np.pad(a, ((1, 2), (0, 0))))[1:-2],
}
SHAPES = [(3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1), (1, 1, 1), (1, 1, 5), (70, 130, 33)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("add", [False, True])
def test_products(shape, dtype, add):
    rng = np.random.default_rng(0)
    rows, inner, columns = shape
    a, b, c = (rng.integers(-4, 5, side).astype(dtype) for side in ((rows, inner), (inner, columns), (rows, columns)))
    for of_a in VIEWS.values():
        for of_b in VIEWS.values():
            for of_out in VIEWS.values():
                x, y, out = of_a(a), of_b(b), of_out(c.copy())
                assert fits(x)
                assert fits(y)
                assert fits(out)
                multiply(x, y, out, add=add)
                np.testing.assert_array_equal(out, a @ b + add * c)


@pytest.mark.parametrize("shape", [(0, 4, 5), (3, 0, 5), (3, 4, 0)])
def test_nothing_to_multiply(shape):
    rows, inner, columns = shape
    out = np.full((rows, columns), np.nan)
    multiply(np.ones((rows, inner)), np.ones((inner, columns)), out)
    assert not out.any()
    multiply(np.ones((rows, inner)), np.ones((inner, columns)), out, add=True)
    assert not out.any()


@pytest.mark.parametrize("layout", ["negative strides", "every other entry", "unaligned"])
def test_what_does_not_fit(layout):
    assert not fits(LAYOUTS[layout](np.ones((3, 4))))


def test_dtypes_that_do_not_fit():
    for dtype in ("float16", ">f4", "int64", "longdouble"):
        assert not fits(np.ones((3, 4), dtype))
    assert not fits(np.broadcast_to(np.ones(4), (3, 4)))
