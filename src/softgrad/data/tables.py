"""Tables as they were read: from the bundled data sets and from CSV files."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import sys
import zlib
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad._extras import needs
from softgrad._files import read_whole
from softgrad._messages import counted, quoted
from softgrad._options import closest
from softgrad.errors import DataError

BUNDLED = {"digits": "load_digits", "iris": "load_iris", "wine": "load_wine", "breast-cancer": "load_breast_cancer"}
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
UNNAMED = "unnamed"  # what a column without a name is called
GZIP = b"\x1f\x8b"  # the first bytes of such a file

Rows: TypeAlias = list[tuple[int, list[str]]]  # each with the number of its last line


class Table(NamedTuple):
    """Named columns of equal length."""

    source: str
    columns: dict[str, Array]  # each (N,): float64, or str if it was read from a CSV file
    lines: Array  # (N,): the line of each row in the source, for error messages
    target: str | None  # the name of the column that holds the class, if the source defines one
    separator: str = ","  # between the cells of the file
    notes: tuple[str, ...] = ()  # what was not read as it stands in the file: one sentence each

    def where(self, row: int) -> str:
        """The source and the line of a row, for an error message."""
        return f"{self.source}, line {self.lines[row]}"

    def rows(self, rows: Array | slice) -> Table:
        """The table of these rows."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return self._replace(columns=columns, lines=self.lines[rows])


@explained
def read_table(source: str) -> Table:
    """Reads a bundled data set or a CSV file with the column names in the first line.

    The cells are separated by commas, semicolons or tabs, as the first line has it. The file may be compressed with
    gzip. It is UTF-8, UTF-16 with a byte order mark, or Windows-1252, which includes Latin-1. A column without a name
    is called unnamed, and the second column of a name gets a number, as in "name (2)".

    Args:
        source: digits, iris, wine, breast-cancer, the path of a CSV file, or - for standard input.

    Raises:
        DataError: there is no such data set or file; the file is empty or no text; its lines differ in length.
        MissingPackageError: the bundled sets need scikit-learn, which is not installed.

    Example:
        >>> table = sg.data.read_table("iris")
        >>> list(table.columns)
        ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)', 'target']
    """
    if source in BUNDLED:
        return _bundled(source)
    return _read_csv(source)


def _bundled(name: str) -> Table:
    with needs("read_table", "scikit-learn", extra="cli"):
        import sklearn.datasets

    bunch = getattr(sklearn.datasets, BUNDLED[name])()
    columns = {str(feature): bunch.data[:, i] for i, feature in enumerate(bunch.feature_names)}
    columns["target"] = bunch.target_names.astype(str)[bunch.target]
    return Table(name, columns, np.arange(1, len(bunch.data) + 1), "target")


def _read_csv(source: str) -> Table:
    text, encoding = _text(source)
    source = "standard input" if source == "-" else source
    separator, rows = _rows(source, text)
    if not rows:
        raise DataError(f"{source} is empty; wanted column names in the first line, then one row per line")
    (_, header), *rows = rows
    names = _different(header)
    if not rows:
        raise DataError(f"{source} has column names but no rows; wanted one row per line below them")
    word = SEPARATORS[separator]
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{source}, line {line} has {counted(len(row), 'cell')}, but the first line names "
                f"{counted(len(header), 'column')}; wanted one cell per column, with quotes around cells that contain "
                f"{word}"
            )
    columns = {name: np.array([row[i] for _, row in rows]) for i, name in enumerate(names)}
    notes = [] if encoding == "UTF-8" else [f"the file is not UTF-8 text, so it is read as {encoding}"]
    for i, (given, name) in enumerate(zip(header, names, strict=True), start=1):
        if given != name:
            reason = f"is another {quoted(given)}" if given else "has no name"
            notes.append(f"column {i} of the file {reason}, so it is called {quoted(name)}")
    return Table(source, columns, np.array([line for line, _ in rows]), None, separator, tuple(notes))


def _different(header: list[str]) -> list[str]:
    """The names of the columns, of which no two are the same and none is empty."""
    names: list[str] = []
    for given in header:
        choices = (f"{given or UNNAMED} ({i})" if i > 1 else given or UNNAMED for i in count(1))
        names.append(next(name for name in choices if name not in names and (name == given or name not in header)))
    return names


def _text(source: str) -> tuple[str, str]:
    """The text of a file, and the name of its encoding."""
    try:
        data = sys.stdin.buffer.read() if source == "-" else read_whole(Path(source))
        if data.startswith(GZIP):
            data = gzip.decompress(data)
    except FileNotFoundError as error:
        near = closest(source, BUNDLED)
        hint = f"; did you mean {near}?" if near else ""
        raise DataError(f"{quoted(source)} is neither a file nor one of {', '.join(BUNDLED)}{hint}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{source} is a damaged gzip file: {error}; compress it again") from error
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}; give the path of a CSV file") from error
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in data and not utf_16:
        raise DataError(f"{source} is not text: byte {data.index(0)} is 0; give the path of a CSV file")
    encodings = {"utf-16": "UTF-16"} if utf_16 else {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}
    for codec, name in encodings.items():
        with suppress(UnicodeDecodeError):
            return data.decode(codec), name
    raise DataError(f"{source} is not text in {' or '.join(encodings.values())}; save the file as CSV in UTF-8")


def _rows(source: str, text: str) -> tuple[str, Rows]:
    """The separator, and the rows with their lines. Of several in the first line, the first with which all rows fit."""
    first = next((line for line in text.splitlines() if line.strip(" ")), "")
    candidates = [separator for separator in SEPARATORS if separator in first] or [","]
    for separator in candidates if len(candidates) > 1 else []:
        with suppress(DataError):
            rows = _parse(source, text, separator)
            if len({len(row) for _, row in rows}) == 1:
                return separator, rows
    return candidates[0], _parse(source, text, candidates[0])


def _parse(source: str, text: str, separator: str) -> Rows:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        return [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row not in ([], [""])]
    except csv.Error as error:
        raise DataError(
            f"{source}, line {reader.line_num}: {error}; wanted CSV, with quotes around cells that contain "
            f"{SEPARATORS[separator]}"
        ) from error
