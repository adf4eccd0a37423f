"""The conversion of the columns of a table to the matrix that a network takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from softgrad import _json
from softgrad._arrays import Array
from softgrad._messages import counted, list_names, list_some, one_line, quoted
from softgrad.data import written
from softgrad.data.columns import cells
from softgrad.data.fitting import Fitting
from softgrad.data.kinds import (
    CategoryColumn,
    Column,
    DateColumn,
    LeftOut,
    NumberColumn,
    column_from_json,
    column_to_json,
)
from softgrad.data.lookalikes import hint
from softgrad.data.moments import FAR
from softgrad.data.summaries import Kind
from softgrad.data.table import Table
from softgrad.errors import DataError

NAMES_KEPT = 10_000  # of categories that the training rows do not have


class Encoding(NamedTuple):
    """The conversion of the columns of a table to the columns of x."""

    columns: tuple[Column, ...]

    @classmethod
    def fit(
        cls,
        table: Table,
        names: Iterable[str],
        rows: Array,
        *,
        kinds: Mapping[str, Kind] | None = None,
        missing: Iterable[str] = (),
    ) -> Encoding:
        """Decides how each column is read, and computes what it needs from the training rows.

        A column is a column of numbers if at least half of its cells that are not missing are numbers. It is one of
        dates if all of them are dates of one format, and one of categories otherwise. Integers of the same length of
        which some start with 0, such as postal codes, are categories. Columns that say nothing are left out: those with
        the same cell in all rows, texts with a value of its own in most rows, and, if any other column is left, row
        numbers and different integers in a column called id. A column that the source stores as numbers or as dates is
        one of those. Beside a target that the source defines, no column of numbers is left out.

        Categories of fewer than 5 training rows are rare, if that is less than one row in 100: they are read as other.

        Args:
            table: the table.
            names: the names of the columns to encode.
            rows: the indices of the training rows.
            kinds: "number", "category", "date" or "left out" for columns that are to be read so, whatever they hold.
            missing: texts that stand for a missing cell in a column of numbers, such as "unknown".

        Raises:
            DataError: there is no such column; a cell that is not missing does not fit the kind of its column; no
                column is left.

        Example:
            >>> table = sg.data.read_table("iris")
            >>> encoding = sg.data.Encoding.fit(table, ["petal width (cm)"], rows=np.arange(150))
            >>> round(encoding.columns[0].mean, 3)
            1.199
            >>> encoding.transform(table).shape
            (150, 1)
        """
        fitting, trained = Fitting(names, kinds, missing=missing), np.zeros(len(table.lines), bool)
        trained[rows] = True
        fitting.add(table, trained)
        return cls(fitting.columns(table))

    def transform(self, table: Table) -> Array:
        """The matrix x, of shape (N, D), in float64.

        Missing cells are 0 in columns of numbers and dates, which is the mean of the training rows. `notes` counts the
        categories that the training rows do not have.

        Raises:
            DataError: a column is missing; a cell that is not missing is no number, or no date, where the column holds
                those.
        """
        return np.hstack([column.encode(table) for column in self.columns])

    def describe(self) -> list[str]:
        """How each column is read: one line per kind."""
        numbers, dates = self._of(NumberColumn), self._of(DateColumn)
        plain = [column.name for column in numbers if column.format == "1.5"]
        lines = [f"numbers: {list_names(plain)}"] if plain else []
        for example in [each for each in written.NUMBERS if each != "1.5"]:
            names = [column.name for column in numbers if column.format == example]
            value = written.NUMBERS[example](example)
            lines += [f"numbers that are written like {example}, for {value}: {list_names(names)}"] if names else []
        logarithmic = [column.name for column in numbers if column.unit is not None]
        reason = f"some are more than {FAR} standard deviations from the mean"
        lines += [f"on a logarithmic scale, since {reason}: {list_names(logarithmic)}"] if logarithmic else []
        for date_format in written.DATES:
            names = [column.name for column in dates if column.format == date_format]
            lines += [f"dates, as {date_format}: {list_names(names)}"] if names else []
        categories = [f"{quoted(column.name)} ({_how_many(column)})" for column in self._of(CategoryColumn)]
        lines += [f"categories: {list_some(categories)}"] if categories else []
        alike = [(column.name, hint((*column.categories, *column.rare))) for column in self._of(CategoryColumn)]
        lines += [f"{quoted(name)} holds {found}" for name, found in alike if found]
        left_out = [f"{quoted(column.name)} ({column.reason})" for column in self._of(LeftOut)]
        return [*lines, f"left out: {list_some(left_out)}"] if left_out else lines

    def missing(self, table: Table) -> dict[str, int]:
        """The number of missing cells of each column that is used and has any."""
        counts = {
            column.name: int(written.missing(cells(table, column.name), getattr(column, "also_missing", ())).sum())
            for column in self.columns
            if column.width
        }
        return {name: count for name, count in counts.items() if count}

    def notes(self, table: Table) -> list[str]:
        """What a later table has that the training rows do not: other categories, and missing cells; one line each."""
        novelties = Novelties(self)
        novelties.add(table)
        return novelties.notes()

    @property
    def width(self) -> int:
        """D, the number of columns of x."""
        return sum(column.width for column in self.columns)

    def to_json(self) -> list[dict[str, Any]]:
        """The encoding as lists, dictionaries, strings and numbers, for a JSON file."""
        return [column_to_json(column) for column in self.columns]

    @classmethod
    def from_json(cls, columns: Any) -> Encoding:
        """The encoding from which `to_json` made `columns`.

        Raises:
            DataError: `to_json` cannot have made `columns`.
        """
        try:
            read = [column_from_json(each, f"encoding[{i}]") for i, each in enumerate(_json.items(columns, "encoding"))]
            _json.texts([column.name for column in read], "the names of the columns")
        except ValueError as error:
            raise DataError(f"Encoding: {one_line(str(error), 200)}; wanted what to_json gives") from error
        return cls(tuple(read))

    def _of(self, kind: type[Any]) -> list[Any]:
        return [column for column in self.columns if isinstance(column, kind)]


class Novelties:
    """What later rows have that the training rows do not, for a table that is read in parts.

    Args:
        encoding: how the table is read.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.unseen: Counter[str] = Counter()  # cells of other categories, by column
        self.names: dict[str, set[str]] = {}  # of these categories, at most NAMES_KEPT of a column
        self.missing: Counter[str] = Counter()  # cells, by column

    def add(self, table: Table) -> None:
        """Takes rows of the table."""
        for column in self.encoding._of(CategoryColumn):
            unseen, names = column.unseen(table), self.names.setdefault(column.name, set())
            self.unseen[column.name] += len(unseen)
            names.update(np.unique(unseen).tolist()[: NAMES_KEPT - len(names)])
        self.missing.update(self.encoding.missing(table))

    def notes(self) -> list[str]:
        """One line for each column with other categories, then for each with missing cells that had none before."""
        lines = [
            f"column {quoted(column.name)}: {counted(count, 'cell')} of categories that the training rows do not have, "
            f"read as {'other' if column.rare else 'the average of those they have'}: "
            f"{list_names(sorted(self.names[column.name]), 3)}"
            for column in self.encoding._of(CategoryColumn)
            if (count := self.unseen[column.name])
        ]
        flagged = {each.name for each in self.encoding.columns if not isinstance(each, LeftOut) and each.missing}
        for name, count in self.missing.items():
            if name not in flagged:
                lines.append(
                    f"column {quoted(name)}: {counted(count, 'missing cell')}, although the training rows have none"
                )
        return lines


def _how_many(column: CategoryColumn) -> str:
    return f"{len(column.categories)}" + (f", and {len(column.rare):,} rare as other" if column.rare else "")
