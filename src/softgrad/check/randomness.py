"""Random generators that the user's functions hold, put back before every call, so that calls can be compared."""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
DEPTH = 3  # how far a generator is looked for: the function, its object, an object in that


class Randomness:
    """The generators that some functions can reach, and the states in which they were found.

    Args:
        functions: the functions.
        known: generators that the user names.
    """

    def __init__(self, functions: Sequence[Callable[..., Any]], known: Sequence[Any]) -> None:
        found = {id(one): one for one in (*known, *(one for f in functions for one in reachable(f, GENERATORS)))}
        self.generators = list(found.values())
        self._states = [copy.deepcopy(_state(one)) for one in self.generators]
        self.seeded = False  # whether the global states of NumPy and of random are set as well

    @contextmanager
    def rewound(self) -> Iterator[None]:
        """Every generator stands where it stood at first; the global ones are put back afterwards."""
        for generator, state in zip(self.generators, self._states, strict=True):
            _set_state(generator, copy.deepcopy(state))
        if not self.seeded:
            yield
            return
        numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        try:
            yield
        finally:
            np.random.set_state(numpys)  # noqa: NPY002
            random.setstate(pythons)


def reachable(function: Callable[..., Any], kinds: tuple[type, ...]) -> list[Any]:
    """What a function holds of some kinds: in its closure, defaults and globals, and in the object it belongs to."""
    found: list[Any] = []
    seen: set[int] = set()

    def visit(value: Any, depth: int) -> None:
        if id(value) in seen or depth > DEPTH:
            return
        seen.add(id(value))
        if isinstance(value, kinds):
            found.append(value)
        elif not isinstance(value, ModuleType | type | np.ndarray | str | int | float):
            for inner in _within(value):
                visit(inner, depth + 1)

    visit(function, 0)
    return found


def _within(value: Any) -> Iterator[Any]:
    """What a function or an object holds on to."""
    owner = getattr(value, "__self__", None)
    if owner is not None:
        yield owner
    value = getattr(value, "__func__", getattr(value, "func", value))
    if inspect.isfunction(value):
        yield from (value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__)
        yield from value.__defaults__ or ()
        yield from inspect.getclosurevars(value).nonlocals.values()
    elif hasattr(value, "__dict__"):
        yield from vars(value).values()
        kinds = (*GENERATORS, np.ndarray)
        yield from (one for kind in type(value).__mro__ for one in vars(kind).values() if isinstance(one, kinds))


def _state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.get_state() if isinstance(generator, np.random.RandomState) else generator.getstate()


def _set_state(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.setstate(state)
