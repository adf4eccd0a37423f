"""The network that the parameters of a classifier describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from softgrad import nn
from softgrad.errors import OptionError
from softgrad.estimator.parameters import NAME, hidden_sizes

if TYPE_CHECKING:
    from softgrad.estimator.classifier import SoftmaxClassifier

ACTIVATIONS: dict[str, type[nn.Layer]] = {"logistic": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
SMALL_TABLE = 2**16  # numbers in a table


def build(
    classifier: SoftmaxClassifier, features: int, classes: int, dtype: np.dtype[np.generic], rng: np.random.Generator
) -> nn.Network:
    """A network with new parameters."""
    layers: list[nn.Layer] = []
    for units in hidden_sizes(classifier.hidden_layer_sizes):
        layers.append(nn.Dense(units))
        if classifier.activation in ACTIVATIONS:
            layers.append(ACTIVATIONS[classifier.activation]())
        if classifier.dropout:
            layers.append(nn.Dropout(classifier.dropout))
    options = dict(classifier.loss_options or {})
    if classifier.label_smoothing:
        options["label_smoothing"] = classifier.label_smoothing
    network = nn.Network([*layers, nn.Dense(classes)], loss=classifier.loss, dtype=dtype, **options)
    network.initialize(features, seed=rng)
    if classifier.solver == "lbfgs" and len(layers) == 0:  # convex: the search begins where LogisticRegression's does
        network.layers[0].parameters["weight"][...] = 0
    return network


def dense_layers(network: nn.Network) -> list[nn.Dense]:
    """The layers that have parameters."""
    return [layer for layer in network.layers if isinstance(layer, nn.Dense)]


def copy_parameters(old: nn.Network, new: nn.Network) -> None:
    """Gives the new network the parameters of the old one."""
    shapes = [[layer.parameters["weight"].shape for layer in dense_layers(network)] for network in (old, new)]
    if shapes[0] != shapes[1]:
        sizes = [tuple(shape[1] for shape in of[:-1]) for of in shapes]
        raise OptionError(
            f"{NAME}.fit: hidden_layer_sizes is {sizes[1]}, but the classifier was fitted with {sizes[0]}, and "
            "warm_start goes on from its parameters; set warm_start=False"
        )
    for source, target in zip(dense_layers(old), dense_layers(new), strict=True):
        for name, value in source.parameters.items():
            target.parameters[name] = value.astype(new.dtype)


def dtype_for(classifier: SoftmaxClassifier, shape: tuple[int, int]) -> np.dtype[np.generic]:
    """The dtype of the network for a table of this shape."""
    if classifier.dtype != "auto":
        return np.dtype(classifier.dtype)
    return np.dtype(np.float64 if shape[0] * shape[1] <= SMALL_TABLE else np.float32)
