"""Tables into arrays: the bundled sets and CSV files.

A `Table` holds columns as they were read. An `Encoding`, fitted to the training rows, turns them into the matrix x that
a network wants: each number column standardised, (value - mean) / standard deviation; each text column one-hot. It is
kept with the network, so that a later table is turned the same way.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad._extras import needs
from softgrad.errors import DataError

BUNDLED = {"digits": "load_digits", "iris": "load_iris", "wine": "load_wine", "breast-cancer": "load_breast_cancer"}

# Of 5 rows, 3 train, 1 validates and 1 tests.
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.2
LEAST_ROWS_OF_A_CLASS = 3

# Deviations from the mean whose square float32 still holds.
FAR = 1e19


class Table(NamedTuple):
    """Named columns of equal length."""

    source: str
    columns: dict[str, Array]  # each (N): float64, or str as a CSV file has it
    lines: Array  # (N): where each row stands, as messages name it
    target: str | None  # the column that holds the class, where the source itself says so

    def where(self, row: int) -> str:
        """The place of a row, for a message."""
        return f"{self.source}, line {self.lines[row]}"


def read_table(source: str) -> Table:
    """The bundled set of that name, or a CSV file: UTF-8, commas, column names in the first line.

    Args:
        source: digits, iris, wine, breast-cancer, or the path of a file.

    Raises:
        DataError: no such set or file; a file that is empty, not UTF-8, or whose lines differ in length.
        MissingPackageError: a bundled set without scikit-learn, which holds them.

    Example:
        >>> table = sg.data.read_table("iris")
        >>> list(table.columns)
        ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)', 'target']
    """
    if source in BUNDLED:
        return _bundled(source)
    return _read_csv(source)


def read_classes(table: Table, target: str) -> tuple[Array, tuple[str, ...]]:
    """The class number of each row, (N), and the name of each class: numbers in their order, then names in theirs.

    Raises:
        DataError: no such column, a cell without a class, one class only.

    Example:
        >>> numbers, names = sg.data.read_classes(sg.data.read_table("iris"), "target")
        >>> names
        ('setosa', 'versicolor', 'virginica')
    """
    labels = _text(table, target)
    names = sorted(set(labels.tolist()), key=lambda name: (_number(name) is None, _number(name) or 0.0, name))
    if len(names) < 2:
        raise DataError(
            f"{table.source}: column {target!r} is {names[0]!r} in all {len(labels)} rows; "
            "wanted at least 2 classes to tell apart"
        )
    number_of = {name: number for number, name in enumerate(names)}
    return np.array([number_of[label] for label in labels.tolist()]), tuple(names)


class Split(NamedTuple):
    """The rows of a table, each in one of three parts."""

    train: Array
    validation: Array
    test: Array


def split(table: Table, target: Array, classes: Sequence[str], *, seed: int) -> Split:
    """Draws the rows to test and to validate on, a fifth each, every class in its proportion.

    Raises:
        DataError: a class with fewer than 3 rows; fewer than 5 rows for each class on average.
        MissingPackageError: scikit-learn is not installed.

    Example:
        >>> table = sg.data.read_table("iris")
        >>> numbers, names = sg.data.read_classes(table, "target")
        >>> [len(rows) for rows in sg.data.split(table, numbers, names, seed=0)]
        [90, 30, 30]
    """
    with needs("split", "scikit-learn", extra="cli"):
        from sklearn.model_selection import train_test_split

    counts = np.bincount(target, minlength=len(classes))
    if counts.min() < LEAST_ROWS_OF_A_CLASS:
        raise DataError(
            f"{table.source}: class {classes[int(counts.argmin())]!r} has {counts.min()} rows, wanted at least "
            f"{LEAST_ROWS_OF_A_CLASS}, for training, validation and test; merge rare classes or drop their rows"
        )
    if len(target) < 5 * len(classes):
        raise DataError(
            f"{table.source}: {len(target)} rows for {len(classes)} classes, wanted at least {5 * len(classes)}; "
            "give more rows, or fewer classes"
        )
    rows, test = train_test_split(np.arange(len(target)), test_size=TEST_SHARE, stratify=target, random_state=seed)
    validation_share = VALIDATION_SHARE / (1 - TEST_SHARE)
    train, validation = train_test_split(rows, test_size=validation_share, stratify=target[rows], random_state=seed)
    return Split(train, validation, test)


class NumberColumn(NamedTuple):
    """A column that is standardised."""

    name: str
    mean: float
    scale: float  # the standard deviation, or 1 for a constant column

    def encode(self, table: Table) -> Array:
        """Its one column of x, (N, 1)."""
        values = _numbers(table, self.name)
        with np.errstate(over="ignore"):
            standardised = (values - self.mean) / self.scale
        far = ~(np.abs(standardised) < FAR)
        if far.any():
            row = int(far.argmax())
            raise DataError(
                f"{table.where(row)}: column {self.name!r} is {values[row]:g}, too far to compute with from the mean "
                f"{self.mean:g} and deviation {self.scale:g} in training; correct the cell or remove the row"
            )
        return standardised[:, None]


class TextColumn(NamedTuple):
    """A column that becomes one column of 0 and 1 for each of its categories."""

    name: str
    categories: tuple[str, ...]

    def encode(self, table: Table) -> Array:
        """Its columns of x, (N, categories)."""
        cells = _text(table, self.name)
        one_hot = cells[:, None] == np.array(self.categories)
        unknown = ~one_hot.any(axis=1)
        if unknown.any():
            row = int(unknown.argmax())
            raise DataError(
                f"{table.where(row)}: column {self.name!r} is {str(cells[row])!r}, which was not there in training; "
                f"wanted one of {_listed(self.categories)}"
            )
        columns: Array = one_hot.astype(np.float64)
        return columns


class Encoding(NamedTuple):
    """How the columns of a table become those of x."""

    columns: tuple[NumberColumn | TextColumn, ...]

    @classmethod
    def fit(cls, table: Table, names: Iterable[str], rows: Array) -> Encoding:
        """Means and deviations of the given rows; categories of the whole table.

        A column is one of numbers if at least half of its cells are numbers.

        Raises:
            DataError: a cell that is empty, NaN or infinite, or that is no number in a column of numbers; a text column
                of more than 50 values of which most stand once.

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
        """The matrix x, (N, D) in float64.

        Raises:
            DataError: a column is missing, or holds a cell that does not fit it.
        """
        return np.hstack([column.encode(table) for column in self.columns])

    def to_json(self) -> list[dict[str, Any]]:
        """Itself, as JSON can hold it."""
        return [column._asdict() for column in self.columns]

    @classmethod
    def from_json(cls, columns: list[dict[str, Any]]) -> Encoding:
        """What `to_json` gave."""
        return cls(
            tuple(
                TextColumn(column["name"], tuple(column["categories"]))
                if "categories" in column
                else NumberColumn(column["name"], float(column["mean"]), float(column["scale"]))
                for column in columns
            )
        )


