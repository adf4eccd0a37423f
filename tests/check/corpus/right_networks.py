"""Right layers and networks: rows, columns, PyTorch's rows; parameters in a dict, or one argument each."""

import numpy as np

from check.corpus.case import Family
from check.corpus.common import mean_loss, one_hot, relu, sigmoid, softmax
from check.corpus.deep_networks import (
    regularised,
    three_layer_backward,
    three_layer_loss,
    two_layer_gradient,
    with_decay,
)
from check.corpus.layers import column_inputs as dense_column_inputs
from check.corpus.layers import dense, dense_columns, dense_inputs
from check.corpus.networks import (
    COLUMNS,
    column_cache,
    column_inputs,
    column_loss,
    flat_inputs,
    network_inputs,
    two_layer_loss,
)

family = Family("right networks")


# Layers -----------------------------------------------------------------------------------------------------------


@family.right("dense, rows")
def dense_layer(rng):
    def vjp(x, W, b, y, g):
        return g @ W.T, x.T @ g, g.sum(axis=0)

    return dense, vjp, dense_inputs(5, 4, 3)(rng)


@family.right("dense, columns", context={"layout": "columns", "layer": "dense"})
def dense_layer_of_columns(rng):
    def vjp(x, W, b, y, g):
        return W.T.dot(g), g.dot(x.T), g.sum(axis=1)

    return dense_columns, vjp, dense_column_inputs(6, 4, 3)(rng)


@family.right("dense, PyTorch's W, by einsum and one sample after another")
def dense_layer_with_torch_weights(rng):
    def forward(x, W, b):
        return np.array([W @ row + b for row in x])

    def vjp(x, W, b, y, g):
        return np.einsum("bo,oi->bi", g, W), sum(np.outer(e, row) for e, row in zip(g, x, strict=True)), sum(g)

    x, W, b = dense_inputs(5, 3, 3)(rng)
    return forward, vjp, (x, W.T, b)


@family.right("tanh's derivative written 1 / cosh^2", context={"activation": "tanh"})
def tanh_by_cosh(rng):
    return np.tanh, lambda z, a, g: g / np.cosh(z) ** 2, (rng.normal(size=(4, 6)),)


@family.right("sigmoid's derivative written (1 - tanh(z/2)^2) / 4")
def sigmoid_by_tanh(rng):
    return sigmoid, lambda z, a, g: g * (1 - np.tanh(z / 2) ** 2) / 4, (3 * rng.normal(size=(5, 4)),)


@family.right("dropout with a mask that is given", context={"keep": 0.8})
def dropout_with_a_given_mask(rng):
    mask = (rng.random((5, 4)) < 0.8).astype(float)
    return lambda x, mask: x * mask / 0.8, lambda x, mask, y, g: (g * mask / 0.8, None), (rng.normal(size=(5, 4)), mask)


# Networks ---------------------------------------------------------------------------------------------------------


@family.right("two layers, relu, parameters in a dict", kind="grad")
def two_layers(rng):
    return two_layer_loss, two_layer_gradient, network_inputs(6, 5, 4, 3)(rng)


@family.right("64-64-10, told", kind="grad", context={"network": "2 dense layers, relu, softmax", "layout": "rows"})
def two_layers_for_digits(rng):
    return two_layer_loss, two_layer_gradient, network_inputs(32, 64, 64, 10)(rng)


@family.right("the gradients in another order than the parameters", kind="grad")
def gradients_in_another_order(rng):
    def grad(params, x, classes):
        return dict(reversed(two_layer_gradient(params, x, classes).items()))

    return two_layer_loss, grad, network_inputs(5, 4, 4, 4)(rng)


@family.right("three layers", kind="grad")
def three_layers(rng):
    return three_layer_loss, three_layer_backward, network_inputs(8, 5, 4, 4, 3)(rng)


@family.right("tanh, columns, 1/m in each line", kind="grad", context=COLUMNS)
def columns_of_a_course(rng):
    def grad(params, X, Y):
        m = X.shape[1]
        A1, A2 = column_cache(params, X)
        dZ2 = A2 - Y
        dZ1 = np.multiply(np.dot(params["W2"].T, dZ2), 1 - np.power(A1, 2))
        return {
            "W1": (1 / m) * np.dot(dZ1, X.T),
            "b1": (1 / m) * np.sum(dZ1, axis=1, keepdims=True),
            "W2": (1 / m) * np.dot(dZ2, A1.T),
            "b2": (1 / m) * np.sum(dZ2, axis=1, keepdims=True),
        }

    return column_loss, grad, column_inputs(7, 5, 4, 3)(rng)


@family.right("sigmoid, one argument each, PyTorch's W, sample by sample", kind="grad", wrt=(0, 1, 2, 3))
def sample_by_sample(rng):
    def loss(W1, b1, W2, b2, x, classes):
        return mean_loss(sigmoid(x @ W1.T + b1) @ W2.T + b2, classes)

    def grad(W1, b1, W2, b2, x, classes):
        total = [np.zeros_like(value) for value in (W1, b1, W2, b2)]
        for row, c in zip(x, classes, strict=True):
            a = sigmoid(W1 @ row + b1)
            error = softmax(W2 @ a + b2)
            error[c] -= 1
            below = (W2.T @ error) * a * (1 - a)
            for sums, value in zip(total, (np.outer(below, row), below, np.outer(error, a), error), strict=True):
                sums += value / len(x)
        return tuple(total)

    return loss, grad, flat_inputs(6, 5, 4, 3, columns=True)(rng)


@family.right("lambda / (2m) ||W||^2", kind="grad", context={"reg": "l2, 0.5 / (2m)"})
def with_l2(rng):
    return regularised(lambda m: 0.5 / (2 * m)), with_decay(lambda m: 0.5 / m), network_inputs(6, 5, 4, 3)(rng)


@family.right("softmax regression with L1, away from 0", kind="grad", wrt=(0, 1))
def regression_with_l1(rng):
    def loss(W, b, x, classes):
        return mean_loss(x @ W + b, classes) + 0.01 * np.abs(W).sum()

    def grad(W, b, x, classes):
        dz = (softmax(x @ W + b) - one_hot(classes, len(b))) / len(x)
        return x.T @ dz + 0.01 * np.sign(W), dz.sum(axis=0)

    W, b, x, classes = flat_inputs(6, 5, 3)(rng)
    return loss, grad, (W, b, x, classes)


@family.right("a hidden unit that never fires: part of the gradient is 0", kind="grad")
def dead_unit(rng):
    params, x, classes = network_inputs(6, 5, 4, 3)(rng)
    params["b1"][2] = -50
    return two_layer_loss, two_layer_gradient, (params, x, classes)


@family.right("wrt the input too, in the middle of the arguments", kind="grad", wrt=(0, 2))
def weights_and_input(rng):
    def loss(W, classes, x):
        return mean_loss(relu(x) @ W, classes)

    def grad(W, classes, x):
        dz = (softmax(relu(x) @ W) - one_hot(classes, W.shape[1])) / len(x)
        return relu(x).T @ dz, dz @ W.T * (x > 0)

    return loss, grad, (rng.normal(size=(4, 3)), rng.integers(0, 3, 5), rng.normal(size=(5, 4)))
