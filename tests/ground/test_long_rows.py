"""Rows of more than 2^18 entries are computed in stretches: by the same sums as shorter rows, in bounded memory."""

import subprocess
import sys

import ml_dtypes  # noqa: F401  it registers bfloat16 with NumPy
import numpy as np
import pytest

import judge
import softgrad as sg
from cases import GRAD_ULPS, LOSSES
from tolerance import assert_within

WHOLE = 2**18  # the longest row that is computed as a whole
LONG = WHOLE + 2**14 + 2**14 + 77  # two stretches more, and a part of one
DTYPES = ["float32", "float64", "float16", "bfloat16"]
dtypes = pytest.mark.parametrize("dtype", DTYPES)

rng = np.random.default_rng(0)
Z = rng.normal(size=(2, LONG)).astype(np.float32)
Z[0, 200_000] = 17  # a confident row; the other's largest logit is in the last stretch
Z[1, LONG - 3] = 12
V = rng.normal(size=Z.shape).astype(np.float32)
T = rng.random(Z.shape).astype(np.float32) ** 8
T /= T.sum(axis=1, keepdims=True)
Y = np.array([200_000, 5])
G, H = np.array([1.0, -2.0]), np.array([0.5, 3.0])
PRODUCTS = ["softmax_vjp", "softmax_jvp", "log_softmax_vjp", "log_softmax_jvp"]
OPTIONS = {"none": {}, "temperature": {"temperature": 0.7}, "softcap": {"softcap": 5.0}}


def floats(array):
    return np.asarray(array, np.float64)


def assert_starts_with(got, wanted):
    np.testing.assert_array_equal(floats(got)[..., : wanted.shape[-1]], floats(wanted))


@dtypes
def test_a_row_that_masks_what_is_beyond_a_whole_row_gives_its_results(dtype):
    whole, v = Z[:, :WHOLE].astype(dtype), V[:, :WHOLE].astype(dtype)
    long = np.full(Z.shape, -np.inf, dtype)
    long[:, :WHOLE] = whole
    zeros = np.zeros(Z.shape, dtype)
    zeros[:, :WHOLE] = v
    for temperature in (1.0, 0.7):
        for function in (sg.softmax, sg.log_softmax):
            assert_starts_with(function(long, temperature=temperature), function(whole, temperature=temperature))
        got, wanted = (sg.logsumexp(z, temperature=temperature) for z in (long, whole))
        np.testing.assert_array_equal(floats(got), floats(wanted))
        got, wanted = (sg.token_log_probs(z, Y, temperature=temperature) for z in (long, whole))
        np.testing.assert_array_equal(got, wanted)
        got, wanted = (sg.token_log_probs_vjp(z, Y, G, H, temperature=temperature) for z in (long, whole))
        assert_starts_with(got, wanted)
        assert not floats(got)[:, WHOLE:].any()
    for name in PRODUCTS:
        output = sg.log_softmax if name.startswith("log") else sg.softmax
        product = getattr(sg, name)
        assert_starts_with(product(output(long), zeros), product(output(whole), v))


# A softcap takes long in float64, and is computed in float32 for 16 bits.
OPTIONS_OF_DTYPES = [(o, dtype) for o in OPTIONS for dtype in DTYPES if o != "softcap" or dtype == "float32"]


