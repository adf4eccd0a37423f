"""What the user's functions hold and may change: put back as it was when the check is over.

A layer keeps its input for the backward pass, a closure its cache, a network its parameters. During a check they are
called with other inputs, complex ones too. Afterwards every object has the attributes and entries that it had, and
every array its numbers; a call that the user makes next, or a second check, finds nothing of the first.

Searched are the functions, what they refer to (closures, defaults, the globals that they name, the object of a method,
attributes and slots), lists, dicts and sets, and what these hold; of the user's own modules, the names that the
functions use. Not searched: classes, the insides of other packages, and what only C code can reach, such as a
generator.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, CellType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from softgrad.check.user.interrupts import surely
from softgrad.check.user.randomness import GENERATORS, is_empty, names_in

MOST_OBJECTS = 100_000
LARGE = 2**16  # entries of an array
ATOMS = (str, bytes, int, float, complex, bool, type(None), np.generic, np.ufunc, np.dtype)
NOT_SEARCHED = (ModuleType, type, BuiltinFunctionType, *ATOMS, *GENERATORS)  # generators are kept by randomness.py
CONTAINERS = (dict, list, set, deque, bytearray)
PACKAGES = {*sys.stdlib_module_names, "numpy", "scipy", "torch", "jax", "sklearn", "matplotlib", "pytest", "_pytest"}
PACKAGES -= {"__main__", "builtins"}  # what exec runs may seem to belong to builtins
CHECKERS = ("softgrad.check.", "softgrad.torch.checking.")
MISSING = object()


class _Watching(threading.local):
    call: Callable[[], None] | None = None


_watching = _Watching()


@contextmanager
def watched(call: Callable[[], None]) -> Iterator[None]:
    """While this runs, `call` is called in this thread whenever a state was put back."""
    before, _watching.call = _watching.call, call
    try:
        yield
    finally:
        _watching.call = before


class State:
    """The state of everything that some functions and inputs hold, when this is made.

    Args:
        roots: the functions, and the inputs that are passed on as they are.
        objects_alone: leave out what methods refer to, and large arrays, so that it can be put back before each call.
    """

    def __init__(self, roots: Iterable[Any], *, objects_alone: bool = False) -> None:
        self._objects_alone = objects_alone
        self._undo: list[Callable[[], None]] = []
        self._seen: dict[int, Any] = {}  # keeps every object alive, so that no identity is used twice
        waiting = list(roots)
        while waiting and len(self._seen) < MOST_OBJECTS:
            value = waiting.pop()
            if id(value) not in self._seen and not isinstance(value, NOT_SEARCHED):
                self._seen[id(value)] = value
                waiting += self._keep(value)

    @property
    def objects(self) -> list[Any]:
        """Everything that was found."""
        return list(self._seen.values())

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Afterwards, after an exception too, everything is as it was."""
        try:
            yield
        finally:
            surely(self.put_back)

    def put_back(self) -> None:
        """Makes everything what it was when this was made."""
        for undo in self._undo:
            undo()
        if _watching.call is not None:
            _watching.call()

    def _keep(self, value: Any) -> Iterable[Any]:
        """Notes how to put an object back. Returns what it refers to."""
        if isinstance(value, np.ndarray):
            return self._keep_array(value)
        if isinstance(value, CONTAINERS):
            return self._keep_container(value)
        if isinstance(value, tuple | frozenset):
            return value
        if isinstance(value, CellType):
            return self._keep_cell(value)
        if isinstance(value, functools.partial):
            return (value.func, *value.args, *value.keywords.values())
        if isinstance(value, MethodType):
            return (value.__self__, value.__func__)
        if inspect.isfunction(value):
            return self._keep_function(value)
        return self._keep_object(value)

    def _keep_array(self, array: np.ndarray[Any, Any]) -> Iterable[Any]:
        if self._objects_alone and array.size > LARGE:
            return ()
        if array.flags.writeable and array.dtype != object and not isinstance(array, np.memmap):
            numbers = array.copy(order="K")
            self._undo.append(functools.partial(_put_numbers, array, numbers))
        attributes = getattr(array, "__dict__", None)  # of a subclass
        return () if attributes is None else (attributes, *([array.base] if array.base is not None else ()))

    def _keep_container(self, value: Any) -> Iterable[Any]:
        entries = value.copy()
        self._undo.append(functools.partial(_put_entries, value, entries))
        return [*entries, *entries.values()] if isinstance(value, dict) else () if type(value) is bytearray else entries

    def _keep_cell(self, cell: CellType) -> Iterable[Any]:
        try:
            content = cell.cell_contents
        except ValueError:  # a variable without a value yet
            content = MISSING
        self._undo.append(functools.partial(_put_content, cell, content))
        return () if content is MISSING else (content,)

    def _keep_function(self, function: Any) -> Iterable[Any]:
        if self._objects_alone or is_of_a_package(function.__module__):
            return ()
        named: list[Any] = []
        for known, names in namespaces(function):
            values = {name: known.get(name, MISSING) for name in names}
            self._undo.append(functools.partial(_put_names, known, values))
            named += [one for one in values.values() if one is not MISSING]
        return (
            *named,
            *(function.__defaults__ or ()),
            *(function.__kwdefaults__ or {}).values(),
            *(function.__closure__ or ()),
            vars(function),
        )

    def _keep_object(self, value: Any) -> Iterable[Any]:
        kind = type(value)
        attributes = getattr(value, "__dict__", None)
        if (is_of_a_package(kind.__module__) and kind is not SimpleNamespace) or (
            attributes is None and not hasattr(kind, "__slots__")
        ):
            return ()
        slots = [name for one in kind.__mro__ for name in slots_of(one)]
        values = {name: getattr(value, name, MISSING) for name in slots}
        if values:
            self._undo.append(functools.partial(_put_slots, value, values))
        shared = [one for name, one in _class_attributes(kind) if isinstance(one, (*CONTAINERS, np.ndarray))]
        methods = [one for _, one in _class_attributes(kind) if inspect.isfunction(one)]
        held = [one for one in values.values() if one is not MISSING]
        return [*held, *([] if attributes is None else [attributes]), *shared, *methods]


