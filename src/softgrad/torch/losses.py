"""The losses of logits on tensors: cross_entropy, focal_loss, kl_divergence and squared_error."""

from __future__ import annotations

from torch import Tensor

from softgrad._calls import explained
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.torch.loss import call
from softgrad.torch.options import Options

__all__ = ["cross_entropy", "focal_loss", "kl_divergence", "squared_error"]


@explained
def cross_entropy(
    logits: Tensor,  # (..., K)
    target: Tensor,  # (...) class indices, or (..., K) probabilities
    *,
    axis: int = -1,
    where: Tensor | None = None,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
) -> Tensor:
    """Cross-entropy -sum_j t_j log p_j of p = softmax(logits) against a target, as `softgrad.cross_entropy`.

    Args:
        logits: as `softgrad.cross_entropy`, a tensor.
        target: as `softgrad.cross_entropy`, a tensor. Probabilities may be differentiated.
        axis: as `softgrad.cross_entropy`. The classes of torch.nn.functional.cross_entropy are on axis 1.
        where: as `softgrad.cross_entropy`, a tensor of bool.
        weight: as `softgrad.cross_entropy`, a tensor, which may be differentiated.
        ignore_index: as `softgrad.cross_entropy`.
        label_smoothing: as `softgrad.cross_entropy`.
        z_loss: as `softgrad.cross_entropy`.
        softcap: as `softgrad.cross_entropy`.
        temperature: as `softgrad.cross_entropy`.
        reduction: as `softgrad.cross_entropy`.
        denominator: as `softgrad.cross_entropy`.
        if_all_ignored: as `softgrad.cross_entropy`.

    Returns:
        The loss, on the device of logits; float32 for 16-bit logits, else their dtype.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `softgrad.cross_entropy`; logits are no tensor.

    Example:
        >>> logits = torch.zeros(1, 2, requires_grad=True)
        >>> st.cross_entropy(logits, torch.tensor([0])).backward()
        >>> logits.grad
        tensor([[-0.5000,  0.5000]])
    """
    return call(
        Options(
            "cross_entropy",
            axis,
            ignore_index,
            label_smoothing,
            z_loss,
            softcap,
            temperature,
            reduction,
            denominator,
            if_all_ignored,
        ),
        logits,
        target,
        where,
        weight,
    )


@explained
def focal_loss(
    logits: Tensor,  # (..., K)
    target: Tensor,  # (...) class indices, or (..., K) probabilities
    *,
    gamma: float = 2.0,
    axis: int = -1,
    where: Tensor | None = None,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
) -> Tensor:
    """Focal loss -sum_j t_j (1 - p_j)^gamma log p_j of p = softmax(logits), as `softgrad.focal_loss`.

    Args:
        logits: as `cross_entropy`.
        target: as `cross_entropy`.
        gamma: as `softgrad.focal_loss`.
        axis: as `cross_entropy`.
        where: as `cross_entropy`.
        weight: as `softgrad.focal_loss`, a tensor, which may be differentiated.
        ignore_index: as `cross_entropy`.
        label_smoothing: as `cross_entropy`.
        softcap: as `cross_entropy`.
        temperature: as `cross_entropy`.
        reduction: as `cross_entropy`.
        denominator: as `cross_entropy`.
        if_all_ignored: as `cross_entropy`.

    Returns:
        The loss, as `cross_entropy`.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `cross_entropy`; gamma is negative.

    Example:
        >>> st.focal_loss(torch.zeros(1, 2), torch.tensor([0]))
        tensor(0.1733)
    """
    return call(
        Options(
            "focal_loss",
            axis,
            ignore_index,
            label_smoothing,
            0.0,
            softcap,
            temperature,
            reduction,
            denominator,
            if_all_ignored,
            gamma,
        ),
        logits,
        target,
        where,
        weight,
    )


@explained
def kl_divergence(
    logits: Tensor,  # (..., K)
    target: Tensor,  # (..., K) probabilities, or (...) class indices
    *,
    axis: int = -1,
    where: Tensor | None = None,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
) -> Tensor:
    """Divergence sum_j t_j (log t_j - log p_j) of a target t from p = softmax(logits), as `softgrad.kl_divergence`.

    Args:
        logits: as `cross_entropy`.
        target: as `cross_entropy`.
        axis: as `cross_entropy`.
        where: as `cross_entropy`.
        weight: as `softgrad.kl_divergence`, a tensor, which may be differentiated.
        ignore_index: as `cross_entropy`.
        label_smoothing: as `cross_entropy`.
        z_loss: as `cross_entropy`.
        softcap: as `cross_entropy`.
        temperature: as `cross_entropy`.
        reduction: "mean" over the rows, "sum" or "none"; the "batchmean" of torch, not its "mean".
        denominator: as `cross_entropy`.
        if_all_ignored: as `cross_entropy`.

    Returns:
        The divergence, as `cross_entropy`.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `cross_entropy`.

    Example:
        >>> st.kl_divergence(torch.zeros(2), torch.tensor([0.9, 0.1]))
        tensor(0.3681)
    """
    return call(
        Options(
            "kl_divergence",
            axis,
            ignore_index,
            label_smoothing,
            z_loss,
            softcap,
            temperature,
            reduction,
            denominator,
            if_all_ignored,
        ),
        logits,
        target,
        where,
        weight,
    )


@explained
def squared_error(
    logits: Tensor,  # (..., K)
    target: Tensor,  # (...) class indices, or (..., K) probabilities
    *,
    axis: int = -1,
    where: Tensor | None = None,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
) -> Tensor:
    """Squared error 1/2 sum_j (p_j - t_j)^2 of p = softmax(logits) against a target, as `softgrad.squared_error`.

    Args:
        logits: as `cross_entropy`.
        target: as `cross_entropy`.
        axis: as `cross_entropy`.
        where: as `cross_entropy`.
        weight: as `softgrad.squared_error`, a tensor, which may be differentiated.
        ignore_index: as `cross_entropy`.
        label_smoothing: as `cross_entropy`.
        z_loss: as `cross_entropy`.
        softcap: as `cross_entropy`.
        temperature: as `cross_entropy`.
        reduction: as `cross_entropy`.
        denominator: as `cross_entropy`.
        if_all_ignored: as `cross_entropy`.

    Returns:
        The loss, as `cross_entropy`.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `cross_entropy`.

    Example:
        >>> st.squared_error(torch.zeros(2, 2), torch.tensor([0, 1]))
        tensor(0.2500)
    """
    return call(
        Options(
            "squared_error",
            axis,
            ignore_index,
            label_smoothing,
            z_loss,
            softcap,
            temperature,
            reduction,
            denominator,
            if_all_ignored,
        ),
        logits,
        target,
        where,
        weight,
    )
