"""Values and exceptions in one line, for messages.

Addresses in memory are left out: they differ from run to run, and the same check gives the same report.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
LONGEST = 60  # characters


def kind_of(value: Any) -> str:
    """What a value is, for a message that wants something else: "an array of float64", "3 of type int"."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__}"
    if hasattr(value, "shape") and not isinstance(value, np.generic):  # of another library: its rows are not shown
        return f"a {type(value).__name__}"
    return f"{shown(value)} of type {type(value).__name__}"


def is_list_of_numbers(value: Any) -> bool:
    """Whether a value is a list of numbers, or of rows of numbers, as Python's own: an array but for its type."""
    if isinstance(value, list):
        return bool(value) and all(is_list_of_numbers(one) or isinstance(one, float | int | np.number) for one in value)
    return False


def shown(value: Any) -> str:
    """A value as Python writes it, shortened."""
    try:
        return one_line(repr(value))
    except KeyboardInterrupt:
        raise
    except BaseException:  # its own __repr__ raises
        return f"<{type(value).__name__}>"


def describe_error(error: BaseException) -> str:
    """The type of an exception, and the first line of its text."""
    try:
        lines = str(error).strip().splitlines()
    except KeyboardInterrupt:
        raise
    except BaseException:  # it has no text
        lines = []
    name = type(error).__name__
    return f"{name}: {ADDRESS.sub('', lines[0])}" if lines else name


def one_line(text: str) -> str:
    """A text in one line, shortened."""
    text = " ".join(ADDRESS.sub("", text).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
