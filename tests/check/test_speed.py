"""A check is quick enough for a test suite: a softmax layer in 50 ms, a network of 4,810 parameters in 2 s.

The best of several, by the clock or the time of this process, whichever is less: what else the machine does is not
counted, nor are threads that wait for work.
"""

import time

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import relu, row_losses, softmax

pytestmark = pytest.mark.timing

LAYER, NETWORK = 0.050, 2.0  # seconds
Z = np.random.default_rng(0).normal(size=(4, 3))


def best_of(count, check):
    """The least seconds of several calls, and the last report."""
    check()  # imports and caches
    seconds = []
    for _ in range(count):
        before, start = time.process_time(), time.perf_counter()
        report = check()
        seconds += [time.process_time() - before, time.perf_counter() - start]
    return min(seconds), report


LAYERS = {  # the backward of a softmax layer: (the lines, the name of what is wrong)
    "right": (lambda z, p, dp: p * (dp - (p * dp).sum(axis=-1, keepdims=True)), None),
    "wrong": (lambda z, p, dp: p * (1 - p) * dp, "diagonal-only"),
}


@pytest.mark.parametrize("case", LAYERS)
def test_a_softmax_layer(case):
    vjp, name = LAYERS[case]
    seconds, report = best_of(5, lambda: sg.check_vjp(softmax, vjp, Z))
    assert report.ok is (name is None)
    assert name is None or report.mistake.name == name
    assert seconds < LAYER


def loss(P, x, y):
    return row_losses(relu(x @ P["W1"] + P["b1"]) @ P["W2"] + P["b2"], y).mean()


def backward(activation_derivative):
    def grad(P, x, y):
        h = relu(x @ P["W1"] + P["b1"])
        dz2 = (softmax(h @ P["W2"] + P["b2"]) - np.eye(10)[y]) / len(y)
        dz1 = activation_derivative(dz2 @ P["W2"].T, h)
        return {"W1": x.T @ dz1, "b1": dz1.sum(axis=0), "W2": h.T @ dz2, "b2": dz2.sum(axis=0)}

    return grad


NETWORKS = {
    "right": (backward(lambda dh, h: dh * (h > 0)), None),
    "wrong": (backward(lambda dh, h: dh), "relu-derivative-one"),
}


@pytest.mark.parametrize("rows", [50, 1797])
@pytest.mark.parametrize("case", NETWORKS)
def test_the_digits_network(case, rows):
    from sklearn.datasets import load_digits

    grad, name = NETWORKS[case]
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
    seconds, report = best_of(2, lambda: sg.check_grad(loss, grad, P, x, y))
    assert report.ok is (name is None)
    assert name is None or report.mistake.name == name
    assert seconds < NETWORK
