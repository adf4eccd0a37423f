"""What the losses share: the options, reading logits and target, calling a kernel, and the reduction over rows."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias, TypedDict, get_args

import numpy as np
import numpy.typing as npt

from softgrad import _kernels
from softgrad._arrays import Array, Rows, bits, is_bfloat16, numbers, to_out, to_rows, to_target
from softgrad._options import known, not_negative, part, positive, scale
from softgrad.errors import LabelError, OptionError, ShapeError

Reduction: TypeAlias = Literal["mean", "sum", "none"]
IfAllIgnored: TypeAlias = Literal["zero", "nan", "raise"]
CHOICES = {"reduction": get_args(Reduction), "if_all_ignored": get_args(IfAllIgnored)}


class RowOptions(TypedDict, total=False):
    """The options of every loss that do not say where its rows are, as `softgrad.cross_entropy` describes them."""

    weight: npt.ArrayLike | None
    ignore_index: int | None
    label_smoothing: float
    z_loss: float
    softcap: float | None
    temperature: float
    reduction: Reduction
    denominator: float | None
    if_all_ignored: IfAllIgnored


class LossOptions(RowOptions, total=False):
    """All options of every loss."""

    axis: int


class LossAndGrad(NamedTuple):
    """A loss, and its gradient at the logits.

    Example:
        >>> sg.cross_entropy_with_grad([0.0, 0.0], 0).grad
        array([-0.5,  0.5])
    """

    loss: Array
    grad: Array


class RowStats(NamedTuple):
    """What is known of each row; 0 and False for an ignored one.

    Example:
        >>> sg.cross_entropy_with_stats([0.0, 1.0], 0).stats.correct
        np.False_
    """

    loss: Array
    logsumexp: Array  # of the scores: capped and divided by the temperature where that was asked
    entropy: Array  # -sum_j p_j log p_j, in nats
    correct: Array  # whether the first largest score is that of the target


class LossGradStats(NamedTuple):
    """A loss, its gradient at the logits, and the statistics of the rows.

    Example:
        >>> sg.cross_entropy_with_stats([[0.0, 1.0]], [1]).stats.logsumexp.round(4)
        array([1.3133])
    """

    loss: Array
    grad: Array
    stats: RowStats


class Batch(NamedTuple):
    """N rows of logits with their targets and options, all checked."""

    z: Rows
    target: Array  # (N) class numbers, -1 where ignored, or (N, K, 1) probabilities
    weight: Array | None  # (K)
    label_smoothing: float
    z_loss: float
    softcap: float  # 0 for none
    temperature: float
    reduction: Reduction
    denominator: float  # of the sum of the losses: 1, or of the mean; then 0 where every row is ignored
    if_all_ignored: IfAllIgnored

    @property
    def scale(self) -> float:
        """What the gradient of a row's loss is multiplied by in that of the result."""
        if self.reduction == "none":
            return 1.0
        return 1.0 / self.denominator if self.denominator else 0.0

    def loss(self, name: str) -> Array:
        """The loss alone."""
        loss = self._row_room() if self.reduction == "none" else None
        return self.reduced(loss, self.run(name, loss, None))

    def loss_with_grad(self, name: str, out: Array | None) -> LossAndGrad:
        """The loss and its gradient; the mean's denominator goes into the kernel: the gradient is rounded once."""
        loss = self._row_room() if self.reduction == "none" else None
        grad = self.z.output_buffer(out, self.target, self.weight)
        total = self.run(name, loss, grad, fresh=out is None)
        return LossAndGrad(self.reduced(loss, total), self.z.in_original_shape(grad, out))

    def loss_with_stats(self, name: str, out: Array | None) -> LossGradStats:
        """The same, and what the kernel can tell of each row."""
        loss, grad = self._row_room(), self.z.output_buffer(out, self.target, self.weight)
        logsumexp, entropy, correct = self._row_room(), self._row_room(), np.empty(len(self.target), np.bool_)
        total = self.run(name, loss, grad, (logsumexp, entropy, correct), fresh=out is None)
        stats = RowStats(*(self.z.one_per_row(values) for values in (loss, logsumexp, entropy, correct)))
        return LossGradStats(self.reduced(loss, total), self.z.in_original_shape(grad, out), stats)

    def loss_jvp(self, name: str, tangent: npt.ArrayLike, function: str) -> Array:
        """The change of the loss along `tangent`: each row's gradient times it."""
        v = tangent_matrix(function, "tangent", tangent, self.z)
        rows = self._replace(z=self.z.wide(), reduction="none")
        grad = rows.z.output_buffer(None)
        rows.run(name, None, grad)
        change = (grad[:, :, 0] * v).sum(axis=1, dtype=np.longdouble).astype(grad.dtype)
        return self.reduced(change, change.sum(dtype=np.longdouble) / (self.denominator or 1))

    def reduced(self, rows: Array | None, total: float) -> Array:
        """Numbers of the rows, in the rows' shape, or where they were not asked for the one that they come to."""
        if rows is not None and self.reduction == "none":
            return self.z.one_per_row(rows)
        if not self.denominator:
            total = math.nan if self.if_all_ignored == "nan" else 0.0
        reduced: Array = self.z.computed_in.type(total)
        return reduced

    def _row_room(self) -> Array:
        return np.empty(len(self.target), self.z.computed_in)

    def run(
        self,
        name: str,
        loss: Array | None,
        grad: Array | None,
        stats: tuple[Array, Array, Array] | None = None,
        *,
        fresh: bool = True,
    ) -> float:
        """Fills the arrays, and returns the sum of the losses over the denominator."""
        z, bfloat16 = self.z.stored, False
        if z.dtype.itemsize == 2:
            z, grad, bfloat16 = bits(z), None if grad is None else bits(grad), is_bfloat16(z)
        numbers = _kernels.LossNumbers(
            scale=self.scale,
            denominator=0.0 if self.reduction == "none" else self.denominator,
            label_smoothing=self.label_smoothing,
            z_loss=self.z_loss,
            softcap=self.softcap,
            temperature=self.temperature,
            parameter=0.0,
        )
        kernel = _kernels.loss_of_classes if self.target.ndim == 1 else _kernels.loss_of_probs
        return kernel(name, z, self.target, self.weight, numbers, loss, grad, stats, bfloat16, fresh)


