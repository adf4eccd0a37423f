"""Optimizers. An optimizer updates the parameters in place, and stores its own state under the parameters' names.

The formulas are in the docstrings. kernels/optimizer_steps.hpp computes a step in one pass over the parameters.

On x86-64, a step reads and writes subnormal numbers (in float32 those below 1.2e-38) as 0. They would make it many
times slower: where a gradient stays 0, the running means fade until they are subnormal, after 900 steps of Adam.

Weight decay and the L2 term of a loss concern weights, not biases: parameters whose name ends in "bias" are left out.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from softgrad import _kernels
from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad._options import half_open_unit, not_negative, positive
from softgrad.errors import DtypeError, ShapeError


class Optimizer(Protocol):
    """The methods and attributes that training needs of an optimizer."""

    learning_rate: float

    def step(
        self,
        parameters: dict[str, Array],
        grads: dict[str, Array],
        *,
        learning_rate: float | None = None,
        l2: float = 0.0,
    ) -> None:
        """Updates each parameter in place, given its gradient.

        Args:
            parameters: float32 or float64 arrays under any names.
            grads: the gradient of each parameter, under the same name.
            learning_rate: the learning rate of this step, in place of the optimizer's own.
            l2: this number times a weight is added to the weight's gradient.
        """

    def state(self) -> dict[str, Any]:
        """All that the next step depends on beside the options: numbers, and arrays by name."""

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""


class SGD:
    """Gradient descent with momentum: v <- momentum v - learning_rate g, then θ <- θ + v.

    With Nesterov's momentum, θ <- θ + momentum v - learning_rate g, where v is the new one.

    Args:
        learning_rate: the factor of the gradient in a step, positive.
        momentum: the fraction of the last step that is added to the next one, 0 <= momentum < 1.
        nesterov: whether to use Nesterov's momentum.
        weight_decay: before a step, each weight is multiplied by 1 - learning_rate weight_decay; 0 or positive.

    Raises:
        OptionError: an argument outside its range.

    Source: Polyak, USSR Computational Mathematics 4 (1964); Sutskever et al., ICML 2013; Loshchilov and Hutter, ICLR
    2019, for weight decay.

    Example:
        >>> w = np.array([1.0])
        >>> sg.nn.SGD(learning_rate=0.1).step({"w": w}, {"w": 2 * w})
        >>> w
        array([0.8])
    """

    @explained
    def __init__(
        self, learning_rate: float = 0.01, *, momentum: float = 0.9, nesterov: bool = False, weight_decay: float = 0.0
    ) -> None:
        self.learning_rate = positive("SGD", "learning_rate", learning_rate)
        self.momentum = half_open_unit("SGD", "momentum", momentum)
        self.nesterov = bool(nesterov)
        self.weight_decay = not_negative("SGD", "weight_decay", weight_decay)
        self._velocity: dict[str, Array] = {}

    def step(
        self,
        parameters: dict[str, Array],
        grads: dict[str, Array],
        *,
        learning_rate: float | None = None,
        l2: float = 0.0,
    ) -> None:
        """Updates each parameter in place, given its gradient."""
        rate = self.learning_rate if learning_rate is None else learning_rate
        for name, parameter in parameters.items():
            theta, grad, (velocity,) = _arrays("SGD", name, parameter, grads, self._velocity)
            decays = _decays(name)
            _kernels.sgd_step(
                theta,
                grad,
                velocity,
                learning_rate=rate,
                l2=l2 * decays,
                decay=rate * self.weight_decay * decays,
                momentum=self.momentum,
                nesterov=self.nesterov,
            )
            _put_back(theta, parameter)

    def state(self) -> dict[str, Any]:
        """The velocities: {"velocity": {name: array}}."""
        return {"velocity": _copies(self._velocity)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self._velocity = _copies(state["velocity"])


class Adam:
    """Adam: steps that are scaled by running means of the gradient and of its square.

        m <- beta1 m + (1 - beta1) g,    v <- beta2 v + (1 - beta2) g^2
        θ <- θ - learning_rate m' / (sqrt(v') + epsilon),    m' = m / (1 - beta1^t),  v' = v / (1 - beta2^t)

    With `weight_decay` this is AdamW.

    Args:
        learning_rate: approximately the size of a step, positive.
        beta1: the decay rate of the mean of the gradient, 0 <= beta1 < 1.
        beta2: the decay rate of the mean of the squared gradient, 0 <= beta2 < 1.
        epsilon: added to the denominator so that it is never 0, positive.
        weight_decay: before a step, each weight is multiplied by 1 - learning_rate weight_decay; 0 or positive.

    Raises:
        OptionError: an argument outside its range.

    Source: Kingma and Ba, ICLR 2015, algorithm 1; Loshchilov and Hutter, ICLR 2019, for weight decay.

    Example:
        >>> w = np.array([1.0])
        >>> sg.nn.Adam(learning_rate=0.1).step({"w": w}, {"w": 2 * w})  # the first step is as long as the learning rate
        >>> w.round(6)
        array([0.9])
    """

    @explained
    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.learning_rate = positive("Adam", "learning_rate", learning_rate)
        self.beta1 = half_open_unit("Adam", "beta1", beta1)
        self.beta2 = half_open_unit("Adam", "beta2", beta2)
        self.epsilon = positive("Adam", "epsilon", epsilon)
        self.weight_decay = not_negative("Adam", "weight_decay", weight_decay)
        self._steps = 0
        self._mean: dict[str, Array] = {}
        self._square: dict[str, Array] = {}

    def step(
        self,
        parameters: dict[str, Array],
        grads: dict[str, Array],
        *,
        learning_rate: float | None = None,
        l2: float = 0.0,
    ) -> None:
        """Updates each parameter in place, given its gradient."""
        rate = self.learning_rate if learning_rate is None else learning_rate
        self._steps += 1
        for name, parameter in parameters.items():
            theta, grad, (mean, square) = _arrays("Adam", name, parameter, grads, self._mean, self._square)
            decays = _decays(name)
            _kernels.adam_step(
                theta,
                grad,
                mean,
                square,
                learning_rate=rate,
                l2=l2 * decays,
                decay=rate * self.weight_decay * decays,
                beta1=self.beta1,
                beta2=self.beta2,
                m_correction=1 - self.beta1**self._steps,
                v_correction=1 - self.beta2**self._steps,
                epsilon=self.epsilon,
            )
            _put_back(theta, parameter)

    def state(self) -> dict[str, Any]:
        """The number of steps, and the means: {"steps": t, "mean": {name: array}, "square": {name: array}}."""
        return {"steps": self._steps, "mean": _copies(self._mean), "square": _copies(self._square)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self._steps, self._mean, self._square = state["steps"], _copies(state["mean"]), _copies(state["square"])


def _decays(name: str) -> bool:
    return not name.endswith("bias")


def _arrays(
    optimizer: str, name: str, parameter: Array, grads: dict[str, Array], *own: dict[str, Array]
) -> tuple[Array, Array, list[Array]]:
    """A parameter, its gradient and the optimizer's own arrays, as the kernels take them, which check nothing."""
    grad = grads[name]
    if grad.shape != parameter.shape:
        raise ShapeError(
            f"{optimizer}: the gradient of {name!r} has shape {grad.shape}, wanted {parameter.shape}, the shape of the "
            "parameter"
        )
    if parameter.dtype.char not in "fd":
        raise DtypeError(f"{optimizer}: the parameter {name!r} is {parameter.dtype}, wanted float32 or float64")
    for kept in own:
        if name not in kept:
            kept[name] = np.zeros(parameter.size, parameter.dtype)
        array = kept[name]
        if (array.size, array.dtype) != (parameter.size, parameter.dtype):
            raise ShapeError(
                f"{optimizer}: the parameter {name!r} has {parameter.size} numbers of {parameter.dtype}, but in "
                f"earlier steps it had {array.size} of {array.dtype}; make a new optimizer for another network"
            )
    return _flat(parameter), _flat(grad.astype(parameter.dtype, copy=False)), [kept[name] for kept in own]


def _flat(array: Array) -> Array:
    """The array in one dimension, as the kernels take it: a view, or a copy of an array that is not contiguous."""
    return (
        array
        if array.ndim == 1 and array.flags.c_contiguous and array.flags.aligned
        else np.require(array, None, ["C", "A"]).reshape(-1)
    )


def _put_back(theta: Array, parameter: Array) -> None:
    if not np.may_share_memory(theta, parameter):
        parameter[...] = theta.reshape(parameter.shape)


def _copies(arrays: dict[str, Array]) -> dict[str, Array]:
    return {name: array.copy() for name, array in arrays.items()}
