"""softmax, log_softmax and logsumexp of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from softgrad._calls import explained_after
from softgrad._options import scale
from softgrad.torch.arguments import class_axes, is_differentiated, same_device, to_logits
from softgrad.torch.forms import softmax as forms
from softgrad.torch.implementations import IMPLEMENTATIONS, kernels_for, needs_closed_form, records_calls
from softgrad.torch.options import check_mask
from softgrad.torch.softmax_shortcut import shortly, shortly_product

__all__ = ["log_softmax", "logsumexp", "softmax"]

Axis: TypeAlias = int | Sequence[int] | None


@explained_after(shortly("softmax", lambda *found: _found(_Softmax, *found)))
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
    return _call("softmax", _Softmax, logits, axis, temperature, where)


@explained_after(shortly("log_softmax", lambda *found: _found(_LogSoftmax, *found)))
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
    return _call("log_softmax", _LogSoftmax, logits, axis, temperature, where)


@explained_after(shortly("logsumexp", lambda *found: _found(_LogSumExp, *found)))
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
    lse = _call("logsumexp", _LogSumExp, logits, axis, temperature, where)
    if keepdims:
        for one in class_axes("logsumexp", logits, axis):
            lse = lse.unsqueeze(one)
    return lse


def _call(name: str, with_grad: Any, logits: Tensor, axis: Axis, temperature: float, where: Tensor | None) -> Tensor:
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
        result = with_grad.apply(None, kernels, logits, axes, temperature, where)
    else:
        result = getattr(kernels, name)(logits, axes, temperature, where)
    return result


def _found(with_grad: Any, logits: Tensor, found: tuple[Tensor], axis: int, temperature: float) -> Tensor:
    """A result of the short way, differentiable at the logits.

    It calls what `apply` ends in, without its search for tensors of torch.func, which the short way has ended.
    """
    result: Tensor = super(torch.autograd.Function, with_grad).apply(
        found, IMPLEMENTATIONS["cpu"], logits, (axis,), temperature, None
    )
    return result


_softmax_vjp, _log_softmax_vjp = shortly_product("softmax"), shortly_product("log_softmax")


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        found: tuple[Tensor] | None,
        kernels: Any,
        logits: Tensor,
        axes: Any,
        temperature: float,
        where: Tensor | None,
    ) -> Tensor:
        p = found[0] if found else kernels.softmax(logits, axes, temperature, where)
        ctx.save_for_backward(p, where)
        ctx.options = axes, temperature
        return p

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        p, where = ctx.saved_tensors
        axes, temperature = ctx.options
        kernels = None if needs_closed_form(g) else kernels_for(p, g)
        if kernels is not None and where is None and len(axes) == 1 and not records_calls():
            dz = _softmax_vjp((p, g), {"axis": axes[0], "temperature": temperature})
            if dz is not None:
                return None, None, dz, None, None, None
        if kernels is None:
            return None, None, forms.softmax_vjp(p, g, axes, temperature), None, None, None
        return None, None, kernels.softmax_vjp(p, g, axes, temperature, where), None, None, None


class _LogSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        found: tuple[Tensor] | None,
        kernels: Any,
        logits: Tensor,
        axes: Any,
        temperature: float,
        where: Tensor | None,
    ) -> Tensor:
        y = found[0] if found else kernels.log_softmax(logits, axes, temperature, where)
        ctx.save_for_backward(y, where)
        ctx.options = axes, temperature
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        y, where = ctx.saved_tensors
        axes, temperature = ctx.options
        kernels = None if needs_closed_form(g) else kernels_for(y, g)
        if kernels is not None and where is None and len(axes) == 1 and not records_calls():
            dz = _log_softmax_vjp((y, g), {"axis": axes[0], "temperature": temperature})
            if dz is not None:
                return None, None, dz, None, None, None
        if kernels is None:
            return None, None, forms.log_softmax_vjp(y, g, axes, temperature, where), None, None, None
        return None, None, kernels.log_softmax_vjp(y, g, axes, temperature, where), None, None, None


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        found: tuple[Tensor] | None,
        kernels: Any,
        logits: Tensor,
        axes: Any,
        temperature: float,
        where: Tensor | None,
    ) -> Tensor:
        lse = found[0] if found else kernels.logsumexp(logits, axes, temperature, where)
        ctx.save_for_backward(logits, where)
        ctx.options = axes, temperature
        return lse

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        logits, where = ctx.saved_tensors
        axes, temperature = ctx.options
        kernels = None if needs_closed_form(g) else kernels_for(logits, g)
        if kernels is None:
            p = _call("softmax", _Softmax, logits, axes, temperature, where)
            for one in axes:
                g = g.unsqueeze(one)
            return None, None, p * g / temperature, None, None, None
        return None, None, kernels.logsumexp_vjp(logits, g, axes, temperature, where), None, None, None
