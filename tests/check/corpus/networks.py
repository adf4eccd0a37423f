"""Mistakes in the backprop of whole networks: dense layers, softmax at the end, the mean cross-entropy.

Rows (x W + b), columns (W x + b) and PyTorch's rows (x W^T + b); parameters in a dict, or one argument each.
"""

import itertools

import numpy as np

from check.corpus.case import UNNAMED, Family
from check.corpus.common import mean_loss, mean_loss_columns, one_hot, relu, sigmoid, softmax

family = Family("networks")

RATE = 0.1
DECAY = 0.05


def parameters(rng, *widths, columns=False, column_bias=False):
    """{"W1": (n, k), "b1": (k,), ...}; for columns W is (k, n), and b may be (k, 1)."""
    drawn = {}
    for layer, (n, k) in enumerate(itertools.pairwise(widths), start=1):
        drawn[f"W{layer}"] = rng.normal(0, n**-0.5, (k, n) if columns else (n, k))
        drawn[f"b{layer}"] = rng.normal(0, 0.3, (k, 1) if column_bias else k)
    return drawn


def batch(rng, m, n, K):
    return rng.normal(size=(m, n)), rng.integers(0, K, m)


def network_inputs(m, *widths, **how):
    """(params, x, classes), rows."""

    def draw(rng):
        return parameters(rng, *widths, **how), *batch(rng, m, widths[0], widths[-1])

    return draw


def flat_inputs(m, *widths, **how):
    """(W1, b1, W2, b2, ..., x, classes), rows."""

    def draw(rng):
        return (*parameters(rng, *widths, **how).values(), *batch(rng, m, widths[0], widths[-1]))

    return draw


def column_inputs(m, *widths):
    """(params, x, one-hot), columns, b of shape (k, 1)."""

    def draw(rng):
        x, classes = batch(rng, m, widths[0], widths[-1])
        return (
            parameters(rng, *widths, columns=True, column_bias=True),
            x.T.copy(),
            one_hot(classes, widths[-1]).T.copy(),
        )

    return draw


# Two layers of rows, parameters in a dict -------------------------------------------------------------------------


def two_layer_loss(params, x, classes):
    hidden = relu(x @ params["W1"] + params["b1"])
    return mean_loss(hidden @ params["W2"] + params["b2"], classes)


def two_layer_residual(params, x, classes):
    hidden = relu(x @ params["W1"] + params["b1"])
    z = hidden @ params["W2"] + params["b2"]
    return hidden, (softmax(z) - one_hot(classes, z.shape[1])) / len(x)


@family.planted("updated-weights", "the error goes back through W2 as it will be after the step", kind="grad")
def weights_stepped_too_early(rng):
    def grad(params, x, classes):
        hidden, dz = two_layer_residual(params, x, classes)
        grads = {"W2": hidden.T @ dz, "b2": dz.sum(axis=0)}
        stepped = params["W2"] - RATE * grads["W2"]
        dhidden = dz @ stepped.T * (hidden > 0)
        return {**grads, "W1": x.T @ dhidden, "b1": dhidden.sum(axis=0)}

    return two_layer_loss, grad, network_inputs(6, 5, 4, 3)(rng)


@family.planted("updated-weights", "a step in place, layer by layer", kind="grad", also=("input-overwritten",))
def weights_stepped_in_place(rng):
    def grad(params, x, classes):
        hidden, dz = two_layer_residual(params, x, classes)
        grads = {"W2": hidden.T @ dz, "b2": dz.sum(axis=0)}
        for name in ("W2", "b2"):
            params[name] -= 0.5 * grads[name]
        dhidden = dz @ params["W2"].T * (hidden > 0)
        return {"W1": x.T @ dhidden, "b1": dhidden.sum(axis=0), **grads}

    return two_layer_loss, grad, network_inputs(6, 5, 4, 3)(rng)


@family.planted("relu-derivative-one", "relu is skipped", kind="grad")
def relu_skipped(rng):
    def grad(params, x, classes):
        hidden, dz = two_layer_residual(params, x, classes)
        dhidden = dz @ params["W2"].T
        return {"W1": x.T @ dhidden, "b1": dhidden.sum(0), "W2": hidden.T @ dz, "b2": dz.sum(0)}

    return two_layer_loss, grad, network_inputs(7, 5, 4, 3)(rng)


