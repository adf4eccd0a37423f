"""The forward and backward pass of network.py for training: the same formulas, in arrays that are allocated once.

What differs from `Network.loss_with_grads`, whose results it computes:

- All weights are in one array and all biases in another, and so are their gradients. The layers' parameters become
  views of them, so that an optimizer makes a step in two calls.
- A Dense layer and the activation after it are one block: after the matrix product, one kernel adds the bias and
  applies the activation, and in the backward pass one kernel multiplies by the activation's derivative and adds up the
  gradient of the bias. With ReLU the results are the same to the last bit. Sigmoid and Tanh come from our own exp, so
  that they differ from NumPy's by rounding.
- Every other layer is a block that calls the layer's own methods, and so is a layer of a subclass, or one whose methods
  were replaced.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from softgrad import _kernels
from softgrad._arrays import Array
from softgrad.errors import ShapeError
from softgrad.nn.layers import Dense, Dropout, Layer, ReLU, Sigmoid, Tanh
from softgrad.nn.network import Network

IDENTITY = 0
ACTIVATIONS: dict[type[Layer], int] = {ReLU: 1, Sigmoid: 2, Tanh: 3}  # the numbers of kernels/layers.hpp

METHODS = ("forward", "input_grad", "parameter_grads")
OWN_METHODS = {kind: [getattr(kind, name) for name in METHODS] for kind in (Dense, Dropout, *ACTIVATIONS)}


class Workspace:
    """A network, its parameters and their gradients in flat arrays, and the buffers of a batch."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.parameters, places = _flattened(network)
        self.grads = {name: np.zeros_like(array) for name, array in self.parameters.items()}
        self.grad_of = {
            place: self.grads[name][start:end].reshape(network.parameters[place].shape)
            for place, (name, start, end) in places.items()
        }
        self._views = network.parameters
        self._blocks = list(self._make_blocks())
        self._rows = self._capacity = 0
        self._loss_grad = np.empty((0, 0), network.dtype)

    def loss_with_grads(
        self, x: Array, target: Array, sample_weight: Array | None, rng: np.random.Generator | None
    ) -> float:
        """The loss of a batch. Its gradients are in `grads` afterwards."""
        if len(x) != self._rows:
            self._resize(len(x))
        y = x
        for block in self._blocks:
            y = block.forward(y, rng)
        loss, grad = self.network.objective.loss_with_grad(y, target, sample_weight, self._loss_grad)
        for block in reversed(self._blocks):
            grad = block.backward(grad)
        return float(loss)

    def attach(self) -> None:
        """Takes over parameters that the network got since, and makes them views of the flat arrays again."""
        for i, layer in enumerate(self.network.layers):
            for name, value in layer.parameters.items():
                view = self._views[f"layers.{i}.{name}"]
                if value is not view:
                    view[...] = value
                    layer.parameters[name] = view

    def _resize(self, rows: int) -> None:
        """Makes buffers for batches of this many rows: views of the largest so far."""
        self._capacity, self._rows = max(rows, self._capacity), rows
        width = self.network.in_features
        for block in self._blocks:
            width = block.resize(width, rows, self._capacity)
        if len(self._loss_grad) != rows:
            self._loss_grad = np.empty((rows, width), self.network.dtype)

    def _make_blocks(self) -> Iterator[_Block]:
        layers, dtype, i = self.network.layers, self.network.dtype, 0
        while i < len(layers):
            layer, first = layers[i], i == 0
            if isinstance(layer, Dense) and _is(layer, Dense) and _fits(layer):
                activation = layers[i + 1] if i + 1 < len(layers) else None
                fused = activation is not None and type(activation) in ACTIVATIONS and _is(activation, type(activation))
                number = ACTIVATIONS[type(activation)] if activation is not None and fused else IDENTITY
                grads = self.grad_of[f"layers.{i}.weight"], self.grad_of[f"layers.{i}.bias"]
                yield _DenseBlock(layer, number, grads, dtype, first)
                i += 2 if fused else 1
                continue
            if isinstance(layer, Dropout) and _is(layer, Dropout):
                yield _DropoutBlock(layer, dtype)
            else:
                grads_of = {name: self.grad_of[f"layers.{i}.{name}"] for name in layer.parameters}
                yield _LayerBlock(layer, grads_of, first)
            i += 1


class _Block:
    """Some layers, and what they keep of a batch from the forward to the backward pass."""

    def resize(self, width: int, rows: int, capacity: int) -> int:
        """Takes the width of the input and the number of rows, and returns the width of the output."""
        raise NotImplementedError

    def forward(self, x: Array, rng: np.random.Generator | None) -> Array:
        """The output y."""
        raise NotImplementedError

    def backward(self, grad_output: Array) -> Array:
        """Writes the gradients of the parameters, and returns dL/dx. The upstream gradient may be overwritten."""
        raise NotImplementedError


