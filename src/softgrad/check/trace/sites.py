"""Where in the user's source the running operation stands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import numpy as np

from softgrad.check.trace.node import Site

HERE = str(Path(__file__).parent) + "/"
CHECKER = str(Path(__file__).parent.parent) + "/"
LIBRARIES = tuple(
    str(Path(path).parent) + "/" for path in (np.__file__, np.__file__.replace("numpy", "scipy"))
)  # without importing SciPy
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<locals>")


class _Code(NamedTuple):
    """What is known of a code object."""

    is_users: bool
    is_traces: bool  # of this folder
    function: str
    starts: list[int]  # by f_lasti // 2: the offset that stands for the instruction
    spans: list[tuple[int, int, int, int] | None]


_codes: dict[int, tuple[CodeType, _Code]] = {}  # by identity: hashes of code are slow


def _code(code: CodeType) -> _Code:
    known = _codes.get(id(code))
    if known is None:
        if len(_codes) > 5000:
            _codes.clear()
        known = _codes[id(code)] = code, _read(code)
    return known[1]


def _read(code: CodeType) -> _Code:
    file = code.co_filename
    if file.startswith(HERE):
        return _Code(False, True, code.co_name, [], [])
    if file.startswith((*LIBRARIES, CHECKER, "<__array_function__")):
        return _Code(False, False, code.co_name, [], [])
    spans: list[tuple[int, int, int, int] | None] = []
    starts: list[int] = []
    first: dict[tuple[int, int, int, int], int] = {}
    # Python replaces instructions by faster ones while it runs, and a call may then seem to stand at another offset.
    # Instructions of one expression share its position, and the first of them stands for all.
    for i, (line, end, column, end_column) in enumerate(code.co_positions()):
        line = line or code.co_firstlineno
        if column is None or end is None or end_column is None:
            spans.append(None)
            starts.append(2 * i if code.co_code[2 * i] or not i else starts[-1])
        else:
            span = (line, end, column, end_column)
            spans.append(span)
            starts.append(first.setdefault(span, 2 * i))
    names = [one for one in getattr(code, "co_qualname", code.co_name).split(".") if one not in COMPREHENSIONS]
    return _Code(True, False, (names or [code.co_name])[-1], starts, spans)


class Places:
    """The frames below one call of a user's function.

    Args:
        root: the frame that makes the call: frames further out are not the user's.
    """

    def __init__(self, root: FrameType) -> None:
        self._root = root
        self._sites: dict[tuple[int, int, str, str], Site] = {}

    def here(self, op: str) -> tuple[Site | None, tuple[Site, ...]]:
        """The site of an operation, and those of the calls around it."""
        frame: FrameType | None = sys._getframe(1)
        inside = ""
        found: list[Site] = []
        while frame is not None and frame is not self._root:
            code = _code(frame.f_code)
            if code.is_users:
                found.append(self._site(frame, code, "" if found else op, "" if found else inside))
            elif not found and not code.is_traces:
                inside = f"{code.function}:{frame.f_lineno}"
            frame = frame.f_back
        if not found:
            return None, ()
        return found[0], tuple(found[1:])

    def _site(self, frame: FrameType, code: _Code, op: str, inside: str) -> Site:
        key = id(code), frame.f_lasti, op, inside
        if key not in self._sites:
            i = frame.f_lasti // 2
            span = code.spans[i]
            number = span[0] if span else frame.f_lineno
            site = Site(frame.f_code.co_filename, number, code.function, code.starts[i], op, inside, span)
            self._sites[key] = site
        return self._sites[key]


def caller_frame() -> FrameType:
    """The frame of the function that calls this."""
    return sys._getframe(1)


Place = Callable[[str], tuple[Site | None, tuple[Site, ...]]]
