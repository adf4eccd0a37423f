"""Several class axes, and None for all: the result is that of the array with these axes moved last and merged."""

import math

import numpy as np
import pytest

import softgrad as sg
from layouts import LAYOUTS

SHAPE = (3, 4, 5)
AXES = {  # name: (axis, the same axes counted from 0)
    "all": (None, (0, 1, 2)),
    "the first two": ((0, 1), (0, 1)),
    "the last two": ((-1, -2), (1, 2)),
    "not adjacent": ((2, 0), (0, 2)),
    "one in a tuple": ((1,), (1,)),
    "a list": ([0, 2], (0, 2)),
    "every axis": ((0, 1, 2), (0, 1, 2)),
}
axes = pytest.mark.parametrize("name", AXES)


def merged(array, along):
    """The array as rows (N, K)."""
    others = [i for i in range(array.ndim) if i not in along]
    return np.transpose(array, (*others, *along)).reshape(-1, math.prod(array.shape[i] for i in along))


def arrays(layout, dtype):
    rng = np.random.default_rng(0)
    return (LAYOUTS[layout](rng.normal(size=SHAPE).astype(dtype)) for _ in range(2))


@axes
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float16", "float32", ">f8"])
def test_values_and_products(name, layout, dtype):
    axis, along = AXES[name]
    z, v = arrays(layout, dtype)
    rows, directions = merged(z, along), merged(v, along)
    for function in (sg.softmax, sg.log_softmax):
        y, of_rows = function(z, axis=axis), function(rows)
        assert y.dtype == z.dtype
        np.testing.assert_array_equal(merged(y, along), of_rows)
        for product in ("vjp", "jvp"):
            times = getattr(sg, f"{function.__name__}_{product}")
            np.testing.assert_array_equal(merged(times(y, v, axis=axis), along), times(of_rows, directions))
    lse = sg.logsumexp(z, axis=axis)
    np.testing.assert_array_equal(lse.reshape(-1), sg.logsumexp(rows))
    np.testing.assert_array_equal(
        merged(sg.logsumexp_vjp(z, lse, axis=axis), along), sg.logsumexp_vjp(rows, lse.reshape(-1))
    )
    np.testing.assert_array_equal(sg.logsumexp_jvp(z, v, axis=axis).reshape(-1), sg.logsumexp_jvp(rows, directions))


@axes
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "read-only"])
def test_out_where_and_keepdims(name, layout):
    axis, along = AXES[name]
    z, _ = arrays("C", "float64")
    mask = np.random.default_rng(1).random(SHAPE) < 0.7
    for function in (sg.softmax, sg.log_softmax):
        out = LAYOUTS[layout](np.zeros(SHAPE))
        assert function(z, axis=axis, where=mask, out=out) is out
        np.testing.assert_array_equal(merged(out, along), function(merged(z, along), where=merged(mask, along)))
    lse = sg.logsumexp(z, axis=axis, where=mask, keepdims=True)
    assert lse.shape == tuple(1 if i in along else side for i, side in enumerate(SHAPE))
    np.testing.assert_array_equal(np.squeeze(lse, along), sg.logsumexp(z, axis=axis, where=mask))


def test_a_single_number_is_one_class():
    assert sg.softmax(3.0, axis=None) == 1
    assert sg.log_softmax(3.0, axis=None) == 0
    assert sg.logsumexp(3.0, axis=None) == 3
    assert sg.logsumexp_vjp(3.0, 2.0, axis=None) == 2
