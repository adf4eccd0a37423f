"""The options of the losses: their types, their defaults, and the checks of their values."""

from __future__ import annotations

import math
from typing import TypedDict, get_args

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, in_shape_of, numbers, to_out, to_rows, to_target
from softgrad._options import class_index, not_negative, scale, unit_interval
from softgrad._rows import Rows, aligned
from softgrad.errors import LabelError, OptionError, ShapeError
from softgrad.formulas.losses import LossRow
from softgrad.losses._batch import Batch, IfAllIgnored, Reduction
from softgrad.losses._mask import apply_mask

CHOICES = {"reduction": get_args(Reduction), "if_all_ignored": get_args(IfAllIgnored)}


class CommonOptions(TypedDict, total=False):
    """The options that every loss takes, except `axis`, as `softgrad.cross_entropy` describes them."""

    weight: npt.ArrayLike | None
    ignore_index: int | None
    label_smoothing: float
    softcap: float | None
    temperature: float
    reduction: Reduction
    denominator: float | None
    if_all_ignored: IfAllIgnored


class RowOptions(CommonOptions, total=False):
    """The options of a loss whose classes are on the last axis."""

    z_loss: float


class LossOptions(RowOptions, total=False):
    """The options of `softgrad.cross_entropy`, `softgrad.kl_divergence` and `softgrad.squared_error`.

    Example:
        >>> options: sg.LossOptions = {"reduction": "none", "temperature": 2.0}
        >>> sg.cross_entropy([[0.0, 0.0]], [0], **options).round(4)
        array([0.6931])
    """

    axis: int
    where: npt.ArrayLike | None


def read_batch(
    function: str,
    row: LossRow,
    logits: npt.ArrayLike | Rows,
    target: npt.ArrayLike,
    out: Array | None = None,
    *,
    as_matrix: bool = False,
    axis: int = -1,
    where: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
    **own: float,  # the parameter of this loss
) -> Batch:
    """Checks the arguments of a loss. The names of the options are those of the row: see `known`.

    With `as_matrix`, inner is 1.
    """
    if reduction not in CHOICES["reduction"]:
        raise _no_such_choice(function, "reduction", reduction)
    if if_all_ignored not in CHOICES["if_all_ignored"]:
        raise _no_such_choice(function, "if_all_ignored", if_all_ignored)
    if denominator is not None and reduction != "mean":
        raise OptionError(f"{function}: denominator is {denominator}, but reduction is {reduction!r}; wanted 'mean'")
    ignore_index = class_index(function, "ignore_index", ignore_index)
    z = logits if isinstance(logits, Rows) else to_rows(function, "logits", logits, axis, as_matrix=as_matrix)
    to_out(function, out, z.shape, z.dtype)
    read_target = to_target(function, target, z, axis, ignore_index)
    smoothing = unit_interval(function, "label_smoothing", label_smoothing)
    of_kernel, mask = read_target, None
    if where is not None:
        z, read_target, of_kernel, mask = apply_mask(function, where, z, read_target, smoothing)
        smoothing = smoothing if of_kernel.ndim == 1 else 0.0
    weights, exponent = None, 0
    if weight is not None:
        every = of_kernel.ndim > 1 or smoothing > 0
        of_mean = reduction == "mean" and denominator is None
        weights, exponent = _read_weight(function, weight, z, read_target, of_mean=of_mean, every=every)
    if denominator is not None:
        divided_by = scale(function, "denominator", denominator)
    elif reduction != "mean":
        divided_by = 1.0
    elif read_target.ndim > 1 or (weights is None and ignore_index is None and where is None):
        divided_by = float(z.row_count)
    else:
        divided_by = _count(z, read_target, weights)
    if if_all_ignored == "raise" and reduction == "mean" and not _count(z, read_target, weights):
        raise LabelError(
            f"{function}: all {z.row_count} rows are ignored or have zero weight; give a row that counts, or "
            "if_all_ignored='zero'"
        )
    parameter = 0.0
    if row.parameter is not None:
        name, default, _ = row.parameter
        parameter = not_negative(function, name, own.get(name, default))
    return Batch(
        row.name,
        z,
        of_kernel,
        weights,
        exponent,
        smoothing,
        _read_z_loss(function, z_loss, exponent),
        0.0 if softcap is None else scale(function, "softcap", softcap),
        scale(function, "temperature", temperature),
        parameter,
        reduction,
        divided_by,
        if_all_ignored,
        mask,
    )


