"""Numbers of which it is known how many digits are right.

A value v with an error of at most E is shown with d significant digits, at most six, where a unit of the last is at
least 100 E: so rounded, it is within 0.51 of that unit of the exact value. Where not one digit is known, it is 0 to as
many decimals as are.

How far a formula carries the rounding of its inputs into its result is measured, not derived: it is computed again with
each input moved by a part of its error, up or down at random, and the largest change counts, times a margin.

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
ULPS = 16  # of a function of ours: each docstring says at most 10
MOVED = 1 / 4  # of the error of an input: as far as it is off, where that is told with a margin
TIMES = 8
MARGIN = 8  # on what eight times did not find
DECIMALS = 6  # of a 0


class Known(NamedTuple):
    """Values and the largest error of each."""

    value: Array
    error: Array

    @staticmethod
    def digits(value: float, error: float, at_most: int) -> str:
        """One value with the digits that are known of it, as Python writes numbers."""
        if value == 0 and error == 0:
            return "0"
        size = abs(value)
        known = at_most if error == 0 else min(at_most, _leading(size, error))
        if known >= 1:
            return f"{value:.{known}g}"
        decimals = min(DECIMALS, max(0, math.floor(-math.log10(2 * (size + error)))))
        return f"{0:.{decimals}f}"


def _leading(size: float, error: float) -> int:
    """How many leading digits of a value of this size are known."""
    if not size:
        return 0
    return math.floor(math.floor(math.log10(size)) + 1 - math.log10(100 * error))


def exactly(value: npt.ArrayLike) -> Known:
    """What the reader gave, or whole numbers."""
    array = np.asarray(value, np.float64)
    return Known(array, np.zeros(array.shape))


def rounded(value: npt.ArrayLike, size: npt.ArrayLike | None = None) -> Known:
    """What one of our functions returned: right to a few ulp of `size`, of the value itself by default."""
    array = np.asarray(value, np.float64)
    return Known(array, ULPS * EPS * np.abs(array if size is None else np.asarray(size, np.float64)))


def computed(formula: Callable[..., Any], *inputs: Known) -> Known:
    """What a formula makes of inputs of which each is known to its own error."""
    value = np.asarray(formula(*(x.value for x in inputs)), np.float64)
    rng = np.random.default_rng(0)
    change = np.zeros(value.shape)
    for _ in range(TIMES):
        moved = [x.value + MOVED * x.error * rng.choice([-1.0, 1.0], x.value.shape) for x in inputs]
        change = np.maximum(change, np.abs(formula(*moved) - value))
    return Known(value, MARGIN * change + ULPS * EPS * np.abs(value))
