"""softmax, log_softmax and logsumexp of tensors; `softmax_derivatives.py` computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor

from softgrad._calls import explained_after
from softgrad.torch.arguments import class_axes
from softgrad.torch.softmax_derivatives import WITH_GRAD, call
from softgrad.torch.softmax_shortcut import shortly

__all__ = ["log_softmax", "logsumexp", "softmax"]

Axis: TypeAlias = int | Sequence[int] | None


@explained_after(shortly("softmax", WITH_GRAD["softmax"]))
def softmax(logits: Tensor, *, axis: Axis = -1, temperature: float = 1.0, where: Tensor | None = None) -> Tensor:
    """The probabilities, as `softgrad.softmax`.

    Args:
        logits: as `softgrad.softmax`, a tensor.
        axis: as `softgrad.softmax`.
        temperature: as `softgrad.softmax`.
        where: as `softgrad.softmax`, a tensor of bool.

    Returns:
        In the shape, dtype and device of logits; float64 for integers.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as `softgrad.softmax`; logits are no tensor.

    Example:
        >>> st.softmax(torch.tensor([0.0, 0.0]))
        tensor([0.5000, 0.5000])
    """
    return call("softmax", logits, axis, temperature, where)


@explained_after(shortly("log_softmax", WITH_GRAD["log_softmax"]))
def log_softmax(logits: Tensor, *, axis: Axis = -1, temperature: float = 1.0, where: Tensor | None = None) -> Tensor:
    """The log-probabilities, as `softgrad.log_softmax`.

    Args:
        logits: as `softgrad.softmax`, a tensor.
        axis: as `softgrad.softmax`.
        temperature: as `softgrad.softmax`.
        where: as `softgrad.log_softmax`, a tensor of bool. The other classes are constants, -inf.

    Returns:
        In the shape, dtype and device of logits; float64 for integers.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as `softgrad.softmax`; logits are no tensor.

    Example:
        >>> st.log_softmax(torch.tensor([0.0, 0.0]))
        tensor([-0.6931, -0.6931])
    """
    return call("log_softmax", logits, axis, temperature, where)


@explained_after(shortly("logsumexp", WITH_GRAD["logsumexp"]))
def logsumexp(
    logits: Tensor,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: Tensor | None = None,
    keepdims: bool = False,
) -> Tensor:
    """The normalizer log sum_k exp(z_k), as `softgrad.logsumexp`.

    Args:
        logits: as `softgrad.softmax`, a tensor.
        axis: as `softgrad.softmax`.
        temperature: as `softgrad.softmax`.
        where: as `softgrad.logsumexp`, a tensor of bool.
        keepdims: keep the class axes, with length 1.

    Returns:
        One number per row, in the dtype and on the device of logits; float64 for integers.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as `softgrad.softmax`; logits are no tensor.

    Example:
        >>> st.logsumexp(torch.tensor([1000.0, 1000.0]))
        tensor(1000.6932)
    """
    lse = call("logsumexp", logits, axis, temperature, where)
    if keepdims:
        for one in class_axes("logsumexp", logits, axis):
            lse = lse.unsqueeze(one)
    return lse
