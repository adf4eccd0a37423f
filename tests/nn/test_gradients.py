"""The gradients of whole networks agree with the judge's finite differences and with those of softgrad.check."""

import numpy as np
import pytest

from cases import LOSSES
from judge import network as judge_network
from nn.networks import HIDDEN, batch, make
from softgrad.check import compare_gradients

TARGETS = ["class indices", "probabilities"]

every_network = pytest.mark.parametrize("hidden", HIDDEN)
every_loss = pytest.mark.parametrize("loss", LOSSES)
every_target = pytest.mark.parametrize("target", TARGETS)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@every_network
@every_loss
@every_target
def test_agrees_with_the_judge(hidden, loss, target):
    network, (x, t) = make(hidden, loss=loss), batch(target)
    got = network.loss_with_grads(x, t).grads
    wanted = judge_network.gradients(network, x, t)
    assert got.keys() == wanted.keys() == network.parameters.keys()
    for name in wanted:
        size = np.abs(wanted[name]).max()
        assert size > 0
        assert np.abs(got[name] - wanted[name]).max() < 1e-11 * size, name  # the promise is 1e-6


@every_network
@every_loss
@every_target
def test_passes_the_gradient_check(hidden, loss, target):
    network, (x, t) = make(hidden, loss=loss), batch(target)
    worst = compare_gradients(
        lambda: float(network.loss(x, t)), network.parameters, network.loss_with_grads(x, t).grads
    )
    assert worst.error < 1e-6, worst


@every_network
@every_loss
def test_float32_gradient_is_accurate_to_float32_precision(hidden, loss):
    network, (x, t) = make(hidden, loss=loss, dtype=np.float32), batch(dtype=np.float32)
    wanted = judge_network.gradients(network, x, t)
    for name, got in network.loss_with_grads(x, t).grads.items():
        size = np.abs(wanted[name]).max()
        assert np.abs(got - wanted[name]).max() < 64 * np.finfo(np.float32).eps * size, name


@every_network
@every_loss
@every_target
@every_dtype
def test_loss_agrees_with_the_judge(hidden, loss, target, dtype):
    network, (x, t) = make(hidden, loss=loss, dtype=dtype), batch(target, dtype)
    got, (with_grads, _) = network.loss(x, t), network.loss_with_grads(x, t)
    wanted = judge_network.loss(network, network.parameters, x, t)
    assert got == with_grads
    assert abs(got - wanted) < 64 * np.finfo(dtype).eps * wanted


@every_network
def test_duplicating_all_rows_does_not_change_the_gradient_of_the_mean(hidden):
    network, (x, t) = make(hidden), batch()
    once = network.loss_with_grads(x, t).grads
    twice = network.loss_with_grads(np.vstack([x, x]), np.hstack([t, t])).grads
    for name, grad in once.items():
        assert np.abs(twice[name] - grad).max() < 1e-14 * np.abs(grad).max(), name
