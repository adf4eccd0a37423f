"""How numbers and dates are written in cells: the ways that are known, and which of them a column uses.

A missing cell is empty, or one of the texts in MISSING, in capitals or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import numpy as np

from softgrad._arrays import Array
from softgrad._numerals import to_number

MISSING = ("", "?", "-", "--", ".", "#n/a", "#na", "<na>", "n/a", "n.a.", "na", "nan", "-nan", "none", "null")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]*)(,[0-9]*)?([eE][+-]?[0-9]+)?")


def missing(cells: Array) -> Array:
    """Which cells of a column of text, or of numbers, are missing: a mask of shape (N,)."""
    return np.isin(np.char.lower(cells), MISSING) if cells.dtype.kind == "U" else np.isnan(cells)


def _with_thousands(text: str) -> float | None:
    return to_number(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)


def _with_decimal_comma(text: str) -> float | None:
    if not _DECIMAL_COMMA.fullmatch(text):
        return None
    return to_number(text.replace(".", "").replace(",", "."))


NUMBERS: dict[str, Callable[[str], float | None]] = {  # by an example
    "1.5": to_number,
    "1,234.5": _with_thousands,
    "1.234,5": _with_decimal_comma,
}


def number_format(cells: Iterable[str], separator: str) -> tuple[str, int]:
    """The format in which most of the cells are numbers, and how many are.

    If both commas fit, as in 1,234, they separate thousands in a file whose cells are separated by commas, and decimals
    in any other.
    """
    different = list(cells)
    if all(to_number(cell) is not None for cell in different):
        return "1.5", len(different)
    order = list(NUMBERS) if separator == "," else ["1.5", "1.234,5", "1,234.5"]
    counts = {name: sum(NUMBERS[name](cell) is not None for cell in different) for name in order}
    best = max(order, key=counts.__getitem__)  # the first of the best
    return best, counts[best]


DATES = {  # by what the format is called
    "year-month-day": ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"),
    "year/month/day": ("%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S"),
    "day.month.year": ("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"),
    "month/day/year": ("%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S"),
    "day/month/year": ("%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S"),
}
_DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T][0-9:]+)?")


def to_date(text: str, name: str) -> datetime | None:
    """The date that the text holds in the format of this name; None if it is something else."""
    if not _DATE.fullmatch(text):
        return None
    for pattern in DATES[name]:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    return None


def date_format(cells: Sequence[str]) -> str | None:
    """The format in which all of the cells are dates; None if there is none.

    If month/day/year and day/month/year both fit, it is month/day/year.
    """
    if not cells:
        return None
    return next((name for name in DATES if all(to_date(cell, name) is not None for cell in cells)), None)
