"""The losses of logits on tensors: cross_entropy, focal_loss, kl_divergence and squared_error.

The kernels compute a loss and its gradient in one pass; the backward pass multiplies that gradient by the upstream
gradient. Where the backward pass is itself differentiated, it is that of the closed form.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from softgrad._calls import explained
from softgrad.errors import OptionError
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.torch import operators
from softgrad.torch.arguments import is_differentiated, same_device, to_logits, to_loss_target
from softgrad.torch.forms import rows
from softgrad.torch.implementations import (
    IMPLEMENTATIONS,
    has_values,
    is_recorded,
    kernels_for,
    may_overwrite_saved,
    needs_closed_form,
    records_calls,
)
from softgrad.torch.options import Options, check_values, checked
from softgrad.torch.upstream import times_rows, times_rows_in_place

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
        >>> softgrad.torch.cross_entropy(logits, torch.tensor([0])).backward()
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
        >>> softgrad.torch.focal_loss(torch.zeros(1, 2), torch.tensor([0]))
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
        >>> softgrad.torch.kl_divergence(torch.zeros(2), torch.tensor([0.9, 0.1]))
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
        >>> softgrad.torch.squared_error(torch.zeros(2, 2), torch.tensor([0, 1]))
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


def call(options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None) -> Tensor:
    """The loss, by kernels or in closed form."""
    name = options.name
    logits = to_logits(name, logits)
    target = to_loss_target(name, target, logits)
    if where is not None:
        same_device(name, "where", where, logits)
    if weight is not None:
        same_device(name, "weight", weight, logits)
    kernels = kernels_for(logits, target, where, weight)
    if kernels is None:
        return in_closed_form(options, logits, target, where, weight)
    if is_differentiated(logits):
        loss: Tensor = _Loss.apply(logits, target, where, weight, options)
        return loss
    kernels = operators if records_calls() else kernels
    loss = kernels.loss(options, logits, target, where, weight)
    return loss


def in_closed_form(
    options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None
) -> Tensor:
    """The loss in torch operations, after the checks that the kernels' arrays get from NumPy's functions."""
    options, target = checked(options, logits, target, where, weight)
    if has_values(logits, target, where, weight):
        check_values(options, logits, target, where, weight)
    elif options.if_all_ignored == "raise":
        raise OptionError(
            f"{options.name}: if_all_ignored is 'raise', but the rows cannot be counted inside torch.func or without "
            "numbers; wanted 'zero' or 'nan'"
        )
    return rows.loss(options, logits, target, where, weight)


class _Loss(torch.autograd.Function):
    """A loss by kernels, differentiated at the logits.

    In float16 the gradient waits for the backward pass: the upstream gradient holds the scale of the loss, without
    which a mean's gradient is often 0 in float16.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None, options: Options
    ) -> Tensor:
        grad = None
        kernels = operators if records_calls() else IMPLEMENTATIONS[logits.device.type]
        if logits.dtype == torch.float16:
            loss = kernels.loss(options, logits, target, where, weight)
        else:
            loss, grad = kernels.loss_with_grad(options, logits, target, where, weight)
        ctx.save_for_backward(logits, target, where, weight, grad)
        ctx.options = options
        return loss

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        logits, target, where, weight, grad = ctx.saved_tensors
        options = ctx.options
        if is_recorded() or (grad is None and needs_closed_form(g)):
            _, vjp = torch.func.vjp(lambda z: in_closed_form(options, z, target, where, weight), logits)
            return vjp(g)[0], None, None, None, None
        if grad is None:
            kernels = operators if records_calls() else IMPLEMENTATIONS[logits.device.type]
            grad = kernels.loss_vjp(options, logits, target, where, weight, g)
        elif may_overwrite_saved(g):
            grad = times_rows_in_place(grad, g, options.axis)
        else:
            grad = times_rows(grad, g, options.axis)
        return grad, None, None, None, None
