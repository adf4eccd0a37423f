"""Rows so long that they are computed in stretches: 16-bit entries give the results of float32, rounded."""

import ml_dtypes
import numpy as np
import pytest

import softgrad as sg

HALVES = [np.float16, ml_dtypes.bfloat16]
K = 2**18 + 5  # the last stretch has five classes
Z = (3 * np.random.default_rng(0).standard_normal((2, K))).astype(np.float16).astype(ml_dtypes.bfloat16)
Y = np.array([K - 1, 7])
CALLS = {
    "softmax": lambda z: sg.softmax(z),
    "log_softmax": lambda z: sg.log_softmax(z),
    "log_softmax with a temperature": lambda z: sg.log_softmax(z, temperature=2.0),
    "logsumexp": lambda z: sg.logsumexp(z),
    "softmax_vjp": lambda z: sg.softmax_vjp(np.full(z.shape, 2.0**-18, z.dtype), z),
    "log_softmax_vjp": lambda z: sg.log_softmax_vjp(np.full(z.shape, -12.5, z.dtype), z),
    "cross_entropy": lambda z: sg.cross_entropy_with_grad(z, Y).grad,
    "focal_loss": lambda z: sg.focal_loss_with_grad(z, Y).grad,
    "squared_error": lambda z: sg.squared_error_with_grad(z, Y).grad,
}


@pytest.mark.parametrize("call", CALLS)
def test_halves_are_the_rounded_results_of_float32(call):
    for dtype in HALVES:
        z = Z.astype(dtype)
        assert (CALLS[call](z) == CALLS[call](z.astype(np.float32)).astype(dtype)).all()


@pytest.mark.parametrize("dtype", [*HALVES, np.float32])
def test_a_nan_anywhere_reaches_the_sum_of_a_row_with_an_infinity(dtype):
    for j in (1, K - 1):
        z = np.zeros((2, K), dtype)
        z[:, 0], z[1, j] = np.inf, np.nan
        assert np.isinf(sg.logsumexp(z)[0]) and np.isnan(sg.logsumexp(z)[1])
