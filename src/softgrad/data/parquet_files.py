"""Tables from Parquet files, which polars reads."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from softgrad._arrays import Array
from softgrad._extras import needs
from softgrad._messages import one_line
from softgrad.data.table import Table
from softgrad.errors import DataError

if TYPE_CHECKING:
    import polars as pl


def read_parquet(source: str, data: bytes) -> Table:
    """The table that a Parquet file holds.

    Args:
        source: what messages call the file.
        data: its content.

    Raises:
        DataError: the file is damaged or has no rows.
        MissingPackageError: polars is not installed.
    """
    polars = load_polars()
    try:
        frame = polars.read_parquet(io.BytesIO(data))
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError) as error:
        raise damaged(source, error) from error
    if not len(frame):
        raise DataError(f"{source} has {len(frame.columns)} columns but no rows; wanted at least one row")
    return to_table(source, frame)


def load_polars() -> Any:
    """The module polars."""
    with needs("read_table", "polars", extra="parquet"):
        import polars
    return polars


def damaged(source: str, error: BaseException) -> DataError:
    """The error of a file that cannot be read."""
    return DataError(f"{source} is a damaged Parquet file: {one_line(str(error), 150)}; write it again")


def to_table(source: str, frame: pl.DataFrame, first: int = 0) -> Table:
    """The rows of a data frame; the number of the first one is counted from 0."""
    columns = {column.name: _to_array(column) for column in frame}
    return Table(source, columns, np.arange(first + 1, first + len(frame) + 1), None, place="row")


def _to_array(column: pl.Series) -> Array:
    import polars as pl

    dtype = column.dtype
    array: Array
    if dtype.is_integer() and not column.null_count() and dtype not in (pl.Int128, pl.UInt128):
        array = column.to_numpy()
    elif dtype.is_numeric():
        array = column.cast(pl.Float64).to_numpy()  # NaN where a cell is missing
    elif dtype == pl.Date or dtype == pl.Datetime:
        times = column.dt.replace_time_zone(None) if dtype == pl.Datetime else column
        array = times.cast(pl.Datetime("us")).to_numpy()
    elif dtype in (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Null):
        array = np.array(column.cast(pl.String).str.strip_chars().fill_null("").to_list(), dtype=str)
    else:
        array = np.broadcast_to(np.array(str(dtype), dtype=object), len(column))
    return array
