"""A table as it was read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names


class Table(NamedTuple):
    """Named columns of equal length.

    A column holds text as str, where "" and the like are missing; or numbers, where NaN is missing; or datetime64[us],
    where NaT is missing. One that holds anything else has the dtype object, and the name of its type in each row.
    """

    source: str
    columns: dict[str, Array]  # each (N,)
    lines: Array | range  # (N,): the line of each row in the source, for error messages
    target: str | None  # the name of the column that holds the class, if the source defines one
    separator: str = ","  # between the cells of the file
    notes: tuple[str, ...] = ()  # what was not read as it stands in the file: one sentence each
    place: str = "line"  # what `lines` counts: lines or rows
    image: tuple[int, ...] | None = None  # the height and the width, if the columns but the target are an image
    others: tuple[str, ...] = ()  # the arrays of the file that are not read

    def __repr__(self) -> str:
        return f"<Table {self.source}: {len(self.lines):,} rows, columns {list_names(self.columns)}>"

    def where(self, row: int) -> str:
        """The source and the line of a row, for an error message."""
        return f"{self.source}, {self.place} {self.lines[row]}"

    def rows(self, rows: Array | slice) -> Table:
        """The table of these rows."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return self._replace(columns=columns, lines=np.asarray(self.lines)[rows])
