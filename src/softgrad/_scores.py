"""The arguments of softmax, log_softmax and logsumexp, with their mask."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, Axis, numbers, to_out, to_rows
from softgrad._foreign import as_array
from softgrad._options import scale
from softgrad._rows import Rows
from softgrad.errors import DataError, DtypeError, ShapeError


def to_scores(
    function: str,
    logits: npt.ArrayLike,
    axis: Axis,
    temperature: float,
    where: npt.ArrayLike | None,
    out: Array | None,
) -> tuple[Rows, Array | None]:
    """Checks the arguments of softmax, log_softmax and logsumexp.

    Returns:
        The rows, -inf where `where` is False; and `where`, arranged like the rows.
    """
    scale(function, "temperature", temperature)
    if where is None:
        z = to_rows(function, "logits", logits, axis, several=True)
        if out is not None:
            to_out(function, out, z.shape, z.dtype)
        return z, None
    array = numbers(function, "logits", logits)
    mask = to_mask(function, "logits", array.shape, where)
    z = to_rows(function, "logits", masked(array, mask, -np.inf), axis, several=True)
    to_out(function, out, z.shape, z.dtype)
    return z, z.arrange(mask, mask.dtype)


def to_mask(function: str, name: str, shape: tuple[int, ...], where: npt.ArrayLike) -> Array:
    """`where` in the given shape, which is that of the argument `name`."""
    mask = as_array(function, "where", where)
    if mask.dtype != np.bool_:
        raise DtypeError(f"{function}: where.dtype is {mask.dtype}, wanted bool; compare first, as where > 0")
    try:
        return np.broadcast_to(mask, shape)
    except ValueError as error:
        raise ShapeError(
            f"{function}: where.shape is {mask.shape}, wanted a shape that broadcasts to {shape}, that of {name}"
        ) from error


def masked(array: Array, mask: Array, value: float) -> Array:
    """A copy, with `value` where the mask is False."""
    copy = array.copy(order="K")
    np.copyto(copy, array.dtype.type(value), where=~mask)
    return copy


def fill_empty_rows(values: Array, mask: Array, value: float) -> None:
    """Sets the rows in which the mask leaves no class."""
    np.copyto(values, value, where=~mask.any(axis=1, keepdims=True))


def refuse(function: str, name: str, rows: Rows, row: int, *, of_mask: bool = False) -> NoReturn:
    """Refuses probabilities, or log-probabilities, because of a row that holds something else.

    Args:
        function: the name of the caller.
        name: "probs" or "log_probs".
        rows: the argument of this name.
        row: the number of the row.
        of_mask: whether the row was masked by `where`.
    """
    outer, _, inner = rows.stored.shape
    entries = rows.stored.reshape(outer, -1, inner)[row // inner, :, row % inner].astype(np.float64)
    place = f"{name}[{', '.join(map(str, rows.index_of(row)))}]" if rows.outer_shape else name
    among = " over the classes of where" if of_mask else ""
    outside = entries[(entries < 0) | (entries > 1)]
    if name == "log_probs":
        with np.errstate(over="ignore"):
            wrong = f"exp({place}) sums to {np.exp(entries).sum():.4g}{among}"
        source, otherwise = "log_softmax", ", or subtract from each row its logsumexp"
    elif len(outside):
        wrong, source, otherwise = f"{place} holds {outside[0]:.4g}", "softmax", ""
    else:
        wrong, source = f"{place} sums to {entries.sum():.4g}{among}", "softmax"
        otherwise = ", or divide each row by its sum"
    advice = f"{name} is the output of {source}, so give {source}(logits) instead of logits"
    if of_mask:
        advice = f"{name} is the output of {source} with the same mask"
    raise DataError(f"{function}: {wrong}, wanted probabilities, whose sum is 1; {advice}{otherwise}")
