"""Rows without a class: they are left out, and counted."""

from __future__ import annotations

from collections import Counter

import numpy as np

from softgrad._messages import list_some, quoted
from softgrad.data.columns import missing_class
from softgrad.data.table import Table
from softgrad.errors import DataError


class Unlabelled:
    """Leaves out the rows without a class of a table that is read at once or in parts, and says how many there were.

    Args:
        target: the column that holds the class.
    """

    def __init__(self, target: str) -> None:
        self.target, self.rows = target, 0
        self.texts: Counter[str] = Counter()  # what is in the cells of the rows that are left out

    def leave_out(self, table: Table) -> Table:
        """The rows that have a class."""
        texts, missing = missing_class(table, self.target)
        self.rows += len(texts)
        self.texts.update(texts[missing].tolist())
        return table.rows(np.flatnonzero(~missing)) if missing.any() else table

    def notes(self, source: str) -> tuple[str, ...]:
        """One sentence about the rows that were left out, if there were any.

        Raises:
            DataError: no row of `source` has a class.
        """
        count = self.texts.total()
        if count == self.rows:
            raise DataError(
                f"{source}: column {quoted(self.target)} holds no class in any of its {self.rows:,} rows, wanted rows "
                "with a class; name another column with --target, or fill it in"
            )
        if not count:
            return ()
        cells = [f"{quoted(text)} in {n:,}" if text else f"empty in {n:,}" for text, n in self.texts.items()]
        counts = f"{count:,} of {self.rows:,}; {quoted(self.target)} is {list_some(cells)}"
        return (f"rows without a class, which are left out: {counts}",)
