"""Mistakes in networks of three layers, with regularisation, dropout or another loss, and in objects with state."""

import numpy as np

from check.corpus.case import Family
from check.corpus.common import mean_loss, one_hot, relu, softmax
from check.corpus.networks import (
    DECAY,
    flat_inputs,
    network_inputs,
    parameters,
    two_layer_loss,
    two_layer_residual,
)

family = Family("deep networks")


# Three layers, the hidden ones of one width -------------------------------------------------------------------------


def three_layer_loss(params, x, classes):
    h1 = relu(x @ params["W1"] + params["b1"])
    h2 = relu(h1 @ params["W2"] + params["b2"])
    return mean_loss(h2 @ params["W3"] + params["b3"], classes)


def three_layer_backward(params, x, classes, wrong_mask=False, wrong_upstream=False):
    h1 = relu(x @ params["W1"] + params["b1"])
    h2 = relu(h1 @ params["W2"] + params["b2"])
    z = h2 @ params["W3"] + params["b3"]
    dz3 = (softmax(z) - one_hot(classes, z.shape[1])) / len(x)
    dz2 = dz3 @ params["W3"].T * (h2 > 0)
    dz1 = (dz3 if wrong_upstream else dz2) @ params["W2"].T * ((h2 if wrong_mask else h1) > 0)
    grads = {}
    for layer, (below, dz) in enumerate([(x, dz1), (h1, dz2), (h2, dz3)], start=1):
        grads[f"W{layer}"] = below.T @ dz
        grads[f"b{layer}"] = dz.sum(axis=0)
    return grads


@family.planted("activation-derivative-wrong-layer", "h2's mask where h1's belongs", kind="grad")
def mask_of_the_layer_above(rng):
    def grad(params, x, classes):
        return three_layer_backward(params, x, classes, wrong_mask=True)

    return three_layer_loss, grad, network_inputs(8, 5, 4, 4, 3)(rng)


@family.planted(
    "upstream-of-wrong-layer",
    "dz3 goes through W2, as wide as W3",
    kind="grad",
    context={"network": "dense 5-4-4-4, relu, softmax"},
)
def error_of_the_layer_above(rng):
    def grad(params, x, classes):
        return three_layer_backward(params, x, classes, wrong_upstream=True)

    return three_layer_loss, grad, network_inputs(8, 5, 4, 4, 4)(rng)


# L2 regularisation: lambda / 2 ||W||^2, on the weights alone ----------------------------------------------------------


def regularised(share):
    def loss(params, x, classes):
        squares = np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2)
        return two_layer_loss(params, x, classes) + share(len(x)) * squares

    return loss


def two_layer_gradient(params, x, classes):
    hidden, dz = two_layer_residual(params, x, classes)
    dhidden = dz @ params["W2"].T * (hidden > 0)
    return {"W1": x.T @ dhidden, "b1": dhidden.sum(0), "W2": hidden.T @ dz, "b2": dz.sum(0)}


def with_decay(factor, names=("W1", "W2")):
    def grad(params, x, classes):
        grads = two_layer_gradient(params, x, classes)
        return {k: v + factor(len(x)) * params[k] * (k in names) for k, v in grads.items()}

    return grad


@family.planted("regulariser-missing", "lambda / 2 ||W||^2 only in the loss", kind="grad", context={"reg": DECAY})
def regulariser_missing(rng):
    return regularised(lambda m: DECAY / 2), two_layer_gradient, network_inputs(6, 5, 4, 3)(rng)


@family.planted("regulariser-sign", "lambda W is subtracted", kind="grad", context={"reg": f"l2, lambda = {DECAY}"})
def regulariser_subtracted(rng):
    return regularised(lambda m: DECAY / 2), with_decay(lambda m: -DECAY), network_inputs(6, 5, 4, 3)(rng)


@family.planted("regulariser-factor", "lambda W of a loss with lambda ||W||^2", kind="grad", context={"reg": DECAY})
def regulariser_without_its_two(rng):
    return regularised(lambda m: DECAY), with_decay(lambda m: DECAY), network_inputs(7, 5, 4, 3)(rng)


