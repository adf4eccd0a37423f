"""How each column of a table is read, decided from its cells.

The kind depends on all rows, and means, standard deviations and categories on the training rows alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from softgrad._arrays import Array
from softgrad._messages import quoted
from softgrad.data.columns import cells
from softgrad.data.kinds import Column, LeftOut
from softgrad.data.summaries import INTEGERS, DateSummary, Kind, NumberSummary, Summary, TextSummary
from softgrad.data.table import Table
from softgrad.errors import DataError


class Fitting:
    """Takes the rows of a table, all at once or a part at a time, and says then how the columns are read.

    Args:
        names: the names of the columns.
        kinds: the kinds of columns that are not to be decided.
        most: the largest number of different texts that are kept of a column; None for all.
        missing: texts that stand for a missing cell in a column of numbers, beside the usual ones.
    """

    def __init__(
        self,
        names: Iterable[str],
        kinds: Mapping[str, Kind] | None = None,
        most: int | None = None,
        missing: Iterable[str] = (),
    ) -> None:
        self.names, self.kinds, self.most = list(names), dict(kinds or {}), most
        self.also_missing = tuple(text.strip().lower() for text in missing)
        self.summaries: dict[str, Summary] = {}

    def add(self, table: Table, trained: Array) -> None:
        """Takes rows of the table.

        Args:
            table: the rows.
            trained: which of them are training rows, a mask of shape (N,).
        """
        for name in self.names:
            if self.kinds.get(name) != "left out":
                if name not in self.summaries:
                    self.summaries[name] = self._summary(table, name)
                self.summaries[name].add(table, trained)

    def columns(self, table: Table) -> tuple[Column, ...]:
        """How the columns are read. `table` names the source in messages.

        Raises:
            DataError: a cell does not fit the kind of its column; no column is left.
        """
        columns = [self._column(name, self.kinds.get(name), table) for name in self.names]
        left_out = {column.name: column.reason for column in columns if isinstance(column, LeftOut)}
        if len(left_out) == len(columns) and INTEGERS in left_out.values():  # the only ones, in a small example say
            integers = [name for name, reason in left_out.items() if reason == INTEGERS]
            columns = [self._column(each.name, "number", table) if each.name in integers else each for each in columns]
        elif len(left_out) == len(columns):
            reasons = ", ".join(f"{quoted(name)} ({reason})" for name, reason in left_out.items())
            raise DataError(f"{table.source}: no column is left to learn from: {reasons}; wanted at least 1")
        return tuple(columns)

    def missing(self, columns: Iterable[Column]) -> dict[str, int]:
        """The number of missing cells of each of these columns that is used and has any."""
        counts = {
            column.name: self.summaries[column.name].count_missing(getattr(column, "also_missing", ()))
            for column in columns
            if column.width
        }
        return {name: count for name, count in counts.items() if count}

    def _summary(self, table: Table, name: str) -> Summary:
        stored, kind = cells(table, name).dtype.kind, self.kinds.get(name)
        if stored in "fiu" and kind in (None, "number"):
            return NumberSummary(name)
        if stored == "M" and kind in (None, "date"):
            return DateSummary(name)
        return TextSummary(name, self.most, self.also_missing)

    def _column(self, name: str, kind: Kind | None, table: Table) -> Column:
        return LeftOut(name, "as asked for") if kind == "left out" else self.summaries[name].column(kind, table)
