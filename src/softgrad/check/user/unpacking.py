"""A flat vector of parameters, told by the names that the user's function unpacks it into.

    Theta1 = theta[:20].reshape(4, 5)
    Theta2 = theta[20:].reshape(3, 5)

The function is run twice, and the variables of the functions that return are looked at: an array is a part of the
vector if all its numbers stand there. Names are for show: the check still passes the function a vector, put together
from its parts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions
from softgrad.check.user.options import MakesInputs
from softgrad.check.user.state import is_of_a_package
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array

FEWEST, MOST = 3, 1_000_000  # entries of a vector
MOST_PARTS, MOST_TOLD = 64, 6
HERE = str(Path(__file__).parents[1])


class Part(NamedTuple):
    """A variable that holds entries of the vector."""

    name: str
    entries: Array  # for each of its own entries, the index in the vector


class Unpacking(NamedTuple):
    """Functions of the parts of vectors, a function that draws them, and a fact for each vector."""

    functions: UserFunctions
    inputs: MakesInputs | None
    facts: tuple[str, ...]


def unpacked(functions: UserFunctions, inputs: MakesInputs | None) -> Unpacking:
    """The functions with the parts of flat vectors in place of these.

    Where forward does not unpack a vector, or not always in the same way, nothing is changed.

    Args:
        functions: the user's functions.
        inputs: the user's function that draws inputs, if there is one.
    """
    unchanged = Unpacking(functions, inputs, ())
    vectors = [
        leaf
        for leaf in functions.leaves
        if len(leaf.key) == 1
        and leaf.given.ndim == 1
        and leaf.given.dtype.kind == "f"
        and FEWEST <= leaf.given.size <= MOST
    ]
    if not vectors or sys.getprofile() is not None:
        return unchanged
    parts: dict[int, list[Part]] = {}
    facts: list[str] = []
    with functions.kept(), np.errstate(all="ignore"):
        for leaf in vectors:
            found = _parts(functions, leaf.key)
            shape = _shape_of_gradient(functions, leaf.key) if found else None
            if shape is None:
                continue
            others = {one.name for one in functions.leaves if one.key != leaf.key}
            found = [one._replace(name=f"{leaf.name}.{one.name}") if one.name in others else one for one in found]
            if len(found) == 1:
                found = [found[0]._replace(name=leaf.name)]
            told = ", ".join(f"{one.name} {tuple(map(int, one.entries.shape))}" for one in found[:MOST_TOLD])
            told += f" and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
            if len(found) > 1:
                facts.append(f"{leaf.name} is unpacked by {functions.forward_name} into {told}")
            elif shape == leaf.given.shape:
                facts.append(
                    f"{leaf.name} is shown as {found[0].entries.shape}, as {functions.forward_name} reshapes it"
                )
            if shape == leaf.given.shape:
                parts[leaf.key[0]] = found
            elif len(shape) == 1 and len(found) > 1:
                facts += _other_length(leaf.name, shape[0] - leaf.given.size, found)
        if parts and inputs is not None and not _draws_alike(functions, inputs, parts):
            return unchanged
    if not parts:
        return unchanged._replace(facts=tuple(facts))
    made = _Unpacked(functions, parts)

    def drawn(rng: np.random.Generator) -> Any:
        values = inputs(rng) if inputs is not None else None
        return made.inputs(values) if isinstance(values, tuple) else made.inputs((values,))

    return Unpacking(made.functions, None if inputs is None else drawn, tuple(facts))


class _Unpacked:
    """The user's functions, as functions of the parts of vectors."""

    def __init__(self, functions: UserFunctions, parts: Mapping[int, Sequence[Part]]) -> None:
        self._of, self._parts = functions, parts
        self._order = {
            i: np.argsort(np.concatenate([one.entries.ravel() for one in found])) for i, found in parts.items()
        }
        self.functions = functions.replaced(self._forward, self._backward, self.inputs(functions.arguments.inputs))
        self.functions.of_fixed_lengths = frozenset(parts)

    def inputs(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Inputs with vectors, as inputs with their parts."""
        return tuple(
            {one.name: np.asarray(value)[one.entries] for one in self._parts[i]} if i in self._parts else value
            for i, value in enumerate(values)
        )

    def _packed(self, inputs: Sequence[Any]) -> list[Any]:
        """Inputs with parts, as inputs with vectors."""
        return [self._vector(i, value) if i in self._parts else value for i, value in enumerate(inputs)]

    def _vector(self, i: int, parts: Mapping[str, Any]) -> Any:
        joined = np.concatenate([np.reshape(parts[one.name], -1) for one in self._parts[i]])
        order = self._order[i]
        return joined if np.array_equal(order, np.arange(len(order))) else joined[order]

    def _forward(self, *inputs: Any) -> Any:
        return self._of.forward(*self._packed(inputs))

    def _backward(self, *arguments: Any) -> Any:
        count = len(self._of.arguments.inputs)
        value = self._of.backward(*self._packed(arguments[:count]), *arguments[count:])
        asked = self._of.wrt or range(count)
        if isinstance(value, tuple) or (isinstance(value, list) and len(asked) > 1):
            one_each = asked if len(value) == len(asked) else range(len(value))
            return tuple(self._split(i, one) for i, one in zip(one_each, value, strict=True))
        return self._split(next(iter(asked)), value)

    def _split(self, i: int, grad: Any) -> Any:
        return grad if grad is None or i not in self._parts else {one.name: grad[one.entries] for one in self._parts[i]}


def _draws_alike(functions: UserFunctions, inputs: MakesInputs, parts: Mapping[int, Sequence[Part]]) -> bool:
    """Whether the user's function draws vectors of the lengths given."""
    try:
        values = inputs(np.random.default_rng(0))
        values = values if isinstance(values, tuple) else (values,)
        return all(np.shape(values[i]) == functions.arguments.inputs[i].shape for i in parts)
    except Exception:  # whatever it raises is told when the check draws inputs
        return False


def _shape_of_gradient(functions: UserFunctions, key: Key) -> tuple[int, ...] | None:
    """The shape of the gradient of a vector that backward returns; None where there is none."""
    arrays = functions.arrays()
    try:
        upstream = np.ones_like(functions.output(arrays), dtype=float)
        grads = functions.gradients(arrays, upstream).grads
    except CheckError:
        return None
    return grads[key].shape if key in grads else None


def _other_length(name: str, more: int, parts: Sequence[Part]) -> list[str]:
    """Which row or column of a part has as many entries as a gradient has too many, or too few."""
    lines = [
        f"a {kind} of {one.name}"
        for one in parts
        if one.entries.ndim == 2
        for kind, length in (("row", one.entries.shape[1]), ("column", one.entries.shape[0]))
        if length == abs(more)
    ]
    what = "more" if more > 0 else "fewer"
    told = f"the gradient of {name} has {abs(more)} entries {what} than {name}"
    return [f"{told}: as many as {' or '.join(lines)} has" if lines else told]


def _parts(functions: UserFunctions, key: Key) -> list[Part]:
    """The parts of a vector, each entry in one of them; empty where they are not the same at other numbers."""
    rng, given = np.random.default_rng(0), functions.arrays()
    size = given[key].size
    looks = []
    for sign in (1.0, -1.0):
        spread = float(np.abs(given[key]).mean()) or 1.0
        vector = given[key] * sign + 1e-3 * spread * rng.uniform(1, 2, size)
        if len(np.unique(vector)) < size:
            return []
        held: list[tuple[str, Array]] = []
        try:
            with _Variables(held, size):
                functions.output({**given, key: vector})
        except CheckError:
            return []
        looks.append(list(_found(held, vector)))
    first, second = looks
    steady = [one for one in first if any(_same(one, other) for other in second)]
    return _cover(steady, size)


class _Variables:
    """Collects the variables of the user's functions as they return.

    Args:
        held: the arrays are put here, no larger than the vector, and not more than a few times its entries altogether.
        size: the number of entries of the vector.
    """

    def __init__(self, held: list[tuple[str, Array]], size: int) -> None:
        self._held, self._size, self._entries_left = held, size, 100 * size + 10_000

    def __enter__(self) -> None:
        sys.setprofile(self._look)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _look(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "return" or len(self._held) > 1000 or self._entries_left < 0:
            return
        code = frame.f_code
        if code.co_filename.startswith(HERE) or is_of_a_package(frame.f_globals.get("__name__", "")):
            return
        try:
            for name, value in list(frame.f_locals.items()):
                for found, array in _named(name, value):
                    if array.size <= self._size and self._entries_left >= 0:
                        self._entries_left -= array.size
                        self._held.append((found, array.copy()))  # some are changed later
        except Exception:  # an object of the user's that cannot be looked at
            return


def _named(name: str, value: Any) -> Iterator[tuple[str, Array]]:
    """The arrays in a variable; those in a dict or an object have names of their own."""
    if isinstance(value, np.ndarray | np.floating):
        if np.asarray(value).dtype.kind == "f":
            yield name, np.asarray(value)
    elif isinstance(value, dict) and len(value) <= MOST_PARTS:
        for key, one in list(value.items()):
            if isinstance(key, str) and isinstance(one, np.ndarray | np.floating):
                yield from _named(key, one)
    elif isinstance(value, list | tuple) and len(value) <= MOST_PARTS:
        for i, one in enumerate(value):
            if isinstance(one, np.ndarray | np.floating):
                yield from _named(f"{name}[{i}]", one)
    elif isinstance(value, SimpleNamespace) or not is_of_a_package(type(value).__module__):
        yield from _named(name, dict(getattr(value, "__dict__", {})))


def _found(held: Sequence[tuple[str, Array]], vector: Array) -> Iterator[Part]:
    """The variables all of whose numbers stand in the vector, each at a place of its own."""
    order = np.argsort(vector)
    numbers = vector[order]
    for name, value in held:
        if not 0 < value.size <= vector.size:
            continue
        at = np.minimum(np.searchsorted(numbers, value), len(numbers) - 1)
        if np.array_equal(numbers[at], value) and len(np.unique(at)) == value.size:
            yield Part(name, order[at])


def _same(one: Part, other: Part) -> bool:
    return one.name == other.name and np.array_equal(one.entries, other.entries)


def _cover(found: Sequence[Part], size: int) -> list[Part]:
    """Parts that hold every entry once; empty where there are none."""
    parts = [one for one in found if one.entries.size < size]
    taken = _filling(parts, np.ones(size, dtype=bool))
    if not taken:  # all of it as a matrix, which keeps the name of the vector
        whole = [one for one in found if one.entries.size == size and min(one.entries.shape) > 1 < one.entries.ndim]
        taken = [one._replace(name="") for one in whole[:1]]
    return sorted(taken, key=lambda part: int(part.entries.min())) if len(taken) <= MOST_PARTS else []


def _filling(found: Sequence[Part], free: npt.NDArray[np.bool_]) -> list[Part]:
    """Parts that hold every free entry once: variables before entries of lists, then matrices, then large ones.

    A vector that is unpacked further stands for its parts: rest = theta[20:], then b = rest[:3].
    """
    taken: list[Part] = []
    free = free.copy()
    for one in sorted(found, key=lambda part: ("[" in part.name, part.entries.ndim < 2, -part.entries.size)):
        entries = one.entries.ravel()
        if not free[entries].all() or one.name in [part.name for part in taken]:
            continue
        if one.entries.ndim == 1 and entries.size > 1:
            own = np.zeros_like(free)
            own[entries] = True
            inside = [part for part in found if own[part.entries].all() and part.entries.size < entries.size]
            if "[" not in one.name and _filling([part for part in inside if "[" not in part.name], own):
                continue
        free[entries] = False
        taken.append(one)
    return [] if free.any() else taken