@family.planted("regulariser-factor", "lambda W without the 1/m of lambda / (2m) ||W||^2", kind="grad")
def regulariser_without_its_mean(rng):
    return regularised(lambda m: 0.5 / (2 * m)), with_decay(lambda m: 0.5), network_inputs(6, 4, 5, 3)(rng)


@family.planted("regulariser-on-bias", "biases decay, though not in the loss", kind="grad", context={"reg": DECAY})
def regulariser_on_the_biases(rng):
    decayed = with_decay(lambda m: DECAY, names=("W1", "b1", "W2", "b2"))
    return regularised(lambda m: DECAY / 2), decayed, network_inputs(6, 5, 4, 3)(rng)


@family.planted(
    "sign", "and nothing of lambda", kind="grad", pair=("sign", "regulariser-missing"), context={"reg": DECAY}
)
def sign_and_regulariser(rng):
    def grad(params, x, classes):
        return {name: -value for name, value in two_layer_gradient(params, x, classes).items()}

    return regularised(lambda m: DECAY / 2), grad, network_inputs(6, 5, 4, 3)(rng)


# Dropout with a given mask, leaky relu, squared error -----------------------------------------------------------------


@family.planted("dropout-mask-missing", "dropped units learn", kind="grad", context={"keep": 0.5})
def dropped_units_learn(rng):
    def loss(params, x, classes, mask):
        hidden = np.tanh(x @ params["W1"] + params["b1"]) * mask / 0.5
        return mean_loss(hidden @ params["W2"] + params["b2"], classes)

    def grad(params, x, classes, mask):
        a = np.tanh(x @ params["W1"] + params["b1"])
        hidden = a * mask / 0.5
        dz = (softmax(hidden @ params["W2"] + params["b2"]) - one_hot(classes, 3)) / len(x)
        da = dz @ params["W2"].T / 0.5 * (1 - a**2)
        return {"W1": x.T @ da, "b1": da.sum(0), "W2": hidden.T @ dz, "b2": dz.sum(0)}

    mask = (rng.permutation(24) % 2).reshape(6, 4).astype(float)
    return loss, grad, (*network_inputs(6, 5, 4, 3)(rng), mask)


@family.planted("leaky-slope-missing", "plain relu's mask in a leaky network", kind="grad", wrt=(0, 1, 2, 3))
def leaky_network_with_plain_mask(rng):
    def loss(W1, b1, W2, b2, x, classes):
        z1 = x @ W1 + b1
        return mean_loss(np.maximum(z1, 0.1 * z1) @ W2 + b2, classes)

    def grad(W1, b1, W2, b2, x, classes):
        z1 = x @ W1 + b1
        hidden = np.maximum(z1, 0.1 * z1)
        dz = (softmax(hidden @ W2 + b2) - one_hot(classes, len(b2))) / len(x)
        dz1 = dz @ W2.T * (z1 > 0)
        return x.T @ dz1, dz1.sum(0), hidden.T @ dz, dz.sum(0)

    return loss, grad, flat_inputs(6, 5, 4, 3)(rng)


@family.planted("factor-2", "the derivative of a square, of a loss with the half", kind="grad")
def regression_with_a_two(rng):
    def loss(params, x, y):
        out = np.tanh(x @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]
        return np.sum((out - y) ** 2) / (2 * len(x))

    def grad(params, x, y):
        a = np.tanh(x @ params["W1"] + params["b1"])
        dz = 2 * (a @ params["W2"] + params["b2"] - y) / len(x)
        da = dz @ params["W2"].T * (1 - a**2)
        return {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": a.T @ dz, "b2": dz.sum(axis=0)}

    return loss, grad, (parameters(rng, 4, 5, 3), rng.normal(size=(7, 4)), rng.normal(size=(7, 3)))


# State --------------------------------------------------------------------------------------------------------------


@family.planted("accumulated-gradient", "a network whose += is never set back to 0", kind="grad")
def network_that_accumulates(rng):
    class Network:
        def __init__(self):
            self.grads = {}

        def loss(self, params, x, classes):
            return two_layer_loss(params, x, classes)

        def backward(self, params, x, classes):
            for name, value in two_layer_gradient(params, x, classes).items():
                self.grads[name] = self.grads.get(name, 0) + value
            return dict(self.grads)

    network = Network()
    return network.loss, network.backward, network_inputs(6, 5, 4, 3)(rng)