@family.planted(
    "relu-derivative-one",
    "relu is skipped, in a network for 8 x 8 digits",
    kind="grad",
    context={"network": "2 dense layers, relu, softmax"},
)
def relu_skipped_for_digits(rng):
    def grad(params, x, classes):
        hidden, dz = two_layer_residual(params, x, classes)
        dhidden = np.matmul(dz, params["W2"].T)
        return {"W1": x.T @ dhidden, "b1": dhidden.sum(0), "W2": hidden.T @ dz, "b2": dz.sum(0)}

    return two_layer_loss, grad, network_inputs(32, 64, 64, 10)(rng)


@family.planted("input-for-activation", "dW2 from x, as wide as the hidden layer", kind="grad")
def input_in_place_of_hidden(rng):
    def grad(params, x, classes):
        hidden, dz = two_layer_residual(params, x, classes)
        dhidden = np.where(hidden > 0, dz @ params["W2"].T, 0)
        return {"W1": x.T @ dhidden, "b1": dhidden.sum(0), "W2": x.T @ dz, "b2": dz.sum(0)}

    return two_layer_loss, grad, network_inputs(6, 4, 4, 3)(rng)


@family.planted("update-direction", "the step is returned, minus the gradient", kind="grad", also=("sign",))
def step_in_place_of_gradient(rng):
    def grad(params, x, classes):
        hidden, dz = two_layer_residual(params, x, classes)
        dhidden = dz @ params["W2"].T * (hidden > 0)
        return {"W1": -x.T @ dhidden, "b1": -dhidden.sum(0), "W2": -hidden.T @ dz, "b2": -dz.sum(0)}

    return two_layer_loss, grad, network_inputs(5, 4, 6, 3)(rng)


@family.planted("softmax-derivative-again", "the output layer's softmax is differentiated once more", kind="grad")
def softmax_differentiated_again(rng):
    def grad(params, x, classes):
        hidden, dz = two_layer_residual(params, x, classes)
        p = softmax(hidden @ params["W2"] + params["b2"])
        dz = p * (dz - np.sum(dz * p, axis=1, keepdims=True))
        dhidden = dz @ params["W2"].T * (hidden > 0)
        return {"W1": x.T @ dhidden, "b1": dhidden.sum(0), "W2": hidden.T @ dz, "b2": dz.sum(0)}

    return two_layer_loss, grad, network_inputs(8, 5, 4, 3)(rng)


@family.planted(UNNAMED, "a unit of the hidden layer is switched off in dW1", kind="grad")
def one_unit_switched_off(rng):
    def grad(params, x, classes):
        hidden, dz = two_layer_residual(params, x, classes)
        dhidden = dz @ params["W2"].T * (hidden > 0)
        dW1 = x.T @ dhidden
        dW1[:, 1] = 0
        return {"W1": dW1, "b1": dhidden.sum(0), "W2": hidden.T @ dz, "b2": dz.sum(0)}

    return two_layer_loss, grad, network_inputs(9, 5, 4, 3)(rng)


# One argument each ------------------------------------------------------------------------------------------------


def flat_sigmoid_loss(W1, b1, W2, b2, x, classes):
    return mean_loss(sigmoid(x @ W1 + b1) @ W2 + b2, classes)


def flat_backward(W1, b1, W2, b2, x, classes, hidden, derivative):
    dz = softmax(hidden @ W2 + b2)
    dz[np.arange(len(x)), classes] -= 1
    dz /= len(x)
    dhidden = dz @ W2.T * derivative
    return x.T @ dhidden, dhidden.sum(axis=0), hidden.T @ dz, dz.sum(axis=0)


@family.planted("activation-derivative-at-output", "sigmoid'(a)", kind="grad", wrt=(0, 1, 2, 3))
def sigmoid_derivative_of_the_hidden_output(rng):
    def derivative(z):
        return sigmoid(z) * (1 - sigmoid(z))

    def grad(W1, b1, W2, b2, x, classes):
        a = sigmoid(x @ W1 + b1)
        return flat_backward(W1, b1, W2, b2, x, classes, a, derivative(a))

    return flat_sigmoid_loss, grad, flat_inputs(6, 5, 4, 3)(rng)


