"""Short rows are computed many at a time: each as if it were alone, and nothing outside the result is written."""

import numpy as np
import pytest

import softgrad as sg

rng = np.random.default_rng(7)
GUARD = 7  # what stands before and behind the result


def loss_grad(z, g, out):
    return sg.cross_entropy_with_grad(z, g.argmax(1), reduction="none", out=out).grad


FUNCTIONS = {
    "softmax": lambda z, g, out: sg.softmax(z, out=out),
    "log_softmax": lambda z, g, out: sg.log_softmax(z, out=out),
    "softmax_vjp": lambda z, g, out: sg.softmax_vjp(sg.softmax(z), g, out=out),
    "log_softmax_vjp": lambda z, g, out: sg.log_softmax_vjp(sg.log_softmax(z), g, out=out),
    "log_softmax_jvp": lambda z, g, out: sg.log_softmax_jvp(sg.log_softmax(z), g, out=out),
    "cross_entropy": loss_grad,
}


def result(function, z, g, offset):
    memory = np.full(z.size + offset + 3, GUARD, z.dtype)
    out = memory[offset:-3].reshape(z.shape)
    function(z, g, out)
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
    for K in [*range(1, 18), 24, 31, 33, 64, 65]:
        z, g = draw(41, K, dtype)
        together = result(function, z, g, offset=K % 5)
        for i in range(0, len(z), 3):
            alone = result(function, z[i : i + 1], g[i : i + 1], offset=0)[0]
            np.testing.assert_array_equal(together[i], alone)


@pytest.mark.parametrize(("K", "dtype"), [(2, "float32"), (3, "float64"), (10, "float32"), (33, "float16")])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_streamed_rows_are_those_of_small_arrays(name, K, dtype):
    z, g = draw(601, K, dtype)
    times = (8 << 20) // z.nbytes + 1  # results of this size are streamed
    streamed = result(FUNCTIONS[name], np.tile(z, (times, 1)), np.tile(g, (times, 1)), offset=5)
    np.testing.assert_array_equal(streamed, np.tile(result(FUNCTIONS[name], z, g, offset=0), (times, 1)))
