"""The random generators that the user's functions hold, reset before every call so that calls can be compared."""

from __future__ import annotations

import copy
import functools
import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CellType, CodeType, ModuleType
from typing import Any

import numpy as np

from softgrad.check.user.interrupts import surely

OF_NUMPY = getattr(np.random.get_state, "__self__", None)  # the global one, which distributions hold
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
SEALED = (ModuleType, type, np.ndarray, str, int, float)  # not searched
DEPTH = 3  # how deep the search for a generator goes: the function, its object, an object in that
MANY = 64  # larger containers are not searched


class Randomness:
    """The generators that some functions can reach, and their states when the check began.

    Args:
        functions: the functions.
        known: generators that the user names.
    """

    def __init__(self, functions: Sequence[Callable[..., Any]], known: Sequence[Any]) -> None:
        found = {id(one): one for one in (*known, *(one for f in functions for one in reachable(f, GENERATORS)))}
        self.generators = [one for one in found.values() if one is not OF_NUMPY]
        self._states = [copy.deepcopy(_state(one)) for one in self.generators]
        self.seeded = False  # whether the global generators of NumPy and of random are seeded as well

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Afterwards all generators, the global ones too, have the states they had before."""
        put_back = _globals()
        try:
            yield
        finally:
            surely(put_back)
            surely(self._rewind)

    def _rewind(self) -> None:
        for generator, state in zip(self.generators, self._states, strict=True):
            _set_state(generator, copy.deepcopy(state))

    @contextmanager
    def rewound(self) -> Iterator[None]:
        """All generators are in their first states; the global ones are put back afterwards."""
        self._rewind()
        if not self.seeded:
            yield
            return
        put_back = _globals()
        try:
            np.random.seed(0)  # noqa: NPY002
            random.seed(0)
            yield
        finally:
            surely(put_back)


def _globals() -> Callable[[], None]:
    """Puts the global generators of NumPy and of random back into the states that they have now."""
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002

    def put_back() -> None:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)

    return put_back


def reachable(function: Callable[..., Any], kinds: tuple[type, ...], *, sets: bool = True) -> list[Any]:
    """The objects of some types that a function holds: in its closure, defaults and globals, and in its object.

    Args:
        function: the function.
        kinds: the types.
        sets: search sets as well. Their order changes from run to run, and with it the order of what is found.
    """
    skipped = SEALED if sets else (*SEALED, set, frozenset)
    found: dict[int, Any] = {}
    least: dict[int, int] = {}  # the least depth at which an object was met: from there the search goes furthest

    def visit(value: Any, depth: int) -> None:
        if depth > DEPTH or least.get(id(value), DEPTH + 1) <= depth:
            return
        least[id(value)] = depth
        if isinstance(value, kinds):
            found[id(value)] = value
        elif not isinstance(value, skipped):
            for inner in _within(value):
                visit(inner, depth + 1)

    visit(function, 0)
    return list(found.values())


def _within(value: Any) -> Iterator[Any]:
    """The objects that a function, a container or an object refers to."""
    if isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
        return
    if isinstance(value, list | tuple | set | frozenset | dict):
        if len(value) <= MANY:
            yield from value.values() if isinstance(value, dict) else value
        return
    owner = getattr(value, "__self__", None)
    if owner is not None:
        yield owner
    value = getattr(value, "__func__", value)
    if inspect.isfunction(value):
        yield from (value.__globals__[name] for name in names_in(value.__code__) if name in value.__globals__)
        yield from (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        yield from (cell.cell_contents for cell in value.__closure__ or () if not is_empty(cell))
    elif hasattr(value, "__dict__"):
        if callable(value) and inspect.isfunction(type(value).__call__):
            yield type(value).__call__
        yield from vars(value).values()
        kinds = (*GENERATORS, np.ndarray)
        yield from (one for kind in type(value).__mro__ for one in vars(kind).values() if isinstance(one, kinds))


def names_in(code: CodeType) -> Iterator[str]:
    """The global names that code uses, also in the comprehensions and functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def is_empty(cell: CellType) -> bool:
    """Whether a variable of the enclosing function has no value yet."""
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False


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
