"""A derivative compared with the numerical one.

The derivative of <grad_output, f(x)> along a direction is right where

    |got - wanted| <= max(rtol size, slack),    slack = 4 error + floor

Here size is that of the larger of the two derivatives, error is the estimate of numerical.py, and floor is the rounding
that the user's own arithmetic may cause: p - t of a saturated row is 0 where 1e-20 is exact. Outputs that do not move
along the direction have no terms in it, so a large one hides no error of the others. As one number, which is above rtol
where the derivative is wrong, and at most 2 if it is finite:

    |got - wanted| / max(size, slack / rtol)

On a kink (ReLU at 0) the slopes from the left and from the right differ, and anything between them is right. This holds
for each entry of the output, so the intervals add up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TRUSTED = 0.1  # an error above this part of the derivative's size says nothing about it
LARGE_TERMS = 1e5  # an error below so many eps of the terms is trusted, however small the derivative


class Verdict(NamedTuple):
    """What is found of one derivative."""

    distance: float  # the number above; infinite where `got` or `wanted` is not finite
    got: float
    wanted: float  # on a kink, the number nearest to `got` between the slopes
    estimate: float  # of the error of `wanted`
    kink: bool = False  # whether the slopes from both sides differ
    resolved: bool = True  # whether some step gave a derivative that can be trusted
    plateau: bool = False  # whether an output is constant near x and changes further away
    across: bool = False  # whether `got` is the slope across the steps of such an output
    step: float = 0.0  # of the differences that gave `wanted`, in the largest of its terms; 0 for the complex step

    @property
    def error(self) -> float:
        """The distance, or 0 where no numerical derivative can be trusted: nothing is called wrong there."""
        return self.distance if self.resolved else 0.0


class Interval(NamedTuple):
    """The wanted derivative: a number, or on a kink everything between two numbers."""

    low: float
    high: float
    error: float


class Comparison(NamedTuple):
    """What passes for right."""

    rtol: float
    eps: float  # the machine epsilon of the type in which f computes
    least: float  # the difference that rounding of subnormal numbers may cause

    def verdict(self, got: float, size: float, wanted: Interval, terms: float) -> Verdict:
        """Compares `got`; `size` is that of the gradient along the direction, `terms` that of the terms summed."""
        nearest = min(max(got, wanted.low), wanted.high)
        size = max(size, abs(wanted.low), abs(wanted.high))
        slack = 4 * wanted.error + 128 * self.eps * terms + self.least
        difference = abs(got - nearest) if np.isfinite(wanted.low + wanted.high) else np.inf
        if not np.isfinite(size + slack / self.rtol):
            return Verdict(np.inf, got, nearest, wanted.error, resolved=False)
        distance = difference / max(size, slack / self.rtol) if 0 < difference < np.inf else difference
        resolved = bool(4 * wanted.error <= max(TRUSTED * size, LARGE_TERMS * self.eps * terms))
        return Verdict(distance, got, nearest, wanted.error, resolved=resolved)
