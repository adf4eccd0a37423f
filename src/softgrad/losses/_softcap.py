"""Logits after a softcap, cap tanh(z / cap), in float64. kernels/scores.hpp has the same formulas.

A logit of +inf is capped to `cap`. One of -inf stays -inf, since it masks its class.
"""

from __future__ import annotations

import numpy as np

from softgrad._arrays import Array


def capped(z: Array, cap: float) -> Array:
    """The logits after the softcap."""
    scores: Array = np.where(z == -np.inf, -np.inf, cap * np.tanh(z / cap))
    return scores


def slope(z: Array, cap: float) -> Array:
    """1 - tanh^2 = 1 / cosh^2, without the cancellation."""
    e = np.exp(-2 * np.abs(z) / cap)
    derivative: Array = 4 * e / (1 + e) ** 2
    return derivative


def below(z: Array, largest: Array, cap: float) -> Array:
    """The difference cap (tanh(z / cap) - tanh(largest / cap)) without the cancellation, for z <= largest.

    With E = exp(-2 |z| / cap), the difference is 2 cap expm1(-2 |z - largest| / cap) F / ((1 + E) (1 + E_largest)),
    where F is the larger E if both have the same sign, and 1 otherwise.
    """
    e, of_largest = np.exp(-2 * np.abs(z) / cap), np.exp(-2 * np.abs(largest) / cap)
    with np.errstate(invalid="ignore"):  # inf - inf
        d = np.where(z == largest, 0, z - largest)
    F = np.where((z < 0) == (largest < 0), np.maximum(e, of_largest), 1)
    difference: Array = 2 * cap * np.expm1(2 * d / cap) * F / ((1 + e) * (1 + of_largest))
    return np.where(z == -np.inf, -np.inf, difference)
