"""A check is quick enough for a test suite: about 50 ms for a softmax layer, 1.5 s for a network of 4,810 parameters.

The unit is one evaluation of the user's function and gradient. The limits are twice what is measured.
"""

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import relu, row_losses, softmax
from cost import cost

Z = np.random.default_rng(0).normal(size=(4, 3))

LAYERS = {  # the backward of a softmax layer: (the lines, the name of what is wrong, the limit in evaluations)
    "right": (lambda z, p, dp: p * (dp - (p * dp).sum(axis=-1, keepdims=True)), None, 2_800),
    "wrong": (lambda z, p, dp: p * (1 - p) * dp, "diagonal-only", 16_000),
}


@pytest.mark.parametrize("case", LAYERS)
def test_a_softmax_layer(case):
    vjp, name, limit = LAYERS[case]
    report = sg.check_vjp(softmax, vjp, Z)
    assert report.ok is (name is None)
    assert name is None or report.mistake.name == name
    p = softmax(Z)
    evaluations = cost(lambda: sg.check_vjp(softmax, vjp, Z), lambda: vjp(Z, softmax(Z), p), turns=5, units=100)
    assert evaluations < limit


def loss(P, x, y):
    return row_losses(relu(x @ P["W1"] + P["b1"]) @ P["W2"] + P["b2"], y).mean()


def backward(activation_derivative):
    def grad(P, x, y):
        h = relu(x @ P["W1"] + P["b1"])
        dz2 = (softmax(h @ P["W2"] + P["b2"]) - np.eye(10)[y]) / len(y)
        dz1 = activation_derivative(dz2 @ P["W2"].T, h)
        return {"W1": x.T @ dz1, "b1": dz1.sum(axis=0), "W2": h.T @ dz2, "b2": dz2.sum(axis=0)}

    return grad


NETWORKS = {  # the lines, the name of what is wrong, {rows: the limit in evaluations}
    "right": (backward(lambda dh, h: dh * (h > 0)), None, {50: 1_600, 1797: 500}),
    "wrong": (backward(lambda dh, h: dh), "relu-derivative-one", {50: 5_600, 1797: 1_400}),
}


@pytest.mark.parametrize("rows", [50, 1797])
@pytest.mark.parametrize("case", NETWORKS)
def test_the_digits_network(case, rows):
    from sklearn.datasets import load_digits

    grad, name, limits = NETWORKS[case]
    rng = np.random.default_rng(0)
    digits = load_digits()
    P = {
        "W1": rng.normal(0, 0.2, (64, 64)),
        "b1": rng.normal(0, 0.1, 64),
        "W2": rng.normal(0, 0.2, (64, 10)),
        "b2": rng.normal(0, 0.1, 10),
    }
    assert sum(array.size for array in P.values()) == 4810
    x, y = digits.data[:rows] / 16, digits.target[:rows]
    report = sg.check_grad(loss, grad, P, x, y)
    assert report.ok is (name is None)
    assert name is None or report.mistake.name == name
    evaluations = cost(
        lambda: sg.check_grad(loss, grad, P, x, y), lambda: (loss(P, x, y), grad(P, x, y)), turns=2, units=30
    )
    assert evaluations < limits[rows]
