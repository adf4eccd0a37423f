"""The conversion of the columns of a table to the matrix that a network takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from softgrad import _json
from softgrad._arrays import Array
from softgrad._messages import list_names, one_line, quoted
from softgrad._numerals import to_number
from softgrad.data.columns import number_column, text_column
from softgrad.data.tables import Table
from softgrad.errors import DataError

# Standardised values must be smaller than this, so that their squares do not overflow in float32.
STANDARDISED_LIMIT = 1e19


class NumberColumn(NamedTuple):
    """A column of numbers, which is standardised."""

    name: str
    mean: float
    scale: float  # the standard deviation, or 1 for a constant column

    def encode(self, table: Table) -> Array:
        """The column of x that it becomes, of shape (N, 1)."""
        values = number_column(table, self.name)
        with np.errstate(over="ignore"):
            standardised = (values - self.mean) / self.scale
        too_large = ~(np.abs(standardised) < STANDARDISED_LIMIT)
        if too_large.any():
            row = int(too_large.argmax())
            raise DataError(
                f"{table.where(row)}: column {quoted(self.name)} is {values[row]:g}, too far from the mean "
                f"{self.mean:g} of the training rows, whose standard deviation is {self.scale:g}; correct the cell or "
                "remove the row"
            )
        return standardised[:, None]


class TextColumn(NamedTuple):
    """A column of text, which is one-hot encoded."""

    name: str
    categories: tuple[str, ...]

    def encode(self, table: Table) -> Array:
        """The columns of x that it becomes, one per category, of shape (N, categories)."""
        cells = text_column(table, self.name)
        one_hot = cells[:, None] == np.array(self.categories)
        unknown = ~one_hot.any(axis=1)
        if unknown.any():
            row = int(unknown.argmax())
            raise DataError(
                f"{table.where(row)}: column {quoted(self.name)} is {quoted(str(cells[row]))}, a category that the "
                f"training data does not have; wanted one of {list_names(self.categories)}"
            )
        columns: Array = one_hot.astype(np.float64)
        return columns


class Encoding(NamedTuple):
    """The conversion of the columns of a table to the columns of x."""

    columns: tuple[NumberColumn | TextColumn, ...]

    @classmethod
    def fit(cls, table: Table, names: Iterable[str], rows: Array) -> Encoding:
        """Computes means and standard deviations from the given rows, and categories from the whole table.

        A column is a number column if at least half of its cells are numbers, and a text column otherwise.

        Args:
            table: the table.
            names: the names of the columns to encode.
            rows: the indices of the training rows.

        Raises:
            DataError: a cell is empty, NaN or infinite; a cell of a number column is not a number; a text column has
                more than 50 different values and more than one for every two rows.

        Example:
            >>> table = sg.data.read_table("iris")
            >>> encoding = sg.data.Encoding.fit(table, ["petal width (cm)"], rows=np.arange(150))
            >>> round(encoding.columns[0].mean, 3)
            1.199
            >>> encoding.transform(table).shape
            (150, 1)
        """
        return cls(tuple(_fit_column(table, name, rows) for name in names))

    def transform(self, table: Table) -> Array:
        """The matrix x, of shape (N, D), in float64.

        Raises:
            DataError: a column is missing; a cell is empty, is not a number where the column holds numbers, or holds an
                unknown category.
        """
        return np.hstack([column.encode(table) for column in self.columns])

    @property
    def width(self) -> int:
        """D, the number of columns of x."""
        return sum(1 if isinstance(column, NumberColumn) else len(column.categories) for column in self.columns)

    def to_json(self) -> list[dict[str, Any]]:
        """The encoding as lists, dictionaries, strings and numbers, for a JSON file."""
        return [column._asdict() for column in self.columns]

    @classmethod
    def from_json(cls, columns: Any) -> Encoding:
        """The encoding from which `to_json` made `columns`.

        Raises:
            DataError: `to_json` cannot have made `columns`.
        """
        try:
            read = [
                _column_from_json(each, f"encoding[{i}]") for i, each in enumerate(_json.items(columns, "encoding"))
            ]
            _json.texts([column.name for column in read], "the names of the columns")
        except ValueError as error:
            raise DataError(f"Encoding: {one_line(str(error), 200)}; wanted what to_json gives") from error
        return cls(tuple(read))


def _column_from_json(value: Any, place: str) -> NumberColumn | TextColumn:
    fields = _json.mapping(value, place)
    kind: type[NumberColumn | TextColumn] = TextColumn if "categories" in fields else NumberColumn
    _json.mapping(value, place, *kind._fields)
    name = _json.text(fields["name"], f"{place}.name")
    if kind is TextColumn:
        return TextColumn(name, _json.texts(fields["categories"], f"{place}.categories"))
    scale = _json.number(fields["scale"], f"{place}.scale")
    if scale <= 0:
        raise ValueError(f"{place}.scale is {scale}, wanted a positive number")
    return NumberColumn(name, _json.number(fields["mean"], f"{place}.mean"), scale)


def _fit_column(table: Table, name: str, rows: Array) -> NumberColumn | TextColumn:
    column = table.columns[name]
    if column.dtype.kind == "U" and 2 * sum(to_number(cell) is not None for cell in column.tolist()) < len(column):
        categories = tuple(sorted(set(text_column(table, name).tolist())))
        if len(categories) > max(50, len(column) / 2):
            raise DataError(
                f"{table.source}: column {quoted(name)} is text with {len(categories):,} different values in "
                f"{len(column):,} rows, like an identifier, wanted categories that occur repeatedly; remove the column"
            )
        return TextColumn(name, categories)
    values = number_column(table, name)[rows].astype(np.longdouble)  # long double, so that squares do not overflow
    constant = values.min() == values.max()  # because of rounding, std() of a constant column need not be 0
    return NumberColumn(name, float(values.mean()), 1.0 if constant else float(values.std()) or 1.0)
