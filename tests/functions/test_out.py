"""`out` arrays that a kernel cannot write to directly: unaligned ones, and ones that overlap an argument."""

import numpy as np
import pytest

import softgrad as sg
from layouts import shifted_by_a_byte


@pytest.mark.parametrize("shape", [(5, 7), (2100, 1024)])  # the second is written with streaming stores
def test_unaligned(shape):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=shape).astype("float32"), rng.integers(0, shape[1], shape[0])
    want = sg.cross_entropy_with_grad(z, y).grad
    out = shifted_by_a_byte(np.zeros(shape, "float32"))
    assert sg.cross_entropy_with_grad(z, y, out=out).grad is out
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(sg.softmax(shifted_by_a_byte(z)), sg.softmax(z))


@pytest.mark.parametrize("offset", range(4))
def test_the_same_bits_wherever_they_are_written(offset):
    rng = np.random.default_rng(1)
    z, t = rng.normal(size=(3000, 1001)).astype("float32"), rng.random((3000, 1001)).astype("float32")
    want = sg.cross_entropy_with_grad(z, t, label_smoothing=0.1, temperature=0.7).grad
    out = np.empty(z.size + 4, "float32")[offset : offset + z.size].reshape(z.shape)
    sg.cross_entropy_with_grad(z, t, label_smoothing=0.1, temperature=0.7, out=out)
    np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("what", ["grad_output", "target", "weight"])
@pytest.mark.parametrize("shape", [(8, 5), (500, 5), (40, 300)])  # one tile, several tiles, rows one by one
def test_over_what_is_still_to_be_read(what, shape):
    rng = np.random.default_rng(2)
    N, K = shape
    z, buffer = rng.normal(size=shape), rng.random((N + 1, K))
    p = sg.softmax(z)
    calls = {
        "grad_output": lambda out: sg.softmax_vjp(p, buffer[:N], out=out),
        "target": lambda out: sg.cross_entropy_with_grad(z, buffer[:N], out=out).grad,
        "weight": lambda out: (
            sg.cross_entropy_with_grad(z, [0] * N, weight=buffer[1], label_smoothing=0.1, out=out).grad
        ),
    }
    want = calls[what](None)
    np.testing.assert_array_equal(calls[what](buffer[1:]), want)


def test_a_mean_over_nothing_is_0_whatever_else_a_row_costs():
    for options in ({"z_loss": 0.1}, {"label_smoothing": 0.1}):
        loss, grad = sg.cross_entropy_with_grad([[1.0, 2.0]], [0], weight=[0.0, 1.0], **options)
        assert loss == 0
        assert not grad.any()


def test_16_bit_over_a_target_of_32():
    """Both arrays start at the same address, but their entries have different sizes."""
    rng = np.random.default_rng(3)
    z, t = rng.normal(size=(6000, 200)).astype("float16"), rng.random((6000, 200)).astype("float32")
    want = sg.cross_entropy_with_grad(z, t).grad
    out = t.reshape(-1).view("float16")[: t.size].reshape(t.shape)
    np.testing.assert_array_equal(sg.cross_entropy_with_grad(z, t, out=out).grad, want)