@family.planted("activation-not-squared", "tanh with 1 - a", kind="grad", wrt=(0, 1, 2, 3))
def tanh_network_not_squared(rng):
    def loss(W1, b1, W2, b2, x, classes):
        return mean_loss(np.tanh(x @ W1 + b1) @ W2 + b2, classes)

    def grad(W1, b1, W2, b2, x, classes):
        a = np.tanh(x @ W1 + b1)
        return flat_backward(W1, b1, W2, b2, x, classes, a, 1 - a)

    return loss, grad, flat_inputs(6, 3, 5, 4)(rng)


@family.planted("weight-not-transposed", "W2 is square, and goes back unturned", kind="grad", wrt=(0, 2))
def square_weight_not_transposed(rng):
    def grad(W1, b1, W2, b2, x, classes):
        a = sigmoid(x @ W1 + b1)
        dz = (softmax(a @ W2 + b2) - one_hot(classes, len(b2))) / len(x)
        return x.T @ (dz @ W2 * a * (1 - a)), a.T @ dz

    return flat_sigmoid_loss, grad, flat_inputs(6, 5, 4, 4)(rng)


@family.planted("weight-gradient-transposed", "PyTorch's W, dW2 turned", kind="grad", wrt=(0, 1, 2, 3))
def torch_weight_gradient_transposed(rng):
    def loss(W1, b1, W2, b2, x, classes):
        return mean_loss(np.tanh(x @ W1.T + b1) @ W2.T + b2, classes)

    def grad(W1, b1, W2, b2, x, classes):
        a = np.tanh(x @ W1.T + b1)
        dz = (softmax(a @ W2.T + b2) - one_hot(classes, len(b2))) / len(x)
        dh = dz @ W2 * (1 - a * a)
        return dh.T @ x, dh.sum(0), a.T @ dz, dz.sum(0)

    return loss, grad, flat_inputs(6, 5, 4, 4, columns=True)(rng)


# Columns ----------------------------------------------------------------------------------------------------------


def column_loss(params, X, Y):
    A1 = np.tanh(np.dot(params["W1"], X) + params["b1"])
    return mean_loss_columns(np.dot(params["W2"], A1) + params["b2"], Y)


def column_cache(params, X):
    A1 = np.tanh(np.dot(params["W1"], X) + params["b1"])
    return A1, softmax(np.dot(params["W2"], A1) + params["b2"], axis=0)


COLUMNS = {"network": "2 dense layers, tanh, softmax", "layout": "columns"}


@family.planted("mean-missing", "db2 lacks the 1/m that the others have", kind="grad", context=COLUMNS)
def mean_missing_in_one_bias(rng):
    def grad(params, X, Y):
        m = X.shape[1]
        A1, A2 = column_cache(params, X)
        dZ2 = A2 - Y
        dW2 = 1 / m * np.dot(dZ2, A1.T)
        db2 = np.sum(dZ2, axis=1, keepdims=True)
        dZ1 = np.dot(params["W2"].T, dZ2) * (1 - np.power(A1, 2))
        dW1 = 1 / m * np.dot(dZ1, X.T)
        db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
        return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}

    return column_loss, grad, column_inputs(7, 5, 4, 3)(rng)


@family.planted("mean-missing", "no 1/m in any layer", kind="grad")
def mean_missing_in_every_layer(rng):
    def grad(params, X, Y):
        A1, A2 = column_cache(params, X)
        dZ2 = A2 - Y
        dZ1 = params["W2"].T @ dZ2 * (1 - A1**2)
        return {
            "W1": dZ1 @ X.T,
            "b1": dZ1.sum(axis=1, keepdims=True),
            "W2": dZ2 @ A1.T,
            "b2": dZ2.sum(axis=1, keepdims=True),
        }

    return column_loss, grad, column_inputs(6, 5, 4, 3)(rng)


@family.planted("mean-twice", "1/m in dZ2, and in dW and db again", kind="grad", context=COLUMNS)
def mean_twice_in_every_layer(rng):
    def grad(params, X, Y):
        m = X.shape[1]
        A1, A2 = column_cache(params, X)
        dZ2 = (A2 - Y) / m
        dZ1 = params["W2"].T @ dZ2 * (1 - A1**2)
        sums = {"W1": dZ1 @ X.T, "b1": dZ1.sum(1)[:, None], "W2": dZ2 @ A1.T, "b2": dZ2.sum(1)[:, None]}
        return {name: value / m for name, value in sums.items()}

    return column_loss, grad, column_inputs(5, 4, 6, 3)(rng)
