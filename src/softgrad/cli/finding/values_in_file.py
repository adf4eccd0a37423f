"""The arrays that a file defines: what they are called says what an argument of the same name is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from softgrad.cli.finding.roles import LENGTH_OF, LENGTHS, NUMBERS, Lengths, Value, is_target, is_weight

FEW, MANY = 6, 12  # rows of the data that are used, if there are many
LONGEST = 1_000  # features
DATA_NAMES = ("X", "x", "X_train", "x_train", "data", "inputs")
PARAMETERS = ("parameters", "params", "weights", "theta")  # names of dicts and lists
LARGEST = 32  # of an integer that is taken for a length
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def values_in(names: Mapping[str, Any]) -> tuple[dict[str, Value], Lengths]:
    """Arrays and numbers of a file as values for arguments of the same name, and the lengths that they show.

    Of data with many rows the first few are taken. Of weights only the shapes are: they often start at 0.
    """
    arrays = {name: array for name, value in names.items() if (array := _array(value)) is not None}
    lengths = _lengths(names, arrays)
    values: dict[str, Value] = {}
    letters = iter(LETTERS)
    cut = _cut(arrays)
    for name, array in cut.items():
        if array.size > LONGEST * FEW or array.ndim > 4:
            continue
        if is_weight(name) and not is_target(name):
            axes = "".join(next(letters, "") for _ in array.shape)
            if len(axes) == array.ndim:
                lengths.update(zip(axes, array.shape, strict=True))
                values[name] = Value("real", axes)
        else:
            values[name] = Value("constant", constant=array, note=_of_all(array, arrays[name]))
    for name, value in names.items():
        if isinstance(value, list) and 1 < len(value) <= LARGEST and all(type(one) is int for one in value):
            values[name] = Value("constant", constant=value)  # indices
        elif name in PARAMETERS and isinstance(value, dict | list) and holds_arrays(value):
            values[name] = Value("like", constant=value)
        if is_target(name) and type(value) is int and 0 <= value <= LARGEST:
            values[name] = Value("constant", constant=value)  # the class of a single sample
        if name.lower() in NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
            values[name] = Value("constant", constant=value)
    return values, lengths


def holds_arrays(value: Any) -> bool:
    """Whether a dict or a list holds arrays of real numbers, and nothing else but them and numbers."""
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind == "f")
    if isinstance(value, dict | list | tuple):
        entries = list(value.values() if isinstance(value, dict) else value)
        return bool(entries) and all(map(holds_arrays, entries))
    return False


def _array(value: Any) -> Any:
    """A value as an array of numbers, if it is one with at least one axis."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub" or not value.ndim or not value.size:
        return None
    plain = np.asarray(value)
    return plain if np.isfinite(plain).all() else None


def _cut(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays with the first few samples only, whose number is the length that most of them share."""
    counts = Counter(n for array in arrays.values() for n in set(array.shape) if n > MANY)
    named = [array.shape for name, array in arrays.items() if name in DATA_NAMES or is_target(name)]
    many = [n for n, count in counts.most_common() if count > 1]
    many.sort(key=lambda n: -sum(n in shape for shape in named))
    cut = dict(arrays)
    for n in many[:1]:
        for name, array in arrays.items():
            axis = next((a for a in (0, array.ndim - 1) if array.shape[a] == n), None)
            if axis is not None:
                cut[name] = np.take(array, np.arange(FEW), axis=axis)
    return cut


def _of_all(cut: Any, array: Any) -> str:
    """Which part of an array is used: "its first 6 of 300 rows"; "" for all of it."""
    axis = next((a for a in range(array.ndim) if cut.shape[a] != array.shape[a]), None)
    if axis is None:
        return ""
    kind = "entries" if array.ndim == 1 else "columns" if axis else "rows"
    return f"its first {cut.shape[axis]} of {array.shape[axis]} {kind}"


def _lengths(names: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, int]:
    """The lengths that integers such as hidden_size and the shapes of X and y show."""
    lengths = dict(LENGTHS)
    for name, value in names.items():
        letter = LENGTH_OF.get(name.lower()) if len(name) > 1 else None
        if letter in ("D", "H", "C") and isinstance(value, int | np.integer) and 1 < value <= LARGEST:
            lengths[letter] = int(value)
    X = next((array for name, array in arrays.items() if name in DATA_NAMES and array.ndim == 2), None)
    y = next((array for name, array in arrays.items() if is_target(name)), None)
    if X is not None:
        columns = y is not None and y.shape[-1] == X.shape[1] != X.shape[0]
        lengths["D"] = X.shape[0 if columns else 1]
        if y is not None and y.ndim == 2 and y.shape[0 if columns else 1] > 1:
            lengths["C"] = y.shape[0 if columns else 1]
        elif y is not None and y.dtype.kind in "iu" and 1 < y.max() < LARGEST:
            lengths["C"] = int(y.max()) + 1
    return lengths
