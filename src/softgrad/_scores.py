"""The arguments of softmax, log_softmax and logsumexp, with their mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, Rows, numbers, to_out, to_rows
from softgrad._options import scale
from softgrad.errors import DtypeError, ShapeError


def to_scores(
    function: str,
    logits: npt.ArrayLike,
    axis: int,
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
        z = to_rows(function, "logits", logits, axis)
        to_out(function, out, z.shape, z.dtype)
        return z, None
    array = numbers(function, "logits", logits)
    mask = np.asarray(where)
    if mask.dtype != np.bool_:
        raise DtypeError(f"{function}: where.dtype is {mask.dtype}, wanted bool; compare first, as where > 0")
    try:
        mask = np.broadcast_to(mask, array.shape)
    except ValueError as error:
        raise ShapeError(
            f"{function}: where.shape is {mask.shape}, wanted a shape that broadcasts to {array.shape}, that of logits"
        ) from error
    masked = np.where(mask, array, array.dtype.type(-np.inf)).astype(array.dtype, copy=False)  # in its own byte order
    z = to_rows(function, "logits", masked, axis)
    to_out(function, out, z.shape, z.dtype)
    return z, z.arrange(mask, mask.dtype)


def fill_empty_rows(values: Array, mask: Array | None, value: float) -> None:
    """Sets the rows in which the mask leaves no class."""
    if mask is not None:
        np.copyto(values, value, where=~mask.any(axis=1, keepdims=True))
