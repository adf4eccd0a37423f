"""The cells of one column: as they are, as numbers, as dates, or as the text of a class."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, quoted
from softgrad._options import closest
from softgrad.data import written
from softgrad.data.tables import Table
from softgrad.errors import DataError


def cells(table: Table, name: str) -> Array:
    """A column as it was read: str, or float64."""
    if name not in table.columns:
        near = closest(name, table.columns)
        hint = f"; did you mean {quoted(near)}?" if near else ""
        raise DataError(
            f"{table.source} has no column {quoted(name)}; its columns are {list_names(table.columns)}{hint}"
        )
    return table.columns[name]


def number_column(table: Table, name: str, number_format: str = "1.5") -> Array:
    """A column as float64, with NaN where a cell is missing. Every other cell must be a finite number."""
    column = cells(table, name)
    if column.dtype.kind != "U":
        return column
    read, absent = written.NUMBERS[number_format], written.missing(column)
    values = [float("nan") if no else read(cell) for cell, no in zip(column.tolist(), absent, strict=True)]
    for row, value in enumerate(values):
        if value is None:
            like = "" if number_format == "1.5" else f" like {number_format}"
            raise DataError(
                f"{table.where(row)}: column {quoted(name)} is {quoted(str(column[row]))}, wanted a number{like}, "
                "since this is a column of numbers; correct the cell, remove the row, or read the column as categories"
            )
    return np.array(values, dtype=np.float64)


def date_column(table: Table, name: str, date_format: str) -> list[datetime | None]:
    """A column as dates, with None where a cell is missing. Every other cell must be a date of this format."""
    column = cells(table, name).astype(str)
    absent = written.missing(column)
    dates = [
        None if no else written.to_date(cell, date_format) for cell, no in zip(column.tolist(), absent, strict=True)
    ]
    for row, date in enumerate(dates):
        if date is None and not absent[row]:
            raise DataError(
                f"{table.where(row)}: column {quoted(name)} is {quoted(str(column[row]))}, wanted a date as "
                f"{date_format}; correct the cell or remove the row, or read the column as categories"
            )
    return dates


def text_column(table: Table, name: str) -> Array:
    """A column as str. No cell may be empty."""
    text = cells(table, name).astype(str)
    missing = np.isin(np.char.lower(text), ["", "nan"])
    if missing.any():
        row = int(missing.argmax())
        raise DataError(
            f"{table.where(row)}: column {quoted(name)} is {quoted(str(text[row]))}, wanted a value; fill the cell in "
            "or remove the row"
        )
    return text
