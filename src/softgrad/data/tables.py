"""Tables as they were read: from the bundled data sets and from CSV files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad._extras import needs
from softgrad._files import read_whole
from softgrad._messages import counted, quoted
from softgrad._options import closest
from softgrad.errors import DataError

BUNDLED = {"digits": "load_digits", "iris": "load_iris", "wine": "load_wine", "breast-cancer": "load_breast_cancer"}


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
                f"{source}, line {line} has {counted(len(row), 'cell')}, but the first line names "
                f"{counted(len(header), 'column')}; wanted one cell per column, with quotes around cells that contain "
                "commas"
            )
    columns = {name: np.array([row[i] for _, row in rows]) for i, name in enumerate(header)}
    return Table(source, columns, np.array([line for line, _ in rows]), None)
