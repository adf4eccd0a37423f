"""softmax, log_softmax and logsumexp of tensors, by kernels or in closed form, and their derivatives.

A backward pass of kernels is itself computed in closed form where it is recorded or transformed.
"""

from __future__ import annotations

from collections.abc import Callable
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
SHORT_PRODUCTS = {name: shortly_product(name) for name in ("softmax", "log_softmax", "logsumexp")}


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


def _differentiated(
    node: str, name: str, closed_form: Callable[..., Tensor], saves_logits: bool = False
) -> type[torch.autograd.Function]:
    """The function of this name by kernels, with a backward pass.

    Args:
        node: what the graph of torch calls it.
        name: the function, whose vector-Jacobian product has the same name with _vjp.
        closed_form: that product in operations of torch, of (saved, g, axes, temperature, where).
        saves_logits: the product is computed from the logits, not from the result.
    """

    def forward(ctx: Any, logits: Tensor, axes: Any, temperature: float, where: Tensor | None, found: Found) -> Tensor:
        result: Tensor
        if found:
            (result,) = found
        else:
            result = getattr(IMPLEMENTATIONS[logits.device.type], name)(logits, axes, temperature, where)
        ctx.save_for_backward(logits if saves_logits else result, where)
        ctx.options = axes, temperature
        return result

    def backward(ctx: Any, g: Tensor) -> Any:
        saved, where = ctx.saved_tensors
        axes, temperature = ctx.options
        dz = None
        if where is None and len(axes) == 1 and not torch.compiler.is_compiling():
            dz = SHORT_PRODUCTS[name]((saved, g), {"axis": axes[0], "temperature": temperature})
        if dz is None:
            kernels = None if needs_closed_form(g) else kernels_for(saved, g)
            product = closed_form if kernels is None else getattr(kernels, f"{name}_vjp")
            dz = product(saved, g, axes, temperature, where)
        return dz, None, None, None, None

    passes = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(node, (torch.autograd.Function,), passes)


def _logsumexp_vjp(logits: Tensor, g: Tensor, axes: Any, temperature: float, where: Tensor | None) -> Tensor:
    p = call("softmax", logits, axes, temperature, where)
    for axis in axes:
        g = g.unsqueeze(axis)
    return p * g / temperature


WITH_GRAD = {
    "softmax": _differentiated("_Softmax", "softmax", lambda p, g, axes, T, where: forms.softmax_vjp(p, g, axes, T)),
    "log_softmax": _differentiated("_LogSoftmax", "log_softmax", forms.log_softmax_vjp),
    "logsumexp": _differentiated("_LogSumExp", "logsumexp", _logsumexp_vjp, saves_logits=True),
}
