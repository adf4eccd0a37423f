"""Short rows are computed many at a time: each as if it were alone, and nothing outside the result is written."""

import ml_dtypes  # noqa: F401  it registers bfloat16 with NumPy
import numpy as np
import pytest

import softgrad as sg

rng = np.random.default_rng(7)
GUARD = 7  # what stands before and behind the result


def loss_grad(z, g, out, axis=-1):
    return sg.cross_entropy_with_grad(z, g.argmax(axis), axis=axis, reduction="none", out=out).grad


FUNCTIONS = {
    "softmax": lambda z, g, out, axis=-1: sg.softmax(z, axis=axis, out=out),
    "log_softmax": lambda z, g, out, axis=-1: sg.log_softmax(z, axis=axis, out=out),
    "softmax_vjp": lambda z, g, out, axis=-1: sg.softmax_vjp(sg.softmax(z, axis=axis), g, axis=axis, out=out),
    "log_softmax_vjp": lambda z, g, out, axis=-1: sg.log_softmax_vjp(
        sg.log_softmax(z, axis=axis), g, axis=axis, out=out
    ),
    "log_softmax_jvp": lambda z, g, out, axis=-1: sg.log_softmax_jvp(
        sg.log_softmax(z, axis=axis), g, axis=axis, out=out
    ),
    "cross_entropy": loss_grad,
}


def result(function, z, g, offset, **options):
    memory = np.full(z.size + offset + 3, GUARD, z.dtype)
    out = memory[offset:-3].reshape(z.shape)
    function(z, g, out, **options)
    assert (memory[:offset] == GUARD).all() and (memory[-3:] == GUARD).all()
    return out


def draw(rows, K, dtype):
    z, g = (rng.normal(size=(rows, K)) * 4).astype(dtype), rng.normal(size=(rows, K)).astype(dtype)
    z[::5] *= 3  # some rows have a probability near 1
    return z, g


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_many_rows_are_each_row(name, dtype):
    function = FUNCTIONS[name]
    for K in [*range(1, 10), 12, 17, 33, 65]:
        z, g = draw(41, K, dtype)
        together = result(function, z, g, offset=K % 5)
        for i in range(0, len(z), 5):
            alone = result(function, z[i : i + 1], g[i : i + 1], offset=0)[0]
            np.testing.assert_array_equal(together[i], alone)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_columns_are_rows(name, dtype):
    function = FUNCTIONS[name]
    for K in (1, 2, 7, 10, 14, 17, 64, 65, 128, 129):  # 64 and 128 are the longest rows of tiles
        z, g = (np.stack(arrays) for arrays in zip(draw(333, K, dtype), draw(333, K, dtype), strict=True))
        columns = [np.ascontiguousarray(np.moveaxis(x, 2, 1)) for x in (z, g)]
        rows = result(function, z, g, offset=0, axis=2)
        np.testing.assert_array_equal(np.moveaxis(result(function, *columns, offset=K, axis=1), 1, 2), rows)


@pytest.mark.parametrize("name", ["softmax", "softmax_vjp"])
def test_streamed_columns_are_rows(name):
    z, g = (np.tile(x, (200, 1)) for x in draw(1600, 7, "float32"))
    columns = [np.ascontiguousarray(x.T) for x in (z, g)]
    rows = result(FUNCTIONS[name], z, g, offset=0)
    for offset in (0, 4, 8, 12):  # with one of them, a line begins where the result does
        np.testing.assert_array_equal(result(FUNCTIONS[name], *columns, offset=offset, axis=0).T, rows)
