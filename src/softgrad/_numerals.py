"""Numbers as text, in files and on the command line: what other programs read as a number too.

Python's float also accepts 1_000, the digits of other scripts, infinity and nan; here they are text.
"""

from __future__ import annotations

import math
import re

_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


def to_number(text: str) -> float | None:
    """The finite number that the text holds, such as 12, -0.5, .5 or 1e-3; None if it is something else."""
    if not _DECIMAL.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def to_integer(text: str) -> int | None:
    """The integer of at most 19 digits that the text holds; None if it is something else."""
    return int(text) if _INTEGER.fullmatch(text) else None
