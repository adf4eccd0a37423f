"""The layers of a network. Each computes y = f(x) for rows x of shape (N, D), and the derivatives that backprop needs.

With g = dL/dy, the upstream gradient:

    layer              y                    input_grad: dL/dx            parameter_grads
    Dense(units)       x W + b              g W^T                        dW = x^T g,  db = sum of g over the rows
    ReLU               max(x, 0)            g where y > 0, else 0
    Sigmoid            1 / (1 + exp(-x))    g y (1 - y)
    Tanh               tanh x               g (1 - y^2)
    Softmax            p = softmax(x)       p (g - sum_j g_j p_j)        each output depends on every input of its row
    Dropout(rate)      x m                  g m                          m is 0 or 1 / (1 - rate), drawn for each entry

A layer stores no activations: in the backward pass the network gives it x and y again. Dropout is the one layer that
does something else while a network is trained: its table row is what training computes, and elsewhere y = x.

Source: Goodfellow et al., Deep Learning (2016), 6.5 and 7.12; Glorot and Bengio, AISTATS 2010, for the initial weights;
Srivastava et al., JMLR 15 (2014), for dropout.
"""

from __future__ import annotations

import numpy as np

from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad._options import half_open_unit
from softgrad.errors import OptionError
from softgrad.softmax import softmax, softmax_vjp


class Layer:
    """The base class: a layer without parameters, as wide as its input. Subclasses override what differs."""

    @explained
    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(str(value) for value in self.config().values())})"

    def config(self) -> dict[str, float]:
        """The arguments of the constructor, from which the same layer can be built again."""
        return {}

    def parameter_shapes(self, in_features: int) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter, for inputs with `in_features` columns."""
        return {}

    def out_features(self, in_features: int) -> int:
        """The number of columns of the output, for inputs with `in_features` columns."""
        return in_features

    def initialize(self, in_features: int, rng: np.random.Generator) -> None:
        """Draws the initial parameters, in float64."""

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
        """The gradient dL/dx, from the upstream gradient dL/dy."""
        raise NotImplementedError

    def parameter_grads(
        self,
        x: Array,  # (N, D)
        grad_output: Array,  # (N, D_out)
    ) -> dict[str, Array]:
        """The gradient of the loss with respect to each parameter, from the upstream gradient dL/dy."""
        return {}


class Dense(Layer):
    """y = x W + b, with a weight W of shape (D, units) and a bias b of shape (units,).

    Args:
        units: the number of columns of the output.

    Raises:
        OptionError: units is less than 1.

    Example:
        >>> layer = sg.nn.Dense(2)
        >>> layer.initialize(3, np.random.default_rng(0))
        >>> layer.forward(np.zeros((4, 3))).shape
        (4, 2)
    """

    @explained
    def __init__(self, units: int) -> None:
        super().__init__()
        if units < 1:
            raise OptionError(f"Dense: units is {units}, wanted at least 1")
        self.units = units

    def config(self) -> dict[str, float]:
        return {"units": self.units}

    def parameter_shapes(self, in_features: int) -> dict[str, tuple[int, ...]]:
        return {"weight": (in_features, self.units), "bias": (self.units,)}

    def out_features(self, in_features: int) -> int:
        return self.units

    def initialize(self, in_features: int, rng: np.random.Generator) -> None:
        """Draws uniform weights with variance 2 / (D + units), and sets the bias to 0.

        This variance is the compromise between 1 / D, which preserves the variance of the activations in the forward
        pass, and 1 / units, which preserves that of the gradients in the backward pass.
        """
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
    """y = max(x, 0). Its derivative at 0 is defined as 0.

    Example:
        >>> x = np.array([[-1.0, 0.0, 2.0]])
        >>> layer = sg.nn.ReLU()
        >>> layer.input_grad(x, layer.forward(x), np.ones((1, 3)))
        array([[0., 0., 1.]])
    """

    def forward(self, x: Array) -> Array:
        return np.maximum(x, 0)

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        return np.where(y > 0, grad_output, 0)


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)), computed as exp(x) / (1 + exp(x)) for x < 0, so that exp never overflows.

    Example:
        >>> sg.nn.Sigmoid().forward(np.array([[0.0, -1000.0]]))
        array([[0.5, 0. ]])
    """

    def forward(self, x: Array) -> Array:
        e = np.exp(-np.abs(x))
        y: Array = np.where(x >= 0, 1, e) / (1 + e)
        return y

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        grad: Array = grad_output * y * (1 - y)
        return grad


class Tanh(Layer):
    """y = tanh x.

    Example:
        >>> sg.nn.Tanh().forward(np.array([[0.0, 1000.0]]))
        array([[0., 1.]])
    """

    def forward(self, x: Array) -> Array:
        y: Array = np.tanh(x)
        return y

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        grad: Array = grad_output * (1 - y) * (1 + y)
        return grad


class Softmax(Layer):
    """p = softmax(x) of each row, as a hidden layer. No Softmax is needed as the last layer: the losses take logits.

    Example:
        >>> sg.nn.Softmax().forward(np.zeros((1, 4)))
        array([[0.25, 0.25, 0.25, 0.25]])
    """

    def forward(self, x: Array) -> Array:
        return softmax(x)

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        return softmax_vjp(y, grad_output)


class Dropout(Layer):
    """y = x m in training, where each entry of m is 0 with probability `rate`, and else 1 / (1 - rate).

    The mean of y over the masks m is x, so nothing is scaled where the network is used: there y = x.

    Args:
        rate: the probability of an entry to be set to 0, 0 <= rate < 1.

    Raises:
        OptionError: rate is outside this range.

    Example:
        >>> layer = sg.nn.Dropout(0.5)
        >>> mask = np.empty((1, 4), np.float32)
        >>> layer.draw_mask(np.random.default_rng(0), np.empty((1, 4), np.float32), mask)
        >>> sorted(set(mask.ravel().tolist())), layer.forward(np.ones((1, 2)))
        ([0.0, 2.0], array([[1., 1.]]))
    """

    @explained
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = half_open_unit("Dropout", "rate", rate)

    def config(self) -> dict[str, float]:
        return {"rate": self.rate}

    def draw_mask(self, rng: np.random.Generator, uniform: Array, mask: Array) -> None:
        """Draws a mask m. `uniform` is in the shape of m, and float32, so that m is the same for float64 networks."""
        rng.random(dtype=np.float32, out=uniform)
        np.greater_equal(uniform, np.float32(self.rate), out=mask)
        mask *= 1 / (1 - self.rate)

    def forward(self, x: Array) -> Array:
        return x

    def input_grad(self, x: Array, y: Array, grad_output: Array) -> Array:
        return grad_output


LAYERS: dict[str, type[Layer]] = {layer.__name__: layer for layer in (Dense, ReLU, Sigmoid, Tanh, Softmax, Dropout)}