@pytest.mark.parametrize(("options", "dtype"), OPTIONS_OF_DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_that_masks_what_is_beyond_a_whole_row_gives_its_results(loss, dtype, options):
    whole = Z[:1, :WHOLE].astype(dtype)
    long = np.full((1, LONG), -np.inf, dtype)
    long[:, :WHOLE] = whole
    t = np.zeros(long.shape, np.float32)
    t[:, :WHOLE] = T[:1, :WHOLE]
    weight = np.where(np.arange(LONG) % 3, 1.0, 0.5)
    for of_long, of_whole in ((Y[:1], Y[:1]), ([5], [5]), (t, t[:, :WHOLE])):
        if loss == "focal_loss" and np.ndim(of_long) == 2 and dtype != "float32":
            continue  # which takes long
        with_stats = getattr(sg, f"{loss}_with_stats")
        got = with_stats(long, of_long, weight=weight, **OPTIONS[options])
        wanted = with_stats(whole, of_whole, weight=weight[:WHOLE], **OPTIONS[options])
        assert got.loss == wanted.loss
        assert_starts_with(got.grad, wanted.grad)
        assert (floats(got.grad)[:, WHOLE:] == 0).all()
        for got_part, wanted_part in zip(got.stats, wanted.stats, strict=True):
            np.testing.assert_array_equal(got_part, wanted_part)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_are_as_exact_as_of_shorter_rows(dtype):
    z, v = Z.astype(dtype), V.astype(dtype)
    p, log_p = sg.softmax(z), sg.log_softmax(z)
    assert_within(4, p, judge.softmax(z))
    assert_within(4, log_p, judge.log_softmax(z))
    assert_within(4, sg.logsumexp(z), *judge.logsumexp(z))
    assert_within(5, sg.softmax_vjp(p, v), *judge.softmax_vjp(p, v))
    assert_within(4, sg.log_softmax_vjp(log_p, v), *judge.log_softmax_vjp(log_p, v))
    assert_within(4, sg.log_softmax_jvp(log_p, v), *judge.log_softmax_jvp(log_p, v))
    for y in (Y, np.array([LONG - 1, LONG - 3])):
        for got, exact in zip(sg.token_log_probs(z, y), judge.token_log_probs(z, y), strict=True):
            assert_within(4, got, exact)
        assert_within(5, sg.token_log_probs_vjp(z, y, G, H), *judge.token_log_probs_vjp(z, y, G, H))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("target", ["classes", "smoothed classes", "probabilities"])
def test_losses_are_as_exact_as_of_shorter_rows(loss, target):
    options = {"label_smoothing": 0.1} if target.startswith("smoothed") else {}
    y = T if target == "probabilities" else Y
    exact = judge.rows(loss, Z, y, **options)
    got = getattr(sg, f"{loss}_with_grad")(Z, y, reduction="none", **options)
    assert_within(4, got.loss, *exact.loss)
    assert_within(GRAD_ULPS.get(loss, (4, 6))[target != "classes"], got.grad, *exact.grad)


@dtypes
@pytest.mark.parametrize("place", [3, LONG - 5], ids=["the first stretch", "the last stretch"])
def test_rows_that_are_not_finite(dtype, place):
    finite = Z[:1].astype(dtype)
    for value in (np.nan, np.inf):
        z = np.concatenate([finite, finite])
        z[1, place] = value
        for function in (sg.softmax, sg.log_softmax):
            result = floats(function(z))
            np.testing.assert_array_equal(result[:1], floats(function(finite)))
            assert np.isnan(result[1]).all()
        gradient = floats(sg.token_log_probs_vjp(z, [0, 0], G, H))
        np.testing.assert_array_equal(gradient[:1], floats(sg.token_log_probs_vjp(finite, [0], G[:1], H[:1])))
        assert np.isnan(gradient[1]).all()
        np.testing.assert_array_equal(floats(sg.logsumexp(z))[1], value)
        assert np.isnan(floats(sg.cross_entropy_with_grad(z, [0, 0], reduction="none").grad)[1]).all()
    masked = np.full((1, LONG), -np.inf, dtype)
    assert floats(sg.logsumexp(masked)) == -np.inf
    masked[0, place] = 1
    np.testing.assert_array_equal(np.flatnonzero(floats(sg.softmax(masked))), [place])
    assert floats(sg.logsumexp(masked)) == 1


@dtypes
def test_results_may_replace_the_arguments(dtype):
    z, v = Z.astype(dtype), V.astype(dtype)
    for function in (sg.softmax, sg.log_softmax):
        np.testing.assert_array_equal(floats(function(z.copy(), out=(out := z.copy()))), floats(function(z)))
        np.testing.assert_array_equal(floats(function(out := z.copy(), out=out)), floats(function(z)))
    wanted = sg.token_log_probs_vjp(z, Y, G, H)
    np.testing.assert_array_equal(floats(sg.token_log_probs_vjp(out := z.copy(), Y, G, H, out=out)), floats(wanted))
    p = sg.softmax(z)
    np.testing.assert_array_equal(floats(sg.softmax_vjp(p, out := v.copy(), out=out)), floats(sg.softmax_vjp(p, v)))
    for target in (Y, T):
        wanted = sg.cross_entropy_with_grad(z, target, label_smoothing=0.1 if target is T else 0)
        out = z.copy()
        got = sg.cross_entropy_with_grad(out, target, out=out, label_smoothing=0.1 if target is T else 0)
        np.testing.assert_array_equal(floats(got.grad), floats(wanted.grad))
        assert got.loss == wanted.loss


@pytest.mark.parametrize("axis", [0, 1])
def test_the_classes_may_be_on_an_inner_axis(axis):
    z, v = np.moveaxis(Z, -1, axis), np.moveaxis(V, -1, axis)
    for order in "CF":
        a, b = np.array(z, order=order), np.array(v, order=order)
        np.testing.assert_array_equal(sg.softmax(a, axis=axis), np.moveaxis(sg.softmax(Z), -1, axis))
        p = sg.softmax(a, axis=axis)
        wanted = np.moveaxis(sg.softmax_vjp(sg.softmax(Z), V), -1, axis)
        np.testing.assert_array_equal(sg.softmax_vjp(p, b, axis=axis), wanted)
        grad = sg.cross_entropy_with_grad(a, Y, axis=axis).grad
        np.testing.assert_array_equal(grad, np.moveaxis(sg.cross_entropy_with_grad(Z, Y).grad, -1, axis))


# The most memory that the process had used, before and after the calls, whose arrays exist before.
GROWTH = """
import resource, sys, ml_dtypes, numpy as np, softgrad as sg
sg.set_num_threads(1)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
z = np.zeros((1, 2**23), sys.argv[1])
out, v = np.zeros_like(z), np.ones_like(z)
t = np.full(z.shape, 2.0**-23, np.float64 if z.dtype == np.float64 else np.float32)
sg.softmax(z[:, :100], out=out[:, :100])
before = peak()
for function in (sg.softmax, sg.log_softmax):
    function(z, out=out)
sg.logsumexp(z)
sg.token_log_probs_vjp(z, [5], [1.0], [1.0], out=out)
for function in (sg.softmax_vjp, sg.log_softmax_vjp, sg.log_softmax_jvp):
    function(z, v, out=out)
for loss in (sg.cross_entropy_with_grad, sg.kl_divergence_with_grad, sg.squared_error_with_grad):
    loss(z, [5], out=out)
    loss(z, t, out=out)
sg.focal_loss_with_grad(z, [5], out=out)
sg.cross_entropy_with_grad(z, [5], out=out, softcap=5.0 if z.dtype != np.float64 else None)
print(peak() - before)
"""


@dtypes
def test_the_memory_of_a_long_row_is_bounded(dtype):
    result = subprocess.run([sys.executable, "-c", GROWTH, dtype], capture_output=True, text=True, check=True)
    assert int(result.stdout) < 8 * 2**20, "a row of 2^23 entries takes 16 MiB and more"
