"""Options that are numbers: every check of their range, with its message."""

from __future__ import annotations

import math

from softgrad.errors import OptionError


def positive(function: str, name: str, value: float) -> float:
    """`value`, if it is a positive finite number."""
    if not 0 < value < math.inf:
        raise OptionError(f"{function}: {name} is {value}, wanted a positive number")
    return float(value)


def not_negative(function: str, name: str, value: float) -> float:
    """`value`, if it is 0 or a positive finite number."""
    if not 0 <= value < math.inf:
        raise OptionError(f"{function}: {name} is {value}, wanted 0 or a positive number")
    return float(value)


def share(function: str, name: str, value: float) -> float:
    """`value`, if it is from 0 to 1, 1 left out."""
    if not 0 <= value < 1:
        raise OptionError(f"{function}: {name} is {value}, wanted at least 0 and less than 1")
    return float(value)


def scale(function: str, name: str, value: float) -> float:
    """`value`, if it and its inverse are far from overflow, in float32 too."""
    if not 1e-30 <= value <= 1e30:
        raise OptionError(f"{function}: {name} is {value}, wanted a positive number from 1e-30 to 1e30")
    return float(value)
