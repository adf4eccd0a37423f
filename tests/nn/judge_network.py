"""Judges networks from outside: the forward pass in long double, every derivative by five-point differences.

Nothing of softgrad is imported: a layer is known by the name of its class.
"""

import numpy as np

LONG = np.longdouble
STEP = np.finfo(LONG).eps ** LONG(0.2)  # five-point differences leave an error near eps^(4/5), 7e-16, times f


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


ACTIVATIONS = {
    "ReLU": lambda x: np.where(x > 0, x, 0),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    "Softmax": softmax,
}

LOSSES = {  # of one row's probabilities p, against its target distribution t
    "cross_entropy": lambda p, t: -(t * np.log(p)).sum(axis=-1),
    "kl_divergence": lambda p, t: (t * np.log(np.where(t > 0, t, 1) / p)).sum(axis=-1),
    "squared_error": lambda p, t: ((p - t) ** 2).sum(axis=-1) / 2,
}


def forward(layer, parameters, x):
    """The output of one layer."""
    kind = type(layer).__name__
    if kind == "Dense":
        return x @ parameters["weight"] + parameters["bias"]
    return ACTIVATIONS[kind](x)


def loss(network, parameters, x, target):
    """The mean loss over the rows, with `parameters` by the names that the network has for them."""
    a = x.astype(LONG)
    for i, layer in enumerate(network.layers):
        a = forward(layer, {name: parameters.get(f"layers.{i}.{name}") for name in ("weight", "bias")}, a)
    t = np.eye(a.shape[1], dtype=LONG)[target] if target.ndim == 1 else target.astype(LONG)
    return LOSSES[network.loss_name](softmax(a), t).mean()


def gradients(network, x, target):
    """The gradient of the loss at every parameter of the network."""
    parameters = {name: value.astype(LONG) for name, value in network.parameters.items()}
    return {name: derivative(lambda: loss(network, parameters, x, target), array) for name, array in parameters.items()}


def derivative(f, array):
    """df/darray, in the shape of f() with that of `array` behind it; `array` is changed in place and put back."""
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
