"""An exception of the user's function, in words: what it says, where it was raised, and what to do.

raised IndexError: index 3 is out of bounds for axis 1 with size 3 (loss.py, line 12, in softmax_loss); y counts
from 1: subtract 1
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from softgrad.check.user.arguments import arrays_in
from softgrad.check.user.descriptions import describe_error
from softgrad.check.user.state import is_of_a_package

OUT_OF_BOUNDS = re.compile(r"index (\d+) is out of bounds for axis \d+ with size (\d+)")


def raised(error: BaseException, inputs: Iterable[tuple[str, Any]] = ()) -> str:
    """What was raised, and where.

    Args:
        error: the exception, with its traceback.
        inputs: the names and the values that the function was called with.
    """
    place = where(error)
    return f"raised {describe_error(error)}{f' ({place})' if place else ''}{_way_out(error, inputs)}"


def where(error: BaseException) -> str:
    """The innermost line of the user's own code that an exception came through; empty where there is none."""
    place, step = "", error.__traceback__
    while step is not None:
        code, module = step.tb_frame.f_code, step.tb_frame.f_globals.get("__name__", "")
        if not is_of_a_package(module) and str(module).partition(".")[0] != "softgrad":
            function = code.co_qualname.rpartition("<locals>.")[2]  # of a method with its class
            place = in_words(code.co_filename, step.tb_lineno, function)
        step = step.tb_next
    return place


def in_words(file: str, number: int, function: str) -> str:
    """A line of source: "rnn.py, line 31, in backward"."""
    name = "" if function in ("", "<module>") else f", in {function}"
    if function == "<lambda>":
        name = ", in a lambda"
    return f"{_file_name(file)}, line {number}{name}"


def _way_out(error: BaseException, inputs: Iterable[tuple[str, Any]]) -> str:
    """What to do about class indices that count from 1."""
    found = OUT_OF_BOUNDS.search(describe_error(error)) if isinstance(error, IndexError) else None
    if found is None or found[1] != found[2]:
        return ""
    for name, value in inputs:
        for _, array in arrays_in(value):
            if array.dtype.kind in "iu" and array.size and array.min() >= 1 and array.max() == int(found[2]):
                return f"; {name} counts from 1: subtract 1, for class indices 0..{int(array.max()) - 1}"
    return ""


def _file_name(file: str) -> str:
    """A file by its own name; a cell of a notebook, whose file has a number for its name, as such."""
    if re.match(r"<(ipython-input|stdin|string)", file) or "ipykernel_" in file or "__marimo__" in file:
        return "this code" if file.startswith(("<stdin", "<string")) else "this cell"
    return PurePath(file).name or file
