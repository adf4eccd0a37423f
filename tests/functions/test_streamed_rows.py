"""Rows of large results, which are written with streaming stores, have the bits of rows of small results."""

import ml_dtypes  # noqa: F401  it registers bfloat16 with NumPy
import numpy as np
import pytest

import softgrad as sg
from together import together

STREAMED_FROM = 8 << 20  # the bytes of a result whose rows are streamed
ROWS = 7  # the large arrays repeat them
GUARD = b"\7"  # what stands before and behind the result
DTYPES = ["float32", "float64", "float16", "bfloat16"]
LONG, SHORT = [601, 1023, 32_001], [2, 3, 10, 33]

# name: (function, names of its arrays, options)
CALLS = {
    "softmax": (sg.softmax, "z", {}),
    "log_softmax": (sg.log_softmax, "z", {}),
    "softmax_vjp": (sg.softmax_vjp, "p v", {}),
    "log_softmax_vjp": (sg.log_softmax_vjp, "log_p v", {}),
    "log_softmax_jvp": (sg.log_softmax_jvp, "log_p v", {}),
    "token_log_probs_vjp": (sg.token_log_probs_vjp, "z y g g", {}),
    "cross_entropy": (sg.cross_entropy_with_grad, "z y", {"reduction": "none"}),
    "cross_entropy with a cap": (sg.cross_entropy_with_grad, "z y", {"reduction": "none", "softcap": 5.0}),
    "cross_entropy with probabilities": (sg.cross_entropy_with_grad, "z p", {"reduction": "none"}),
    "focal_loss": (sg.focal_loss_with_grad, "z y", {"reduction": "none"}),
    "kl_divergence": (sg.kl_divergence_with_grad, "z p", {"reduction": "none"}),
    "squared_error": (sg.squared_error_with_grad, "z y", {"reduction": "none"}),
}
MANY_AT_A_TIME = ["softmax", "log_softmax", "softmax_vjp", "log_softmax_vjp", "log_softmax_jvp", "cross_entropy"]


def few_rows(names, K, dtype):
    """The arrays of a call. The class of the target is the last one in most rows, where its probability is near 1."""
    rng = np.random.default_rng(K)
    z = rng.normal(size=(ROWS, K)).astype(dtype)
    y = np.array([K - 1, 0, K - 1, K // 2, K - 1, 1, K - 1])
    z[np.arange(0, ROWS, 2), y[::2]] = 4 + np.log(K)
    arrays = {
        "z": lambda: z,
        "y": lambda: y,
        "p": lambda: sg.softmax(z),
        "log_p": lambda: sg.log_softmax(z),
        "v": lambda: rng.normal(size=z.shape).astype(dtype),
        "g": lambda: rng.normal(size=ROWS).astype(dtype),
    }
    return [arrays[name]() for name in names.split()]


def result(function, arrays, options, offset):
    """The result as integers, of which nothing outside is written."""
    z = arrays[0]
    memory = np.full(z.nbytes + offset + 64, GUARD, "S1")
    out = memory[offset:-64].view(z.dtype).reshape(z.shape)
    function(*arrays, out=out, **options)
    assert (memory[:offset] == GUARD).all() and (memory[-64:] == GUARD).all()
    return out.view(f"u{z.itemsize}")


def check(name, K, dtype):
    function, names, options = CALLS[name]
    few = few_rows(names, K, dtype)
    times = STREAMED_FROM // few[0].nbytes + 1
    many = [np.tile(array, (times, *[1] * (array.ndim - 1))) for array in few]
    streamed = result(function, many, options, offset=40)
    alone = [result(function, [array[i : i + 1] for array in few], options, offset=0) for i in range(ROWS)]
    assert (streamed.reshape(times, ROWS, K) == np.concatenate(alone)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@together(K=LONG, name=CALLS)
def test_streamed_rows_are_those_of_small_results(name, K, dtype):
    check(name, K, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@together(K=SHORT, name=MANY_AT_A_TIME)
def test_streamed_short_rows(name, K, dtype):
    check(name, K, dtype)


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", DTYPES)
@together(K=[2**18 + 1], name=CALLS)
def test_streamed_rows_that_are_computed_in_stretches(name, K, dtype):
    check(name, K, dtype)


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", DTYPES)
@together(K=SHORT, name=[name for name in CALLS if name not in MANY_AT_A_TIME])
def test_streamed_short_rows_that_are_computed_one_by_one(name, K, dtype):
    check(name, K, dtype)
