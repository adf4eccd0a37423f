"""Softmax, its logarithm and its normalizer of tensors of any shape, in torch operations."""

from __future__ import annotations

import torch
from torch import Tensor

from softgrad.torch.forms.rows import computed_in
from softgrad.torch.forms.scores import minus_mean, minus_share, scores

Axes = tuple[int, ...]  # counted from 0, ascending


def softmax(logits: Tensor, axes: Axes, temperature: float, where: Tensor | None) -> Tensor:
    """The probabilities, in the shape and dtype of the logits."""
    return in_shape(scores(*rows_of(logits, axes, temperature, where)).p, logits, axes)


def log_softmax(logits: Tensor, axes: Axes, temperature: float, where: Tensor | None) -> Tensor:
    """Their logarithms."""
    return in_shape(scores(*rows_of(logits, axes, temperature, where)).log_p, logits, axes)


def logsumexp(logits: Tensor, axes: Axes, temperature: float, where: Tensor | None) -> Tensor:
    """One number per row, in the shape of the logits without these axes."""
    lse = scores(*rows_of(logits, axes, temperature, where)).lse.squeeze(-1)
    return lse.to(logits.dtype) if logits.dtype.is_floating_point else lse


def softmax_vjp(p: Tensor, g: Tensor, axes: Axes, temperature: float) -> Tensor:
    """The vector-Jacobian product p (g - sum_j p_j g_j), as a function of p."""
    of_p, of_g = merged(p, axes), merged(g, axes)
    return in_shape(of_p * minus_mean(of_p, of_g) / temperature, p, axes)


def log_softmax_vjp(y: Tensor, g: Tensor, axes: Axes, temperature: float, where: Tensor | None) -> Tensor:
    """The vector-Jacobian product g - exp(y) sum_j g_j, as a function of y."""
    of_y, of_g = merged(y, axes), merged(g, axes)
    if where is not None:
        mask = merged(where.expand(y.shape), axes)
        of_y, of_g = torch.where(mask, of_y, -torch.inf), torch.where(mask, of_g, 0.0)
    return in_shape(minus_share(of_y, of_g) / temperature, y, axes)


def rows_of(logits: Tensor, axes: Axes, temperature: float, where: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The scores with the class axes last, merged into one, and their mask."""
    mask = None if where is None else merged(where.expand(logits.shape), axes)
    z = merged(logits.to(computed_in(logits.dtype)), axes)
    return z if temperature == 1 else z / temperature, mask


def merged(tensor: Tensor, axes: Axes) -> Tensor:
    """A tensor with the class axes last, merged into one."""
    if len(axes) == 1:
        return tensor.movedim(axes[0], -1)
    last = tuple(range(-len(axes), 0))
    moved = tensor.movedim(axes, last) if axes else tensor
    outer = moved.shape[: tensor.ndim - len(axes)]
    count = 1
    for axis in axes:
        count *= tensor.shape[axis]
    return moved.reshape(*outer, count)


def in_shape(values: Tensor, like: Tensor, axes: Axes) -> Tensor:
    """The opposite of `merged`, in the shape and dtype of `like`."""
    if like.dtype.is_floating_point:
        values = values.to(like.dtype)
    if len(axes) == 1:
        return values.movedim(-1, axes[0])
    outer = [length for axis, length in enumerate(like.shape) if axis not in axes]
    apart = values.reshape(*outer, *(like.shape[axis] for axis in axes))
    return apart.movedim(tuple(range(-len(axes), 0)), axes) if axes else apart
