"""What the user's functions hold, made traceable for one run: arrays of objects and closures, and names of functions.

A layer may write into an array that it made long before; a module may have said `from numpy import zeros`. While the
functions are traced, such arrays are traced views of the same memory, and such names mean the replacements. So does
`float`, which else would cut the trace off at every `return float(loss)`.

All of it is undone by the state that the caller keeps (see `user/state.py`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import CellType, ModuleType
from typing import Any

import numpy as np

from softgrad.check.trace.array import Traced
from softgrad.check.trace.replacements import replacements_by_identity
from softgrad.check.trace.session import Session, recording
from softgrad.check.user.state import namespaces, slots_of, watched

MOST_ENTRIES = 1_000_000  # of an array that is traced: larger ones are data


class _OfFloat(type):
    """float(x) of a traced number is that number."""

    def __call__(cls, value: Any = 0.0) -> Any:
        if isinstance(value, Traced) and value.size == 1 and recording() is not None:
            return value.reshape(-1)[0] * 1.0 if value.dtype.kind != "f" else value.reshape(-1)[0]
        return float(value)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, float) or (isinstance(value, Traced) and not value.ndim)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, float)

    def __eq__(cls, other: object) -> bool:
        return other is float or other is cls

    def __hash__(cls) -> int:
        return hash(float)


class TracedFloat(float, metaclass=_OfFloat):
    """What `float` means while a function is traced."""

    dtype = np.dtype(float)


class _Holdings:
    """What stands in for what, in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._functions = replacements_by_identity()
        self._arrays: dict[int, Any] = {}

    def stand_in(self, value: Any) -> Any:
        """The traced array or the replacement for a value; the value itself if there is none."""
        if type(value) is np.ndarray:
            if value.dtype.kind != "f" or not 0 < value.size <= MOST_ENTRIES:
                return value
            if id(value) not in self._arrays:
                view = value.view(Traced)
                view._buffer = self._session.buffer_of(value, make=True)
                self._arrays[id(value)] = view
            return self._arrays[id(value)]
        return self._functions.get(id(value), value)

    def put_into(self, owner: Any) -> None:
        """Puts the replacements into an object that holds things."""
        if isinstance(owner, dict):
            for key, value in list(owner.items()):
                if (other := self.stand_in(value)) is not value:
                    owner[key] = other
        elif isinstance(owner, list):
            for i, value in enumerate(owner):
                if (other := self.stand_in(value)) is not value:
                    owner[i] = other
        elif isinstance(owner, CellType):
            try:
                value = owner.cell_contents
            except ValueError:  # a variable without a value yet
                return
            if (other := self.stand_in(value)) is not value:
                owner.cell_contents = other
        elif isinstance(owner, np.ndarray):
            return
        elif inspect.isfunction(owner):
            for known, names in namespaces(owner):
                self._put_into_names(known, names)

        else:
            for name in (name for kind in type(owner).__mro__ for name in slots_of(kind)):
                value = getattr(owner, name, None)
                if (other := self.stand_in(value)) is not value:
                    object.__setattr__(owner, name, other)

    def _put_into_names(self, known: dict[str, Any], names: Iterable[str]) -> None:
        for name in names:
            if name == "float" and name not in known:
                known[name] = TracedFloat
            elif isinstance(known.get(name), ModuleType):
                continue
            elif name in known and (other := self.stand_in(known[name])) is not known[name]:
                known[name] = other


@contextmanager
def held_traced(session: Session, objects: Iterable[Any], inputs: Iterable[Any]) -> Iterator[None]:
    """While this runs, what is held is traceable, also after it was put back in between.

    Args:
        session: the recording.
        objects: everything that the functions hold, of which the caller keeps the state.
        inputs: the inputs of the check, which are left as they are.
    """
    left = {id(one) for value in inputs for one in _containers(value)}
    owners = [one for one in objects if id(one) not in left]

    def put() -> None:
        session.forget_memory()
        holdings = _Holdings(session)
        for one in owners:
            holdings.put_into(one)

    put()
    with watched(put):
        yield


def _containers(value: Any) -> Iterable[Any]:
    if isinstance(value, dict | list | tuple):
        yield value
        for one in value.values() if isinstance(value, dict) else value:
            yield from _containers(one)
