"""Temperature scaling: the one number by which all logits are divided so that probabilities fit held-out rows.

T minimises the mean of -log softmax(z / T)_y. As a function of 1 / T this is convex, so there is one minimum.
Where few rows are held out and all of them are predicted right, the minimum is at T = 0, and every probability would be
1. Smoothed labels prevent this: the other classes share 1 / (N + 2), the chance that the next row is wrong after N that
were right (the rule of succession).

How well probabilities fit is seen by grouping the rows by their confidence, the largest probability of a row. In a
group b of n_b of the N rows, the confidence should be the accuracy; the expected calibration error is

    ECE = sum_b n_b / N |accuracy_b - confidence_b|

Source: Guo et al., ICML 2017; for the smoothed labels, Platt, Advances in Large Margin Classifiers (1999).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad.losses import cross_entropy

SMALLEST, LARGEST = 0.01, 100.0  # where every row is predicted right, the minimum is at 0
GROUPS = 10  # of equal width; a confidence on their border belongs to the lower one


def temperature(
    logits: Array,  # (N, K)
    target: Array,  # (N) class indices
    weight: Array | None,  # (N)
    *,
    smoothed: bool = False,
) -> float:
    """The temperature, from 0.01 to 100; with smoothed labels if `smoothed`."""
    from scipy.optimize import minimize_scalar

    if logits.shape[1] == 1:
        return 1.0
    wide = logits.astype(np.float64)
    N, K = logits.shape
    smoothing = K / (K - 1) / (N + 2) if smoothed else 0.0

    def mean_loss(log_temperature: float) -> float:
        losses = cross_entropy(
            wide, target, temperature=math.exp(log_temperature), label_smoothing=smoothing, reduction="none"
        )
        return float(np.average(losses, weights=weight))

    bounds = (math.log(SMALLEST), math.log(LARGEST))
    return math.exp(minimize_scalar(mean_loss, bounds=bounds, method="bounded", options={"xatol": 1e-7}).x)


class Group(NamedTuple):
    """The rows whose confidence lies in one interval."""

    rows: int
    confidence: float | None  # their mean; None where there are no rows
    accuracy: float | None


def reliability(
    probs: Array,  # (N, K)
    target: Array,  # (N) class indices
) -> list[Group]:
    """The rows in groups by confidence: those up to 0.1, then those up to 0.2, and so on."""
    confidence = probs.max(axis=1).astype(np.float64)
    right = probs.argmax(axis=1) == target
    number = np.digitize(confidence, np.linspace(0, 1, GROUPS + 1)[1:-1], right=True)
    members = [np.flatnonzero(number == i) for i in range(GROUPS)]
    return [
        Group(len(rows), float(confidence[rows].mean()), float(right[rows].mean()))
        if len(rows)
        else Group(0, None, None)
        for rows in members
    ]


def expected_calibration_error(groups: Sequence[Group]) -> float:
    """The mean over the rows of the distance between the confidence of their group and its accuracy."""
    N = sum(group.rows for group in groups)
    distances = [
        g.rows / N * abs(g.accuracy - g.confidence)
        for g in groups
        if g.accuracy is not None and g.confidence is not None
    ]
    return float(sum(distances))
