"""Every loss and gradient against the judge, for every kind of target and reduction."""

import numpy as np
import pytest

import judge
from cases import CASES, DTYPES, LOSSES, TARGETS, logits
from tolerance import assert_within

pytestmark = [
    pytest.mark.parametrize("case", CASES),
    pytest.mark.parametrize("dtype", DTYPES),
    pytest.mark.parametrize("target", TARGETS),
    pytest.mark.parametrize("name", LOSSES),
]


def test_loss_and_gradient(case, dtype, target, name):
    loss = LOSSES[name]
    z, t = logits(case, dtype), TARGETS[target](case, dtype)
    judged = loss.judge(z, t)
    for reduction in ("none", "mean", "sum"):
        exact = judged.reduced(reduction)
        value, (same_value, grad) = loss.value(z, t, reduction=reduction), loss.with_grad(z, t, reduction=reduction)
        assert_within(4, value, *exact.loss)
        assert_within(4, same_value, *exact.loss)
        assert_within(4, value, same_value)
        assert_within(loss.ulps(target), grad, *exact.grad)
        assert value.dtype == same_value.dtype == grad.dtype == dtype


def test_the_rows_of_the_gradient_sum_to_0(case, dtype, target, name):
    """Adding a constant to a row's logits changes nothing."""
    loss = LOSSES[name]
    z, t = logits(case, dtype), TARGETS[target](case, dtype)
    sums = judge.wide(loss.with_grad(z, t).grad).sum(axis=1).astype(dtype)
    size = loss.judge(z, t).reduced("mean").grad.size.sum(axis=1)
    assert_within(loss.ulps(target), sums, np.zeros(len(z)), size)
