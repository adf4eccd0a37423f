"""Options: every check of their names, and of the range of numbers, with its message."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

import numpy as np

from softgrad.errors import OptionError


def positive(function: str, name: str, value: float) -> float:
    """`value`, if it is a positive finite number."""
    wanted = "a positive number"
    number = _number(function, name, value, wanted)
    return number if 0 < number < math.inf else _refuse(function, name, value, wanted)


def not_negative(function: str, name: str, value: float) -> float:
    """`value`, if it is 0 or a positive finite number."""
    wanted = "0 or a positive number"
    number = _number(function, name, value, wanted)
    return number if 0 <= number < math.inf else _refuse(function, name, value, wanted)


def half_open_unit(function: str, name: str, value: float) -> float:
    """`value`, if it is at least 0 and less than 1."""
    wanted = "at least 0 and less than 1"
    number = _number(function, name, value, wanted)
    return number if 0 <= number < 1 else _refuse(function, name, value, wanted)


def unit_interval(function: str, name: str, value: float) -> float:
    """`value`, if it is from 0 to 1."""
    wanted = "a number from 0 to 1"
    number = _number(function, name, value, wanted)
    return number if 0 <= number <= 1 else _refuse(function, name, value, wanted)


def scale(function: str, name: str, value: float) -> float:
    """`value`, if it and its inverse are far from overflow, in float32 too."""
    wanted = "a positive number from 1e-30 to 1e30"
    number = _number(function, name, value, wanted)
    return number if 1e-30 <= number <= 1e30 else _refuse(function, name, value, wanted)


def known(function: str, given: Iterable[str], options: Collection[str]) -> None:
    """Checks the names of keyword arguments.

    Raises:
        TypeError: an unexpected name, as Python raises for a function's own parameters.
    """
    for name in given:
        if name not in options:
            near = closest(name, options)
            guess = f"did you mean {near}? " if near else ""
            raise TypeError(f"{function}: unexpected option {name!r}; {guess}wanted one of {', '.join(options)}")


def closest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant; None if there is none like it."""
    import difflib  # costs 2 ms, and most programs never need it

    return next(iter(difflib.get_close_matches(name, list(names), n=1)), None)


def shown(value: object) -> str:
    """A value in a message: its repr, shortened; Python refuses to print the digits of a very long integer."""
    try:
        text = repr(value)
    except ValueError:
        return f"an integer of {int.bit_length(value)} bits" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _number(function: str, name: str, value: object, wanted: str) -> float:
    number = not isinstance(value, str | bytes | bool | np.bool_) and np.ndim(value) == 0  # type: ignore[arg-type]
    try:
        if number:
            return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        pass
    return _refuse(function, name, shown(value), wanted)


def _refuse(function: str, name: str, value: object, wanted: str) -> float:
    raise OptionError(f"{function}: {name} is {value}, wanted {wanted}")
