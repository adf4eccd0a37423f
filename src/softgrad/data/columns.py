"""The cells of one column: as they are, as numbers, as dates, or as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, quoted
from softgrad._numerals import to_number
from softgrad._options import closest
from softgrad.data import written
from softgrad.data.table import Table
from softgrad.errors import DataError

CLASSES = ("none", "-", "--", ".")  # texts that are missing cells elsewhere


def check_name(table: Table, name: str) -> None:
    """Raises if the table has no such column."""
    if name not in table.columns:
        near = closest(name, table.columns)
        hint = f"; did you mean {quoted(near)}?" if near else ""
        if are_numbers(table.columns):
            hint = "; these look like a row, so write the names of the columns above it"
        elif len(table.columns) == 1 and table.place == "line":
            hint = "; wanted commas, semicolons, tabs or | between the columns"
        raise DataError(
            f"{table.source} has no column {quoted(name)}; its columns are {list_names(table.columns)}{hint}"
        )


def are_numbers(names: Iterable[str]) -> bool:
    """Whether names of columns look like a row: at least two are numbers with decimals. Pixels are called 0, 1, ..."""
    return sum("." in name.replace(",", ".") and to_number(name.replace(",", ".")) is not None for name in names) > 1


def cells(table: Table, name: str) -> Array:
    """A column as it was read: str, numbers, or datetime64."""
    check_name(table, name)
    column = table.columns[name]
    if column.dtype.kind == "O":
        raise DataError(
            f"{table.source}: column {quoted(name)} holds {column[0]}, wanted numbers, texts, dates or booleans; leave "
            "it out with --drop, or convert it"
        )
    return column


def text_of(column: Array) -> Array:
    """A column as str: numbers as short as possible, dates as year-month-day, and "" for what is missing."""
    if column.dtype.kind == "U":
        return column
    if column.dtype.kind in "iu":
        return column.astype(str)
    different, inverse = np.unique(column, return_inverse=True)
    if column.dtype.kind == "M":
        texts = ["" if np.isnat(date) else str(date).removesuffix("T00:00:00.000000") for date in different]
    else:
        texts = [_shortest(number) for number in different.tolist()]
    return np.array(texts, dtype=str)[inverse]


FITTED = "correct the cell, or remove the row"  # what to do once it is settled how a column is read


def number_column(
    table: Table, name: str, number_format: str = "1.5", also_missing: Sequence[str] = (), *, fitted: bool = False
) -> Array:
    """A column as float64, with NaN where a cell is missing. Every other cell must be a finite number.

    With `fitted`, it is settled that the column is one of numbers.
    """
    column = cells(table, name)
    if column.dtype.kind in "fiu":
        numbers = column.astype(np.float64)
        if np.isinf(numbers).any():
            row = int(np.isinf(numbers).argmax())
            raise no_number(table.where(row), name, column[row], number_format, fitted=fitted)
        return numbers
    column = text_of(column)
    read, absent = written.NUMBERS[number_format], written.missing(column, also_missing)
    plain = written.plain_numbers(column[~absent].tolist()) if number_format == "1.5" else None
    if plain is not None:
        numbers = np.full(len(column), np.nan)
        numbers[~absent] = plain
        return numbers
    values = [float("nan") if no else read(cell) for cell, no in zip(column.tolist(), absent, strict=True)]
    if None in values:
        row = values.index(None)
        raise no_number(table.where(row), name, str(column[row]), number_format, fitted=fitted)
    return np.array(values, dtype=np.float64)


def no_number(where: str, name: str, cell: str | float, number_format: str, *, fitted: bool = False) -> DataError:
    """The error of a column of numbers with a cell that is none."""
    like = "" if number_format == "1.5" else f" like {number_format}"
    shown = quoted(cell) if isinstance(cell, str) else cell
    unfitted = "correct the cell, remove the row, read the column as categories, or the text as missing (--missing)"
    return DataError(
        f"{where}: column {quoted(name)} is {shown}, wanted a number{like}, since this is a column of numbers; "
        + (FITTED if fitted else unfitted)
    )


def date_column(table: Table, name: str, date_format: str) -> Array:
    """A column as datetime64, with NaT where a cell is missing. Every other cell must be a date of this format."""
    column = cells(table, name)
    if column.dtype.kind == "M":
        return column
    text = text_of(column)
    different, inverse = np.unique(text, return_inverse=True)
    dates = {cell: written.to_date(cell, date_format) for cell in different.tolist()}
    wrong = np.array([date is None for date in dates.values()])[inverse] & ~written.missing(text)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{table.where(row)}: column {quoted(name)} is {quoted(str(text[row]))}, wanted a date as {date_format}; "
            + FITTED
        )
    return np.array(list(dates.values()), dtype="datetime64[us]")[inverse]


def text_column(table: Table, name: str) -> Array:
    """The column of the class as str. No cell may be missing."""
    column = cells(table, name)
    text, missing = missing_class(table, name)
    if missing.any():
        row = int(missing.argmax())
        raise DataError(
            f"{table.where(row)}: column {quoted(name)} is {quoted(str(column[row]))}, wanted a value; fill the cell "
            "in or remove the row"
        )
    return text


def missing_class(table: Table, name: str) -> tuple[Array, Array]:
    """The column of the class as str, and a mask of the rows that have none.

    A class may be called none, - or a point, as in none, mild, severe. Other columns read these as missing cells.
    """
    text = text_of(cells(table, name))
    return text, written.missing(text) & ~np.isin(np.char.lower(text), CLASSES)


def _shortest(number: float) -> str:
    if number != number:
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 1e16 else repr(number)
