"""Optimizers. An optimizer updates the parameters in place, and stores its own state under the parameters' names."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad._options import half_open_unit, positive


class Optimizer(Protocol):
    """The methods and attributes that training needs of an optimizer."""

    learning_rate: float

    def step(self, parameters: dict[str, Array], grads: dict[str, Array]) -> None:
        """Updates each parameter in place, given its gradient."""


class SGD:
    """Gradient descent with momentum: v <- momentum v - learning_rate g, then θ <- θ + v.

    Args:
        learning_rate: the factor of the gradient in a step, positive.
        momentum: the fraction of the last step that is added to the next one, 0 <= momentum < 1.

    Raises:
        OptionError: an argument outside its range.

    Source: Polyak, USSR Computational Mathematics 4 (1964); Sutskever et al., ICML 2013.

    Example:
        >>> w = np.array([1.0])
        >>> sg.nn.SGD(learning_rate=0.1).step({"w": w}, {"w": 2 * w})
        >>> w
        array([0.8])
    """

    @explained
    def __init__(self, learning_rate: float = 0.01, *, momentum: float = 0.9) -> None:
        self.learning_rate = positive("SGD", "learning_rate", learning_rate)
        self.momentum = half_open_unit("SGD", "momentum", momentum)
        self._velocity: dict[str, Array] = {}

    def step(self, parameters: dict[str, Array], grads: dict[str, Array]) -> None:
        """Updates each parameter in place, given its gradient."""
        for name, parameter in parameters.items():
            velocity = self._velocity.setdefault(name, np.zeros_like(parameter))
            velocity *= self.momentum
            velocity -= self.learning_rate * grads[name]
            parameter += velocity


class Adam:
    """Adam: steps that are scaled by running means of the gradient and of its square.

        m <- beta1 m + (1 - beta1) g,    v <- beta2 v + (1 - beta2) g^2
        θ <- θ - learning_rate m' / (sqrt(v') + epsilon),    m' = m / (1 - beta1^t),  v' = v / (1 - beta2^t)

    Args:
        learning_rate: approximately the size of a step, positive.
        beta1: the decay rate of the mean of the gradient, 0 <= beta1 < 1.
        beta2: the decay rate of the mean of the squared gradient, 0 <= beta2 < 1.
        epsilon: added to the denominator so that it is never 0, positive.

    Raises:
        OptionError: an argument outside its range.

    Source: Kingma and Ba, ICLR 2015, algorithm 1.

    Example:
        >>> w = np.array([1.0])
        >>> sg.nn.Adam(learning_rate=0.1).step({"w": w}, {"w": 2 * w})  # the first step is as long as the learning rate
        >>> w.round(6)
        array([0.9])
    """

    @explained
    def __init__(
        self, learning_rate: float = 0.001, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.learning_rate = positive("Adam", "learning_rate", learning_rate)
        self.beta1 = half_open_unit("Adam", "beta1", beta1)
        self.beta2 = half_open_unit("Adam", "beta2", beta2)
        self.epsilon = positive("Adam", "epsilon", epsilon)
        self._steps = 0
        self._means: dict[str, tuple[Array, Array]] = {}

    def step(self, parameters: dict[str, Array], grads: dict[str, Array]) -> None:
        """Updates each parameter in place, given its gradient."""
        self._steps += 1
        m_correction, v_correction = 1 - self.beta1**self._steps, 1 - self.beta2**self._steps
        for name, parameter in parameters.items():
            g = grads[name]
            m, v = self._means.setdefault(name, (np.zeros_like(parameter), np.zeros_like(parameter)))
            m *= self.beta1
            m += (1 - self.beta1) * g
            v *= self.beta2  # v += (1 - beta2) (g^2 - v) can round to 0 where beta2 is small
            v += (1 - self.beta2) * g * g
            parameter -= self.learning_rate * (m / m_correction) / (np.sqrt(v / v_correction) + self.epsilon)