class _DenseBlock(_Block):
    """y = f(x W + b)."""

    def __init__(
        self, layer: Dense, activation: int, grads: tuple[Array, Array], dtype: np.dtype[np.generic], first: bool
    ) -> None:
        self.weight, self.bias = layer.parameters["weight"], layer.parameters["bias"]
        self.weight_grad, self.bias_grad = grads
        self.activation, self.first = activation, first
        self._of_y = np.empty((0, self.weight.shape[1]), dtype)
        self._of_dx = np.empty((0, self.weight.shape[0]), dtype)

    def resize(self, width: int, rows: int, capacity: int) -> int:
        units: int = self.weight.shape[1]
        if len(self._of_y) < capacity:
            self._of_y = np.empty((capacity, units), self._of_y.dtype)
            self._of_dx = np.empty((0 if self.first else capacity, width), self._of_y.dtype)
        self.y, self.dx = self._of_y[:rows], self._of_dx[:rows]
        return units

    def forward(self, x: Array, rng: np.random.Generator | None) -> Array:
        self.x = x
        np.matmul(x, self.weight, out=self.y)
        _kernels.add_bias_and_activate(self.y, self.bias, self.activation)
        return self.y

    def backward(self, grad_output: Array) -> Array:
        _kernels.activation_and_bias_grad(self.y, grad_output, self.bias_grad, self.activation)
        np.matmul(self.x.T, grad_output, out=self.weight_grad)
        if not self.first:  # the gradient with respect to the data is not needed
            np.matmul(grad_output, self.weight.T, out=self.dx)
        return self.dx


class _DropoutBlock(_Block):
    """y = x m, and y = x without a random generator."""

    def __init__(self, layer: Dropout, dtype: np.dtype[np.generic]) -> None:
        self.layer, self.dtype = layer, dtype

    def resize(self, width: int, rows: int, capacity: int) -> int:
        self.uniform = np.empty((rows, width), np.float32)
        self.mask, self.y = np.empty((rows, width), self.dtype), np.empty((rows, width), self.dtype)
        return width

    def forward(self, x: Array, rng: np.random.Generator | None) -> Array:
        self.drops = rng is not None
        if rng is None:
            return x
        self.layer.draw_mask(rng, self.uniform, self.mask)
        return np.multiply(x, self.mask, out=self.y)

    def backward(self, grad_output: Array) -> Array:
        if self.drops:
            grad_output *= self.mask
        return grad_output


class _LayerBlock(_Block):
    """A layer, by its own methods."""

    def __init__(self, layer: Layer, grads: dict[str, Array], first: bool) -> None:
        self.layer, self.grads, self.first = layer, grads, first

    def resize(self, width: int, rows: int, capacity: int) -> int:
        return self.layer.out_features(width)

    def forward(self, x: Array, rng: np.random.Generator | None) -> Array:
        self.x, self.y = x, np.ascontiguousarray(self.layer.forward(x))
        return self.y

    def backward(self, grad_output: Array) -> Array:
        for name, value in self.layer.parameter_grads(self.x, grad_output).items():
            self.grads[name][...] = value
        if self.first:
            return grad_output
        grad = np.ascontiguousarray(self.layer.input_grad(self.x, self.y, grad_output), self.x.dtype)
        if grad.shape != self.x.shape:  # the kernel of the block below would read outside the array
            raise ShapeError(
                f"train: input_grad of {self.layer} has shape {grad.shape}, wanted {self.x.shape}, as its input"
            )
        return grad


def _is(layer: Layer, kind: type[Layer]) -> bool:
    """Whether a layer computes what layers.py says of this class: it is no subclass, and no method was replaced."""
    return (
        type(layer) is kind
        and not set(METHODS) & vars(layer).keys()
        and [getattr(kind, name) for name in METHODS] == OWN_METHODS[kind]
    )


def _fits(layer: Dense) -> bool:
    """Whether the bias has one number per unit, as the kernels take it: NumPy would repeat a single number."""
    weight, bias = layer.parameters["weight"], layer.parameters["bias"]
    return weight.ndim == 2 and bias.shape == weight.shape[1:]


def _flattened(network: Network) -> tuple[dict[str, Array], dict[str, tuple[str, int, int]]]:
    """Moves the network's parameters into two arrays, "weight" and "bias"; they become views of them.

    The second result says for each parameter in which of the two it is, where it starts and where it ends. A parameter
    of another name than bias counts as a weight.
    """
    places: dict[str, tuple[str, int, int]] = {}
    flat: dict[str, Array] = {}
    for kind in ("weight", "bias"):
        end = 0
        for name, value in network.parameters.items():
            if name.endswith("bias") == (kind == "bias"):
                places[name] = (kind, end, end := end + value.size)
        flat[kind] = np.empty(end, network.dtype)
    for i, layer in enumerate(network.layers):
        for name, value in layer.parameters.items():
            kind, start, end = places[f"layers.{i}.{name}"]
            view = flat[kind][start:end].reshape(value.shape)
            view[...] = value
            layer.parameters[name] = view
    return flat, places
