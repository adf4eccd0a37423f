"""A loss of logits on tensors, by kernels or in closed form, and its derivatives.

The kernels compute a loss and its gradient in one pass; the backward pass multiplies that gradient by the upstream
gradient. Where the backward pass is itself recorded, it is that of the closed form.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from softgrad.errors import OptionError
from softgrad.torch import cpu_shortcut, operators
from softgrad.torch.arguments import is_differentiated, same_device, to_logits, to_loss_target
from softgrad.torch.forms import rows
from softgrad.torch.implementations import (
    IMPLEMENTATIONS,
    has_values,
    is_batched,
    is_recorded,
    kernels_for,
    may_overwrite_saved,
    needs_closed_form,
    records_calls,
)
from softgrad.torch.options import Options, check_values, checked
from softgrad.torch.softmax_shortcut import without_search
from softgrad.torch.upstream import times_rows, times_rows_in_place


def call(options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None) -> Tensor:
    """The loss, by kernels or in closed form."""
    found = None if torch.compiler.is_compiling() else cpu_shortcut.run(options, logits, target, where, weight)
    if found is not None:
        waits = logits.dtype == torch.float16 and is_differentiated(logits)
        return _apply(logits, target, options, found) if waits or found[1] is not None else found[0]
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
        value = _Loss.apply(logits, target, where, weight, options)
    else:
        kernels = operators if records_calls() else kernels
        value = kernels.loss(options, logits, target, where, weight)
    return value


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
        kernels = operators if records_calls() else IMPLEMENTATIONS[logits.device.type]
        grad = None
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
        return _backward(ctx.options, logits, target, where, weight, grad, g), None, None, None, None


class _ShortLoss(torch.autograd.Function):
    """The same after the short way, which has found the loss and, except in float16, the gradient."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, options: Options, found: tuple[Tensor, Tensor | None]
    ) -> Tensor:
        loss, grad = found
        ctx.save_for_backward(logits, target, grad)
        ctx.options = options
        return loss

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        logits, target, grad = ctx.saved_tensors
        found = None
        if not torch.compiler.is_compiling():
            if grad is None:
                found = cpu_shortcut.run_vjp(ctx.options, logits, target, g)
            elif cpu_shortcut.returns_saved_gradient(g):
                found = grad
        if found is None:
            found = _backward(ctx.options, logits, target, None, None, grad, g)
        return found, None, None, None


_apply = without_search(_ShortLoss)


def _backward(
    options: Options,
    logits: Tensor,
    target: Tensor,
    where: Tensor | None,
    weight: Tensor | None,
    grad: Tensor | None,
    g: Tensor,
) -> Tensor:
    """The gradient at the logits, for the upstream gradient g."""
    if grad is not None and may_overwrite_saved(g):
        return times_rows_in_place(grad, g, options.axis)
    if is_recorded() or (grad is None and needs_closed_form(g)):
        _, vjp = torch.func.vjp(lambda z: in_closed_form(options, z, target, where, weight), logits)
        dz: Tensor = vjp(g)[0]
        return dz
    if grad is not None:
        return times_rows(grad, g, options.axis, has_values=has_values(g) and not is_batched(g))
    kernels = operators if records_calls() else IMPLEMENTATIONS[logits.device.type]
    return kernels.loss_vjp(options, logits, target, where, weight, g)
