"""Reading tables, from the bundled data sets and from CSV files, and converting them to arrays.

A `Table` holds the columns as they were read. An `Encoding` converts them to the matrix x that a network takes as its
input. It standardises each number column, (value - mean) / standard deviation, and one-hot encodes each text column.
It is fitted to the training rows and saved with the network, so that later tables are converted in the same way.

A cell of a CSV file is a number if it is written like 12, -0.5, .5 or 1e-3, with spaces around it or not. Everything
else is text: 1_000, 1,5, 0x10, digits that are not ASCII, nan and inf. A column with numbers in at least half of its
cells is a number column, and any other cell in it is an error. To have numbers read as text, write a letter before
them, as in n12.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from softgrad import _json
from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad._extras import needs
from softgrad._files import read_whole
from softgrad._messages import one_line, quoted
from softgrad._numerals import to_number
from softgrad._options import closest
from softgrad.errors import DataError

BUNDLED = {"digits": "load_digits", "iris": "load_iris", "wine": "load_wine", "breast-cancer": "load_breast_cancer"}

# Fractions of all rows. The remaining three fifths are for training.
TEST_FRACTION, VALIDATION_FRACTION = 0.2, 0.2
MIN_ROWS_PER_CLASS = 3

# Standardised values must be smaller than this, so that their squares do not overflow in float32.
STANDARDISED_LIMIT = 1e19


class Table(NamedTuple):
    """Named columns of equal length."""

    source: str
    columns: dict[str, Array]  # each (N,): float64, or str if it was read from a CSV file
    lines: Array  # (N,): the line of each row in the source, for error messages
    target: str | None  # the name of the column that holds the class, if the source defines one

    def where(self, row: int) -> str:
        """The source and the line of a row, for an error message."""
        return f"{self.source}, line {self.lines[row]}"


@explained
def read_table(source: str) -> Table:
    """Reads a bundled data set or a CSV file: UTF-8, separated by commas, with the column names in the first line.

    Args:
        source: digits, iris, wine, breast-cancer, or the path of a CSV file.

    Raises:
        DataError: there is no such data set or file; the file is empty or not UTF-8; its lines differ in length.
        MissingPackageError: the bundled sets need scikit-learn, which is not installed.

    Example:
        >>> table = sg.data.read_table("iris")
        >>> list(table.columns)
        ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)', 'target']
    """
    if source in BUNDLED:
        return _bundled(source)
    return _read_csv(source)


@explained
def read_classes(table: Table, target: str) -> tuple[Array, tuple[str, ...]]:
    """The class index of each row, of shape (N,), and the names of the classes.

    If every cell is a number, the classes are numbers: 1, 1.0 and 1e0 are one class, whose name is the shortest of its
    spellings, and the classes are in ascending order. Otherwise the classes are texts, and 1 and 1.0 are two of them;
    those that are numbers come first, in ascending order, and the others follow, sorted as Python sorts strings.

    Raises:
        DataError: there is no such column, a cell of it is empty, or all its cells are the same.

    Example:
        >>> indices, names = sg.data.read_classes(sg.data.read_table("iris"), "target")
        >>> names
        ('setosa', 'versicolor', 'virginica')
    """
    labels = _text_column(table, target).tolist()
    names = set(labels)
    values = {name: to_number(name) for name in names}
    key_of: dict[str, Any] = {name: name for name in names}
    if None not in values.values():
        key_of = {name: Decimal(name) for name in names}  # exact: two long integers may be the same float
        order = sorted(names, key=lambda name: (key_of[name], len(name), name))
    else:
        order = sorted(names, key=lambda name: (values[name] is None, values[name] or 0.0, name))
    classes: dict[Any, str] = {}
    for name in order:
        classes.setdefault(key_of[name], name)
    if len(classes) < 2:
        raise DataError(
            f"{table.source}: column {quoted(target)} is {quoted(order[0])} in all {len(labels)} rows, wanted at least "
            "2 classes; choose another target column, or add rows of other classes"
        )
    index_of = {key: index for index, key in enumerate(classes)}
    return np.array([index_of[key_of[label]] for label in labels]), tuple(classes.values())


class Split(NamedTuple):
    """The row indices of the training, the validation and the test set. Each row is in exactly one of them."""

    train: Array
    validation: Array
    test: Array


@explained
def split(table: Table, target: Array, classes: Sequence[str], *, seed: int) -> Split:
    """Draws a stratified split: a fifth of the rows for the test, a fifth for validation, the rest for training.

    Args:
        table: the table, which the error messages name.
        target: the class index of each row, of shape (N,).
        classes: the names of the classes.
        seed: the seed of the random split.

    Raises:
        DataError: a class has fewer than 3 rows, or there are fewer than 5 rows per class on average.
        MissingPackageError: scikit-learn is not installed.

    Example:
        >>> table = sg.data.read_table("iris")
        >>> indices, names = sg.data.read_classes(table, "target")
        >>> [len(rows) for rows in sg.data.split(table, indices, names, seed=0)]
        [90, 30, 30]
    """
    with needs("split", "scikit-learn", extra="cli"):
        from sklearn.model_selection import train_test_split

    counts = np.bincount(target, minlength=len(classes))
    if counts.min() < MIN_ROWS_PER_CLASS:
        raise DataError(
            f"{table.source}: class {quoted(classes[int(counts.argmin())])} has {_count(counts.min(), 'row')}, wanted "
            f"at least {MIN_ROWS_PER_CLASS}: one each for training, validation and test; merge rare classes or remove "
            "their rows"
        )
    if len(target) < 5 * len(classes):
        raise DataError(
            f"{table.source}: there are {len(target)} rows for {len(classes)} classes, wanted at least "
            f"{5 * len(classes)} rows; add rows, or merge classes"
        )
    rows, test = train_test_split(np.arange(len(target)), test_size=TEST_FRACTION, stratify=target, random_state=seed)
    fraction_of_rest = VALIDATION_FRACTION / (1 - TEST_FRACTION)
    train, validation = train_test_split(rows, test_size=fraction_of_rest, stratify=target[rows], random_state=seed)
    return Split(train, validation, test)


class NumberColumn(NamedTuple):
    """A column of numbers, which is standardised."""

    name: str
    mean: float
    scale: float  # the standard deviation, or 1 for a constant column

    def encode(self, table: Table) -> Array:
        """The column of x that it becomes, of shape (N, 1)."""
        values = _number_column(table, self.name)
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
        cells = _text_column(table, self.name)
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
        categories = tuple(sorted(set(_text_column(table, name).tolist())))
        if len(categories) > max(50, len(column) / 2):
            raise DataError(
                f"{table.source}: column {quoted(name)} is text with {len(categories):,} different values in "
                f"{len(column):,} rows, like an identifier, wanted categories that occur repeatedly; remove the column"
            )
        return TextColumn(name, categories)
    values = _number_column(table, name)[rows].astype(np.longdouble)  # long double, so that squares do not overflow
    constant = values.min() == values.max()  # because of rounding, std() of a constant column need not be 0
    return NumberColumn(name, float(values.mean()), 1.0 if constant else float(values.std()) or 1.0)


def _number_column(table: Table, name: str) -> Array:
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


def _text_column(table: Table, name: str) -> Array:
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


def list_names(names: Iterable[str], limit: int = 8) -> str:
    """The first names, quoted, and how many there are besides."""
    shown = [quoted(name) for name in names]
    return ", ".join(shown[:limit]) + (f" and {len(shown) - limit} more" if len(shown) > limit else "")


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _bundled(name: str) -> Table:
    with needs("read_table", "scikit-learn", extra="cli"):
        import sklearn.datasets

    bunch = getattr(sklearn.datasets, BUNDLED[name])()
    columns = {str(feature): bunch.data[:, i] for i, feature in enumerate(bunch.feature_names)}
    columns["target"] = bunch.target_names.astype(str)[bunch.target]
    return Table(name, columns, np.arange(1, len(bunch.data) + 1), "target")


def _read_csv(source: str) -> Table:
    try:
        text = io.StringIO(read_whole(Path(source)).decode("utf-8-sig"), newline="")
        reader = csv.reader(text, skipinitialspace=True, strict=True)
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row not in ([], [""])]
    except FileNotFoundError as error:
        near = closest(source, BUNDLED)
        hint = f"; did you mean {near}?" if near else ""
        raise DataError(f"{quoted(source)} is neither a file nor one of {', '.join(BUNDLED)}{hint}") from error
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}; give the path of a CSV file") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8 text at byte {error.start}; save the file as CSV in UTF-8") from error
    except csv.Error as error:
        raise DataError(
            f"{source}, line {reader.line_num}: {error}; wanted CSV, with quotes around cells that contain commas"
        ) from error
    if not rows:
        raise DataError(f"{source} is empty; wanted column names in the first line, then one row per line")
    (_, header), *rows = rows
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise DataError(f"{source} has {word} between its cells, wanted commas; save it as comma-separated values")
    for i, name in enumerate(header):
        if not name:
            raise DataError(
                f"{source}: column {i + 1} has no name; wanted a name for every column in the first line "
                "(in pandas, to_csv(index=False) leaves the index out)"
            )
        if name in header[:i]:
            raise DataError(f"{source}: two columns are named {quoted(name)}; wanted a different name for each column")
    if not rows:
        raise DataError(f"{source} has column names but no rows; wanted one row per line below them")
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{source}, line {line} has {_count(len(row), 'cell')}, but the first line names "
                f"{_count(len(header), 'column')}; wanted one cell per column, with quotes around cells that contain "
                "commas"
            )
    columns = {name: np.array([row[i] for _, row in rows]) for i, name in enumerate(header)}
    return Table(source, columns, np.array([line for line, _ in rows]), None)
