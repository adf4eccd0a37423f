"""Numbers with error bounds, which decide how many digits are shown.

A value with an error of at most E is shown with at most six significant digits: as many as keep one unit of the last
digit at 100 E or more. The number shown then differs from the exact value by at most 0.51 units of its last digit. If
no digit is certain, the value is shown as 0 with as many decimals as are certain, or plainly as 0 if six are.

The rounding error of a formula is measured, not derived. The formula is computed again with each input moved by a
fraction of its error, up or down at random. The largest change, times a safety margin, is the error of the result.

Source: Vignes, A stochastic arithmetic for reliable scientific computation, Math. Comput. Simul. 35 (1993).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

EPS = float(np.finfo(np.float64).eps)
ULPS = 16  # assumed error of a softgrad function; the docstrings promise at most 10
MOVE = 1 / 4  # fraction of an input's error by which it is moved; the errors are bounds, so inputs are closer than that
SAMPLES = 8
MARGIN = 8  # for errors larger than those that the samples found
DECIMALS = 6  # of a 0 that is shown without decimals


class Bounded(NamedTuple):
    """Values, and a bound on the error of each."""

    value: Array
    error: Array

    @staticmethod
    def digits(value: float, error: float, at_most: int) -> str:
        """One value with its certain digits, in Python's notation."""
        if value == 0 and error == 0:
            return "0"
        size = abs(value)
        certain = at_most if error == 0 else min(at_most, _certain_digits(size, error))
        if certain >= 1:
            return f"{value:.{certain}g}"
        decimals = max(0, math.floor(-math.log10(2 * (size + error))))
        return f"{0:.{decimals}f}" if decimals < DECIMALS else "0"


def _certain_digits(size: float, error: float) -> int:
    """How many leading digits of a value of this size are certain."""
    if not size:
        return 0
    return math.floor(math.floor(math.log10(size)) + 1 - math.log10(100 * error))


def exactly(value: npt.ArrayLike) -> Bounded:
    """Values without error: the reader's numbers, or integers."""
    array = np.asarray(value, np.float64)
    return Bounded(array, np.zeros(array.shape))


def rounded(value: npt.ArrayLike, size: npt.ArrayLike | None = None) -> Bounded:
    """A result of a softgrad function, accurate to a few ulp of `size`, which is by default the value itself."""
    array = np.asarray(value, np.float64)
    return Bounded(array, ULPS * EPS * np.abs(array if size is None else np.asarray(size, np.float64)))


def computed(formula: Callable[..., Any], *inputs: Bounded) -> Bounded:
    """The result of a formula whose inputs have errors."""
    value = np.asarray(formula(*(x.value for x in inputs)), np.float64)
    rng = np.random.default_rng(0)
    change = np.zeros(value.shape)
    for _ in range(SAMPLES):
        moved_inputs = [x.value + MOVE * x.error * rng.choice([-1.0, 1.0], x.value.shape) for x in inputs]
        change = np.maximum(change, np.abs(formula(*moved_inputs) - value))
    return Bounded(value, MARGIN * change + ULPS * EPS * np.abs(value))
