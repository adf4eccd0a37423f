"""Steps down the gradient. An optimizer changes the parameters in place and keeps what it remembers by their names."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from softgrad._arrays import Array
from softgrad._options import positive, share


class Optimizer(Protocol):
    """What training asks of an optimizer."""

    learning_rate: float

    def step(self, parameters: dict[str, Array], grads: dict[str, Array]) -> None:
        """Changes each parameter in place, given its gradient."""


class SGD:
    """Gradient descent with momentum: v <- momentum v - learning_rate g, then θ <- θ + v.

    Args:
        learning_rate: the size of a step, positive.
        momentum: how much of the last step is kept, 0 <= momentum < 1.

    Raises:
        OptionError: an argument outside its range.

    Source: Polyak, USSR Computational Mathematics 4 (1964); Sutskever et al., ICML 2013.

    Example:
        >>> w = np.array([1.0])
        >>> sg.nn.SGD(learning_rate=0.1).step({"w": w}, {"w": 2 * w})
        >>> w
        array([0.8])
    """

    def __init__(self, learning_rate: float = 0.01, *, momentum: float = 0.9) -> None:
        self.learning_rate = positive("SGD", "learning_rate", learning_rate)
        self.momentum = share("SGD", "momentum", momentum)
        self._velocity: dict[str, Array] = {}

    def step(self, parameters: dict[str, Array], grads: dict[str, Array]) -> None:
        """Changes each parameter in place, given its gradient."""
        for name, parameter in parameters.items():
            velocity = self._velocity.setdefault(name, np.zeros_like(parameter))
            velocity *= self.momentum
            velocity -= self.learning_rate * grads[name]
            parameter += velocity


class Adam:
    """Steps scaled by running means of the gradient and of its square.

        m <- beta1 m + (1 - beta1) g,    v <- beta2 v + (1 - beta2) g^2
        θ <- θ - learning_rate m' / (sqrt(v') + epsilon),    m' = m / (1 - beta1^t),  v' = v / (1 - beta2^t)

    Args:
        learning_rate: about the size of a step, positive.
        beta1: how slowly the mean of the gradient forgets, 0 <= beta1 < 1.
        beta2: how slowly the mean of its square forgets, 0 <= beta2 < 1.
        epsilon: keeps the division from 0, positive.

    Raises:
        OptionError: an argument outside its range.

    Source: Kingma and Ba, ICLR 2015, algorithm 1.

    Example:
        >>> w = np.array([1.0])
        >>> sg.nn.Adam(learning_rate=0.1).step({"w": w}, {"w": 2 * w})  # the first step is the learning rate itself
        >>> w.round(6)
        array([0.9])
    """

    def __init__(
        self, learning_rate: float = 0.001, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.learning_rate = positive("Adam", "learning_rate", learning_rate)
        self.beta1 = share("Adam", "beta1", beta1)
        self.beta2 = share("Adam", "beta2", beta2)
        self.epsilon = positive("Adam", "epsilon", epsilon)
        self._steps = 0
        self._means: dict[str, tuple[Array, Array]] = {}

    def step(self, parameters: dict[str, Array], grads: dict[str, Array]) -> None:
        """Changes each parameter in place, given its gradient."""
        self._steps += 1
        m_correction, v_correction = 1 - self.beta1**self._steps, 1 - self.beta2**self._steps
        for name, parameter in parameters.items():
            g = grads[name]
            m, v = self._means.setdefault(name, (np.zeros_like(parameter), np.zeros_like(parameter)))
            m *= self.beta1
            m += (1 - self.beta1) * g
            v *= self.beta2  # not v += (1 - beta2) (g^2 - v), which for a small beta2 can round to 0
            v += (1 - self.beta2) * g * g
            parameter -= self.learning_rate * (m / m_correction) / (np.sqrt(v / v_correction) + self.epsilon)
