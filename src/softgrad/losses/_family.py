"""The five functions of a loss, made from its row of the table and its second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array
from softgrad._options import known
from softgrad.formulas.losses import LOSSES
from softgrad.losses._batch import Batch
from softgrad.losses._hessian import Point, point, product_at_logits
from softgrad.losses._options import read_batch, tangent_matrix
from softgrad.losses._results import LossAndGrad

# Of a point and a vector u (N, K): the gradient at the scores, and the Hessian there times u.
AtScores: TypeAlias = Callable[[Point, Array], tuple[Array, Array]]


class Loss:
    """A loss. Its public functions have the signatures and the docstrings, and call these methods.

    The function of the loss alone calls `read_batch` itself: another call with all options would take 1 µs.
    """

    def __init__(self, name: str, at_scores: AtScores) -> None:
        self.row = LOSSES[name]
        self._options = frozenset(self.row.options)
        self._at_scores = at_scores

    def read(
        self,
        function: str,
        logits: npt.ArrayLike,
        target: npt.ArrayLike,
        options: Mapping[str, Any],
        out: Array | None = None,
        *,
        as_matrix: bool = False,
    ) -> Batch:
        """The arguments of one of the functions, checked."""
        if not self._options.issuperset(options):
            known(function, options, self.row.options)
        return read_batch(function, self.row, logits, target, out, as_matrix=as_matrix, **options)

    def with_grad(
        self, logits: npt.ArrayLike, target: npt.ArrayLike, out: Array | None, options: Mapping[str, Any]
    ) -> LossAndGrad:
        """The loss and its gradient."""
        return self.read(f"{self.row.name}_with_grad", logits, target, options, out).loss_with_grad(out)

    def jvp(self, logits: npt.ArrayLike, target: npt.ArrayLike, tangent: npt.ArrayLike, **options: Any) -> Array:
        """The derivative of the loss along a tangent."""
        function = f"{self.row.name}_jvp"
        batch = self.read(function, logits, target, options, as_matrix=True)
        return batch.loss_jvp(tangent_matrix(function, "tangent", tangent, batch))

    def hvp(self, logits: npt.ArrayLike, target: npt.ArrayLike, v: npt.ArrayLike, **options: Any) -> Array:
        """The Hessian of the loss times v."""
        function = f"{self.row.name}_hvp"
        batch = self.read(function, logits, target, options, as_matrix=True)
        return self.times_hessian(batch, tangent_matrix(function, "v", v, batch))

    def times_hessian(self, batch: Batch, v: Array) -> Array:
        """The Hessian of the loss times v (N, K), in the shape of the logits."""
        if not v.size:  # kernels need a class
            return batch.z.in_original_shape(v[:, :, None])
        at, v = point(batch), v.astype(np.float64)
        return product_at_logits(batch, at, v, *self._at_scores(at, at.slope * v))
