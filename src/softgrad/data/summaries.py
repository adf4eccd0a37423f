"""What is kept of a column while its rows are read, in memory that does not grow with their number.

A summary is given the rows of a table, all at once or a part at a time, and says then how the column is read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, Protocol, TypeAlias

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import quoted
from softgrad.data import written
from softgrad.data.columns import cells, no_number, number_column, text_of
from softgrad.data.kinds import (
    DATE_PARTS,
    CategoryColumn,
    Column,
    DateColumn,
    LeftOut,
    NumberColumn,
    date_parts,
)
from softgrad.data.lookalikes import are_codes, hint
from softgrad.data.moments import Moments, NumberMoments, Range
from softgrad.data.table import Table
from softgrad.errors import DataError

Kind: TypeAlias = Literal["number", "category", "date", "left out"]
INTEGERS = "an identifier: an integer of its own for each row"
MISSING = "all cells are missing"
FEWEST_IDENTIFIERS = 20  # rows: in fewer, integers may be consecutive by chance
ROWS_COMPARED = 1_000_000  # integers in a column called id are compared with each other in the first rows alone
FEWEST_PER_CATEGORY = 5  # training rows: a category that has fewer is rare,
SHARE_PER_CATEGORY = 100  # if those are also less than one training row in so many
EPOCH = "1970-01-01"
FIRST_DAY, LAST_DAY = -719_162, 2_932_896  # days since the epoch: those of the years 1 and 9999, which texts can hold


class Summary(Protocol):
    """The cells of one column that were read so far."""

    def count_missing(self, also: tuple[str, ...] = ()) -> int:
        """The number of missing cells; `also` has other texts that stand for one, in small letters."""

    def add(self, table: Table, trained: Array) -> None:
        """Takes rows of the column, of which `trained` are training rows."""

    def column(self, kind: Kind | None, table: Table) -> Column:
        """How the column is read; as `kind`, if that is given. `table` names the source in messages.

        Raises:
            DataError: a cell does not fit the kind of its column.
        """


class NumberSummary:
    """A column that the source stores as numbers."""

    def __init__(self, name: str) -> None:
        self.name, self.rows, self.missing, self.trained_missing = name, 0, 0, 0
        self.all, self.trained = Range(), NumberMoments()
        self.row_numbers = True  # so far
        self.from_lines: set[float] = set()  # what is added to the line of a row
        self.compared: list[Array] | None = [] if _called_identifier(name) else None

    def add(self, table: Table, trained: Array) -> None:
        """Takes rows of the column."""
        stored, values = cells(table, self.name), number_column(table, self.name)
        absent = np.isnan(values)
        self.all.add(values[~absent])
        self.trained.add(values[~absent & trained])
        self.missing += int(absent.sum())
        self.trained_missing += int((absent & trained).sum())
        if stored.dtype.kind not in "iu":
            self.row_numbers, self.compared = False, None
        elif self.row_numbers and len(values):
            start = stored[0] if self.rows == 0 else self.all.low
            counted = bool((stored == start + np.arange(self.rows, self.rows + len(stored))).all())
            self.from_lines.update(np.unique(stored - np.asarray(table.lines))[:2].tolist())
            self.row_numbers = (start in (0, 1) and counted) or _are_lines(self.from_lines)
        if self.compared is not None and self.rows < ROWS_COMPARED:
            self.compared.append(stored[: ROWS_COMPARED - self.rows])
        self.rows += len(values)

    def count_missing(self, also: tuple[str, ...] = ()) -> int:
        """The number of missing cells."""
        return self.missing

    def column(self, kind: Kind | None, table: Table) -> Column:
        """How the column is read."""
        if kind is None and table.target is None:  # a source with a target of its own holds nothing else to leave out
            if self.all.count == 0:
                return LeftOut(self.name, MISSING)
            if self.all.low == self.all.high and not self.missing:
                return LeftOut(self.name, f"always {quoted(str(text_of(np.array([self.all.low]))[0]))}")
            if self.rows >= FEWEST_IDENTIFIERS and self.all.low >= 0 and (self.row_numbers or self._different()):
                return LeftOut(self.name, INTEGERS)
        mean, scale, unit = self.trained.on_a_scale()
        return NumberColumn(self.name, mean, scale, "1.5", self.trained_missing > 0, unit)

    def _different(self) -> bool:
        if self.compared is None:
            return False
        compared = np.concatenate(self.compared)
        return len(np.unique(compared)) == len(compared)


class DateSummary:
    """A column that the source stores as dates."""

    def __init__(self, name: str) -> None:
        self.name, self.missing, self.trained_missing = name, 0, 0
        self.all = Range()  # of the days
        self.trained = tuple(Moments() for _ in DATE_PARTS)

    def add(self, table: Table, trained: Array) -> None:
        """Takes rows of the column."""
        parts = date_parts(cells(table, self.name), EPOCH)
        absent = np.isnan(parts[:, 0])
        self.all.add(parts[~absent, 3])
        for moments, part in zip(self.trained, parts[~absent & trained].T, strict=True):
            moments.add(part)
        self.missing += int(absent.sum())
        self.trained_missing += int((absent & trained).sum())

    def count_missing(self, also: tuple[str, ...] = ()) -> int:
        """The number of missing cells."""
        return self.missing

    def column(self, kind: Kind | None, table: Table) -> Column:
        """How the column is read."""
        if self.all.count == 0:
            return LeftOut(self.name, MISSING)
        if kind is None and self.all.low == self.all.high and not self.missing:
            return LeftOut(self.name, f"always {_day(self.all.low)!r}")
        first = self.trained[3].low if self.trained[3].count else self.all.low
        since = _day(min(max(first, FIRST_DAY), LAST_DAY))
        return date_column_of(self.name, "year-month-day", since, self.trained, self.trained_missing > 0)


class TextSummary:
    """A column of text, or of cells that are to be read as text.

    Args:
        name: the name of the column.
        most: the largest number of different cells that are kept; None for all.
        missing: texts that stand for a missing cell if this is a column of numbers, in small letters.
    """

    def __init__(self, name: str, most: int | None = None, missing: tuple[str, ...] = ()) -> None:
        self.name, self.most, self.also_missing, self.rows = name, most, missing, 0
        self.cells: dict[str, list[int]] = {}  # its rows, training rows, first row, and its line

    def add(self, table: Table, trained: Array) -> None:
        """Takes rows of the column."""
        first = self.rows
        self.rows += len(table.lines)
        if self.too_many:
            return
        different, firsts, inverse, counts = np.unique(
            text_of(cells(table, self.name)), return_index=True, return_inverse=True, return_counts=True
        )
        of_training = np.bincount(inverse[trained], minlength=len(different))
        for cell, row, n, k in zip(*(a.tolist() for a in (different, firsts, counts, of_training)), strict=True):
            known = self.cells.setdefault(cell, [0, 0, first + row, int(table.lines[row])])
            known[0] += n
            known[1] += k

    @property
    def too_many(self) -> bool:
        """Whether there are more different cells than are kept."""
        return self.most is not None and len(self.cells) > self.most

    def count_missing(self, also: tuple[str, ...] = ()) -> int:
        """The number of missing cells; `also` has other texts that stand for one, in small letters."""
        return sum(known[0] for cell, known in self.cells.items() if cell.lower() in (*written.MISSING, *also))

    @property
    def counts(self) -> dict[str, int]:
        """The cells that are not missing, in alphabetical order, each with its number of rows."""
        return {cell: self.cells[cell][0] for cell in sorted(self.cells) if cell.lower() not in written.MISSING}

    def column(self, kind: Kind | None, table: Table) -> Column:
        """How the column is read."""
        if self.too_many:
            return self._of_too_many(kind, table)
        counts = self.counts
        total = sum(counts.values())
        if not counts:
            return LeftOut(self.name, MISSING)
        if kind is None and len(counts) == 1 and total == self.rows:
            return LeftOut(self.name, f"always {quoted(next(iter(counts)))}")
        given = {cell: n for cell, n in counts.items() if cell.lower() not in self.also_missing} or counts
        number_format, numbers = written.number_format(given, table.separator)
        is_number = kind == "number" or (kind is None and 2 * numbers >= sum(given.values()))
        date_format = None
        if kind == "date" or (kind is None and not is_number):
            date_format = written.date_format(list(counts))
        if kind == "date" and date_format is None:
            raise DataError(
                f"{table.source}: column {quoted(self.name)} has no dates of one format, such as "
                f"{quoted(next(iter(counts)))}; wanted one of {', '.join(written.DATES)}"
            )
        if date_format is not None:
            return self._dates(counts, date_format)
        if is_number and kind is None and self._is_identifier():
            return LeftOut(self.name, INTEGERS)
        if is_number and (kind == "number" or not are_codes(given)):
            return self._numbers(given, number_format, table)
        if kind is None and len(counts) > max(50, total / 2):
            found = hint(counts)
            return LeftOut(
                self.name,
                f"an identifier or free text: {len(counts):,} different values in {total:,} rows"
                + (f"; {found}" if found else ""),
            )
        return self._categories(counts)

    def _of_too_many(self, kind: Kind | None, table: Table) -> Column:
        reason = f"more than {self.most:,} different texts"
        if kind is None:
            return LeftOut(self.name, f"an identifier or free text: {reason}")
        raise DataError(
            f"{table.source}: column {quoted(self.name)} has {reason}, wanted fewer in a table that is read in parts; "
            "store numbers and dates as such, or leave the column out with --drop"
        )

    def _numbers(self, counts: Mapping[str, int], number_format: str, table: Table) -> NumberColumn:
        plain = written.plain_numbers(list(counts)) if number_format == "1.5" else None
        if plain is not None:
            return self._standardised(plain, counts, number_format)
        values = {cell: written.NUMBERS[number_format](cell) for cell in counts}
        wrong = [cell for cell, value in values.items() if value is None]
        if wrong:
            text = min(wrong, key=lambda cell: self.cells[cell][2])
            where = f"{table.source}, {table.place} {self.cells[text][3]}"
            raise no_number(where, self.name, text, number_format)
        return self._standardised(np.array(list(values.values()), dtype=np.float64), counts, number_format)

    def _standardised(self, values: Array, counts: Mapping[str, int], number_format: str) -> NumberColumn:
        moments = NumberMoments()
        moments.add(values, self._trained(counts))
        mean, scale, unit = moments.on_a_scale()
        missing = self._is_missing_in_training(self.also_missing)
        return NumberColumn(self.name, mean, scale, number_format, missing, unit, self.also_missing)

    def _dates(self, counts: Mapping[str, int], date_format: str) -> DateColumn:
        dates = np.array([written.to_date(cell, date_format) for cell in counts], dtype="datetime64[us]")
        weights = self._trained(counts)
        since = str(min(dates[weights > 0], default=dates.min()).astype("datetime64[D]"))
        moments = tuple(Moments() for _ in DATE_PARTS)
        for each, part in zip(moments, date_parts(dates, EPOCH).T, strict=True):
            each.add(part, weights)
        return date_column_of(self.name, date_format, since, moments, self._is_missing_in_training())

    def _categories(self, counts: Mapping[str, int]) -> CategoryColumn:
        trained = {cell: self.cells[cell][1] for cell in counts if self.cells[cell][1]}
        rows = sum(known[1] for known in self.cells.values())
        fewest = min(FEWEST_PER_CATEGORY, rows / SHARE_PER_CATEGORY)
        rare = tuple(cell for cell, n in trained.items() if n < fewest)
        frequent = tuple(cell for cell, n in trained.items() if n >= fewest)
        counts_of = [trained[cell] for cell in frequent] + ([sum(trained[cell] for cell in rare)] if rare else [])
        shares = tuple(n / max(1, sum(trained.values())) for n in counts_of)
        return CategoryColumn(self.name, frequent, self._is_missing_in_training(), rare, shares)

    def _trained(self, counts: Mapping[str, int]) -> Array:
        return np.array([self.cells[cell][1] for cell in counts])

    def _is_missing_in_training(self, also: tuple[str, ...] = ()) -> bool:
        return any(known[1] for cell, known in self.cells.items() if cell.lower() in (*written.MISSING, *also))

    def _is_identifier(self) -> bool:
        """Whether the cells are the numbers of the rows, or different integers whose column is called an identifier."""
        if not FEWEST_IDENTIFIERS <= self.rows == len(self.cells):
            return False
        if not all(cell.isascii() and cell.isdigit() for cell in self.cells):
            return False
        numbers = {int(cell): known for cell, known in self.cells.items()}
        starts = {number - known[2] for number, known in numbers.items()}
        if starts in ({0}, {1}) or _are_lines({number - known[3] for number, known in numbers.items()}):
            return True
        return _called_identifier(self.name) and len(numbers) == self.rows


def _are_lines(differences: Collection[float]) -> bool:
    """Whether integers count the rows of the file, of which some are left out; from their differences to the lines.

    They start at 0 or 1, and the lines at 1, or at 2 below the names of the columns.
    """
    return len(differences) == 1 and not set(differences).isdisjoint((-2, -1, 0))


def date_column_of(name: str, date_format: str, since: str, moments: tuple[Moments, ...], missing: bool) -> DateColumn:
    """The column of dates whose parts have these moments, with days since the epoch."""
    if moments[4].low >= moments[4].high:
        moments = moments[:4]  # all at the same time of day, or without any
    means, scales = zip(*(each.standard() for each in moments), strict=True)
    elapsed = float(moments[3].mean - (np.datetime64(since) - np.datetime64(EPOCH)).astype(int))
    means = (*means[:3], elapsed if moments[3].count else 0.0, *means[4:])
    return DateColumn(name, date_format, since, means, scales, missing)


def _day(days: float) -> str:
    return str(np.datetime64(int(days // 1), "D"))


def _called_identifier(name: str) -> bool:
    return name.lower() == "id" or name.lower().endswith(("_id", " id"))
