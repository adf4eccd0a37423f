"""Reading JSON that a file brings: values of the expected types, or a ValueError that names the place.

json.loads alone accepts NaN and Infinity, and fails on deep nesting with RecursionError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from softgrad._messages import quoted

LARGEST = 2**31 - 1  # of an integer: every size that a file describes is smaller


def parse(text: str | bytes) -> Any:
    """The value that the text represents."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


def mapping(value: Any, place: str, *keys: str) -> Mapping[str, Any]:
    """A JSON object that has exactly these keys; any keys, if none is given."""
    if not isinstance(value, dict):
        _refuse(value, place, "an object")
    for key in keys:
        if key not in value:
            raise ValueError(f"{place} has no {key!r}")
    if keys:
        for key in value:
            if key not in keys:
                raise ValueError(f"{place} has the unknown key {quoted(key)}")
    return value


def items(value: Any, place: str) -> list[Any]:
    """A JSON array."""
    return value if isinstance(value, list) else _refuse(value, place, "a list")


def text(value: Any, place: str) -> str:
    """A string."""
    return value if isinstance(value, str) else _refuse(value, place, "a string")


def texts(value: Any, place: str) -> tuple[str, ...]:
    """A list of different strings."""
    found = tuple(text(each, f"{place}[{i}]") for i, each in enumerate(items(value, place)))
    if len(set(found)) != len(found):
        raise ValueError(f"{place} has the same string twice")
    return found


def positive_integer(value: Any, place: str) -> int:
    """An integer from 1 to 2^31 - 1."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        _refuse(value, place, "a positive integer")
    return value


def number(value: Any, place: str) -> float:
    """A finite number as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e308 or math.isnan(value):
        _refuse(value, place, "a finite number")
    return float(value)


def _refuse(value: Any, place: str, wanted: str) -> NoReturn:
    raise ValueError(f"{place} is {quoted(value)}, wanted {wanted}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it has {name}, which is not a number in JSON")
