"""Checks the arguments of `explain` and converts them to one form."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, numbers, to_rows, to_target
from softgrad.errors import OptionError, ShapeError
from softgrad.formulas.losses import LOSSES

Layout: TypeAlias = Literal["rows", "columns"]
DERIVED = tuple(name for name, row in LOSSES.items() if row.is_derived)  # the losses with a derivation
CHOICES = {"loss": DERIVED, "layout": get_args(Layout)}

SPAN = 300.0  # the Jacobian contains the square of exp(-300); float64 can hold it and its inverse
LARGEST = 1e100
ROUNDING = 1e-6  # error allowed in the sum of a target, which may have been float32


class Problem(NamedTuple):
    """m rows of logits and their targets, in float64."""

    z: Array  # (m, K)
    labels: Array | None  # (m) class indices, or None if the target was given as distributions
    t: Array  # (m, K) the target as distributions
    loss: str
    layout: Layout
    is_vector: bool  # the logits were given as one row (K)

    @property
    def rows(self) -> int:
        """The number of rows, m."""
        return len(self.z)

    @property
    def classes(self) -> int:
        """The number of classes, K."""
        return len(self.z[0])


def read(logits: npt.ArrayLike, target: npt.ArrayLike, loss: str, layout: str) -> Problem:
    """Returns the arguments as rows, or raises an error that names the entry that cannot be used."""
    for name, value in (("loss", loss), ("layout", layout)):
        if value not in CHOICES[name]:
            *others, last = map(repr, CHOICES[name])
            raise OptionError(f"explain: {name} is {value!r}, wanted {', '.join(others)} or {last}")
    # In float64, because to_target converts the target to the dtype of the logits.
    array = np.asarray(numbers("explain", "logits", logits), np.float64)
    ndim = array.ndim
    axis = 0 if layout == "columns" and ndim == 2 else -1
    rows = to_rows("explain", "logits", array, axis, as_matrix=True)
    if ndim not in (1, 2):
        raise ShapeError(f"explain: logits.shape is {rows.shape}, wanted a vector (K,) or a batch, (m, K) or (K, m)")
    if 0 in rows.shape:
        missing = "rows" if rows.shape[rows.axis] else "classes"
        raise ShapeError(f"explain: logits.shape is {rows.shape}, which has no {missing}; wanted at least 1")
    z = rows.stored[:, :, 0]
    _check_logits(z, ndim, axis)
    read_target = to_target("explain", target, rows, axis, None)
    if read_target.ndim == 1:
        labels, t = read_target, np.zeros(z.shape)
        np.put_along_axis(t, labels[:, None], 1, axis=1)
    else:
        labels, t = None, read_target[:, :, 0]
        _check_distributions(t, ndim, axis)
    return Problem(z, labels, t, loss, layout, ndim == 1)  # type: ignore[arg-type]  # checked above


def _check_logits(z: Array, ndim: int, axis: int) -> None:
    for n, i in np.argwhere(~(np.abs(z) <= LARGEST)):
        raise OptionError(
            f"explain: {_entry_name('logits', n, i, ndim, axis)} is {z[n, i]:g}, wanted a finite number of size at "
            f"most {LARGEST:g}; leave a class out instead of setting it to -inf"
        )
    below = z.max(axis=1, keepdims=True) - z
    for n, i in np.argwhere(below > SPAN):
        raise OptionError(
            f"explain: {_entry_name('logits', n, i, ndim, axis)} is {below[n, i]:g} below the largest of its row, "
            f"wanted at most {SPAN:g}, since products of its probability would underflow; leave the class out"
        )


def _check_distributions(t: Array, ndim: int, axis: int) -> None:
    for n, i in np.argwhere(~((t >= 0) & (t <= 1 + ROUNDING))):
        raise OptionError(
            f"explain: {_entry_name('target', n, i, ndim, axis)} is {t[n, i]:g}, wanted a probability, from 0 to 1"
        )
    sums = t.sum(axis=1)
    for n in np.flatnonzero(np.abs(sums - 1) > ROUNDING):
        row = "" if ndim == 1 else f" row {n} of"
        raise OptionError(
            f"explain:{row} target sums to {sums[n]:g}, wanted a distribution, which sums to 1; divide it by its sum"
        )


def _entry_name(name: str, n: int, i: int, ndim: int, axis: int) -> str:
    """The name of an entry, with the indices that it has in the reader's array."""
    if ndim == 1:
        return f"{name}[{i}]"
    return f"{name}[{i}, {n}]" if axis == 0 else f"{name}[{n}, {i}]"
