"""Reading tables: bundled data sets, CSV files, Parquet files and arrays."""

from __future__ import annotations

import gzip
import sys
import zlib
from pathlib import Path

import numpy as np

from softgrad._calls import explained
from softgrad._extras import needs
from softgrad._files import read_whole
from softgrad._messages import quoted
from softgrad._options import closest
from softgrad.data.array_files import read_arrays
from softgrad.data.csv_files import read_csv
from softgrad.data.parquet_files import read_parquet
from softgrad.data.table import Table as Table
from softgrad.errors import DataError

BUNDLED = {"digits": "load_digits", "iris": "load_iris", "wine": "load_wine", "breast-cancer": "load_breast_cancer"}
GZIP, PARQUET, ZIP, ARRAY = b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"\x93NUMPY"  # the first bytes of such files
FORMATS = {".parquet": "a .parquet", ".npz": "an .npz"}
OTHERS = {  # what files with these endings are, if they cannot be read as one of ours
    ".arrow": "an Arrow file",
    ".db": "a database",
    ".dta": "a Stata file",
    ".feather": "a Feather file",
    ".h5": "an HDF5 file",
    ".ipynb": "a notebook",
    ".json": "a JSON file",
    ".jsonl": "a JSON file",
    ".ods": "a spreadsheet",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".rds": "a file of R",
    ".sqlite": "a database",
    ".xls": "an Excel file",
    ".xlsx": "an Excel file",
    ".xml": "an XML file",
    ".zip": "a zip archive",
}
SOURCES = f"A CSV, Parquet or .npz file; - for standard input; or {', '.join(BUNDLED)}."


@explained
def read_table(source: str, *, target: str | None = None, array: str | None = None) -> Table:
    """Reads a bundled data set, a CSV file, a Parquet file or an .npz file, which may be compressed with gzip.

    A CSV file has the column names in its first line. Its cells are separated by commas, semicolons, tabs or |, as the
    first line has it. It is UTF-8, UTF-16 with a byte order mark, or Windows-1252, which includes Latin-1. A column
    without a name is called unnamed, and the second column of a name gets a number, as in "name (2)".

    The columns of a Parquet file keep their types. Booleans are the texts true and false. Times lose their time zone.

    An .npz file holds the inputs, an array of shape (N, D) or images of shape (N, H, W), and the classes, of shape
    (N,). The columns are called x0, x1, ..., or pixel_0_0, pixel_0_1, ...

    Args:
        source: digits, iris, wine, breast-cancer, the path of a file, or - for standard input.
        target: the array of an .npz file that holds the classes; "y" if None, and there is one of that length.
        array: the array of an .npz file that holds the inputs; "x" if None.

    Raises:
        DataError: there is no such data set or file; the file is empty, damaged or of another format; the lines of a
            CSV file differ in length; an array is missing or has another shape.
        MissingPackageError: scikit-learn is not installed, which the bundled sets need, or polars, which Parquet needs.

    Example:
        >>> table = sg.data.read_table("iris")
        >>> list(table.columns)
        ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)', 'target']
    """
    if source in BUNDLED:
        if array is not None:
            raise _no_array(source, array)
        return _bundled(source)
    data = _content(source)
    ending = Path(source.removesuffix(".gz")).suffix.lower()
    source = "standard input" if source == "-" else source
    try:
        return _of_content(source, ending, data, target, array)
    except DataError as error:
        if ending not in OTHERS:
            raise
        raise DataError(f"{source} is {OTHERS[ending]}, wanted CSV, Parquet or .npz; save the table as CSV") from error


def _of_content(source: str, ending: str, data: bytes, target: str | None, array: str | None) -> Table:
    """The table of a file with this content."""
    if array is not None and not data.startswith(ZIP):
        raise _no_array(source, array)
    if data.startswith(PARQUET):
        return read_parquet(source, data)
    if data.startswith(ZIP):
        return read_arrays(source, data, "x" if array is None else array, target)
    if data.startswith(ARRAY):
        raise DataError(f"{source} holds one array; wanted an .npz file, which numpy.savez(FILE, x=x, y=y) writes")
    if ending in FORMATS:
        raise DataError(f"{source} is not {FORMATS[ending]} file: it starts with {quoted(data[:4])}; write it again")
    return read_csv(source, data)


def _no_array(source: str, array: str) -> DataError:
    return DataError(f"{source} is not an .npz file, so it has no array {quoted(array)}; leave out --array")


def _bundled(name: str) -> Table:
    with needs("read_table", "scikit-learn", extra="cli"):
        import sklearn.datasets

    bunch = getattr(sklearn.datasets, BUNDLED[name])()
    columns = {str(feature): bunch.data[:, i] for i, feature in enumerate(bunch.feature_names)}
    columns["target"] = bunch.target_names.astype(str)[bunch.target]
    image = bunch.images.shape[1:] if "images" in bunch else None
    return Table(name, columns, np.arange(1, len(bunch.data) + 1), "target", place="row", image=image)


def _content(source: str) -> bytes:
    """The content of a file, decompressed."""
    try:
        data = sys.stdin.buffer.read() if source == "-" else read_whole(Path(source))
        return gzip.decompress(data) if data.startswith(GZIP) else data
    except FileNotFoundError as error:
        near = closest(source, BUNDLED)
        hint = f"; did you mean {near}?" if near else ""
        raise DataError(f"{quoted(source)} is neither a file nor one of {', '.join(BUNDLED)}{hint}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{source} is a damaged gzip file: {error}; compress it again") from error
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}; give the path of a CSV file") from error