def _fit_column(table: Table, name: str, rows: Array) -> NumberColumn | TextColumn:
    column = table.columns[name]
    if column.dtype.kind == "U" and 2 * sum(_number(cell) is not None for cell in column.tolist()) < len(column):
        categories = tuple(sorted(set(_text(table, name).tolist())))
        if len(categories) > max(50, len(column) / 2):
            raise DataError(
                f"{table.source}: column {name!r} is text with {len(categories):,} different values in {len(column):,} "
                "rows, as an identifier has; wanted categories that recur, so remove the column"
            )
        return TextColumn(name, categories)
    values = _numbers(table, name)[rows].astype(np.longdouble)  # whose squares do not overflow
    constant = values.min() == values.max()  # whose deviation, rounded, need not come out as 0
    return NumberColumn(name, float(values.mean()), 1.0 if constant else float(values.std()) or 1.0)


def _numbers(table: Table, name: str) -> Array:
    """A column as float64, every cell a finite number."""
    column = _column(table, name)
    if column.dtype.kind != "U":
        return column
    cells = column.tolist()
    values = [_number(cell) for cell in cells]
    for row, value in enumerate(values):
        if value is None:
            raise DataError(
                f"{table.where(row)}: column {name!r} is {cells[row]!r}, wanted a number, as in the column's other "
                "cells; correct the cell or remove the row"
            )
    return np.array(values, dtype=np.float64)


def _text(table: Table, name: str) -> Array:
    """A column as str, no cell empty."""
    cells = _column(table, name).astype(str)
    missing = np.isin(np.char.lower(cells), ["", "nan"])
    if missing.any():
        row = int(missing.argmax())
        raise DataError(
            f"{table.where(row)}: column {name!r} is {str(cells[row])!r}, wanted a value; fill it in or remove the row"
        )
    return cells


def _column(table: Table, name: str) -> Array:
    if name not in table.columns:
        near = difflib.get_close_matches(name, table.columns, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{table.source} has no column {name!r}; wanted one of {_listed(table.columns)}{hint}")
    return table.columns[name]


def _number(cell: str) -> float | None:
    """The finite number that a cell holds, or None."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _listed(names: Iterable[str], most: int = 8) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _bundled(name: str) -> Table:
    with needs("read_table", "scikit-learn", extra="cli"):
        import sklearn.datasets

    bunch = getattr(sklearn.datasets, BUNDLED[name])()
    columns = {str(feature): bunch.data[:, i] for i, feature in enumerate(bunch.feature_names)}
    columns["target"] = bunch.target_names.astype(str)[bunch.target]
    return Table(name, columns, np.arange(1, len(bunch.data) + 1), "target")


def _read_csv(source: str) -> Table:
    try:
        with Path(source).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row not in ([], [""])]
    except FileNotFoundError as error:
        near = difflib.get_close_matches(source, BUNDLED, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise DataError(f"{source!r} is neither a file nor one of {', '.join(BUNDLED)}{hint}") from error
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}; give a CSV file") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8 text at byte {error.start}; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise DataError(
            f"{source}, line {reader.line_num}: {error}; wanted CSV, cells with commas in quotes"
        ) from error
    if not rows:
        raise DataError(f"{source} is empty; wanted column names in the first line, then one row a line")
    (_, header), *rows = rows
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise DataError(f"{source} has {word} between its cells, wanted commas; save it as comma-separated")
    for number, name in enumerate(header):
        if not name:
            raise DataError(
                f"{source}: column {number + 1} has no name; wanted one for every column in the first line "
                "(pandas leaves its index out by to_csv(index=False))"
            )
        if name in header[:number]:
            raise DataError(f"{source}: two columns are named {name!r}; wanted each name once")
    if not rows:
        raise DataError(f"{source} has column names but no rows; wanted one row a line below them")
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{source}, line {line}: {len(row)} cells, but the first line names {len(header)} columns; "
                "wanted as many cells, those with commas in quotes"
            )
    columns = {name: np.array([row[i] for _, row in rows]) for i, name in enumerate(header)}
    return Table(source, columns, np.array([line for line, _ in rows]), None)
