"""The kinds of columns: what each becomes in the matrix x, and what is kept of it in a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from softgrad import _json
from softgrad._arrays import Array
from softgrad._messages import list_names, quoted
from softgrad.data import written
from softgrad.data.columns import cells, date_column, number_column, text_of
from softgrad.data.table import Table
from softgrad.errors import DataError

# Standardised values must be smaller than this, so that their squares do not overflow in float32.
STANDARDISED_LIMIT = 1e19
DATE_PARTS = ("year", "month", "day of week", "days since", "time of day")


class NumberColumn(NamedTuple):
    """A column of numbers, which is standardised. A missing cell gets the mean, which is 0 then.

    If some of the training rows are far from the others, the numbers are put on a logarithmic scale before that.
    """

    name: str
    mean: float  # on the logarithmic scale, if it has one
    scale: float  # the standard deviation, or 1 for a constant column
    format: str = "1.5"  # how its numbers are written, as an example
    missing: bool = False  # whether x has another column, which is 1 where the cell is missing
    unit: float | None = None  # of the logarithmic scale; None for a linear one
    also_missing: tuple[str, ...] = ()  # texts that stand for a missing cell, beside the usual ones, in small letters

    @property
    def width(self) -> int:
        """The number of columns of x that it becomes."""
        return 1 + self.missing

    def encode(self, table: Table) -> Array:
        """The columns of x that it becomes, of shape (N, width)."""
        values = number_column(table, self.name, self.format, self.also_missing, fitted=True)
        absent = np.isnan(values)
        scaled = values if self.unit is None else on_logarithmic_scale(values, self.unit)
        with np.errstate(over="ignore"):
            standardised = np.where(absent, 0.0, (scaled - self.mean) / self.scale)
        too_large = ~(np.abs(standardised) < STANDARDISED_LIMIT)
        if too_large.any():
            row = int(too_large.argmax())
            raise DataError(
                f"{table.where(row)}: column {quoted(self.name)} is {values[row]:g}, too far from the mean "
                f"{self.mean:g} of the training rows, whose standard deviation is {self.scale:g}; correct the cell or "
                "remove the row"
            )
        return np.column_stack([standardised, absent] if self.missing else [standardised])

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], place: str) -> NumberColumn:
        """The column, from the fields that a file has."""
        number_format = _one_of(fields["format"], written.NUMBERS, f"{place}.format")
        mean, scale = _json.number(fields["mean"], f"{place}.mean"), _positive(fields["scale"], f"{place}.scale")
        unit = None if fields["unit"] is None else _positive(fields["unit"], f"{place}.unit")
        missing, also = _bool(fields["missing"], f"{place}.missing"), fields["also_missing"]
        texts = _json.texts(also, f"{place}.also_missing") if also else ()
        return cls(_name(fields, place), mean, scale, number_format, missing, unit, texts)


class CategoryColumn(NamedTuple):
    """A column of categories, which is one-hot encoded.

    Rare categories share one column of x, called other. A category that the training rows do not have is other, too. If
    no category is rare, there is no such column, and such a cell is the average of the training rows: the share of each
    category. So is a missing cell, if the training rows have none. Zeros would be unlike any row of the training.
    """

    name: str
    categories: tuple[str, ...]  # of the training rows
    missing: bool = False  # whether x has another column, which is 1 where the cell is missing
    rare: tuple[str, ...] = ()  # the categories of few training rows, which are read as other
    shares: tuple[float, ...] = ()  # of the training rows, for each category and for other; none: 0

    @property
    def width(self) -> int:
        """The number of columns of x that it becomes."""
        return len(self.categories) + bool(self.rare) + self.missing

    def encode(self, table: Table) -> Array:
        """The columns of x that it becomes, of shape (N, width): one per category, other, and missing."""
        different, inverse = np.unique(text_of(cells(table, self.name)), return_inverse=True)
        absent = written.missing(different)[inverse]
        place = {category: i for i, category in enumerate(self.categories)}
        other = len(place)  # of the column other, or of one that is cut off
        places = np.array([place.get(cell, other) for cell in different.tolist()], dtype=int)[inverse]
        rows = np.eye(other + 1)[:, : other + bool(self.rare)]
        if not self.rare and self.shares:
            rows[other] = self.shares
        one_hot = rows[places]
        one_hot[absent] = 0.0 if self.missing or not self.shares else self.shares
        return np.column_stack([one_hot, absent]) if self.missing else one_hot

    def unseen(self, table: Table) -> Array:
        """The cells of categories that the training rows do not have."""
        text = text_of(cells(table, self.name))
        return text[~np.isin(text, self.categories + self.rare) & ~written.missing(text)]

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], place: str) -> CategoryColumn:
        """The column, from the fields that a file has."""
        categories = _json.texts(fields["categories"], f"{place}.categories")
        rare = _json.texts(fields["rare"], f"{place}.rare")
        shares = tuple(
            _json.number(each, f"{place}.shares") for each in _json.items(fields["shares"], f"{place}.shares")
        )
        if shares and len(shares) != len(categories) + bool(rare):
            raise ValueError(f"{place} has {len(shares)} shares, wanted {len(categories) + bool(rare)}")
        return cls(_name(fields, place), categories, _bool(fields["missing"], f"{place}.missing"), rare, shares)


class DateColumn(NamedTuple):
    """A column of dates, as their parts: year, month, day of the week, days since a date, and the time of day.

    Each part is standardised. The time of day is left out if it is the same in all training rows.
    """

    name: str
    format: str  # how its dates are written
    since: str  # the first date of the training rows, as year-month-day
    means: tuple[float, ...]  # of the parts
    scales: tuple[float, ...]
    missing: bool = False  # whether x has another column, which is 1 where the cell is missing

    @property
    def width(self) -> int:
        """The number of columns of x that it becomes."""
        return len(self.means) + self.missing

    def encode(self, table: Table) -> Array:
        """The columns of x that it becomes, of shape (N, width)."""
        parts = date_parts(date_column(table, self.name, self.format), self.since)[:, : len(self.means)]
        absent = np.isnan(parts[:, 0])
        standardised = np.where(absent[:, None], 0.0, (parts - np.array(self.means)) / np.array(self.scales))
        return np.column_stack([standardised, absent] if self.missing else [standardised])

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], place: str) -> DateColumn:
        """The column, from the fields that a file has."""
        since = _json.text(fields["since"], f"{place}.since")
        if written.to_date(since, "year-month-day") is None:
            raise ValueError(f"{place}.since is {quoted(since)}, wanted a date as year-month-day")
        means = [_json.number(each, f"{place}.means") for each in _json.items(fields["means"], f"{place}.means")]
        scales = [_positive(each, f"{place}.scales") for each in _json.items(fields["scales"], f"{place}.scales")]
        parts = len(DATE_PARTS)
        if len(means) != len(scales) or len(means) not in (parts - 1, parts):
            raise ValueError(
                f"{place} has {len(means)} means and {len(scales)} scales, wanted {parts - 1} or {parts} of each"
            )
        date_format = _one_of(fields["format"], written.DATES, f"{place}.format")
        missing = _bool(fields["missing"], f"{place}.missing")
        return cls(_name(fields, place), date_format, since, tuple(means), tuple(scales), missing)


class LeftOut(NamedTuple):
    """A column that is not used. A table need not have it."""

    name: str
    reason: str

    @property
    def width(self) -> int:
        """The number of columns of x that it becomes."""
        return 0

    def encode(self, table: Table) -> Array:
        """No columns: shape (N, 0)."""
        return np.empty((len(table.lines), 0))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], place: str) -> LeftOut:
        """The column, from the fields that a file has."""
        return cls(_name(fields, place), _json.text(fields["reason"], f"{place}.reason"))


Column: TypeAlias = NumberColumn | CategoryColumn | DateColumn | LeftOut
KINDS: dict[str, type[Column]] = {
    "number": NumberColumn,
    "category": CategoryColumn,
    "date": DateColumn,
    "left out": LeftOut,
}


def on_logarithmic_scale(values: Array, unit: float) -> Array:
    """The sign of each value times log(1 + |value| / unit): nearly linear below the unit, and logarithmic above it."""
    scaled: Array = np.sign(values) * (np.log(np.abs(values) + unit) - np.log(unit))
    return scaled


def date_parts(dates: Array, since: str) -> Array:
    """The parts of datetime64[us], of shape (N, 5); NaN where a date is missing."""
    days = dates.astype("datetime64[D]")
    months = dates.astype("datetime64[M]").astype(int)  # since January 1970
    elapsed = (dates - np.datetime64(since, "us")).astype(np.float64) / 1e6 / 86400
    time = (dates - days).astype(np.float64) / 1e6 / 86400
    parts = np.column_stack([1970 + months // 12, 1 + months % 12, (days.astype(int) + 3) % 7, elapsed, time])
    parts[np.isnat(dates)] = np.nan
    return parts


def column_from_json(value: Any, place: str) -> Column:
    """The column that these fields of a file describe.

    Raises:
        ValueError: no column has such fields.
    """
    kind = _one_of(_json.mapping(value, place).get("kind"), KINDS, f"{place}.kind")
    if kind == "number":
        value = {"unit": None, "also_missing": [], **value}
    if kind == "category":
        value = {"rare": [], "shares": [], **value}  # models of earlier versions have none
    fields = _json.mapping(value, place, "kind", *KINDS[kind]._fields)
    return KINDS[kind].from_json(fields, place)


def column_to_json(column: Column) -> dict[str, Any]:
    """The fields of a column, for a file."""
    kind = next(name for name, of in KINDS.items() if isinstance(column, of))
    return {"kind": kind, **column._asdict()}


def describe(column: Column) -> str:
    """How a column is read."""
    if isinstance(column, NumberColumn):
        like = "" if column.format == "1.5" else f" like {column.format}"
        scale = "" if column.unit is None else " on a logarithmic scale"
        how = f"a number{like}{scale}, mean {column.mean:.4g}, deviation {column.scale:.4g}"
    elif isinstance(column, CategoryColumn):
        how = f"a category: {list_names(column.categories)}{', or other' if column.rare else ''}"
    elif isinstance(column, DateColumn):
        how = f"a date as {column.format}, from {column.since}"
    else:
        return f"left out: {column.reason}"
    return f"{how}; or missing" if column.missing else how


def _name(fields: Mapping[str, Any], place: str) -> str:
    return _json.text(fields["name"], f"{place}.name")


def _positive(value: Any, place: str) -> float:
    number = _json.number(value, place)
    if number <= 0:
        raise ValueError(f"{place} is {number}, wanted a positive number")
    return number


def _bool(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{place} is {quoted(value)}, wanted true or false")
    return value


def _one_of(value: Any, names: Mapping[str, Any], place: str) -> str:
    if not isinstance(value, str) or value not in names:
        raise ValueError(f"{place} is {quoted(value)}, wanted one of {', '.join(map(repr, names))}")
    return value
