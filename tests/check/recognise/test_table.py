"""The checker recognises every loss of the table, and names a mistake in its gradient."""

import numpy as np
import pytest

import softgrad as sg
from softgrad.formulas.losses import LOSSES

Y = np.array([2, 0, 1, 3, 1])
T = np.random.default_rng(2).dirichlet(np.ones(4), 5)


@pytest.mark.parametrize("row", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("target", [Y, T], ids=["classes", "probabilities"])
def test_a_loss_of_the_table_is_recognised(row, target):
    loss, with_grad = getattr(sg, row.name), getattr(sg, f"{row.name}_with_grad")
    z = np.random.default_rng(1).normal(size=(5, 4))
    right = sg.check_grad(loss, lambda z, t: with_grad(z, t).grad, z, target)
    assert right.ok
    wrong = sg.check_grad(loss, lambda z, t: -with_grad(z, t).grad, z, target)
    assert wrong.mistake.name == "sign"
    summed = sg.check_grad(loss, lambda z, t: with_grad(z, t, reduction="sum").grad, z, target)
    assert summed.mistake.name == "mean-missing"
    # Against class indices the divergence is the cross-entropy.
    title = LOSSES["cross_entropy"].of_softmax if target is Y and row.name == "kl_divergence" else row.of_softmax
    assert f"forward computes the mean over the samples of the {title}" in str(wrong)
