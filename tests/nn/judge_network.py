"""A reference implementation of networks: the forward pass in long double, derivatives by five-point differences.

It imports nothing of softgrad. It recognises a layer by the name of its class.
"""

import numpy as np

import judge
from judge import Wide

STEP = np.finfo(Wide).eps ** Wide(0.2)  # the error of five-point differences is then about eps^(4/5) f, 7e-16 f

ACTIVATIONS = {
    "ReLU": lambda x: np.where(x > 0, x, 0),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    "Softmax": judge.softmax,
}


def forward(layer, parameters, x):
    """The output of one layer."""
    kind = type(layer).__name__
    if kind == "Dense":
        return x @ parameters["weight"] + parameters["bias"]
    return ACTIVATIONS[kind](x)


def loss(network, parameters, x, target):
    """The mean loss over the rows. `parameters` holds each parameter under the name that the network gives it."""
    a = x.astype(Wide)
    for i, layer in enumerate(network.layers):
        a = forward(layer, {name: parameters.get(f"layers.{i}.{name}") for name in ("weight", "bias")}, a)
    return getattr(judge, network.loss_name)(a, target).loss.value.mean()


def gradients(network, x, target):
    """The gradient of the loss with respect to every parameter of the network."""
    parameters = {name: value.astype(Wide) for name, value in network.parameters.items()}
    return {name: derivative(lambda: loss(network, parameters, x, target), array) for name, array in parameters.items()}


def derivative(f, array):
    """df/darray, of shape (*f().shape, *array.shape). `array` is changed in place, and restored afterwards."""
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
