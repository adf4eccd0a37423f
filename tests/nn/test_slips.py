"""Typical mistakes in a layer's derivative, planted one at a time. The check must catch each, and name its place."""

import numpy as np
import pytest

from cases import LOSSES
from judge import network as judge_network
from nn.networks import D, batch, make
from softgrad import nn
from softgrad.check import compare_gradients
from softgrad.check.derivatives.network import entries_compared

# The layers of each network: 0 Dense, 1 activation, 2 Dense, 3 activation, 4 Dense. All hidden widths are D, so that a
# transposed matrix has the right shape and only its numbers are wrong.
FIRST_DENSE, ACTIVATION, DENSE = 0, 1, 2

PARAMETER_SLIPS = {  # name: (the parameter whose gradient is wrong, the wrong gradient)
    "bias of the first row only": ("bias", lambda x, g: g[0]),
    "bias averaged": ("bias", lambda x, g: g.mean(axis=0)),
    "bias gradient is zero": ("bias", lambda x, g: np.zeros(g.shape[1])),
    "bias with the wrong sign": ("bias", lambda x, g: -g.sum(axis=0)),
    "weight transposed": ("weight", lambda x, g: g.T @ x),
    "weight gradient is zero": ("weight", lambda x, g: np.zeros((x.shape[1], g.shape[1]))),
    "weight averaged": ("weight", lambda x, g: x.T @ g / len(x)),
    "weight gradient is NaN": ("weight", lambda x, g: np.full((x.shape[1], g.shape[1]), np.nan)),
    "small error on the diagonal": ("weight", lambda x, g: x.T @ g + 1e-4 * np.eye(D)),
}

INPUT_SLIPS = {  # name: (activation, the layer with the mistake, its wrong input_grad)
    "tanh without its derivative": ("tanh", ACTIVATION, lambda x, y, g: g),
    "relu for x < 0": ("relu", ACTIVATION, lambda x, y, g: np.where(x < 0, g, 0)),
    "relu without its mask": ("relu", ACTIVATION, lambda x, y, g: g),
    "sigmoid with x for y": ("sigmoid", ACTIVATION, lambda x, y, g: g * x * (1 - x)),
    "sigmoid without its second factor": ("sigmoid", ACTIVATION, lambda x, y, g: g * y),
    "sigmoid with the wrong sign": ("sigmoid", ACTIVATION, lambda x, y, g: -g * y * (1 - y)),
    "tanh with x for y": ("tanh", ACTIVATION, lambda x, y, g: g * (1 - x**2)),
    "tanh without the square": ("tanh", ACTIVATION, lambda x, y, g: g * (1 - y)),
    "softmax with the diagonal only": ("softmax", ACTIVATION, lambda x, y, g: g * y * (1 - y)),
    "softmax without the mean": ("softmax", ACTIVATION, lambda x, y, g: g * y),
    "softmax with an unweighted mean": ("softmax", ACTIVATION, lambda x, y, g: y * (g - g.mean(axis=1, keepdims=True))),
    "softmax with a mean over the rows": ("softmax", ACTIVATION, lambda x, y, g: y * (g - (g * y).sum(axis=0))),
    "softmax with zeros": ("softmax", ACTIVATION, lambda x, y, g: np.zeros_like(g)),
}


@pytest.fixture(params=["every entry", pytest.param("a sample", marks=pytest.mark.thorough)])
def extent(request, monkeypatch):
    """Whether every entry is compared, or a sample and projections, as in networks of more than 10,000 parameters."""
    if request.param == "a sample":
        monkeypatch.setattr("softgrad.check.derivatives.network.MOST_PARAMETERS", 20)
        monkeypatch.setattr("softgrad.check.derivatives.network.SAMPLE", 4)


def check(network, x, target):
    grads = network.loss_with_grads(x, target).grads
    return grads, compare_gradients(lambda: float(network.loss(x, target)), network.parameters, grads)


