"""Numerical derivatives by central differences.

    df/dx = (f(x + h) - f(x - h)) / 2h + h^2/6 f'''(x) + ...

The step h balances that remainder, which grows as h^2, against the rounding of f, which costs eps |f| / h: h near the
cube root of eps, relative to x. What is left is near eps^(2/3), 4e-11 of f.

Source: Press et al., Numerical Recipes, 3rd ed. (2007), 5.7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

STEP = float(np.cbrt(np.finfo(np.float64).eps))


class Difference(NamedTuple):
    """A numerical derivative, and how much of it may be rounding."""

    value: float
    rounding: float


def central_difference(
    f: Callable[[], float], array: npt.NDArray[Any], index: tuple[int, ...], *, step: float = STEP
) -> Difference:
    """df/d array[index]. `array`, which f reads, is changed in place and put back.

    Args:
        f: the function of `array`, as a call without arguments.
        array: float64.
        index: of the entry.
        step: relative to the entry, or to 1 where that is smaller.
    """
    x = array[index]
    h = step * max(1.0, abs(x))
    try:
        array[index] = above = x + h
        f_above = f()
        array[index] = below = x - h
        f_below = f()
    finally:
        array[index] = x
    width = above - below  # not 2h: x + h was rounded
    rounding = 2 * np.finfo(np.float64).eps * max(abs(f_above), abs(f_below)) / width
    return Difference((f_above - f_below) / width, rounding)
