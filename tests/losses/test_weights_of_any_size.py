"""Class weights near the limits of the dtype. The mean over weighted rows is the same for weights times any factor."""

import numpy as np
import pytest

import softgrad as sg
from cases import DTYPES, LOSSES
from judge.arithmetic import Mpmath
from together import together
from tolerance import assert_within

rng = np.random.default_rng(3)
Z, Y, PLAIN = rng.normal(size=(6, 4)), np.array([0, 1, 2, 3, 1, 0]), np.array([1.0, 3.0, 0.5, 2.0])
losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
dtypes = pytest.mark.parametrize("dtype", ["float16", *DTYPES])


@losses
@dtypes
@together(
    exponent=[1022, 1000, 130, 80, -80, -140, -1000, -1040],
    options=[{}, {"label_smoothing": 0.1}, {"ignore_index": 3}],
)
def test_a_common_factor_changes_no_mean(loss, dtype, exponent, options):
    z, weight = Z.astype(dtype), np.ldexp(PLAIN, exponent)
    got, wanted = (loss.with_stats(z, Y, weight=w, **options) for w in (weight, PLAIN))
    assert_within(2, got.loss, wanted.loss)
    assert_within(2, got.grad, wanted.grad, abs(wanted.grad).max())
    np.testing.assert_array_equal(got.stats.entropy, wanted.stats.entropy)
    with np.errstate(over="ignore", under="ignore"):
        assert_within(2, got.stats.loss, np.ldexp(wanted.stats.loss, exponent))
    v = Z[::-1].copy()
    products = [loss.hvp(z, Y, v, weight=w, **options) for w in (weight, PLAIN)]
    assert_within(2, *products, abs(products[1]).max())


@pytest.mark.parametrize("memory", [2**20, 4 * 8])
@pytest.mark.parametrize("exponent", [1022, -1040])
def test_of_the_linear_loss(exponent, memory):
    got, wanted = (
        sg.linear_cross_entropy_with_stats(Z, np.eye(4), Y, weight=w, max_memory=memory)
        for w in (np.ldexp(PLAIN, exponent), PLAIN)
    )
    assert_within(4, got.loss, wanted.loss)
    assert_within(4, got.grad.dx, wanted.grad.dx, abs(wanted.grad.dx).max())
    with np.errstate(over="ignore"):
        assert_within(4, got.stats.loss, np.ldexp(wanted.stats.loss, exponent))


@dtypes
def test_a_z_loss_keeps_its_share(dtype):
    z = Z.astype(dtype)
    z_loss = np.ldexp(0.01, -100)
    got = sg.cross_entropy_with_grad(z, Y, weight=np.ldexp(PLAIN, -100), z_loss=z_loss)
    wanted = sg.cross_entropy_with_grad(z, Y, weight=PLAIN, z_loss=0.01)
    assert_within(2, got.loss, wanted.loss)
    assert_within(2, got.grad, wanted.grad, abs(wanted.grad).max())


def test_a_z_loss_too_large_beside_the_weights():
    with pytest.raises(sg.OptionError, match=r"^cross_entropy: z_loss is 10.0, too large beside the class weights; "):
        sg.cross_entropy(Z, Y, weight=np.full(4, 1e-320), z_loss=10.0)


@losses
@dtypes
def test_only_the_weights_of_the_targets_count(loss, dtype):
    z = Z.astype(dtype)
    for others in (0.0, 1e308, 1e-308):
        got = loss.with_grad(z, np.zeros(6, int), weight=[1e-320, others, others, others])
        wanted = loss.with_grad(z, np.zeros(6, int))
        assert_within(2, got.loss, wanted.loss)
        assert_within(4, got.grad, wanted.grad, abs(wanted.grad).max())


@losses
def test_a_weight_that_its_dtype_cannot_hold_is_refused(loss):
    z = Z.astype("float32")
    for options in ({"reduction": "sum"}, {"reduction": "none"}, {"denominator": 2.0}):
        with pytest.raises(
            sg.OptionError, match=r"weight\[2\] is 1e\+100, too large .* divide all weights by the largest"
        ):
            loss.value(z, Y, weight=[1, 1, 1e100, 1], **options)
    with pytest.raises(sg.OptionError, match=r"weight\[2\] is 1e\+100, too large"):
        loss.value(z, np.full((6, 4), 0.25), weight=[1, 1, 1e100, 1])
    with pytest.raises(sg.OptionError, match=r"weight\[2\] is 1e\+100, too large"):
        loss.value(z, np.zeros(6, int), weight=[1, 1, 1e100, 1], label_smoothing=0.1)


@losses
@together(dtype=DTYPES, share=[1 / 16, 1e-20])
def test_the_mean_of_losses_whose_sum_overflows(loss, dtype, share):
    largest = float(np.finfo(dtype).max) * share
    z, t = np.zeros((64, 4), dtype), np.eye(4, dtype=dtype)[[0] * 64]
    got = loss.value(z, t, weight=np.full(4, largest, dtype))
    assert_within(8, got / np.dtype(dtype).type(largest), loss.value(z, t))


@losses
@pytest.mark.parametrize("dtype", DTYPES)
@together(denominator=[1e-30, 1e30], temperature=[1e-3, 1.0, 1e6])
def test_extreme_denominators(loss, dtype, denominator, temperature):
    z = Z.astype(dtype)
    exact = loss.judge(z, Y, temperature=temperature, a=Mpmath(50)).reduced(denominator=denominator)
    with np.errstate(over="ignore"):
        got = loss.with_grad(z, Y, denominator=denominator, temperature=temperature)
    tiny = np.finfo(dtype).tiny * max(1, 1 / denominator) / min(temperature, 1)
    assert_within(4, got.loss, exact.loss.value, np.maximum(exact.loss.size, tiny))
    assert_within(loss.grad_ulps[0], got.grad, exact.grad.value, np.maximum(exact.grad.size, tiny))


@pytest.mark.parametrize("denominator", [0, 1e-320, 1e-31, 1e31, np.inf, -1])
def test_a_denominator_out_of_range_is_refused(denominator):
    with pytest.raises(sg.OptionError, match=r"denominator is .*, wanted a positive number from 1e-30 to 1e30"):
        sg.cross_entropy(Z, Y, denominator=denominator)
