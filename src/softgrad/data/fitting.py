"""How each column of a table is read, decided from its cells.

The kind depends on all rows, and means, standard deviations and categories on the training rows alone.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import quoted
from softgrad.data import written
from softgrad.data.columns import cells, date_column, number_column
from softgrad.data.kinds import CategoryColumn, Column, DateColumn, LeftOut, NumberColumn, date_parts
from softgrad.data.tables import Table
from softgrad.errors import DataError

Kind: TypeAlias = Literal["number", "category", "date", "left out"]
INTEGERS = "an identifier: an integer of its own for each row"
FEWEST_IDENTIFIERS = 20  # rows: in fewer, integers may be consecutive by chance


def fit_column(table: Table, name: str, rows: Array, kind: Kind | None = None) -> Column:
    """The column as it is read; as `kind`, if that is given.

    Raises:
        DataError: a cell does not fit the kind of its column.
    """
    column = cells(table, name)
    if kind == "left out":
        return LeftOut(name, "as asked for")
    if column.dtype.kind != "U" and kind in (None, "number"):
        return _number(table, name, rows, "1.5")
    text = column.astype(str)
    present = text[~written.missing(text)]
    different = np.unique(present)
    if len(present) == 0:
        return LeftOut(name, "all cells are missing")
    if kind is None and len(different) == 1 and len(present) == len(text):
        return LeftOut(name, f"always {quoted(str(different[0]))}")
    number_format, count = written.number_format(present.tolist(), table.separator)
    date_format = None
    if kind == "date" or (kind is None and 2 * count < len(present)):
        date_format = written.date_format(different.tolist())
    if kind == "date" and date_format is None:
        raise DataError(
            f"{table.source}: column {quoted(name)} has no dates of one format, such as {quoted(str(different[0]))}; "
            f"wanted one of {', '.join(written.DATES)}"
        )
    if date_format is not None:
        return _date(table, name, rows, date_format)
    if kind == "number" or (kind is None and 2 * count >= len(present)):
        if kind is None and _is_identifier(name, text):
            return LeftOut(name, INTEGERS)
        return _number(table, name, rows, number_format)
    if kind is None and len(different) > max(50, len(present) / 2):
        return LeftOut(
            name, f"an identifier or free text: {len(different):,} different values in {len(present):,} rows"
        )
    trained = text[rows]
    absent = written.missing(trained)
    return CategoryColumn(name, tuple(np.unique(trained[~absent]).tolist()), bool(absent.any()))


def _is_identifier(name: str, text: Array) -> bool:
    """Whether the cells are the numbers of the rows, or different integers whose column is called an identifier."""
    if len(text) < FEWEST_IDENTIFIERS or not all(cell.isascii() and cell.isdigit() for cell in text.tolist()):
        return False
    numbers = [int(cell) for cell in text.tolist()]
    called = name.lower() == "id" or name.lower().endswith(("_id", " id"))
    counted = numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return counted or (called and len(set(numbers)) == len(numbers))


def _number(table: Table, name: str, rows: Array, number_format: str) -> NumberColumn:
    values = number_column(table, name, number_format)[rows]
    mean, scale = _standard(values)
    return NumberColumn(name, mean, scale, number_format, bool(np.isnan(values).any()))


def _date(table: Table, name: str, rows: Array, date_format: str) -> DateColumn:
    dates = date_column(table, name, date_format)
    trained = [dates[row] for row in rows]
    present = [date for date in trained if date is not None] or [date for date in dates if date is not None]
    since = min(present).date().isoformat()
    standards = [_standard(part) for part in date_parts(trained, since).T]
    means, scales = zip(*standards, strict=True)
    return DateColumn(name, date_format, since, means, scales, None in trained)


def _standard(values: Array) -> tuple[float, float]:
    """The mean and the standard deviation of the values that are not NaN, in long double: squares do not overflow."""
    values = values[~np.isnan(values)].astype(np.longdouble)
    if len(values) == 0:
        return 0.0, 1.0
    constant = values.min() == values.max()  # because of rounding, std() of a constant column need not be 0
    return float(values.mean()), 1.0 if constant else float(values.std()) or 1.0
