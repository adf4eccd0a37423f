"""Cross-entropy of a linear layer on tensors, without storing the logits.

On the CPU some of the logits are in one buffer at a time (`cpu_linear/`); the gradients are computed with the loss.
With reduction "none" they wait for the backward pass, since each row has its own upstream gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from softgrad._calls import explained
from softgrad.errors import ShapeError
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.losses.linear import MAX_MEMORY as MAX_MEMORY
from softgrad.torch import loss as of_logits
from softgrad.torch import operators
from softgrad.torch.arguments import is_differentiated, same_device, to_logits, to_loss_target
from softgrad.torch.implementations import (
    IMPLEMENTATIONS,
    is_recorded,
    kernels_for,
    may_overwrite_saved,
    needs_closed_form,
    records_calls,
)
from softgrad.torch.options import Options
from softgrad.torch.upstream import times_all

__all__ = ["linear_cross_entropy"]


@explained
def linear_cross_entropy(
    x: Tensor,  # (..., D)
    w: Tensor,  # (V, D)
    target: Tensor,  # (...) class indices, or (..., V) probabilities
    bias: Tensor | None = None,  # (V,)
    *,
    weight: Tensor | None = None,  # (V,)
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
    max_memory: int = MAX_MEMORY,
) -> Tensor:
    """`cross_entropy` of the logits x @ w.T + bias, as `softgrad.linear_cross_entropy`, with torch's matrix products.

    Args:
        x: rows of D features.
        w: one row of D numbers for each of V classes; of the dtype of x, or both are read in their common dtype. In
            torch.autocast they are read in the dtype of autocast, as torch.nn.functional.linear reads them.
        target: as `cross_entropy`, of logits (..., V).
        bias: one number per class; -inf masks a class.
        weight: as `cross_entropy`: one number per class, unlike w.
        ignore_index: as `cross_entropy`. The ignored rows of x are not read.
        label_smoothing: as `cross_entropy`.
        z_loss: as `cross_entropy`.
        softcap: as `cross_entropy`.
        temperature: as `cross_entropy`.
        reduction: as `cross_entropy`.
        denominator: as `cross_entropy`.
        if_all_ignored: as `cross_entropy`.
        max_memory: the number of bytes for logits on the CPU: at least those of one row of up to 4096 classes; one row
            of more is stored if it does not fit. bfloat16 takes tiles of some rows and some classes, of at most 8 MiB,
            and with gradients four products instead of three; the logits of up to 7 tiles are kept from the first pass
            for the second. With probabilities as target or label_smoothing it takes
            whole rows, and sums the gradient of w in another array of float32. All logits are stored on other devices,
            in torch.func and forward mode, in second derivatives, and if the target or the class weights are
            differentiated.

    Returns:
        The loss, as `cross_entropy`. bfloat16 logits are rounded to bfloat16, and the loss of these is as exact as that
        of `cross_entropy`. In the backward pass each entry of the gradient at the logits is rounded once, then each
        product of a tile, then the gradient that is returned. Features that are not finite give NaN, where
        `softgrad.linear_cross_entropy` raises an error.

    Raises:
        ShapeError, LabelError, DtypeError, OptionError: as `softgrad.linear_cross_entropy`; x or w is no tensor.

    Example:
        >>> x, w = torch.zeros(4, 3, requires_grad=True), torch.zeros(2, 3)
        >>> st.linear_cross_entropy(x, w, torch.tensor([0, 1, 0, 1]))
        tensor(0.6931, grad_fn=<_LinearLossBackward>)
    """
    options = Options(
        "cross_entropy",
        -1,
        ignore_index,
        label_smoothing,
        z_loss,
        softcap,
        temperature,
        reduction,
        denominator,
        if_all_ignored,
    )
    return call(options, x, w, bias, target, weight, max_memory)


def call(
    options: Options,
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    target: Tensor,
    weight: Tensor | None,
    max_memory: int,
) -> Tensor:
    """The loss, chunk by chunk where there are kernels, otherwise from all logits."""
    f = "linear_cross_entropy"
    x, w = to_logits(f, x, "x"), to_logits(f, w, "w")
    bias = None if bias is None else to_logits(f, bias, "bias")
    target = to_loss_target(f, target, x)
    for name, other in (("w", w), ("bias", bias), ("weight", weight)):
        if other is not None:
            same_device(f, name, other, x)
    x, w, bias = in_one_dtype(x, w, bias)
    kernels = kernels_for(x, target, weight)
    if kernels is None or kernels_for(w) is None or (bias is not None and kernels_for(bias) is None):
        return from_logits(options, x, w, bias, target, weight)
    needs = [given is not None and is_differentiated(given) for given in (x, w, bias)]
    if any(needs):
        loss: Tensor = _LinearLoss.apply(x, w, bias, target, weight, options, max_memory, needs)
        return loss
    kernels = operators if records_calls() else kernels
    value: Tensor = kernels.linear_loss(options, x, w, bias, target, weight, max_memory, needs)[0]
    return value


def in_one_dtype(x: Tensor, w: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """The three in the dtype that torch.nn.functional.linear computes in."""
    device = x.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
    elif x.dtype == w.dtype and (bias is None or bias.dtype == x.dtype):
        return x, w, bias
    else:
        dtype = torch.promote_types(x.dtype, w.dtype)
    return x.to(dtype), w.to(dtype), None if bias is None else bias.to(dtype)


def from_logits(
    options: Options, x: Tensor, w: Tensor, bias: Tensor | None, target: Tensor, weight: Tensor | None
) -> Tensor:
    """The loss of logits that are stored."""
    if w.ndim != 2 or not x.ndim or x.shape[-1] != w.shape[1]:
        raise ShapeError(
            f"linear_cross_entropy: x.shape is {tuple(x.shape)}, but w.shape is {tuple(w.shape)}; wanted x (..., D) "
            "and w (V, D)"
        )
    if options.ignore_index is not None and target.ndim == x.ndim - 1:
        x = torch.where((target == options.ignore_index).unsqueeze(-1), 0.0, x)  # which is not read
    return of_logits.call(options, torch.nn.functional.linear(x, w, bias), target, None, weight)


class _LinearLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        target: Tensor,
        weight: Tensor | None,
        options: Options,
        max_memory: int,
        needs: list[bool],
    ) -> Tensor:
        kernels = operators if records_calls() else IMPLEMENTATIONS[x.device.type]
        now = needs if options.reduction != "none" else [False, False, False]
        loss, *grads = kernels.linear_loss(options, x, w, bias, target, weight, max_memory, now)
        ctx.save_for_backward(x, w, bias, target, weight, *grads)
        ctx.options = options, max_memory, needs
        return loss

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        x, w, bias, target, weight, *grads = ctx.saved_tensors
        options, max_memory, needs = ctx.options
        if is_recorded() or (options.reduction == "none" and needs_closed_form(g)):
            grads = _recorded_vjp(options, (x, w, bias), target, weight, g)
        elif options.reduction == "none":
            kernels = operators if records_calls() else IMPLEMENTATIONS[x.device.type]
            grads = kernels.linear_vjp(options, x, w, bias, target, weight, g, max_memory, needs)
        else:
            grads = times_all(grads, g, in_place=may_overwrite_saved(g))
        wanted = zip(grads, (x, w, bias), needs, strict=True)
        return *(grad.to(given.dtype) if need else None for grad, given, need in wanted), *(None,) * 5


def _recorded_vjp(
    options: Options, given: tuple[Tensor, Tensor, Tensor | None], target: Tensor, weight: Tensor | None, g: Tensor
) -> list[Tensor]:
    if given[2] is None:
        _, vjp = torch.func.vjp(lambda x, w: from_logits(options, x, w, None, target, weight), *given[:2])
        return [*vjp(g), g]
    _, vjp = torch.func.vjp(lambda x, w, bias: from_logits(options, x, w, bias, target, weight), *given)
    return list(vjp(g))
