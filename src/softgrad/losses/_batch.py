"""What the losses share: reading logits and target, and the reduction over rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, Rows, to_rows, to_target
from softgrad.errors import OptionError

Reduction: TypeAlias = Literal["mean", "sum", "none"]


class LossAndGrad(NamedTuple):
    """A loss, and its gradient at the logits.

    Example:
        >>> sg.cross_entropy_with_grad([0.0, 0.0], 0).grad
        array([-0.5,  0.5])
    """

    loss: Array
    grad: Array


class Kernels(NamedTuple):
    """A loss's two kernels; each takes z, target, scale, loss, grad."""

    classes: Callable[..., None]
    probs: Callable[..., None]


class Batch(NamedTuple):
    """N rows of logits with their targets."""

    z: Rows
    target: Array  # (N) class numbers, or (N, K) probabilities
    reduction: Reduction

    def loss(self, kernels: Kernels) -> Array:
        """The loss alone."""
        loss = np.empty(len(self.target), self.z.values.dtype)
        self._kernel(kernels)(self.z.values, self.target, 1.0, loss, None)
        return self._reduce(loss)

    def loss_with_grad(self, kernels: Kernels) -> LossAndGrad:
        """The loss and its gradient; the mean's 1/N goes into the kernel, so that the gradient is rounded once."""
        loss, grad = np.empty(len(self.target), self.z.values.dtype), self.z.empty()
        scale = 1.0 / max(len(loss), 1) if self.reduction == "mean" else 1.0
        self._kernel(kernels)(self.z.values, self.target, scale, loss, grad)
        return LossAndGrad(self._reduce(loss), self.z.restore(grad))

    def _kernel(self, kernels: Kernels) -> Callable[..., None]:
        return kernels.classes if self.target.ndim == 1 else kernels.probs

    def _reduce(self, loss: Array) -> Array:
        """The losses of the rows, as one number or in the rows' shape; in the dtype that they are computed in."""
        if self.reduction == "none":
            return self.z.restore_outer(loss)
        total = loss.sum(dtype=np.longdouble)
        reduced: Array = loss.dtype.type(total / max(len(loss), 1) if self.reduction == "mean" else total)
        return reduced


def read_batch(
    function: str, logits: npt.ArrayLike, target: npt.ArrayLike, *, axis: int, reduction: Reduction
) -> Batch:
    """The arguments of a loss, checked."""
    if reduction not in get_args(Reduction):
        raise OptionError(f"{function}: reduction is {reduction!r}, wanted 'mean', 'sum' or 'none'")
    z = to_rows(function, "logits", logits, axis)
    return Batch(z, to_target(function, target, z, axis), reduction)
