"""Where in the user's source the running operation stands."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import numpy as np

from softgrad.check.trace.node import Site

HERE = str(Path(__file__).parent) + "/"
CHECKER = str(Path(__file__).parent.parent) + "/"
COMMANDS = str(Path(__file__).parents[2] / "cli") + "/"  # they wrap the user's functions
LIBRARIES = tuple(
    str(Path(path).parent) + "/" for path in (np.__file__, np.__file__.replace("numpy", "scipy"))
)  # without importing SciPy
PYTHONS = str(Path(os.__file__).parent) + "/"
TENSORS = str(Path(__file__).parents[2] / "torch" / "checking") + "/"  # what stands around functions of tensors
DEFINING = tuple(HERE + name for name in ("defined.py", "products.py", "moving.py", "of_scipy.py"))
ASKED = ("__array_ufunc__", "__array_function__", "__getitem__")  # where an array is asked what to do
PASSING = frozenset(  # functions of NumPy's that only pass on one operation
    ("sum", "prod", "max", "min", "amax", "amin", "any", "all", "clip", "mean", "var", "std", "round", "_sum", "_prod",
     "_amax", "_amin", "_any", "_all", "_clip", "_mean", "_var", "_std", "_wrapreduction", "_wrapfunc", "around",
     "_wrapreduction_any_all", "public_api")
)  # fmt: skip
ROW = "/aten_"  # in the name of a file: operators of torch by their definition
COMPOSING = ("torch/functional.py", "torch/nn/functional.py")  # functions of several operators
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<locals>")


def torchs() -> str:
    """Where torch stands, if it is imported: the start of the names of its files."""
    torch = sys.modules.get("torch")
    return str(Path(str(torch.__file__)).parent) + "/" if torch is not None else "<no torch>"


class _Code(NamedTuple):
    """What is known of a code object."""

    kind: str  # "user", "library", "definition" (of one of NumPy's functions, in this folder), "asked", or ""
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
    kind = "user"
    if file.startswith(CHECKER):
        kind = "definition" if file in DEFINING else "asked" if code.co_name in ASKED else ""
    elif file.startswith(COMMANDS):
        kind = ""
    elif file.startswith((*LIBRARIES, "<__array_function__")):
        kind = "" if code.co_name in PASSING else "library"
    elif file.startswith(TENSORS):
        kind = "library" if ROW in file and code.co_name != "<lambda>" else ""
    elif file.startswith(torchs()):
        kind = "library" if file.endswith(COMPOSING) else ""
    elif file.startswith("<frozen") or (file.startswith(PYTHONS) and "site-packages" not in file):
        kind = ""
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
    return _Code(kind, (names or [code.co_name])[-1], starts, spans)


class Places:
    """The frames below one call of a user's function.

    Args:
        root: the frame that makes the call: frames further out are not the user's.
    """

    def __init__(self, root: FrameType) -> None:
        self._root = root
        self._sites: dict[tuple[int, int, str, str, int], Site] = {}
        self.outputs: Site | None = None  # where several outputs are returned, which are put together behind it
        self.step = 0  # of the operations that one call in the user's code consists of: which one runs

    def here(self, op: str) -> tuple[Site | None, tuple[Site, ...]]:
        """The site of an operation, and those of the calls around it."""
        frame: FrameType | None = sys._getframe(1)
        function, lines, is_asked = "", "", False
        found: list[Site] = []
        while frame is not None and frame is not self._root:
            code = _code(frame.f_code)
            if code.kind == "user":
                inside = f"{function}{lines}" if not found else ""
                site = self._site(frame, code, "" if found else op, inside, 0 if found else self.step)
                if site not in found:  # all depths of a recursion are repetitions of one operation
                    found.append(site)
            elif not found:
                is_asked = is_asked or code.kind == "asked"
                if code.kind == "library" or (code.kind == "definition" and is_asked):
                    function, lines = code.function, f"{lines}:{code.starts[frame.f_lasti // 2]}"
            frame = frame.f_back
        if not found:
            return (self.outputs if op == "assemble" else None), ()
        return found[0], tuple(found[1:])

    def frame(self) -> FrameType | None:
        """The innermost frame of the user's."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame is not self._root:
            if _code(frame.f_code).kind == "user":
                return frame
            frame = frame.f_back
        return None

    def _site(self, frame: FrameType, code: _Code, op: str, inside: str, step: int) -> Site:
        key = id(code), frame.f_lasti, op, inside, step
        if key not in self._sites:
            i = frame.f_lasti // 2
            span = code.spans[i]
            number = span[0] if span else frame.f_lineno
            site = Site(frame.f_code.co_filename, number, code.function, code.starts[i] + step, op, inside, span)
            self._sites[key] = site
        return self._sites[key]
