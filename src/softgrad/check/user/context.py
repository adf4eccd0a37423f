"""What the user says of the function, sorted by use. Nothing in it is an error."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.user.descriptions import one_line, shown
from softgrad.check.user.randomness import GENERATORS
from softgrad.formulas.losses import PARAMETERS

INTEGERS = ("class_axis", "ignore_index")
NUMBERS = (
    *("temperature", "label_smoothing", "smoothing", "keep", "slope", "eps", "epsilon", "z_loss"),
    *(parameter.name for parameter in PARAMETERS),
)
ARRAYS = ("mask", "target")
READ_OFF = ("loss", "reduction", "layer", "activation", "network", "wrt", "output")  # the functions' numbers tell these
KEYS = (
    *INTEGERS,
    *NUMBERS,
    *ARRAYS,
    *READ_OFF,
    "class_weight",
    "layout",
    "learning_rate",
    "reg",
    "seed",
    "rng",
    "name",
)
MANY = 2**18  # classes; no vocabulary is larger


class Context(NamedTuple):
    """The context, sorted by use."""

    known: Mapping[str, Any]  # used to recognise the function: numbers, arrays, the name of the layout
    numbers: Mapping[str, float]  # all numbers; a constant ratio is compared with them
    facts: tuple[str, ...]  # everything else, as facts of the report
    generators: tuple[Any, ...]  # random generators


def read_context(context: Mapping[str, Any]) -> Context:
    """Sorts the context. A number may be a NumPy number, an array of no axis, or text such as "0.1"."""
    known: dict[str, Any] = {}
    numbers: dict[str, float] = {}
    facts: list[str] = []
    for key, value in context.items():
        number, array = _number(value), _array(value)
        if number is not None:
            numbers[str(key)] = number
        if isinstance(value, GENERATORS) or value is None:
            continue
        if key in INTEGERS and number is not None and number == int(number):
            known[key] = int(number)
        elif key in NUMBERS and number is not None:
            known[key] = number
        elif key in ARRAYS and array is not None:
            known[key] = array
        elif key == "class_weight" and (weights := _class_weights(value)) is not None:
            known[key] = weights
        elif key == "layout" and isinstance(value, str):
            known[key] = value
        else:
            said, wanted = one_line(value) if isinstance(value, str) else shown(value), _wanted(key)
            meant = None if wanted else _meant(key)
            way = f" (not used: wanted {wanted})" if wanted else f" (not known; did you mean {meant}?)" if meant else ""
            facts.append(f"{key}: {said}{way}")
    generators = tuple(value for value in context.values() if isinstance(value, GENERATORS))
    return Context(known, numbers, tuple(facts), generators)


def _wanted(key: str) -> str | None:
    """What the value of a known key should have been."""
    if key in INTEGERS:
        return "an integer"
    if key in NUMBERS:
        return "a number"
    if key in ARRAYS:
        return "an array of numbers"
    return {"class_weight": "a weight for each class", "layout": '"rows", "columns" or "vector"'}.get(key)


def _meant(key: Any) -> str | None:
    """The known key that a misspelled one was meant for."""
    if not isinstance(key, str) or key in KEYS:
        return None
    return next(iter(get_close_matches(key.lower(), KEYS, n=1, cutoff=0.85)), None)


def _number(value: Any) -> float | None:
    """The value as a number, if it is a finite number."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        number = float(value) if np.ndim(value) == 0 else np.nan
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _array(value: Any) -> Any:
    """The value as an array, if it is an array of numbers with at least one axis."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # ragged rows
        return None
    return array if array.ndim and array.dtype.kind in "fiub" else None


def _class_weights(value: Any) -> Any:
    """The weights in the order of the classes. In a dict of class to weight, classes left out have weight 1."""
    if isinstance(value, Mapping):
        if not value or not all(isinstance(k, int | np.integer) and 0 <= k < MANY for k in value):
            return None
        weights = [_number(value.get(k, 1.0)) for k in range(max(value) + 1)]
        return None if None in weights else np.array(weights, dtype=np.float64)
    array = _array(value)
    return array.astype(np.float64) if array is not None and array.ndim == 1 else None
