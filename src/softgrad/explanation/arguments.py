"""Checks the arguments of `explain` and converts them to one form."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, numbers, to_rows, to_target
from softgrad._options import scale, unit_interval
from softgrad.errors import LabelError, OptionError, ShapeError
from softgrad.formulas.losses import LOSSES

Layout: TypeAlias = Literal["rows", "columns"]
DERIVED = tuple(name for name, row in LOSSES.items() if row.is_derived)  # the losses with a derivation
CHOICES = {"loss": DERIVED, "layout": get_args(Layout)}

FAR = 300.0  # a logit so far below the largest has a probability that is shown as 0: its square is 0 in float64
LARGEST = 1e100
ROUNDING = 1e-6  # error allowed in the sum of a target, which may have been float32


class Problem(NamedTuple):
    """m rows of logits, their targets and the options, in float64."""

    z: Array  # (m, K)
    labels: Array | None  # (m) class indices, or None if the target was given as distributions
    given: Array | None  # (m, K) the distributions that were given, or None if the target was class indices
    t: Array  # (m, K) the target of the derivation: smoothed, and weighted where the loss weights each class
    loss: str
    layout: Layout
    is_vector: bool  # the logits were given as one row (K)
    temperature: float = 1.0
    label_smoothing: float = 0.0
    weight: Array | None = None  # (K)
    factors: Array | None = None  # (m) the weight of each row, or None if all are 1
    divisor: float = 1.0  # of the mean over the rows

    @property
    def rows(self) -> int:
        """The number of rows, m."""
        return len(self.z)

    @property
    def classes(self) -> int:
        """The number of classes, K."""
        return len(self.z[0])

    @property
    def weights_classes(self) -> bool:
        """Whether each class of a row has its own weight. Otherwise the weight is a factor of the row."""
        hard = self.labels is not None and not self.label_smoothing
        return self.weight is not None and self.loss != "squared_error" and not hard

    @property
    def options(self) -> dict[str, Any]:
        """The options of the loss function for the whole batch."""
        return {
            "temperature": self.temperature,
            "label_smoothing": self.label_smoothing,
            "weight": self.weight,
        }

    def target_of(self, rows: Any) -> Any:
        """The target of some rows, as a loss function takes it."""
        return self.given[rows] if self.given is not None else self.labels[rows]  # type: ignore[index]  # one is there


def read(
    logits: npt.ArrayLike,
    target: npt.ArrayLike,
    loss: str,
    layout: str,
    temperature: float = 1.0,
    label_smoothing: float = 0.0,
    weight: npt.ArrayLike | None = None,
) -> Problem:
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
    try:
        read_target = to_target("explain", target, rows, axis, None)
    except LabelError as error:
        message, marked, _ = str(error).partition(", or ignore_index")  # an option that explain does not have
        if not marked:
            raise
        raise LabelError(f"{message}; leave such a row out") from error
    if read_target.ndim == 1:
        labels, given, t = read_target, None, np.zeros(z.shape)
        np.put_along_axis(t, labels[:, None], 1, axis=1)
    else:
        labels, given = None, read_target[:, :, 0]
        t = given
        _check_distributions(t, ndim, axis)
    read_as = Problem(
        z,
        labels,
        given,
        t,
        loss,
        layout,  # type: ignore[arg-type]  # checked above
        ndim == 1,
        scale("explain", "temperature", temperature),
        unit_interval("explain", "label_smoothing", label_smoothing),
        None if weight is None else _read_weight(weight, len(z[0])),
    )
    return _weighted(read_as)


def _weighted(problem: Problem) -> Problem:
    """The problem with its smoothed and weighted target, the weights of the rows, and what the mean divides by."""
    smoothing, weight, labels = problem.label_smoothing, problem.weight, problem.labels
    t = (1 - smoothing) * problem.t + smoothing / problem.classes if smoothing else problem.t
    if weight is None:
        return problem._replace(t=t, divisor=float(problem.rows))
    of_labels = None if labels is None else weight[labels]
    divisor = float(problem.rows) if of_labels is None else float(of_labels.sum())
    if not divisor:
        raise OptionError(
            "explain: weight is 0 for the class of every row, so the mean divides by 0; give one of them more"
        )
    factors = None
    if problem.weights_classes:
        t = weight * t
    else:
        factors = of_labels if of_labels is not None and not smoothing else (weight * t).sum(axis=1)
    return problem._replace(t=t, factors=factors, divisor=divisor)


def _read_weight(weight: npt.ArrayLike, classes: int) -> Array:
    given = np.asarray(numbers("explain", "weight", weight), np.float64)
    if given.shape != (classes,):
        raise ShapeError(f"explain: weight.shape is {given.shape}, wanted ({classes},), one number per class")
    for i in np.flatnonzero(~((given >= 0) & (given <= LARGEST))):
        raise OptionError(f"explain: weight[{i}] is {given[i]:g}, wanted a finite number of at least 0")
    return given


def read_mine(mine: npt.ArrayLike, logits: npt.ArrayLike) -> Array:
    """The reader's gradient, in the shape of the logits."""
    given, shape = numbers("explain", "mine", mine), np.shape(logits)
    if given.shape != shape:
        raise ShapeError(f"explain: mine.shape is {given.shape}, wanted {shape}, the shape of logits")
    return given if given.dtype.kind == "f" else given.astype(np.float64)


def _check_logits(z: Array, ndim: int, axis: int) -> None:
    for n, i in np.argwhere(~(np.abs(z) <= LARGEST)):
        raise OptionError(
            f"explain: {_entry_name('logits', n, i, ndim, axis)} is {z[n, i]:g}, wanted a finite number of size at "
            f"most {LARGEST:g}; leave a class out instead of setting it to -inf"
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
