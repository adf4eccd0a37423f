"""The lines that return gradients: there a right value may be returned in the place of another one."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import numpy as np

from softgrad.check.locate.lines import SOFTGRAD, Line
from softgrad.check.trace.graph import Node
from softgrad.check.trace.sites import LIBRARIES, torchs
from softgrad.check.user.arguments import Key
from softgrad.check.user.interrupts import surely
from softgrad.check.user.tensors import numbers_of
from softgrad.formulas.numbers import Array

OTHERS = (SOFTGRAD, *LIBRARIES, "<__array_function__", "<frozen")
MOST_RETURNS = 60  # the last ones of a run
MOST_ENTRIES = 50  # of a list or dict that is returned


class Returns:
    """What the user's functions returned last, and at which line."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], dict[str, Any]] = {}  # what each function held last: by file and name
        self._last: deque[tuple[Line, Any]] = deque(maxlen=MOST_RETURNS)
        self._users: dict[CodeType, bool] = {}

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Notes the returns while this lasts, in this thread; nothing while a profiler of the user's runs."""
        if sys.getprofile() is not None:  # one in C, such as cProfile, cannot be put back
            yield
            return
        try:
            sys.setprofile(self._note)
            yield
        finally:
            surely(lambda: sys.setprofile(None))

    def _note(self, frame: FrameType, event: str, value: Any) -> None:
        if event != "return" or value is None:
            return
        code = frame.f_code
        if code not in self._users:
            self._users[code] = not code.co_filename.startswith((*OTHERS, torchs()))
        if self._users[code]:
            self.held[code.co_filename, code.co_name] = dict(frame.f_locals)
            self._last.append((Line(code.co_filename, frame.f_lineno, code.co_name), value))

    def lines(self, returned: Mapping[Key, Node]) -> dict[Key, Line]:
        """The line that returned each gradient: of the functions that returned most of them, the innermost."""
        best: tuple[int, dict[Key, Line]] = (0, {})
        for line, value in self._last:
            arrays = list(_arrays_in(value))
            found = {
                key: line
                for key, node in returned.items()
                if any(one.shape == node.shape and np.array_equal(one, node.value) for one in arrays)
            }
            best = max(best, (len(found), found), key=lambda one: one[0])
        return best[1]


def _arrays_in(value: Any, depth: int = 2) -> Iterator[Array]:
    array = np.asarray(value) if isinstance(value, float) else numbers_of(value)
    if array is not None:
        yield array
    elif depth and isinstance(value, dict | list | tuple):
        entries = list(value.values() if isinstance(value, dict) else value)
        for one in entries[:MOST_ENTRIES]:
            yield from _arrays_in(one, depth - 1)