def read_batch(
    function: str,
    logits: npt.ArrayLike | Rows,
    target: npt.ArrayLike,
    *,
    axis: int = -1,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
    out: Array | None = None,
    **others: object,
) -> Batch:
    """The arguments of a loss, checked; there are no `others`."""
    if others:
        known(function, others, LossOptions.__annotations__)
    if reduction not in CHOICES["reduction"]:
        raise _no_such_choice(function, "reduction", reduction)
    if if_all_ignored not in CHOICES["if_all_ignored"]:
        raise _no_such_choice(function, "if_all_ignored", if_all_ignored)
    if denominator is not None and reduction != "mean":
        raise OptionError(f"{function}: denominator is {denominator}, but reduction is {reduction!r}; wanted 'mean'")
    if ignore_index is not None and not isinstance(ignore_index, int | np.integer):
        raise OptionError(f"{function}: ignore_index is {ignore_index!r}, wanted one class number")
    z = logits if isinstance(logits, Rows) else to_rows(function, "logits", logits, axis, as_matrix=True)
    to_out(function, out, z.shape, z.dtype)
    read_target = to_target(function, target, z, axis, ignore_index)
    weights = None if weight is None else _read_weight(function, weight, z)
    if denominator is not None:
        divided_by = positive(function, "denominator", denominator)
    elif reduction != "mean":
        divided_by = 1.0
    elif read_target.ndim > 1 or (weights is None and ignore_index is None):
        divided_by = float(len(read_target))
    else:
        divided_by = _count(read_target, weights)
    if if_all_ignored == "raise" and reduction == "mean" and not _count(read_target, weights):
        raise LabelError(
            f"{function}: none of the {len(read_target)} rows counts, each is ignored or of weight 0; give one that is "
            "not, or if_all_ignored='zero'"
        )
    return Batch(
        z,
        read_target,
        weights,
        part(function, "label_smoothing", label_smoothing),
        not_negative(function, "z_loss", z_loss),
        0.0 if softcap is None else scale(function, "softcap", softcap),
        scale(function, "temperature", temperature),
        reduction,
        divided_by,
        if_all_ignored,
    )


def tangent_matrix(function: str, name: str, tangent: npt.ArrayLike, z: Rows) -> Array:
    """A tangent in the shape of the logits, as (N, K)."""
    array = numbers(function, name, tangent)
    if array.shape != z.shape:
        raise ShapeError(f"{function}: {name}.shape is {array.shape}, but logits.shape is {z.shape}; wanted the same")
    return z.arrange(array, z.computed_in)[:, :, 0]


def _no_such_choice(function: str, name: str, value: object) -> OptionError:
    *others, last = map(repr, CHOICES[name])
    return OptionError(f"{function}: {name} is {value!r}, wanted {', '.join(others)} or {last}")


def _read_weight(function: str, weight: npt.ArrayLike, z: Rows) -> Array:
    array = numbers(function, "weight", weight)
    classes = z.shape[z.axis]
    if array.shape != (classes,):
        raise ShapeError(f"{function}: weight.shape is {array.shape}, wanted ({classes},), one number a class")
    return np.ascontiguousarray(array, dtype=z.computed_in)


def _count(target: Array, weight: Array | None) -> float:
    """The denominator of the mean: the rows, or for class numbers the weights of the targets that are not ignored."""
    if target.ndim > 1:
        return float(len(target))
    if weight is not None:
        return float(weight[target[target >= 0]].sum(dtype=np.longdouble))
    return float(np.count_nonzero(target >= 0))
