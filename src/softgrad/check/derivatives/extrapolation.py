"""Differences with one step, extrapolated to step 0, each with an estimate of its error; and the best of several steps.

Central differences D(s) = (f(x + s v) - f(x - s v)) / 2s have the error c2 s^2 + c4 s^4 + ... They are taken at s, s/2
and s/4, and Richardson extrapolation removes s^2 and s^4. The error that is left is estimated by the sum of three
quantities: the distance of the last two extrapolations to s^4; the distance of the even part f(x + s v) + f(x - s v) -
2 f(x) from a polynomial in s^2 (a kink, a jump or the rounding of f inside the step stands out there, even where it
cancels in the odd part); and the least rounding error of f, eps |f| / s.

Source: Press et al., Numerical Recipes, 3rd ed. (2007), 5.7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from softgrad.check.derivatives.evaluate import Function, Point, evaluate
from softgrad.formulas.numbers import Array

GOOD = 1e-10  # the relative error that no further step need improve
RESOLVED = 0.01  # an estimate above this part of the slopes seen shows that the step does not resolve the function


class Numerical(NamedTuple):
    """Derivatives, and an absolute estimate of the error of each."""

    value: Array
    error: Array
    step: Array | None = None  # the longest step of the differences that gave each; None where they had another step


class AtStep(NamedTuple):
    """Derivatives measured with one step."""

    value: Array
    error: Array
    rounding: Array  # the part of the error that is the least rounding error of f
    slope: Array  # the steepest slope of f seen within the step


def central(f: Function, x: Array, v: Array, s: float, at: Point) -> AtStep:
    """Central differences at s, s/2, s/4, extrapolated."""
    y = at.value
    above = np.stack([evaluate(f, x + t * v, y) for t in (s, s / 2, s / 4)])
    below = np.stack([evaluate(f, x - t * v, y) for t in (s, s / 2, s / 4)])
    half = (above - below) / 2
    value, apart = _extrapolate(4, half[0] / s, half[1] / (s / 2), half[2] / (s / 4))
    even = above + below - 2 * y
    # Terms in s^2 and s^4 cancel in this sum. If only the rounding of f is left, it is 131 times that; divided by 32 s,
    # it is about the effect of the same rounding on the derivative.
    bent = np.abs(even[0] - 20 * even[1] + 64 * even[2]) / (32 * s)
    largest = np.maximum(np.abs(above).max(axis=0), np.abs(below).max(axis=0))  # f may be much larger away from x
    rounding = 4 * np.fmax(at.rounding, at.eps * largest) / s
    slope = np.maximum(np.abs(above[0] - y), np.abs(below[0] - y)) / s
    return _at_step(value, apart + bent + rounding, rounding, slope)


def one_sided(f: Function, x: Array, v: Array, s: float, at: Point) -> AtStep:
    """Differences between x and s, s/2, s/4 (s may be negative), extrapolated."""
    y = at.value
    beside = [evaluate(f, x + t * v, y) for t in (s, s / 2, s / 4)]
    rise = [(one - y) / t for one, t in zip(beside, (s, s / 2, s / 4), strict=True)]
    value, apart = _extrapolate(2, *rise)
    rounding = 16 * np.fmax(at.rounding, at.eps * np.abs(beside).max(axis=0)) / abs(s)
    return _at_step(value, apart + rounding, rounding, np.abs(rise[0]))


def _at_step(value: Array, error: Array, rounding: Array, slope: Array) -> AtStep:
    finite = np.isfinite(value) & np.isfinite(error)
    return AtStep(value, np.where(finite, error, np.inf), np.where(finite, rounding, 0.0), slope)


def _extrapolate(factor: int, whole: Array, half: Array, quarter: Array) -> tuple[Array, Array]:
    """The limit of differences whose error shrinks by `factor`, then by its square, when the step is halved.

    Also the distance between the two values from which it is extrapolated.
    """
    coarse = half + (half - whole) / (factor - 1)
    fine = quarter + (quarter - half) / (factor - 1)
    return fine + (fine - coarse) / (factor**2 - 1), np.abs(fine - coarse)


def least_error(measure: Callable[[float], AtStep], shape: tuple[int, ...], steps: Sequence[float]) -> Numerical:
    """For each entry, the derivative with the least error among the steps, which are tried until all errors are small.

    A step much longer than the scale of f measures a slope near 0, and estimates its error from slopes near 0. An
    estimate as large as the slope gives that away: such a step counts only where no other step is better. Where steps
    contradict each other, as they do at a jump of f, their distance is added to the estimate.
    """
    value, error = np.full(shape, np.nan), np.full(shape, np.inf)
    trusted, rounded, used = np.zeros(shape, bool), np.zeros(shape, bool), np.zeros(shape)
    tried: list[tuple[AtStep, Array]] = []
    with np.errstate(all="ignore"):
        for step in steps:
            now = measure(step)
            rounded_now = now.error <= 8 * now.rounding  # all of the error is rounding: a shorter step has more
            trusted_now = rounded_now | (now.error <= RESOLVED * now.slope)
            tried.append((now, trusted_now))
            better = np.where(trusted_now == trusted, now.error < error, trusted_now)
            value, error = np.where(better, now.value, value), np.where(better, now.error, error)
            used = np.where(better, step, used)
            trusted, rounded = trusted | trusted_now, np.where(better, rounded_now, rounded)
            good = error <= GOOD * np.abs(value)
            if np.all(good | rounded if max(steps[len(tried) :], default=0.0) <= step else good):
                break
        for other, other_trusted in tried:
            contradiction = np.nan_to_num(np.abs(other.value - value) - other.error, nan=0.0, neginf=0.0)
            error = error + np.where(other_trusted | ~trusted, np.maximum(contradiction, 0.0), 0.0)
    return Numerical(value, error, used)
