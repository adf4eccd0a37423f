"""Infinite logits and NaN give the results of IEEE 754 arithmetic."""

import numpy as np
import pytest

import softgrad as sg

inf, nan = np.inf, np.nan
ROWS = {  # name: (logits, softmax, log_softmax, logsumexp)
    "one -inf": ([0, 0, -inf], [0.5, 0.5, 0], [-np.log(2), -np.log(2), -inf], np.log(2)),
    "all but one -inf": ([-inf, 3, -inf], [0, 1, 0], [-inf, 0, -inf], 3),
    "all -inf": ([-inf, -inf, -inf], [nan] * 3, [nan] * 3, -inf),
    "+inf": ([0, inf, 0], [nan] * 3, [nan] * 3, inf),
    "+inf and -inf": ([-inf, inf, 0], [nan] * 3, [nan] * 3, inf),
    "NaN": ([0, nan, 0], [nan] * 3, [nan] * 3, nan),
    "NaN and -inf": ([-inf, nan, -inf], [nan] * 3, [nan] * 3, nan),
    "NaN and +inf": ([inf, nan, 0], [nan] * 3, [nan] * 3, nan),
}
rows = pytest.mark.parametrize("row", ROWS)
dtypes = pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])


@rows
@dtypes
@pytest.mark.parametrize("place", [0, 1], ids=["alone", "below a finite row"])
def test_nonfinite_logits(row, dtype, place):
    z, p, log_p, lse = (np.array(part, dtype) for part in ROWS[row])
    z = np.stack([np.zeros(3, dtype)] * place + [z])
    np.testing.assert_array_equal(sg.softmax(z)[place], p)
    np.testing.assert_array_equal(sg.log_softmax(z)[place], log_p)
    np.testing.assert_array_equal(sg.logsumexp(z)[place], lse)
    assert np.isfinite(sg.softmax(z)[:place]).all()


@dtypes
def test_a_masked_class_among_many(dtype):
    z = np.zeros(300, dtype)
    z[256:] = -inf
    assert sg.softmax(z).tolist() == [1 / 256] * 256 + [0] * 44


@pytest.mark.parametrize("extreme", [1e4, -1e4, 1e30, -1e30, 3e38, -3e38])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_logits_do_not_overflow(extreme, dtype):
    assert sg.softmax(np.full(4, extreme, dtype)).tolist() == [0.25] * 4
    assert sg.softmax(np.array([extreme, -extreme], dtype)).tolist() == [float(extreme > 0), float(extreme < 0)]
    assert sg.logsumexp(np.array([extreme, extreme], dtype)) == np.dtype(dtype).type(extreme) + np.log(
        np.dtype(dtype).type(2)
    )


@rows
@pytest.mark.parametrize("derivative", [sg.softmax_vjp, sg.softmax_jvp, sg.log_softmax_vjp, sg.log_softmax_jvp])
def test_derivatives_of_nan_are_nan(row, derivative):
    output = sg.log_softmax if "log" in derivative.__name__ else sg.softmax
    z, p, _, _ = ROWS[row]
    assert np.isnan(derivative(output(z), [1.0, 2.0, 3.0])).all() == np.isnan(p).all()


def test_no_gradient_reaches_a_masked_class():
    p, log_p = sg.softmax([1.0, 2.0, -inf]), sg.log_softmax([1.0, 2.0, -inf])
    assert sg.softmax_vjp(p, [1.0, 2.0, 3.0])[2] == 0
    assert sg.log_softmax_vjp(log_p, [1.0, 2.0, 0.0])[2] == 0
    assert sg.logsumexp_vjp([1.0, 2.0, -inf], 5.0)[2] == 0