def is_of_a_package(module: Any) -> bool:
    """Whether a module is that of another package, or of the checker itself."""
    return str(module).partition(".")[0] in PACKAGES or str(module).startswith(CHECKERS)


def namespaces(function: Any) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Where a function finds names: its globals, and the user's own modules among them; with the names that it uses."""
    names = [name for name in dict.fromkeys(names_in(function.__code__)) if not name.startswith("__")]
    yield function.__globals__, names
    cells = [cell.cell_contents for cell in function.__closure__ or () if not is_empty(cell)]
    waiting = [*(function.__globals__.get(name, sys.modules.get(name)) for name in names), *cells]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if isinstance(module, ModuleType) and module.__name__ not in seen and _is_users(module):
            seen.add(module.__name__)
            inside = [name for name in names if name in vars(module)]
            yield vars(module), inside
            waiting += [vars(module)[name] for name in inside]


def _is_users(module: ModuleType) -> bool:
    """Whether a module is the user's own: not of Python's library, and not installed."""
    file = getattr(module, "__file__", None) or ""
    installed = "site-packages" in file or "dist-packages" in file
    top = module.__name__.partition(".")[0]
    return bool(file) and not installed and top not in PACKAGES and top != "softgrad"


def _class_attributes(kind: type) -> Iterator[tuple[str, Any]]:
    """What the classes of the user's own have, so that a cache on a class is found."""
    for one in kind.__mro__:
        if not is_of_a_package(one.__module__):
            yield from list(vars(one).items())


def slots_of(kind: type) -> list[str]:
    """The names in a class's __slots__, as attributes are called."""
    names = vars(kind).get("__slots__", ())
    names = [names] if isinstance(names, str) else list(names)
    private = f"_{kind.__name__.lstrip('_')}"
    named = [f"{private}{name}" if name.startswith("__") and not name.endswith("__") else name for name in names]
    return [name for name in named if name not in ("__dict__", "__weakref__")]


def _put_numbers(array: np.ndarray[Any, Any], numbers: np.ndarray[Any, Any]) -> None:
    if array.shape == numbers.shape and array.dtype == numbers.dtype and array.flags.writeable:
        array[...] = numbers


def _put_entries(value: Any, entries: Any) -> None:
    now, before = (list(one.items()) if isinstance(one, dict) else list(one) for one in (value, entries))
    pairs = isinstance(value, dict)
    same = len(now) == len(before) and all(
        (a[0] is b[0] and a[1] is b[1]) if pairs else a is b for a, b in zip(now, before, strict=True)
    )
    if not same:
        value.clear()
        value.extend(entries) if hasattr(value, "extend") else value.update(entries)


def _put_content(cell: CellType, content: Any) -> None:
    if content is not MISSING:
        cell.cell_contents = content
        return
    try:
        del cell.cell_contents
    except ValueError:  # it still has no value
        return


def _put_names(known: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value is MISSING:
            known.pop(name, None)
        elif known.get(name, MISSING) is not value:
            known[name] = value


def _put_slots(owner: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if getattr(owner, name, MISSING) is value:
            continue
        if value is MISSING:
            object.__delattr__(owner, name)
        else:
            object.__setattr__(owner, name, value)
