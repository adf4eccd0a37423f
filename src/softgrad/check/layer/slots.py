"""Where an object keeps its numbers: attributes, slots, dicts and lists, in the objects that it holds too.

A place is a path from the object, such as (".", "layers"), ("[", 0), (".", "W"), which reads layers[0].W.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.user.randomness import GENERATORS
from softgrad.check.user.state import MISSING, is_of_a_package, slots_of

MOST_OBJECTS = 20_000
MOST_ENTRIES = 1_000  # a longer list holds data, not layers
NOT_SEARCHED = (
    *(ModuleType, type, FunctionType, BuiltinFunctionType, MethodType, str, bytes, int, complex, type(None)),
    *(np.dtype, np.ufunc, *GENERATORS),
)
NUMBERS = (np.ndarray, np.floating, float)

Step = tuple[str, Any]  # (".", an attribute) or ("[", a key or an index)
Path = tuple[Step, ...]


class Slot(NamedTuple):
    """One place that holds numbers."""

    path: Path
    value: Any


def slots(root: Any) -> list[Slot]:
    """Every place in an object that holds numbers, those nearest to it first."""
    found: list[Slot] = []
    seen: dict[int, Any] = {id(root): root}
    waiting: deque[tuple[Path, Any]] = deque([((), root)])
    while waiting and len(seen) < MOST_OBJECTS:
        path, owner = waiting.popleft()
        for step, value in _held(owner, always=not path):
            if isinstance(value, NUMBERS):
                if not isinstance(value, np.ndarray) or value.dtype.kind in "fciub":
                    found.append(Slot((*path, step), value))
            elif not isinstance(value, NOT_SEARCHED) and id(value) not in seen:
                seen[id(value)] = value
                waiting.append(((*path, step), value))
    return found


def generators(root: Any) -> list[Any]:
    """The random generators in an object."""
    found: dict[int, Any] = {}
    seen: dict[int, Any] = {id(root): root}
    waiting = deque([root])
    while waiting and len(seen) < MOST_OBJECTS:
        owner = waiting.popleft()
        for _, value in _held(owner, always=owner is root):
            if isinstance(value, GENERATORS):
                found[id(value)] = value
            elif not isinstance(value, (*NOT_SEARCHED, *NUMBERS)) and id(value) not in seen:
                seen[id(value)] = value
                waiting.append(value)
    return list(found.values())


def read(root: Any, path: Path) -> Any:
    """What is at a place; MISSING where there is no such place."""
    value = root
    for kind, key in path:
        if kind == ".":
            value = getattr(value, key, MISSING)
        else:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return MISSING
        if value is MISSING:
            return MISSING
    return value


def write(root: Any, path: Path, value: Any) -> None:
    """Puts a value at a place. A tuple on the way is replaced by another one."""
    owner, (kind, key) = read(root, path[:-1]), path[-1]
    if kind == ".":
        if isinstance(getattr(owner, "__dict__", None), dict) and key in vars(owner):
            vars(owner)[key] = value  # a frozen dataclass takes no other way
        else:
            object.__setattr__(owner, key, value)
    elif isinstance(owner, tuple):
        entries = [value if i == key else one for i, one in enumerate(owner)]
        write(root, path[:-1], type(owner)._make(entries) if hasattr(owner, "_make") else type(owner)(entries))
    else:
        owner[key] = value


def shown(path: Path) -> str:
    """A place as the user's code reads it: layers[0].W, grads['W1']."""
    text = "".join(f".{name_of(key)}" if kind == "." else f"[{key!r}]" for kind, key in path)
    return text.removeprefix(".")


def name_of(attribute: str) -> str:
    """The name of an attribute as the class writes it: without what Python puts before two underscores."""
    if attribute.startswith("_") and "__" in attribute[1:] and not attribute.endswith("__"):
        return f"__{attribute[1:].split('__', 1)[1]}"
    return attribute


def _held(owner: Any, *, always: bool) -> Iterator[tuple[Step, Any]]:
    """What an object holds, with the step to it. Other packages' objects are not searched, unless `always`."""
    if isinstance(owner, Mapping):
        if len(owner) <= MOST_ENTRIES:
            yield from ((("[", key), value) for key, value in list(owner.items()))
    elif isinstance(owner, list | tuple | deque):
        if len(owner) <= MOST_ENTRIES:
            yield from ((("[", i), value) for i, value in enumerate(list(owner)))
    elif always or not is_of_a_package(type(owner).__module__) or isinstance(owner, SimpleNamespace):
        attributes = getattr(owner, "__dict__", None)
        if isinstance(attributes, dict):
            yield from (((".", name), value) for name, value in list(attributes.items()))
        for name in (name for kind in type(owner).__mro__ for name in slots_of(kind)):
            value = getattr(owner, name, MISSING)
            if value is not MISSING:
                yield (".", name), value
        seen = attributes if isinstance(attributes, dict) else {}
        shared = {name: one for kind in reversed(type(owner).__mro__) for name, one in list(vars(kind).items())}
        arrays = ((name, one) for name, one in shared.items() if isinstance(one, np.ndarray) and name not in seen)
        yield from (((".", name), one) for name, one in arrays)
