"""The checks of arguments that are tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from softgrad.errors import AxisError, DtypeError


def to_logits(function: str, logits: object, name: str = "logits", *, of_arrays: bool = True) -> Tensor:
    """Logits, or another argument to be differentiated at, as floating-point numbers; integers become float64.

    `of_arrays` says whether softgrad has a function of this name that takes arrays.
    """
    if not isinstance(logits, Tensor):
        is_layer = isinstance(getattr(logits, "weight", None), Tensor)
        other = f"softgrad.{function} takes arrays" if of_arrays else f"convert it, as torch.as_tensor({name})"
        advice = "give its weight" if is_layer else other
        raise DtypeError(f"{function}: {name} is a {type(logits).__name__}, wanted a tensor; {advice}")
    if logits.layout is not torch.strided or logits.is_nested:
        raise not_dense(function, name, logits)
    if logits.dtype.is_floating_point:
        return logits
    if logits.dtype.is_complex or logits.is_quantized:
        raise DtypeError(f"{function}: {name}.dtype is {logits.dtype}, wanted floating numbers or integers")
    return logits.double()


def not_dense(function: str, name: str, tensor: Tensor) -> DtypeError:
    """The error about a tensor that is sparse or nested."""
    kind, way = ("nested", "torch.nested.to_padded_tensor") if tensor.is_nested else ("sparse", f"{name}.to_dense()")
    return DtypeError(f"{function}: {name} is {kind}, wanted a dense tensor; convert it, as {way}")


def to_loss_target(function: str, target: object, logits: Tensor) -> Tensor:
    """A target, on the device of the logits; with fewer axes than the logits, it holds integers."""
    tensor = same_device(function, "target", target, logits)
    return to_classes(function, "target", tensor) if tensor.ndim < logits.ndim else tensor


def to_classes(function: str, name: str, classes: Tensor) -> Tensor:
    """Class indices, which are integers."""
    if classes.dtype.is_floating_point or classes.dtype.is_complex:
        raise DtypeError(
            f"{function}: {name}.dtype is {classes.dtype} in the shape of class indices, wanted integers; convert it "
            f"first, as {name}.long()"
        )
    return classes


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
    if tensor.layout is not torch.strided or tensor.is_nested:
        raise not_dense(function, name, tensor)
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
