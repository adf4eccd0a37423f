"""Temperature scaling: the one number by which all logits are divided so that probabilities fit held-out rows.

T minimises the mean of -log softmax(z / T)_y. As a function of 1 / T this is convex, so there is one minimum.

Source: Guo et al., ICML 2017.
"""

from __future__ import annotations

import math

import numpy as np

from softgrad._arrays import Array
from softgrad.losses import cross_entropy

SMALLEST, LARGEST = 0.01, 100.0  # where every row is predicted right, the minimum is at 0


def temperature(
    logits: Array,  # (N, K)
    target: Array,  # (N) class indices
    weight: Array | None,  # (N)
) -> float:
    """The temperature, from 0.01 to 100."""
    from scipy.optimize import minimize_scalar

    if logits.shape[1] == 1:
        return 1.0
    wide = logits.astype(np.float64)

    def mean_loss(log_temperature: float) -> float:
        losses = cross_entropy(wide, target, temperature=math.exp(log_temperature), reduction="none")
        return float(np.average(losses, weights=weight))

    bounds = (math.log(SMALLEST), math.log(LARGEST))
    return math.exp(minimize_scalar(mean_loss, bounds=bounds, method="bounded", options={"xatol": 1e-7}).x)
