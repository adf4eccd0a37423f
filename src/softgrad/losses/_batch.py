"""Rows of logits with their targets and options, checked; the calls of the kernels, and the reduction over the rows."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from softgrad import _kernels
from softgrad._arrays import Array
from softgrad._rows import Rows, bits, is_bfloat16
from softgrad.losses._mask import Mask
from softgrad.losses._results import LossAndGrad, LossGradStats, RowStats

Reduction: TypeAlias = Literal["mean", "sum", "none"]
IfAllIgnored: TypeAlias = Literal["zero", "nan", "raise"]


class Batch(NamedTuple):
    """N rows of logits with their targets and options, all checked."""

    kernel: str  # the name of the loss
    z: Rows
    target: Array  # (N) class indices, -1 for an ignored row, or (outer, K, inner) probabilities t; or t and then 1 - t
    weight: Array | None  # (K), divided by 2^weight_exponent
    weight_exponent: int  # 0, unless the weights are very large or very small
    label_smoothing: float
    z_loss: float
    softcap: float  # 0 for none
    temperature: float
    parameter: float  # the option that only this loss takes
    reduction: Reduction
    denominator: float  # of the sum of the losses: 1, or that of the mean, which is 0 if every row is ignored
    if_all_ignored: IfAllIgnored
    mask: Mask | None = None

    @property
    def scale(self) -> float:
        """What the gradient of one row's loss is multiplied by in the gradient of the result."""
        if self.reduction == "none":
            return 1.0
        return 1.0 / self.denominator if self.denominator else 0.0

    def loss(self) -> Array:
        """The loss alone."""
        loss = self.row_values() if self.reduction == "none" else None
        return self.reduced(loss, self.run(loss, None))

    def loss_with_grad(self, out: Array | None) -> LossAndGrad:
        """The loss and its gradient. The kernel divides by the denominator, so the gradient is rounded once."""
        loss = self.row_values() if self.reduction == "none" else None
        grad = self.z.output_buffer(out, self.target, self.weight)
        total = self.run(loss, grad, fresh=out is None)
        return LossAndGrad(self.reduced(loss, total), self.z.in_original_shape(grad, out))

    def loss_with_stats(self, out: Array | None) -> LossGradStats:
        """The loss, its gradient and the statistics of the rows."""
        loss, grad = self.row_values(), self.z.output_buffer(out, self.target, self.weight)
        logsumexp, entropy, correct = self.row_values(), self.row_values(), np.empty(self.z.row_count, np.bool_)
        total = self.run(loss, grad, (logsumexp, entropy, correct), fresh=out is None)
        if self.mask is not None:
            correct = self.mask.correct(self.z)
        own = self.of_given_weights(loss)
        stats = RowStats(*(self.z.one_per_row(values) for values in (own, logsumexp, entropy, correct)))
        return LossGradStats(self.reduced(loss, total), self.z.in_original_shape(grad, out), stats)

    def loss_jvp(self, tangent: Array) -> Array:
        """The derivative of the loss along a tangent (N, K): the inner product with each row's gradient."""
        rows = self._replace(z=self.z.wide(), reduction="none")
        grad = rows.z.output_buffer(None)
        rows.run(None, grad)
        change = (grad[:, :, 0] * tangent).sum(axis=1, dtype=np.longdouble).astype(grad.dtype)
        return self.reduced(change, change.sum(dtype=np.longdouble) / (self.denominator or 1))

    def reduced(self, rows: Array | None, total: float) -> Array:
        """The values of the rows, for reduction "none", or else their total."""
        if rows is not None and self.reduction == "none":
            return self.z.one_per_row(rows)
        if not self.denominator:
            total = math.nan if self.if_all_ignored == "nan" else 0.0
        reduced: Array = self.z.computed_in.type(total)
        return reduced

    def of_given_weights(self, loss: Array) -> Array:
        """The losses of the rows for the class weights as they were given."""
        if not self.weight_exponent:
            return loss
        with np.errstate(over="ignore"):
            losses: Array = np.ldexp(loss, self.weight_exponent)
        return losses

    def row_values(self) -> Array:
        """An uninitialised array of one number per row."""
        return np.empty(self.z.row_count, self.z.computed_in)

    def run(
        self,
        loss: Array | None,
        grad: Array | None,
        stats: tuple[Array, Array, Array] | None = None,
        *,
        fresh: bool = True,
    ) -> float:
        """Fills the arrays, and returns the sum of the losses divided by the denominator."""
        if not self.z.stored.shape[1]:
            return self._without_classes(loss, stats)
        z, bfloat16 = self.z.stored, False
        if z.dtype.itemsize == 2:
            z, grad, bfloat16 = bits(z), None if grad is None else bits(grad), is_bfloat16(z)
        denominator = 0.0 if self.reduction == "none" else self.denominator
        numbers = self.numbers(scale=self.scale, denominator=denominator)
        kernel = _kernels.loss_of_classes if self.target.ndim == 1 else _kernels.loss_of_probs
        if loss is None and self.z.layout == "transposed":
            loss = self.row_values()
        total = kernel(self.kernel, z, self.target, self.weight, numbers, loss, grad, stats, bfloat16, fresh)
        if loss is None or self.z.layout != "transposed":
            return total
        # The losses are added in the order of the original array, so that the sum is the same for every layout.
        return _kernels.total(np.ascontiguousarray(self.z.one_per_row(loss)).reshape(-1), denominator)

    def numbers(self, *, scale: float, denominator: float) -> _kernels.LossNumbers:
        """The numbers among the options, for a kernel."""
        return _kernels.LossNumbers(
            scale=scale,
            denominator=denominator,
            label_smoothing=self.label_smoothing,
            z_loss=self.z_loss,
            softcap=self.softcap,
            temperature=self.temperature,
            parameter=self.parameter,
        )

    def _without_classes(self, loss: Array | None, stats: tuple[Array, Array, Array] | None) -> float:
        """What `run` does for rows of no classes, whose logsumexp is -inf: the sums over the classes are 0."""
        kept = np.ones(self.z.row_count, np.bool_) if self.target.ndim > 1 else self.target >= 0
        of_each_row = np.where(kept, np.inf if self.z_loss else 0.0, 0.0)
        if loss is not None:
            loss[...] = of_each_row
        if stats is not None:
            logsumexp, entropy, correct = stats
            logsumexp[...], entropy[...], correct[...] = np.where(kept, -np.inf, 0.0), 0.0, False
        return float(of_each_row.sum() / self.denominator) if self.denominator else 0.0
