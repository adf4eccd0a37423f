"""The layers of a network, each a function y = f(x) of rows x (N, D) with the derivatives that backprop asks of it.

With g = dL/dy, the gradient that arrives from the layer above:

    layer              y                    input_grad: dL/dx            parameter_grads
    Dense(units)       x W + b              g W^T                        dW = x^T g,  db = sum of g over the rows
    ReLU               max(x, 0)            g where y > 0, else 0
    Sigmoid            1 / (1 + exp(-x))    g y (1 - y)
    Tanh               tanh x               g (1 - y^2)
    Softmax            p = softmax(x)       p (g - sum_j g_j p_j)        each output depends on every input of its row

A layer keeps no activations: the network hands x and y back to it.

Source: Goodfellow et al., Deep Learning (2016), 6.5; Glorot and Bengio, AISTATS 2010, for the first weights.
"""

from __future__ import annotations

import numpy as np

from softgrad._arrays import Array
from softgrad.errors import OptionError
from softgrad.softmax import softmax, softmax_vjp


class Layer:
    """A layer without parameters, as wide as its input; the others override what differs."""

    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(str(value) for value in self.config().values())})"

    def config(self) -> dict[str, int]:
        """The arguments that make this layer again."""
        return {}

    def parameter_shapes(self, in_features: int) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter, for inputs of this width."""
        return {}

    def out_features(self, in_features: int) -> int:
        """The width of the output."""
        return in_features

    def initialize(self, in_features: int, rng: np.random.Generator) -> None:
        """Draws the first parameters, in float64."""

    def forward(
        self,
        x: Array,  # (N, D)
    ) -> Array:
        """The output y."""
        raise NotImplementedError

    def input_grad(
        self,
        x: Array,  # (N, D)
        y: Array,  # (N, D_out)
        grad_output: Array,  # (N, D_out)
    ) -> Array:
        """dL/dx, from dL/dy."""
        raise NotImplementedError

    def parameter_grads(
        self,
        x: Array,  # (N, D)
        grad_output: Array,  # (N, D_out)
    ) -> dict[str, Array]:
        """dL/dparameter for each parameter, from dL/dy."""
        return {}


class Dense(Layer):
    """y = x W + b, with weight W (D, units) and bias b (units).

    Args:
        units: the width of the output.

    Raises:
        OptionError: units is less than 1.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        if units < 1:
            raise OptionError(f"Dense: units is {units}, wanted at least 1")
        self.units = units

    def config(self) -> dict[str, int]:
        return {"units": self.units}

    def parameter_shapes(self, in_features: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (in_features, self.units), "bias": (self.units,)}

    def out_features(self, in_features: int) -> int:
        return self.units

    def initialize(self, in_features: int, rng: np.random.Generator) -> None:
        """Weights uniform with variance 2 / (D + units), which keeps the variance of signals both ways; bias 0."""
        limit = np.sqrt(6 / (in_features + self.units))
        self.parameters = {
            "weight": rng.uniform(-limit, limit, (in_features, self.units)),
            "bias": np.zeros(self.units),
        }

    def forward(self, x: Array) -> Array:
        y: Array = x @ self.parameters["weight"] + self.parameters["bias"]
        return y

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        grad: Array = grad_output @ self.parameters["weight"].T
        return grad

    def parameter_grads(self, x: Array, grad_output: Array) -> dict[str, Array]:
        return {"weight": x.T @ grad_output, "bias": grad_output.sum(axis=0)}


class ReLU(Layer):
    """y = max(x, 0); its slope at 0 is taken as 0."""

    def forward(self, x: Array) -> Array:
        return np.maximum(x, 0)

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        return np.where(y > 0, grad_output, 0)


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)), by whichever of its two forms does not overflow."""

    def forward(self, x: Array) -> Array:
        e = np.exp(-np.abs(x))
        y: Array = np.where(x >= 0, 1, e) / (1 + e)
        return y

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        grad: Array = grad_output * y * (1 - y)
        return grad


class Tanh(Layer):
    """y = tanh x."""

    def forward(self, x: Array) -> Array:
        y: Array = np.tanh(x)
        return y

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        grad: Array = grad_output * (1 - y) * (1 + y)
        return grad


class Softmax(Layer):
    """p = softmax(x) over each row, as a hidden layer. A network's own output needs none: its loss takes logits."""

    def forward(self, x: Array) -> Array:
        return softmax(x)

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        return softmax_vjp(y, grad_output)


LAYERS: dict[str, type[Layer]] = {layer.__name__: layer for layer in (Dense, ReLU, Sigmoid, Tanh, Softmax)}
