"""The formulas of the docstrings, on numbers that a reader can check by hand."""

import math

import numpy as np
import pytest

import softgrad as sg
from cases import DTYPES, LOSSES, logits, probabilities
from tolerance import assert_within

p = np.array([0.5, 0.25, 0.25])
z = np.log(p)  # whose softmax is p
t = np.array([0.2, 0.3, 0.5])


def test_cross_entropy_has_its_minus_sign():
    """L = -sum_j t_j log p_j, not negative where t is a distribution."""
    value = -(0.2 * math.log(0.5) + 0.3 * math.log(0.25) + 0.5 * math.log(0.25))
    assert_within(4, sg.cross_entropy(z, t), value)
    assert_within(4, sg.cross_entropy(z, 1), math.log(4))
    assert sg.cross_entropy([[0.0, 0.0]], [0]) > 0


def test_cross_entropy_gradient_is_p_minus_t():
    assert_within(4, sg.cross_entropy_with_grad(z, t).grad, [0.3, -0.05, -0.25], p + t)


def test_cross_entropy_gradient_is_p_sum_t_minus_t_where_t_does_not_sum_to_1():
    assert_within(4, sg.cross_entropy_with_grad(z, 2 * t).grad, [0.6, -0.1, -0.5], 2 * p + 2 * t)
    assert_within(4, sg.cross_entropy_with_grad(z, [0, 0, 3.0]).grad, [1.5, 0.75, -2.25], [1.5, 0.75, 3.75])


def test_cross_entropy_gradient_for_a_class_number_is_p_with_1_subtracted_there():
    assert_within(4, sg.cross_entropy_with_grad(z, 2).grad, [0.5, 0.25, -0.75])


def test_the_mean_over_m_rows_carries_1_over_m():
    rows = np.stack([z, z, z, z])
    assert_within(4, sg.cross_entropy_with_grad(rows, [2] * 4).grad[3], [0.125, 0.0625, -0.1875])
    total = sg.cross_entropy_with_grad(rows, [2] * 4, reduction="sum")
    assert_within(4, total.grad[3], [0.5, 0.25, -0.75])


def test_kl_divergence():
    value = sum(t_j * math.log(t_j / p_j) for t_j, p_j in zip(t, p, strict=True))
    assert_within(1, sg.kl_divergence(z, t), value, sum(t * (abs(np.log(t)) + abs(z))))
    assert sg.kl_divergence(z, p) == 0


@pytest.mark.parametrize("target", [t, 2 * t, 1], ids=["distribution", "unnormalised", "class"])
def test_kl_divergence_has_the_gradient_of_cross_entropy(target):
    kl, cross_entropy = sg.kl_divergence_with_grad(z, target), sg.cross_entropy_with_grad(z, target)
    np.testing.assert_array_equal(kl.grad, cross_entropy.grad)


def test_squared_error_is_halved():
    """L = 1/2 sum (p - t)^2, so that dL/dp is p - t, not 2 (p - t)."""
    assert_within(4, sg.squared_error(z, t), (0.3**2 + 0.05**2 + 0.25**2) / 2, sum(abs(p - t) * np.maximum(p, t)))
    J = np.diag(p) - np.outer(p, p)
    assert_within(4, sg.squared_error_with_grad(z, t).grad, J @ (p - t), abs(J) @ (p + t))


@pytest.mark.parametrize("case", ["two classes", "ragged", "high", "confident"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gradient_is_dL_dp_through_the_jacobian(case, dtype):
    """-t / p for cross-entropy, p - t for the squared error; this route also rounds p, dL/dp and their product."""
    logit, target = logits(case, dtype), probabilities(case, dtype)
    probs = sg.softmax(logit)
    J = sg.SoftmaxJacobian(probs)
    at_probs = {"cross_entropy": -target / probs, "squared_error": probs - target}
    for name, dL_dp in at_probs.items():
        terms = probs * (abs(dL_dp) + (probs * abs(dL_dp)).sum(axis=1, keepdims=True))
        size = np.maximum(terms, LOSSES[name].judge(logit, target).grad.size)
        grad = LOSSES[name].with_grad(logit, target, reduction="none").grad
        assert_within(16, grad, J.T @ dL_dp, size)
        assert_within(16, sg.softmax_vjp(probs, dL_dp), grad, size)
