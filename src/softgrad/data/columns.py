"""The cells of one column, as numbers or as text."""

from __future__ import annotations

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, quoted
from softgrad._numerals import to_number
from softgrad._options import closest
from softgrad.data.tables import Table
from softgrad.errors import DataError


def number_column(table: Table, name: str) -> Array:
    """A column as float64. Every cell must be a finite number."""
    column = _column(table, name)
    if column.dtype.kind != "U":
        return column
    cells = column.tolist()
    values = [to_number(cell) for cell in cells]
    for row, value in enumerate(values):
        if value is None:
            raise DataError(
                f"{table.where(row)}: column {quoted(name)} is {quoted(cells[row])}, wanted a number, since this is a "
                "column of numbers; correct the cell or remove the row"
            )
    return np.array(values, dtype=np.float64)


def text_column(table: Table, name: str) -> Array:
    """A column as str. No cell may be empty."""
    cells = _column(table, name).astype(str)
    missing = np.isin(np.char.lower(cells), ["", "nan"])
    if missing.any():
        row = int(missing.argmax())
        raise DataError(
            f"{table.where(row)}: column {quoted(name)} is {quoted(str(cells[row]))}, wanted a value; fill the cell in "
            "or remove the row"
        )
    return cells


def _column(table: Table, name: str) -> Array:
    if name not in table.columns:
        near = closest(name, table.columns)
        hint = f"; did you mean {quoted(near)}?" if near else ""
        raise DataError(
            f"{table.source} has no column {quoted(name)}; its columns are {list_names(table.columns)}{hint}"
        )
    return table.columns[name]
