"""softmax, log_softmax and logsumexp of tensors, by kernels or in closed form, and their derivatives.

A backward pass of kernels is itself computed in closed form where it is recorded or transformed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from softgrad._options import scale
from softgrad.torch.arguments import class_axes, is_differentiated, same_device, to_logits
from softgrad.torch.forms import softmax as forms
from softgrad.torch.implementations import IMPLEMENTATIONS, kernels_for, needs_closed_form
from softgrad.torch.options import check_mask
from softgrad.torch.softmax_shortcut import shortly_product

Found = tuple[Tensor] | None  # the result, of the short way


def call(name: str, logits: Tensor, axis: Any, temperature: float, where: Tensor | None) -> Tensor:
    """The function of this name."""
    logits = to_logits(name, logits)
    axes = class_axes(name, logits, axis)
    temperature = scale(name, "temperature", temperature)
    if where is not None:
        same_device(name, "where", where, logits)
        check_mask(name, where, logits)
    kernels = None if torch.compiler.is_compiling() else kernels_for(logits, where)  # compilers fuse the closed forms
    if kernels is None or not axes:
        result: Tensor = getattr(forms, name)(logits, axes, temperature, where)
    elif is_differentiated(logits):
        result = WITH_GRAD[name].apply(logits, axes, temperature, where, None)
    else:
        result = getattr(kernels, name)(logits, axes, temperature, where)
    return result


def _product(shortly: Any, saved: Tensor, g: Tensor, axes: Any, temperature: float, where: Tensor | None) -> Any:
    """The gradient by the short way; None if there is none."""
    if where is not None or len(axes) > 1 or torch.compiler.is_compiling():
        return None
    return shortly((saved, g), {"axis": axes[0], "temperature": temperature})


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, axes: Any, temperature: float, where: Tensor | None, found: Found) -> Tensor:
        p = found[0] if found else _kernels_of(logits).softmax(logits, axes, temperature, where)
        ctx.save_for_backward(p, where)
        ctx.options = axes, temperature
        return p

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        p, where = ctx.saved_tensors
        axes, temperature = ctx.options
        dz = _product(_short_softmax_vjp, p, g, axes, temperature, where)
        if dz is None:
            kernels = None if needs_closed_form(g) else kernels_for(p, g)
            if kernels is None:
                dz = forms.softmax_vjp(p, g, axes, temperature)
            else:
                dz = kernels.softmax_vjp(p, g, axes, temperature, where)
        return dz, None, None, None, None


class _LogSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, axes: Any, temperature: float, where: Tensor | None, found: Found) -> Tensor:
        y = found[0] if found else _kernels_of(logits).log_softmax(logits, axes, temperature, where)
        ctx.save_for_backward(y, where)
        ctx.options = axes, temperature
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        y, where = ctx.saved_tensors
        axes, temperature = ctx.options
        dz = _product(_short_log_softmax_vjp, y, g, axes, temperature, where)
        if dz is None:
            kernels = None if needs_closed_form(g) else kernels_for(y, g)
            if kernels is None:
                dz = forms.log_softmax_vjp(y, g, axes, temperature, where)
            else:
                dz = kernels.log_softmax_vjp(y, g, axes, temperature, where)
        return dz, None, None, None, None


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, axes: Any, temperature: float, where: Tensor | None, found: Found) -> Tensor:
        lse = found[0] if found else _kernels_of(logits).logsumexp(logits, axes, temperature, where)
        ctx.save_for_backward(logits, where)
        ctx.options = axes, temperature
        return lse

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        logits, where = ctx.saved_tensors
        axes, temperature = ctx.options
        dz = _product(_short_logsumexp_vjp, logits, g, axes, temperature, where)
        if dz is None:
            kernels = None if needs_closed_form(g) else kernels_for(logits, g)
            if kernels is None:
                p = call("softmax", logits, axes, temperature, where)
                for one in axes:
                    g = g.unsqueeze(one)
                dz = p * g / temperature
            else:
                dz = kernels.logsumexp_vjp(logits, g, axes, temperature, where)
        return dz, None, None, None, None


WITH_GRAD: dict[str, type[torch.autograd.Function]] = {
    "softmax": _Softmax,
    "log_softmax": _LogSoftmax,
    "logsumexp": _LogSumExp,
}


def _kernels_of(logits: Tensor) -> Any:
    return IMPLEMENTATIONS[logits.device.type]


_short_softmax_vjp = shortly_product("softmax")
_short_log_softmax_vjp = shortly_product("log_softmax")
_short_logsumexp_vjp = shortly_product("logsumexp")
