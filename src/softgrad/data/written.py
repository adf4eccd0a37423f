"""How numbers and dates are written in cells: the ways that are known, and which of them a column uses.

A missing cell is empty, or one of the texts in MISSING, in capitals or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import numpy as np

from softgrad._arrays import Array
from softgrad._numerals import to_number

MISSING = ("", "?", "-", "--", ".", "#n/a", "#na", "<na>", "n/a", "n.a.", "na", "nan", "-nan", "none", "null")
# A line that is no plain number. Each text matches the pattern of a number in one way only, so the time is proportional
# to the text.
_OTHER_LINE = re.compile(r"^(?![+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$)", re.MULTILINE)
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]*)(,[0-9]*)?([eE][+-]?[0-9]+)?")


def missing(cells: Array, also: Sequence[str] = ()) -> Array:
    """Which cells of a column are missing: a mask of shape (N,). `also` has other texts for it, in small letters."""
    if cells.dtype.kind == "U":
        return np.isin(np.char.lower(cells), [*MISSING, *also])
    return np.isnat(cells) if cells.dtype.kind == "M" else np.isnan(cells)


def plain_numbers(cells: Sequence[str]) -> Array | None:
    """The numbers, if `to_number` reads every cell; None if not. It is far faster than one cell at a time."""
    text = "\n".join(cells)
    if text.count("\n") >= max(len(cells), 1) or (len(cells) and _OTHER_LINE.search(text)):
        return None
    values = np.array(cells, dtype=np.float64)
    return values if np.isfinite(values).all() else None


def _with_thousands(text: str) -> float | None:
    return to_number(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)


def _with_decimal_comma(text: str) -> float | None:
    if not _DECIMAL_COMMA.fullmatch(text):
        return None
    return to_number(text.replace(".", "").replace(",", "."))


def _with_unit(unit: str, read: Callable[[str], float | None]) -> Callable[[str], float | None]:
    """A reader of numbers that have a percent sign after them, or a currency symbol before or after them."""

    def read_with_unit(text: str) -> float | None:
        sign = text[:1] if text.startswith(("+", "-")) else ""
        rest = text.removeprefix(sign).strip()
        if rest.endswith(unit):
            number = rest.removesuffix(unit).strip()
        elif rest.startswith(unit) and unit != PERCENT:
            number = rest.removeprefix(unit).strip()
            sign, number = (number[0], number[1:]) if not sign and number.startswith("-") else (sign, number)  # $-5
        else:
            return None
        return None if number.startswith(("+", "-")) else read(sign + number)

    return read_with_unit


PERCENT, CURRENCIES = "%", ("$", "\u20ac", "\u00a3", "\u00a5")
PLAIN: dict[str, Callable[[str], float | None]] = {  # by an example
    "1.5": to_number,
    "1,234.5": _with_thousands,
    "1.234,5": _with_decimal_comma,
}
NUMBERS = {
    **PLAIN,
    **{f"{example}%": _with_unit(PERCENT, read) for example, read in PLAIN.items()},
    **{f"{unit}{example}": _with_unit(unit, read) for unit in CURRENCIES for example, read in PLAIN.items()},
}


def number_format(counts: Mapping[str, int], separator: str) -> tuple[str, int]:
    """The format in which most of the cells are numbers, and how many are.

    If both commas fit, as in 1,234, they separate thousands in a file whose cells are separated by commas, and decimals
    in any other.

    Args:
        counts: the cells that are not missing, each with the number of rows that have it.
        separator: between the cells of the file.
    """
    if plain_numbers(list(counts)) is not None:
        return "1.5", sum(counts.values())
    order = list(PLAIN) if separator == "," else ["1.5", "1.234,5", "1,234.5"]
    if any(PERCENT in cell for cell in counts):
        order += [f"{example}%" for example in order]
    used = [unit for unit in CURRENCIES if any(unit in cell for cell in counts)]
    order += [f"{unit}{example}" for unit in used for example in order if example in PLAIN]
    fitting = {name: sum(n for cell, n in counts.items() if NUMBERS[name](cell) is not None) for name in order}
    best = max(order, key=fitting.__getitem__)  # the first of the best
    return best, fitting[best]


DATES = {  # by what the format is called
    "year-month-day": (
        *("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"),
        *("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f"),
    ),
    "day-month-year": ("%d-%m-%Y", "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S"),
    "year/month/day": ("%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S"),
    "day.month.year": ("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"),
    "month/day/year": ("%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S"),
    "day/month/year": ("%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S"),
}
_DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T][0-9:.]+(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?")


def to_date(text: str, name: str) -> datetime | None:
    """The date that the text holds in the format of this name; None if it is something else.

    A time zone at the end of a time, such as Z or +01:00, makes no difference: the time stays what the clock showed.
    """
    found = _DATE.fullmatch(text)
    if not found:
        return None
    text = text.removesuffix(found[2] or "")
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