def tangent_matrix(function: str, name: str, tangent: npt.ArrayLike, batch: Batch) -> Array:
    """A tangent in the shape of the logits, as (N, K)."""
    z = batch.z
    matrix = z.arrange(in_shape_of(function, "logits", z, name, tangent), z.computed_in)[:, :, 0]
    return matrix if batch.mask is None else batch.mask.unread(matrix)


def _no_such_choice(function: str, name: str, value: object) -> OptionError:
    *others, last = map(repr, CHOICES[name])
    return OptionError(f"{function}: {name} is {value!r}, wanted {', '.join(others)} or {last}")


def _read_weight(
    function: str, weight: npt.ArrayLike, z: Rows, target: Array, *, of_mean: bool, every: bool
) -> tuple[Array, int]:
    """The class weights divided by a power of two, in the dtype of the loss, and its exponent, which is mostly 0.

    A mean that is divided by the weights is the same for weights times any factor. So that neither they nor their sum
    overflow or become subnormal, the largest weight of a target is brought near 1 if it is very large or very small.

    Args:
        function: the name of the caller.
        weight: one number per class.
        z: the logits.
        target: as `to_target` returns it.
        of_mean: whether the loss is a mean, divided by the weights of the targets if they are class indices.
        every: whether the weights of all classes are read, not only those of the targets.
    """
    given = numbers(function, "weight", weight)
    classes = z.shape[z.axis]
    if given.shape != (classes,):
        raise ShapeError(f"{function}: weight.shape is {given.shape}, wanted ({classes},), one number per class")
    with np.errstate(over="ignore"):
        weights, sizes = aligned(given, z.computed_in), abs(given)
        if ((sizes == 0) | ((sizes > 2.0**-64) & (sizes < 2.0**64))).all():
            return weights, 0
        exponent, read = 0, np.ones(classes, bool)
        if target.ndim == 1:
            read[:] = every
            read[target[target >= 0]] = True
            if of_mean and 0 < (largest := float(sizes[target[target >= 0]].max(initial=0))) < math.inf:
                exponent = math.frexp(largest)[1]
                weights = np.ldexp(given.astype(np.float64), -exponent).astype(z.computed_in)
    too_large = np.isinf(weights) & np.isfinite(given)
    if (too_large & read).any():
        at = int((too_large & read).argmax())
        raise OptionError(
            f"{function}: weight[{at}] is {given[at]}, too large beside the other weights or for {z.computed_in}; "
            "divide all weights by the largest"
        )
    return np.where(too_large, 1, weights), exponent


def _read_z_loss(function: str, z_loss: float, weight_exponent: int) -> float:
    """The coefficient divided by the power of two by which the class weights are divided."""
    coefficient = not_negative(function, "z_loss", z_loss)
    try:
        return math.ldexp(coefficient, -weight_exponent)
    except OverflowError:
        raise OptionError(
            f"{function}: z_loss is {coefficient}, too large beside the class weights; multiply them by a number, so "
            "that they are near 1"
        ) from None


def _count(z: Rows, target: Array, weight: Array | None) -> float:
    """The denominator of the mean: the number of rows, or for class indices the weights of the rows that count."""
    if target.ndim > 1:
        return float(z.row_count)
    if weight is not None:
        return float(weight[target[target >= 0]].sum(dtype=np.longdouble))
    return float(np.count_nonzero(target >= 0))
