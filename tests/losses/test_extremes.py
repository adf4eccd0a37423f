"""Rows for which a careless implementation of a loss gives 0, infinity or NaN."""

import math

import numpy as np
import pytest

import softgrad as sg
from cases import DTYPES, LOSSES
from tolerance import assert_within

inf, nan = np.inf, np.nan
losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


@dtypes
def test_a_confident_row_keeps_its_loss_and_gradient(dtype):
    """p_0 rounds to 1 in float32, but 1 - p_0 = 2 e^-17 / (1 + 2 e^-17) must keep its digits."""
    loss, grad = sg.cross_entropy_with_grad(np.array([17.0, 0, 0], dtype), 0)
    others = 2 * math.exp(-17)
    assert_within(4, loss, math.log1p(others))
    assert_within(4, grad, np.array([-others, others / 2, others / 2]) / (1 + others))


@dtypes
def test_a_row_on_the_edge_of_rounding_to_1(dtype):
    z = np.array([1 - np.log(np.finfo(dtype).eps), 0], dtype)
    loss, grad = sg.cross_entropy_with_grad(z, 0)
    other = np.exp(-z[0].astype(np.longdouble))
    assert_within(4, loss, np.log1p(other))
    assert_within(4, grad, np.array([-other, other]) / (1 + other))
    assert 0 < sg.squared_error(z, 0) < np.finfo(dtype).eps


@losses
@dtypes
@pytest.mark.parametrize("extreme", [1e4, -1e4, 1e8])
def test_equal_logits_of_any_size(loss, dtype, extreme):
    value, grad = loss.with_grad(np.full((2, 4), extreme, dtype), [3, 3])
    small_value, small_grad = loss.with_grad(np.zeros((2, 4), dtype), [3, 3])
    assert value == small_value
    np.testing.assert_array_equal(grad, small_grad)


@dtypes
def test_a_hopeless_row_has_a_finite_loss(dtype):
    loss, grad = sg.cross_entropy_with_grad(np.array([1e4, -1e4], dtype), 1)
    assert loss == 2e4
    assert grad.tolist() == [1, -1]
    loss, grad = sg.squared_error_with_grad(np.array([1e4, -1e4], dtype), 1)
    assert loss == 1
    assert grad.tolist() == [0, 0]


@losses
@dtypes
def test_no_target_on_a_masked_class(loss, dtype):
    """A class of probability 0 and target 0 adds nothing, and its gradient is 0."""
    z, t = np.array([[1.0, 2.0, -inf]], dtype), np.array([[0.3, 0.7, 0.0]], dtype)
    for masked, target in ((z, t), (z, [1])):
        value, grad = loss.with_grad(masked, target)
        seen_value, seen_grad = loss.with_grad(z[:, :2], t[:, :2] if target is t else target)
        assert value == loss.value(masked, target) == seen_value
        assert grad.tolist() == [[*seen_grad[0].tolist(), 0.0]]


@losses
@dtypes
def test_the_target_on_a_masked_class_of_weight_0(loss, dtype):
    """-log p of the class is infinite, and its weight makes the loss 0, not NaN."""
    z, weight = np.array([-inf, 0.0, 1.0], dtype), [0.0, 1.0, 1.0]
    for target in (0, np.array([1.0, 0.0, 0.0], dtype)):
        value, grad = loss.with_grad(z, target, weight=weight)
        assert value == 0
        assert grad.tolist() == [0, 0, 0]
        assert loss.hvp(z, target, np.ones(3, dtype), weight=weight).tolist() == [0, 0, 0]


@dtypes
def test_the_target_on_a_masked_class(dtype):
    z = np.array([1.0, 1.0, -inf], dtype)
    for loss in (sg.cross_entropy_with_grad, sg.kl_divergence_with_grad):
        for target in (2, np.array([0, 0, 1.0], dtype)):
            value, grad = loss(z, target)
            assert value == inf
            assert grad.tolist() == [0.5, 0.5, -1.0]
    value, grad = sg.squared_error_with_grad(z, 2)
    assert value == 0.75
    assert grad.tolist() == [0, 0, 0]


@losses
@dtypes
@pytest.mark.parametrize("row", [[-inf] * 3, [0, inf, 0], [0, nan, 0], [inf, nan, 0], [-inf, nan, 0]], ids=str)
@pytest.mark.parametrize("target", [0, 1, [0.5, 0.5, 0.0]], ids=str)
def test_a_row_without_probabilities_is_nan(loss, dtype, row, target):
    z = np.array([row, [0, 0, 0]], dtype)
    targets = np.array([target, target])
    value, grad = loss.with_grad(z, targets, reduction="none")
    assert np.isnan(value).tolist() == np.isnan(loss.value(z, targets, reduction="none")).tolist() == [True, False]
    assert np.isnan(grad[0]).all()
    assert np.isfinite(grad[1]).all()
    assert np.isnan(loss.value(z, targets))


@losses
@dtypes
def test_a_nan_in_the_target_is_seen(loss, dtype):
    value, grad = loss.with_grad(np.zeros((2, 2), dtype), np.array([[nan, 1], [0, 1]], dtype), reduction="none")
    assert np.isnan(value).tolist() == [True, False]
    assert np.isnan(grad[0]).all()
    assert np.isfinite(grad[1]).all()


def test_kl_divergence_from_a_negative_target_is_nan():
    assert np.isnan(sg.kl_divergence([0.0, 0.0], [-0.5, 1.5]))
    assert_within(4, sg.kl_divergence([0.0, 0.0], [-0.0, 1.0]), math.log(2))


@pytest.mark.parametrize("K", [3, 300])  # in tiles, and row by row
@dtypes
def test_a_masked_class_has_no_gradient_however_large_its_factor(K, dtype):
    z = np.full((1, K), -inf, dtype)
    z[0, :2] = 0, -1
    grad = sg.cross_entropy_with_grad(z, [0], weight=np.full(K, 1e8), temperature=1e-6, reduction="none").grad
    assert not grad[0, 2:].any()
    sure = np.full((1, K), -1e6, dtype)
    sure[0, 1] = 0
    loss, grad = sg.cross_entropy_with_grad(sure, [1], temperature=1e-12, reduction="none")
    assert loss == 0
    assert not grad.any()


@pytest.mark.parametrize("K", [3, 300])
@pytest.mark.parametrize(
    ("dtype", "peak", "temperature"),
    [("float32", 1e10, 1e-30), ("float32", 3e38, 0.1), ("float64", 1.7e308, 0.5), ("float64", -1e300, 1e-30)],
)
def test_logits_beyond_what_their_temperature_scales_to(K, dtype, peak, temperature):
    z = np.full((1, K), peak - abs(peak) / 2, dtype)
    z[0, 1] = peak
    assert sg.softmax(z, temperature=temperature).tolist() == [[0, 1] + [0] * (K - 2)]
    loss, grad = sg.cross_entropy_with_grad(z, [1], temperature=temperature)
    assert loss == 0
    assert not grad.any()


@pytest.mark.parametrize("K", [3, 300])
def test_a_subnormal_probability_times_a_large_weight_keeps_its_digits(K):
    z = np.zeros((1, K), "float32")
    z[0, 1:] = -95
    grad = sg.cross_entropy_with_grad(z, [0], weight=np.full(K, 1e6), reduction="none").grad
    e = np.exp(np.longdouble(-95))
    assert_within(4, grad[0, 1:], np.full(K - 1, 1e6 * e / (1 + (K - 1) * e)))
