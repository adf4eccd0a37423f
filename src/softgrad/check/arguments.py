"""The inputs of the user's functions: where the arrays are in them, and how to put others in their place.

An input is an array, a number, a dict or a list of arrays (parameters by name or by number), or anything else, which is
passed on as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad.check.randomness import GENERATORS
from softgrad.errors import CheckError, OptionError

Array = npt.NDArray[Any]
Key = tuple[int, Any]  # which input, and which entry of a dict or a list

NUMBERS = (np.ndarray, np.generic, float, int)


class Slot(NamedTuple):
    """One array among the inputs."""

    key: Key
    name: str
    given: Array  # as the user gave it


class Arguments:
    """The inputs as the user gave them.

    Args:
        function: the public function that the user called, for messages.
        inputs: as they were given.
        names: what to call each.

    Raises:
        CheckError: an input that holds no numbers where numbers belong.
        OptionError: names that are not as many as the inputs.
    """

    def __init__(self, function: str, inputs: Sequence[Any], names: Sequence[str] | None) -> None:
        self.function = function
        self.inputs = [self._read(i, value) for i, value in enumerate(inputs)]
        self.names = self._named(names)
        self.slots = list(self._slots())

    def _read(self, i: int, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._array(f"inputs[{i}][{key!r}]", entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            if any(isinstance(entry, np.ndarray) for entry in value):
                return [self._array(f"inputs[{i}][{j}]", entry) for j, entry in enumerate(value)]
            return self._array(f"inputs[{i}]", _as_array(value))
        return self._array(f"inputs[{i}]", value)

    def _array(self, place: str, value: Any) -> Any:
        """Numbers as an array; what holds none, such as a generator, a name or None, as it is."""
        if isinstance(value, bool) or not isinstance(value, NUMBERS):
            return value
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise CheckError(f"{self.function}: {place} is {kind_of(value)}, wanted an array of real numbers")
        return array

    def _named(self, names: Sequence[str] | None) -> list[str]:
        if names is None:
            return [f"input {i}" for i in range(len(self.inputs))]
        if isinstance(names, str) or len(names) != len(self.inputs):
            count = 1 if isinstance(names, str) else len(names)
            raise OptionError(f"{self.function}: names has {count}, wanted {len(self.inputs)}, one for each input")
        return [str(name) for name in names]

    def _slots(self) -> Iterator[Slot]:
        """Every array; one of a dict is called by its key."""
        for i, value in enumerate(self.inputs):
            if isinstance(value, dict):
                yield from (Slot((i, k), str(k), one) for k, one in value.items() if isinstance(one, np.ndarray))
            elif isinstance(value, list):
                named = ((k, f"{self.names[i]}[{k}]", one) for k, one in enumerate(value))
                yield from (Slot((i, k), name, one) for k, name, one in named if isinstance(one, np.ndarray))
            elif isinstance(value, np.ndarray):
                yield Slot((i, None), self.names[i], value)

    def name_of(self, key: Key) -> str:
        """What the user calls an array."""
        return next(slot.name for slot in self.slots if slot.key == key)

    def with_arrays(self, arrays: Mapping[Key, Array]) -> list[Any]:
        """The inputs with these arrays in their places, all of them copies."""
        filled: list[Any] = []
        for i, value in enumerate(self.inputs):
            if isinstance(value, dict):
                filled.append({key: copied(arrays.get((i, key), entry)) for key, entry in value.items()})
            elif isinstance(value, list):
                filled.append([copied(arrays.get((i, key), entry)) for key, entry in enumerate(value)])
            else:
                filled.append(copied(arrays.get((i, None), value)))
        return filled


def is_real(value: Any) -> bool:
    """Whether an input holds real numbers, which a gradient may be for."""
    if isinstance(value, dict):
        return any(is_real(entry) for entry in value.values())
    if isinstance(value, list):
        return any(is_real(entry) for entry in value)
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def copied(value: Any) -> Any:
    """A copy that may be written to; a number for an array of none."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K") if value.ndim else value[()]
    if isinstance(value, dict):
        return {key: copied(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [copied(entry) for entry in value]
    return copy.deepcopy(value) if isinstance(value, GENERATORS) else value


def same(a: Any, b: Any) -> bool:
    """Whether an input has kept its numbers."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray | np.generic):
        return bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc"))
    return True


def kind_of(value: Any) -> str:
    """What a value is, in words, for a message."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__}"
    return f"{value!r:.40} of type {type(value).__name__}"


def _as_array(value: Sequence[Any]) -> Any:
    """A list of numbers as an array; one that is none stays what it is."""
    try:
        array = np.asarray(value)
    except ValueError:
        return value
    return array if array.dtype.kind in "fiub" else value
