"""The inputs of the user's functions: where the arrays are in them, and how to put others in their place.

An input is an array, a number, a dict, list or tuple of such (parameters by name or by number, nested as deep as they
are), or anything else, which is passed on as it is.
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
Key = tuple[Any, ...]  # which input, then which entry of a dict or a list, and so on inwards

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
        try:
            self.inputs = [self._read(f"inputs[{i}]", value) for i, value in enumerate(inputs)]
        except RecursionError:
            raise CheckError(f"{function}: an input holds itself, wanted lists and dicts of arrays") from None
        self.names = self._named(names)
        self.slots = list(self._slots())

    def _read(self, place: str, value: Any) -> Any:
        """The input with every array and number in it as an array; what holds none, such as a generator, as it is."""
        if isinstance(value, Mapping):
            return {key: self._read(f"{place}[{key!r}]", entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            if any(isinstance(entry, np.ndarray | Mapping) for entry in value) or _is_nested(value):
                return _like(value, [self._read(f"{place}[{k}]", entry) for k, entry in enumerate(value)])
            value = _as_array(value)
        if isinstance(value, bool) or not isinstance(value, NUMBERS):
            return value
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise CheckError(f"{self.function}: {place} is {kind_of(value)}, wanted an array of real numbers")
        return array

    def _named(self, names: Sequence[str] | None) -> list[str]:
        if names is None:
            return [f"input {i}" for i in range(len(self.inputs))]
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise OptionError(f"{self.function}: names is {kind_of(names)}, wanted a list, one name for each input")
        if len(names) != len(self.inputs):
            raise OptionError(f"{self.function}: names has {len(names)}, wanted {len(self.inputs)}, one for each input")
        return [str(name) for name in names]

    def _slots(self) -> Iterator[Slot]:
        """Every array; one of a dict is called by its key."""
        for i, value in enumerate(self.inputs):
            for path, array in arrays_in(value):
                keyed = [one for one in path if isinstance(one, str)]
                name = (
                    ".".join(keyed) if len(keyed) == len(path) > 0 else self.names[i] + "".join(f"[{k}]" for k in path)
                )
                yield Slot((i, *path), name, array)

    def name_of(self, key: Key) -> str:
        """What the user calls an array."""
        return next(slot.name for slot in self.slots if slot.key == key)

    def with_arrays(self, arrays: Mapping[Key, Array]) -> list[Any]:
        """The inputs with these arrays in their places, all of them copies."""
        return [_filled(value, (i,), arrays) for i, value in enumerate(self.inputs)]


def arrays_in(value: Any, path: Key = ()) -> Iterator[tuple[Key, Array]]:
    """Every array in an input, by the way to it."""
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, dict | list | tuple):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from arrays_in(entry, (*path, key))


def _filled(value: Any, path: Key, arrays: Mapping[Key, Array]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(entry, (*path, key), arrays) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return _like(value, [_filled(entry, (*path, key), arrays) for key, entry in enumerate(value)])
    return copied(arrays.get(path, value))


def is_real(value: Any) -> bool:
    """Whether an input holds real numbers, which a gradient may be for."""
    return any(array.dtype.kind == "f" for _, array in arrays_in(value))


def copied(value: Any) -> Any:
    """A copy that may be written to; a number for an array of none."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K") if value.ndim else value[()]
    return copy.deepcopy(value) if isinstance(value, GENERATORS) else value


def same(a: Any, b: Any) -> bool:
    """Whether an input has kept its numbers."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
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
    return f"{' '.join(repr(value).split()):.40} of type {type(value).__name__}"


def _like(value: Any, entries: list[Any]) -> Any:
    """A list or a tuple, named ones too, with other entries."""
    return type(value)._make(entries) if hasattr(value, "_make") else type(value)(entries)


def _is_nested(value: Sequence[Any]) -> bool:
    """Whether a list holds lists of arrays, not just numbers."""
    return any(isinstance(entry, list | tuple) and any(True for _ in arrays_in(list(entry))) for entry in value)


def _as_array(value: Sequence[Any]) -> Any:
    """A list of numbers as an array; one that is none stays what it is."""
    try:
        array = np.asarray(value)
    except ValueError:
        return value
    return array if array.dtype.kind in "fiub" else value