@pytest.mark.parametrize("slip", PARAMETER_SLIPS)
@pytest.mark.parametrize("hidden", ["relu twice", "softmax twice"])
def test_a_wrong_parameter_gradient_is_named(slip, hidden, extent, monkeypatch):
    name, wrong = PARAMETER_SLIPS[slip]
    network, (x, target) = make(hidden), batch()
    layer = network.layers[DENSE]
    right = layer.parameter_grads
    monkeypatch.setattr(layer, "parameter_grads", lambda x, g: {**right(x, g), name: wrong(x, g)})
    grads, worst = check(network, x, target)
    assert worst.error > 1e-6
    assert worst.name == f"layers.{DENSE}.{name}"
    np.testing.assert_equal(worst.got, grads[worst.name][worst.entry])


@pytest.mark.parametrize("slip", INPUT_SLIPS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_wrong_activation_gradient_shows_in_the_layer_below(slip, loss, extent, monkeypatch):
    activation, position, wrong = INPUT_SLIPS[slip]
    network, (x, target) = make(f"{activation} twice", loss=loss), batch()
    monkeypatch.setattr(network.layers[position], "input_grad", wrong)
    _, worst = check(network, x, target)
    assert worst.error > 1e-3
    assert worst.name.startswith(f"layers.{FIRST_DENSE}.")


def test_an_input_grad_with_a_transposed_weight_shows_in_the_layer_below(monkeypatch):
    network, (x, target) = make("tanh twice"), batch()
    layer = network.layers[DENSE]
    monkeypatch.setattr(layer, "input_grad", lambda x, y, g: g @ layer.parameters["weight"])
    _, worst = check(network, x, target)
    assert worst.error > 1e-3
    assert worst.name.startswith(f"layers.{FIRST_DENSE}.")


def test_the_gradient_that_the_check_wants_is_that_of_the_judge(monkeypatch):
    network, (x, target) = make("softmax twice"), batch()
    wrong = INPUT_SLIPS["softmax with the diagonal only"][2]
    monkeypatch.setattr(network.layers[ACTIVATION], "input_grad", wrong)
    grads, worst = check(network, x, target)
    got, judged = grads[worst.name], judge_network.gradients(network, x, target)[worst.name]
    errors = np.abs(got - judged) / np.maximum(np.abs(got), np.abs(judged))
    assert abs(worst.wanted - judged[worst.entry]) < 1e-7 * np.abs(judged).max()
    assert abs(worst.error - errors.max()) < 1e-6


WIDE = (300, 128)  # the columns of a wide table, and the hidden units that are the default of the command


def wide(seed=0):
    rng = np.random.default_rng(seed)
    network = nn.Network([nn.Dense(WIDE[1]), nn.ReLU(), nn.Dense(3)], dtype=np.float64).initialize(WIDE[0], seed=seed)
    for parameter in network.parameters.values():
        parameter += 0.05 * rng.standard_normal(parameter.shape)
    return network, rng.standard_normal((16, WIDE[0])), rng.integers(0, 3, 16)


def test_the_check_of_a_wide_network_takes_few_calls():
    network, x, target = wide()
    calls = []

    def loss():
        calls.append(1)
        return float(network.loss(x, target))

    worst = compare_gradients(loss, network.parameters, network.loss_with_grads(x, target).grads)
    assert worst.error < 1e-6
    assert (worst.entries, worst.projections) == (256 + 128 + 256 + 3, 16)
    assert len(calls) < 3000
    assert entries_compared(network.parameters) == worst.entries


@pytest.mark.parametrize("name", ["layers.0.weight", "layers.2.weight"])
@pytest.mark.parametrize("factor", [0, 1.001])
def test_a_single_wrong_entry_among_many_is_found(name, factor):
    network, x, target = wide()
    grads = network.loss_with_grads(x, target).grads
    large = np.argsort(np.abs(grads[name]), axis=None)[-grads[name].size // 20]
    grads[name].flat[large] *= factor
    worst = compare_gradients(lambda: float(network.loss(x, target)), network.parameters, grads)
    assert (worst.name, worst.entry) == (name, np.unravel_index(large, grads[name].shape))
    assert abs(worst.error - abs(1 - factor)) < 1e-5
