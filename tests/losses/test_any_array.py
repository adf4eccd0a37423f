"""The losses on whatever logits and targets hypothesis thinks of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cases import LOSSES
from tolerance import assert_within

stable = settings(derandomize=True, deadline=None, max_examples=100)
losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


@st.composite
def batches(draw):
    """Logits (N, K) from a few levels, or of any size up to 1e4; class numbers; weights of a target distribution."""
    dtype, width = draw(st.sampled_from([("float32", 32), ("float64", 64)]))
    N, K = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    levels = st.sampled_from([-90.0, 0.0, 0.25, 17.0])
    z = draw(arrays.arrays(dtype, (N, K), elements=st.floats(-8192, 8192, width=width) | levels))
    y = draw(arrays.arrays("int64", N, elements=st.integers(0, K - 1)))
    weights = draw(arrays.arrays("float64", (N, K), elements=st.sampled_from([0.0, 0.25, 0.3, 1.0, 7.0])))
    weights[np.arange(N), y] += 1
    return z, y, (weights / weights.sum(axis=1, keepdims=True)).astype(dtype)


@losses
@stable
@given(batches(), st.sampled_from(["mean", "sum", "none"]), st.booleans())
def test_loss_and_gradient(loss, batch, reduction, columns):
    z, *targets = batch
    axis = 0 if columns else -1
    for kind, target in zip(["classes", "probabilities"], targets, strict=True):
        exact = loss.judge(z, target).reduced(reduction)
        given_z, given_target = (z.T, target.T) if columns else (z, target)
        value, grad = loss.with_grad(given_z, given_target, axis=axis, reduction=reduction)
        assert_within(4, value, *exact.loss)
        assert_within(4, loss.value(given_z, given_target, axis=axis, reduction=reduction), *exact.loss)
        assert_within(loss.ulps(kind), grad.T if columns else grad, *exact.grad)
