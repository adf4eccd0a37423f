"""Tables from .npz files: an array of inputs, and one of classes."""

from __future__ import annotations

import io
import zipfile
import zlib
from itertools import product

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, one_line, quoted
from softgrad._options import closest
from softgrad.data.table import Table
from softgrad.errors import DataError


def read_arrays(source: str, data: bytes, array: str, target: str | None) -> Table:
    """The table that an .npz file holds: a column for each column or pixel of the inputs, and the classes.

    Args:
        source: what messages call the file.
        data: its content.
        array: the array of the inputs.
        target: the array of the classes; "y" if None, and there is one of that length.

    Raises:
        DataError: an array is missing, damaged, or has another shape or dtype.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            names = file.files
            x = _array(source, file, names, array, "--array")
            column = target
            if target is None and "y" in names and array != "y" and file["y"].shape == x.shape[:1]:
                column = "y"
            y = None if column is None else _array(source, file, names, column, "--target")
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError) as error:
        reason = one_line(str(error), 150)
        raise DataError(f"{source} is not an .npz file, or damaged: {reason}; write it again") from error
    if x.ndim < 2 or x.dtype.kind not in "biuf" or 0 in x.shape:
        raise DataError(
            f"{source}: {array}.shape is {x.shape} and its dtype {x.dtype}, wanted numbers of shape (N, D), or images "
            "of shape (N, H, W)"
        )
    columns = _columns(x)
    if y is not None and column is not None:
        if y.shape != (len(x),) or y.dtype.kind not in "biufUS":
            raise DataError(
                f"{source}: {column}.shape is {y.shape} and its dtype {y.dtype}, wanted shape ({len(x)},): a number or "
                f"a text for each row of {array}, its class"
            )
        columns[column] = np.char.decode(y, "utf-8") if y.dtype.kind == "S" else y
        if y.dtype.kind == "b":
            columns[column] = np.where(y, "true", "false")
    others = tuple(name for name in names if name not in (array, column))
    image = x.shape[1:] if x.ndim == 3 else None
    return Table(source, columns, np.arange(1, len(x) + 1), column, place="row", image=image, others=others)


def _array(source: str, file: np.lib.npyio.NpzFile, names: list[str], name: str, option: str) -> Array:
    if name in names and isinstance(file[name], np.ndarray):
        return np.asarray(file[name])
    near = closest(name, names)
    hint = f"; did you mean {quoted(near)}?" if near else ""
    raise DataError(
        f"{source} has no array {quoted(name)}; its arrays are {list_names(names)}; name another with {option}{hint}"
    )


def _columns(x: Array) -> dict[str, Array]:
    """The columns x0, x1, ..., or pixel_0_0, pixel_0_1, ..., each in float64."""
    if x.ndim == 2:
        names = [f"x{i}" for i in range(x.shape[1])]
    else:
        names = ["_".join(["pixel", *map(str, place)]) for place in product(*map(range, x.shape[1:]))]
    return dict(zip(names, x.reshape(len(x), -1).T.astype(np.float64, order="C"), strict=True))
