"""Networks of layers: the forward pass by definition, and derivatives by five-point differences.

A layer is recognised by the name of its class.
"""

import numpy as np

from judge.arithmetic import WIDE
from judge.batch import rows
from judge.softmax import softmax

STEP = WIDE.eps ** (1 / WIDE.wide(5))


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + WIDE.exp(-x))


def tanh(x):
    """sinh(x) / cosh(x)."""
    return (WIDE.exp(x) - WIDE.exp(-x)) / (WIDE.exp(x) + WIDE.exp(-x))


ACTIVATIONS = {"ReLU": lambda x: np.where(x > 0, x, 0), "Sigmoid": sigmoid, "Tanh": tanh, "Softmax": softmax}


def forward(layer, parameters, x):
    """The output of one layer."""
    kind = type(layer).__name__
    if kind == "Dense":
        return x @ parameters["weight"] + parameters["bias"]
    return ACTIVATIONS[kind](x)


def loss(network, parameters, x, target):
    """The mean loss over the rows. `parameters` holds each parameter under the name that the network gives it."""
    a = WIDE.wide(x)
    for i, layer in enumerate(network.layers):
        a = forward(layer, {name: parameters.get(f"layers.{i}.{name}") for name in ("weight", "bias")}, a)
    return rows(network.loss_name, a, target).reduced().loss.value


def gradients(network, x, target):
    """The gradient of the loss with respect to every parameter of the network."""
    parameters = {name: WIDE.wide(value) for name, value in network.parameters.items()}
    return {name: derivative(lambda: loss(network, parameters, x, target), array) for name, array in parameters.items()}


def derivative(f, array):
    """df/darray, of shape (*f().shape, *array.shape). `array` is changed in place, and restored afterwards.

    The steps have the size eps^(1/5), so that the error is about eps^(4/5) of f: 7e-16 in long double.
    """
    columns = []
    for index in np.ndindex(array.shape):
        x = array[index]
        values = []
        for steps in (2, 1, -1, -2):
            array[index] = x + steps * STEP
            values.append(f())
        array[index] = x
        columns.append((8 * (values[1] - values[2]) - (values[0] - values[3])) / (12 * STEP))
    return np.stack(columns, axis=-1).reshape(*np.shape(f()), *array.shape)
