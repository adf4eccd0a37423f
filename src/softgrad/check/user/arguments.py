"""The inputs of the user's functions: finds the arrays in them, and puts other arrays in their places.

An input is an array, a number, or a dict, list or tuple of inputs (such as the parameters of a network). Anything else
is passed on unchanged.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.user.descriptions import kind_of
from softgrad.check.user.randomness import GENERATORS
from softgrad.errors import CheckError, OptionError
from softgrad.formulas.numbers import Array

Key = tuple[Any, ...]  # the path to an array: the number of the input, then keys of dicts and positions in lists

NUMBERS = (np.ndarray, np.generic, float, int)


class Leaf(NamedTuple):
    """One array among the inputs."""

    key: Key
    name: str
    given: Array


class Arguments:
    """The inputs of one check.

    Args:
        function: the public function that the user called, for messages.
        inputs: the inputs as given.
        names: what to call each.

    Raises:
        CheckError: an array does not hold real numbers, or an input contains itself.
        OptionError: there are not as many names as inputs.
    """

    def __init__(self, function: str, inputs: Sequence[Any], names: Sequence[str] | None) -> None:
        self.function = function
        try:
            self.inputs = [self._read(f"inputs[{i}]", value) for i, value in enumerate(inputs)]
        except RecursionError:
            raise CheckError(f"{function}: an input contains itself, wanted lists and dicts of arrays") from None
        self.names = self._named(names)
        self.leaves = list(self._leaves())

    def _read(self, place: str, value: Any) -> Any:
        """The input with every number in it as an array; anything else, such as a generator, is left as it is."""
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

    def _leaves(self) -> Iterator[Leaf]:
        """Every array. An array in a dict is called by its key."""
        for i, value in enumerate(self.inputs):
            for path, array in arrays_in(value):
                keyed = [one for one in path if isinstance(one, str)]
                name = (
                    ".".join(keyed) if len(keyed) == len(path) > 0 else self.names[i] + "".join(f"[{k}]" for k in path)
                )
                yield Leaf((i, *path), name, array)

    def name_of(self, key: Key) -> str:
        """The name of an array."""
        return next(leaf.name for leaf in self.leaves if leaf.key == key)

    def with_arrays(self, arrays: Mapping[Key, Array]) -> list[Any]:
        """Copies of the inputs, with these arrays in their places."""
        return [_filled(value, (i,), arrays) for i, value in enumerate(self.inputs)]


def arrays_in(value: Any, path: Key = ()) -> Iterator[tuple[Key, Array]]:
    """Every array in an input, with the path to it."""
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
    array = arrays.get(path, value)
    return laid_out(array, value) if isinstance(array, np.ndarray) and array.ndim else copied(array)


def is_real(value: Any) -> bool:
    """Whether an input holds an array of real numbers, which can have a gradient."""
    return any(array.dtype.kind == "f" for _, array in arrays_in(value))


def copied(value: Any) -> Any:
    """A copy that may be written to; an array of no axis becomes a number."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K") if value.ndim else value[()]
    return copy.deepcopy(value) if isinstance(value, GENERATORS) else value


def laid_out(array: Array, like: Array) -> Array:
    """A copy whose axes lie in memory in the order of those of `like`: Fortran order stays Fortran order."""
    if array.ndim != like.ndim or like.flags.c_contiguous:
        return array.copy(order="C")
    order = np.argsort([-abs(stride) for stride in like.strides], kind="stable")
    return array.transpose(order).copy(order="C").transpose(np.argsort(order))


def same(a: Any, b: Any) -> bool:
    """Whether two inputs hold the same numbers."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray | np.generic):
        return bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc"))
    return True


def _like(value: Any, entries: list[Any]) -> Any:
    """A list or a tuple of the same type (a named tuple, too), with other entries."""
    return type(value)._make(entries) if hasattr(value, "_make") else type(value)(entries)


def _is_nested(value: Sequence[Any]) -> bool:
    """Whether a list holds lists of arrays."""
    return any(isinstance(entry, list | tuple) and any(True for _ in arrays_in(list(entry))) for entry in value)


def _as_array(value: Sequence[Any]) -> Any:
    """A list of numbers as an array; any other list as it is."""
    try:
        array = np.asarray(value)
    except ValueError:
        return value
    return array if array.dtype.kind in "fiub" else value
