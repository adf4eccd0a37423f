"""The checks of arguments that are tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from softgrad.errors import AxisError, DtypeError


def to_logits(function: str, logits: object, name: str = "logits") -> Tensor:
    """Logits, or another argument to be differentiated at, as floating-point numbers; integers become float64."""
    if not isinstance(logits, Tensor):
        raise DtypeError(
            f"{function}: {name} is a {type(logits).__name__}, wanted a tensor; softgrad.{function} takes arrays"
        )
    if logits.layout is not torch.strided:
        raise DtypeError(f"{function}: {name} is sparse, wanted a dense tensor; convert it, as {name}.to_dense()")
    if logits.dtype.is_floating_point:
        return logits
    if logits.dtype.is_complex:
        raise DtypeError(f"{function}: {name}.dtype is {logits.dtype}, wanted floating numbers or integers")
    return logits.double()


def to_loss_target(function: str, target: object, logits: Tensor) -> Tensor:
    """A target, on the device of the logits."""
    if isinstance(target, Tensor) and target.device == logits.device:  # a shortcut for most calls
        return target
    return same_device(function, "target", target, logits)


def same_device(function: str, name: str, tensor: object, logits: Tensor) -> Tensor:
    """A tensor on the device of the logits."""
    if not isinstance(tensor, Tensor):
        raise DtypeError(
            f"{function}: {name} is a {type(tensor).__name__}, wanted a tensor; convert it, as torch.tensor({name})"
        )
    if tensor.device != logits.device:
        raise DtypeError(
            f"{function}: {name} is on the device {tensor.device}, but logits are on {logits.device}; move it, as "
            f"{name}.to(logits.device)"
        )
    return tensor


def class_axes(function: str, logits: Tensor, axis: Any) -> tuple[int, ...]:
    """The class axes, counted from 0 and in ascending order; None stands for all."""
    ndim = logits.ndim
    if type(axis) is int and -ndim <= axis < ndim:  # a shortcut for most calls
        return (axis % ndim,)
    if axis is None:
        return tuple(range(ndim))
    given = (axis,) if isinstance(axis, int) else axis if isinstance(axis, tuple | list) else ()
    if not given or not all(isinstance(one, int) and not isinstance(one, bool) for one in given):
        raise AxisError(f"{function}: axis is {axis!r}, wanted one integer, several, such as (0, 1), or None for all")
    for one in given:
        if not -ndim <= one < ndim:
            raise AxisError(
                f"{function}: axis is {axis!r}, but logits.shape is {tuple(logits.shape)}; "
                + (f"wanted an axis in -{ndim}..{ndim - 1}" if ndim else "wanted a tensor, at least (K,)")
            )
    axes = tuple(sorted(one % ndim for one in given))
    if len(set(axes)) < len(axes):
        raise AxisError(f"{function}: axis is {axis!r}; wanted each axis once")
    return axes


def is_differentiated(tensor: Tensor) -> bool:
    """Whether a derivative at the tensor is recorded."""
    return tensor.requires_grad and torch.is_grad_enabled()
