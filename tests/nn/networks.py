"""The networks and the mini-batch that the tests in this folder share."""

import numpy as np

from softgrad import nn

N, D, K = 7, 5, 3

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softmax": nn.Softmax}

HIDDEN = {  # name: the activations; a Dense layer precedes each of them
    "none": [],
    **{name: [kind] for name, kind in ACTIVATIONS.items()},
    "all four": list(ACTIVATIONS.values()),
    **{f"{name} twice": [kind, kind] for name, kind in ACTIVATIONS.items()},
}


def make(hidden, *, loss="cross_entropy", dtype=np.float64, units=D):
    """A network with the named hidden layers; its biases are not 0."""
    layers = [layer for activation in HIDDEN[hidden] for layer in (nn.Dense(units), activation())]
    network = nn.Network([*layers, nn.Dense(K)], loss=loss, dtype=dtype).initialize(D, seed=0)
    rng = np.random.default_rng(1)
    for parameter in network.parameters.values():
        parameter += rng.normal(0, 0.3, parameter.shape)
    return network


def batch(target="class indices", dtype=np.float64):
    """N rows, and a target of the named form: "class indices" or "probabilities"."""
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (N, D)).astype(dtype)
    if target == "class indices":
        return x, rng.integers(0, K, N)
    return x, rng.dirichlet(np.ones(K), N).astype(dtype)
