"""A fully connected classifier with an explicit forward and backward pass.

For layers f_1 ... f_n, an input a_0 and a loss L of the logits a_n:

    a_i      = f_i(a_{i-1})                              forward; every a_i is kept
    g_n      = dL/da_n                                   through softmax and loss at once: p - t for cross-entropy
    g_{i-1}  = (df_i/da_{i-1})^T g_i                     backward, from the last layer to the first
    dL/dθ_i  = (df_i/dθ_i)^T g_i                         in the same pass, for the parameters θ_i of each layer

Source: Rumelhart, Hinton and Williams, Nature 323 (1986); Goodfellow et al., Deep Learning (2016), 6.5.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, numbers
from softgrad._calls import explained
from softgrad._messages import quoted
from softgrad.errors import OptionError, ShapeError
from softgrad.nn.layers import Dropout, Layer
from softgrad.nn.objective import Objective, read_sample_weight
from softgrad.softmax import softmax


class LossAndGrads(NamedTuple):
    """The loss of a network, and its gradient with respect to each parameter."""

    loss: Array
    grads: dict[str, Array]


class Network:
    """A sequence of layers, and a loss of the logits that the last layer returns.

    Args:
        layers: the layers from input to output. The width of the last one is the number of classes.
        loss: the name of a loss in softgrad.losses, such as "cross_entropy"; it is averaged over the rows.
        dtype: float32 or float64, the dtype of the parameters and of every result.
        loss_options: options of the loss: class weights `weight`, `label_smoothing`, `ignore_index`, `temperature`,
            `gamma` for "focal_loss" and the others, but not `axis`, `reduction` and `denominator`.

    Raises:
        OptionError: `layers` is empty or holds one layer object twice; the loss or the dtype is unknown; an option of
            the loss is outside its range.
        TypeError: an option that the loss does not have.

    Example:
        >>> net = sg.nn.Network([sg.nn.Dense(8), sg.nn.Tanh(), sg.nn.Dense(3)]).initialize(4, seed=0)
        >>> x, target = np.ones((2, 4)), np.array([0, 2])
        >>> loss, grads = net.loss_with_grads(x, target)
        >>> {name: grad.shape for name, grad in grads.items()}
        {'layers.2.weight': (8, 3), 'layers.2.bias': (3,), 'layers.0.weight': (4, 8), 'layers.0.bias': (8,)}
    """

    @explained
    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        loss: str = "cross_entropy",
        dtype: npt.DTypeLike = np.float32,
        **loss_options: Any,
    ) -> None:
        if not isinstance(layers, list | tuple):
            raise OptionError(f"Network: layers is a {type(layers).__name__}, wanted a list of layers")
        if not layers:
            raise OptionError("Network: layers is empty, wanted at least one layer, for example [Dense(n_classes)]")
        for i, layer in enumerate(layers):
            if isinstance(layer, type):
                kind = layer.__name__
                raise OptionError(f"Network: layers[{i}] is the class {kind}, wanted a layer, {kind}(...)")
            if not isinstance(layer, Layer):
                raise OptionError(f"Network: layers[{i}] is {quoted(layer)}, wanted a layer, such as Dense(3)")
            if any(layer is earlier for earlier in layers[:i]):
                raise OptionError(
                    f"Network: layers[{i}] is the same object as an earlier layer; create a new layer for each position"
                )
        self.layers = list(layers)
        self.objective = Objective(loss, loss_options)
        self.dtype = _dtype(dtype)
        self.in_features = 0

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.loss_options.items())
        return f"Network({self.layers}, loss={self.loss_name!r}{options}, dtype={self.dtype})"

    @property
    def loss_name(self) -> str:
        """The name of the loss."""
        return self.objective.name

    @property
    def loss_options(self) -> dict[str, Any]:
        """The options of the loss that were given."""
        return self.objective.options

    def initialize(self, in_features: int, *, seed: int | np.random.Generator | None = None) -> Network:
        """Draws the initial parameters, for inputs with `in_features` columns, and returns the network itself."""
        if in_features < 1:
            raise OptionError(f"Network: in_features is {in_features}, wanted at least 1")
        rng = np.random.default_rng(seed)
        self.in_features = width = in_features
        for layer in self.layers:
            layer.initialize(width, rng)
            layer.parameters = {name: value.astype(self.dtype) for name, value in layer.parameters.items()}
            width = layer.out_features(width)
        return self

    def astype(self, dtype: npt.DTypeLike) -> Network:
        """A copy that computes in another dtype."""
        network = copy.deepcopy(self)
        network.dtype = _dtype(dtype)
        for layer in network.layers:
            layer.parameters = {name: value.astype(network.dtype) for name, value in layer.parameters.items()}
        return network

    @property
    def parameters(self) -> dict[str, Array]:
        """All parameters by name, such as "layers.0.weight"; not copies: changing them in place changes the network."""
        return {
            f"layers.{i}.{name}": value
            for i, layer in enumerate(self.layers)
            for name, value in layer.parameters.items()
        }

    def logits(
        self,
        x: npt.ArrayLike,  # (N, D)
    ) -> Array:
        """The output of the last layer, of shape (N, K)."""
        return self._forward(x)[0][-1]

    def predict_proba(
        self,
        x: npt.ArrayLike,  # (N, D)
    ) -> Array:
        """The probability of each class, of shape (N, K)."""
        return softmax(self.logits(x))

    def predict(
        self,
        x: npt.ArrayLike,  # (N, D)
    ) -> Array:
        """The index of the most probable class of each row, of shape (N,)."""
        classes: Array = self.logits(x).argmax(axis=-1)
        return classes

    def loss(
        self,
        x: npt.ArrayLike,  # (N, D)
        target: npt.ArrayLike,  # (N) class indices, or (N, K) probabilities
        *,
        sample_weight: npt.ArrayLike | None = None,  # (N)
    ) -> Array:
        """The mean loss over the rows; with sample weights the weighted mean."""
        logits = self.logits(x)
        return self.objective.loss(logits, target, read_sample_weight("Network", sample_weight, len(logits)))

    def loss_with_grads(
        self,
        x: npt.ArrayLike,  # (N, D)
        target: npt.ArrayLike,  # (N) class indices, or (N, K) probabilities
        *,
        sample_weight: npt.ArrayLike | None = None,  # (N)
        rng: np.random.Generator | None = None,
    ) -> LossAndGrads:
        """The mean loss over the rows and its gradient with respect to each parameter, by backpropagation.

        Args:
            x: the inputs, one row per sample.
            target: class indices or probabilities, as the losses take them.
            sample_weight: a weight for each row, 0 or positive; the loss is the weighted mean. With class weights the
                weight of a row is their product.
            rng: draws the masks of the `Dropout` layers, from the first layer to the last; None for no dropout.

        Returns:
            loss: a scalar.
            grads: the gradients under the names of `parameters`, each in the shape of its parameter.

        Raises:
            ShapeError: x is not (N, D) with the D that the network was initialized for, or target does not fit.
            LabelError: target holds a class index outside 0..K-1.
            DataError: a sample weight is negative or not finite.
        """
        activations, masks = self._forward(x, rng)
        sample_weight = read_sample_weight("Network", sample_weight, len(activations[0]))
        loss, grad = self.objective.loss_with_grad(activations[-1], target, sample_weight)

        grads: dict[str, Array] = {}
        for i in reversed(range(len(self.layers))):
            layer, below, above = self.layers[i], activations[i], activations[i + 1]
            for name, value in layer.parameter_grads(below, grad).items():
                grads[f"layers.{i}.{name}"] = value
            if i > 0:  # the gradient with respect to the data is not needed
                grad = grad * masks[i] if i in masks else layer.input_grad(below, above, grad)
        return LossAndGrads(loss, grads)

    def _forward(
        self, x: npt.ArrayLike, rng: np.random.Generator | None = None
    ) -> tuple[list[Array], dict[int, Array]]:
        """The input of the network, then the output of every layer; and the masks of the Dropout layers, if drawn."""
        activations, masks = [self._read(x)], {}
        for i, layer in enumerate(self.layers):
            below = activations[-1]
            if rng is not None and isinstance(layer, Dropout):
                masks[i] = np.empty_like(below)
                layer.draw_mask(rng, np.empty(below.shape, np.float32), masks[i])
                activations.append(below * masks[i])
            else:
                activations.append(layer.forward(below))
        return activations, masks

    def _read(self, x: npt.ArrayLike) -> Array:
        if not self.in_features:
            raise OptionError("Network: the network has no parameters yet; call initialize(in_features) first")
        array = numbers("Network", "x", x)
        if array.ndim != 2 or array.shape[1] != self.in_features:
            raise ShapeError(
                f"Network: x.shape is {array.shape}, wanted (N, {self.in_features}): one row per sample, with the "
                f"{self.in_features} features that the network was initialized for"
            )
        return array.astype(self.dtype, copy=False)


def _dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise OptionError(f"Network: dtype is {np.dtype(dtype)}, wanted float32 or float64")
    return np.dtype(dtype)
