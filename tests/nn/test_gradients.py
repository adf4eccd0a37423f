"""The gradients of whole networks agree with the judge's finite differences and with those of softgrad.check."""

import itertools

import numpy as np
import pytest

from cases import LOSSES
from judge import network as judge_network
from nn.networks import HIDDEN, batch, make
from sampled import sampled
from softgrad.check import compare_gradients
from tolerance import assert_within

TARGETS = ["class indices", "probabilities"]

every_network = pytest.mark.parametrize("hidden", HIDDEN)
every_loss = pytest.mark.parametrize("loss", LOSSES)
# The judge's gradients take long. The loss decides the last layer alone: CI tries each loss with some networks.
judged = pytest.mark.parametrize(
    "case",
    sampled(
        itertools.product(HIDDEN, LOSSES),
        lambda case: case[1] == "cross_entropy" or case[0] in ("none", "tanh", "all four"),
        "-".join,
    ),
)
every_target = pytest.mark.parametrize("target", TARGETS)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@judged
@every_target
def test_agrees_with_the_judge(case, target):
    hidden, loss = case
    network, (x, t) = make(hidden, loss=loss), batch(target)
    got = network.loss_with_grads(x, t).grads
    wanted, loss = judge_network.gradients(network, x, t), judge_network.loss(network, network.parameters, x, t)
    assert got.keys() == wanted.keys() == network.parameters.keys()
    for name in wanted:
        assert np.abs(wanted[name]).max() > 1e-12  # which is more than the tolerance
        assert_within(
            64, got[name], wanted[name], np.full_like(got[name], loss)
        )  # differences of losses are so accurate


@every_network
@every_loss
@every_target
def test_passes_the_gradient_check(hidden, loss, target):
    network, (x, t) = make(hidden, loss=loss), batch(target)
    worst = compare_gradients(
        lambda: float(network.loss(x, t)), network.parameters, network.loss_with_grads(x, t).grads
    )
    assert worst.error < 1e-6, worst


@judged
def test_float32_gradient_is_accurate_to_float32_precision(case):
    hidden, loss = case
    network, (x, t) = make(hidden, loss=loss, dtype=np.float32), batch(dtype=np.float32)
    wanted = judge_network.gradients(network, x, t)
    for name, got in network.loss_with_grads(x, t).grads.items():
        assert_within(16, got, wanted[name], np.full_like(got, np.abs(wanted[name]).max()))


@every_network
@every_loss
@every_target
@every_dtype
def test_loss_agrees_with_the_judge(hidden, loss, target, dtype):
    network, (x, t) = make(hidden, loss=loss, dtype=dtype), batch(target, dtype)
    got, (with_grads, _) = network.loss(x, t), network.loss_with_grads(x, t)
    wanted = judge_network.loss(network, network.parameters, x, t)
    assert got == with_grads
    assert_within(4, got, wanted)


@every_network
def test_duplicating_all_rows_does_not_change_the_gradient_of_the_mean(hidden):
    network, (x, t) = make(hidden), batch()
    once = network.loss_with_grads(x, t).grads
    twice = network.loss_with_grads(np.vstack([x, x]), np.hstack([t, t])).grads
    for name, grad in once.items():
        assert_within(16, twice[name], grad, np.full_like(grad, np.abs(grad).max()))
