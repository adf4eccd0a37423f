"""The loss of a batch: the loss of each row with the network's options, averaged with the rows' sample weights.

For rows with the losses l_i, the sample weights s_i and the class weights w:

    L       = sum_i s_i l_i / sum_i c_i        c_i = s_i w_{y_i} for a class index y_i, s_i for probabilities
    dL/dz_i = s_i (dl_i/dz_i) / sum_i c_i      c_i = 0 where the row is ignored

Without sample weights all s_i are 1, and L is the mean of the loss itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from softgrad import losses
from softgrad._arrays import Array, numbers
from softgrad._options import known
from softgrad.errors import DataError, OptionError, ShapeError
from softgrad.formulas.losses import LOSSES
from softgrad.losses._results import LossAndGrad

NOT_OF_NETWORKS = ("axis", "reduction", "denominator")  # a network has its classes last, and averages over the rows


class Objective:
    """A loss by its name, with its options. The class checks the options that need no logits."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        if name not in LOSSES:
            raise OptionError(f"Network: loss is {name!r}, wanted one of {', '.join(map(repr, LOSSES))}")
        allowed = [option for option in LOSSES[name].options if option not in NOT_OF_NETWORKS]
        known("Network", options, ["loss", "dtype", *allowed])
        self.name, self.options = name, dict(options)
        self._loss, self._with_grad = getattr(losses, name), getattr(losses, f"{name}_with_grad")
        of_classes = ("weight", "where", "ignore_index")
        self._loss([[0.0]], [[0.0]], **{key: value for key, value in options.items() if key not in of_classes})

    def loss(self, logits: Array, target: npt.ArrayLike, sample_weight: Array | None = None) -> Array:
        """L, a scalar."""
        if sample_weight is None:
            mean: Array = self._loss(logits, target, **self.options)
            return mean
        rows = self._loss(logits, target, reduction="none", **self.options)
        total: Array = rows.dtype.type(sample_weight @ rows / self._count(target, sample_weight))
        return total

    def loss_with_grad(
        self, logits: Array, target: npt.ArrayLike, sample_weight: Array | None = None, out: Array | None = None
    ) -> LossAndGrad:
        """L and its gradient with respect to the logits."""
        if sample_weight is None:
            mean: LossAndGrad = self._with_grad(logits, target, out=out, **self.options)
            return mean
        rows, grad = self._with_grad(logits, target, out=out, reduction="none", **self.options)
        share = sample_weight / self._count(target, sample_weight)
        grad *= share[:, None].astype(grad.dtype)
        return LossAndGrad(rows.dtype.type(share @ rows), grad)

    def _count(self, target: npt.ArrayLike, sample_weight: Array) -> float:
        """The sum of the c_i; 1 if it is 0, since then L is 0."""
        target, counted = np.asarray(target), sample_weight
        if target.ndim == 1:
            ignored, weight = self.options.get("ignore_index"), self.options.get("weight")
            kept = np.ones(len(target), bool) if ignored is None else target != ignored
            counted = counted * kept
            if weight is not None:
                counted = counted * np.asarray(weight)[np.where(kept, target, 0)]
        return float(counted.sum()) or 1.0


def read_sample_weight(function: str, value: npt.ArrayLike | None, rows: int) -> Array | None:
    """Sample weights in float64, one for each row; None if there are none."""
    if value is None:
        return None
    weights = numbers(function, "sample_weight", value).astype(np.float64, copy=False)
    if weights.shape != (rows,):
        raise ShapeError(f"{function}: sample_weight.shape is {weights.shape}, wanted ({rows},), one weight per row")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(
            f"{function}: sample_weight[{at}] is {weights[at]}, wanted 0 or a positive number; leave the row out, or "
            "give it the weight 0"
        )
    return weights
