"""A network and its answers in a graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from softgrad import nn
from softgrad.cli.exporting.graph import ML, Graph

SAME = {nn.ReLU: "Relu", nn.Sigmoid: "Sigmoid", nn.Tanh: "Tanh"}  # layers that are an operator of ONNX


def logits(graph: Graph, x: str, network: nn.Network) -> str:
    """The output of the last layer, of shape (N, K), for the inputs x in the network's dtype."""
    for layer in network.layers:
        if isinstance(layer, nn.Dense):
            weight, bias = (graph.constant(layer.parameters[name]) for name in ("weight", "bias"))
            x = graph.op("Gemm", x, weight, bias)
        elif isinstance(layer, nn.Softmax):
            x = graph.op("Softmax", x, axis=1)
        elif not isinstance(layer, nn.Dropout):  # which does nothing where a network is used
            x = graph.op(SAME[type(layer)], x)
    return x


def answers(
    graph: Graph, logits: str, classes: Sequence[str], temperature: np.floating, label: str, probabilities: str
) -> None:
    """The outputs `label`, the name of the most probable class, and `probabilities`, of shape (N, K)."""
    best = graph.op("ArgMax", logits, axis=1, keepdims=0)
    numbers = list(range(len(classes)))
    graph.op("LabelEncoder", best, output=label, domain=ML, keys_int64s=numbers, values_strings=list(classes))
    graph.op("Softmax", graph.op("Div", logits, graph.constant(temperature)), output=probabilities, axis=1)
