"""Rows of every length: entries in their last, incomplete vectors are computed as all others."""

import numpy as np
import pytest

import softgrad as sg

LENGTHS = {  # classes: entries are summed in groups of 128 of float32, or 64 of float64
    "one more than a group": 129,
    "a vector and a half more": 152,
    "one less than two groups": 255,
    "two groups": 256,
    "half a vector more": 1000,
    "more than is searched at a time": 8192 + 77,
}
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
lengths = pytest.mark.parametrize("K", LENGTHS.values(), ids=LENGTHS)


def places(K):
    """Places of an entry: at the ends of the row, of vectors and of groups."""
    return sorted({0, 1, 15, 63, 127, 128, K // 2, K - 65, K - 17, K - 16, K - 9, K - 2, K - 1})


@lengths
@dtypes
def test_the_first_of_the_largest_logits_is_found(K, dtype):
    at = places(K)
    logits = np.random.default_rng(0).uniform(-9, 9, (len(at) + 1, K)).astype(dtype)
    for row, place in enumerate(at):
        logits[row, [place, *at[row:]]] = 10
    logits[-1] = 10
    first = np.array([*at, 0])
    assert sg.cross_entropy_with_stats(logits, first).stats.correct.all()
    others = np.where(first == K - 1, 0, K - 1)
    assert not sg.cross_entropy_with_stats(logits, others).stats.correct.any()


@lengths
@dtypes
@pytest.mark.parametrize("shift", [0, 8192], ids=["near 0", "far from 0"])
def test_every_entry_has_its_probability(K, dtype, shift):
    logits = np.random.default_rng(0).integers(-40, 40, (3, K)) / 4.0
    e = np.exp(logits)
    got = sg.softmax((logits + shift).astype(dtype))
    np.testing.assert_allclose(got, e / e.sum(axis=1, keepdims=True), rtol=8 * np.finfo(dtype).eps)


@lengths
@dtypes
@pytest.mark.parametrize("function", ["softmax_vjp", "log_softmax_vjp", "log_softmax_jvp"])
def test_a_probability_above_a_half_keeps_its_digits_in_every_place(K, dtype, function):
    """1 - p is the sum of the other probabilities, which are 1,000 times as small as the error of p itself."""
    at, rng = np.array(places(K)), np.random.default_rng(0)
    rows = np.arange(len(at))
    logits = rng.uniform(-1, 1, (len(at), K))
    logits[rows, at] = np.log(K) - np.log(np.finfo(dtype).eps) + 3
    p = sg.softmax(logits.astype(dtype))
    v = rng.uniform(0.5, 1, p.shape).astype(dtype)
    is_other = np.arange(K) != at[:, None]
    q, w, w_m = p.astype("longdouble") * is_other, v.astype("longdouble"), v[rows, at].astype("longdouble")
    if function == "softmax_vjp":
        got, want = sg.softmax_vjp(p, v), w_m * q.sum(1) - (q * w).sum(1)
    elif function == "log_softmax_vjp":
        got = sg.log_softmax_vjp(sg.log_softmax(logits.astype(dtype)), v)
        want = w_m * q.sum(1) - (w * is_other).sum(1)
    else:
        got = sg.log_softmax_jvp(sg.log_softmax(logits.astype(dtype)), v)
        want = w_m * q.sum(1) - (q * w).sum(1)
    np.testing.assert_allclose(got[rows, at], want.astype(dtype), rtol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_calls_that_follow_one_another_give_the_same_bits(dtype):
    """Their threads are awake, so that smaller calls are shared among them."""
    logits = np.random.default_rng(0).normal(size=(40, 1000)).astype(dtype)
    calls = [sg.softmax, sg.log_softmax, lambda z: sg.softmax_vjp(sg.softmax(z), z)]
    before = sg.get_num_threads()
    try:
        sg.set_num_threads(1)
        with_one_thread = [call(logits).tobytes() for call in calls]
        sg.set_num_threads(3)
        for _ in range(30):
            assert [call(logits).tobytes() for call in calls] == with_one_thread
    finally:
        sg.set_num_threads(before)
