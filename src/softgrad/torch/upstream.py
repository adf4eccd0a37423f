"""Gradients of rows times the upstream gradient: one number, or one number per row."""

from __future__ import annotations

import torch
from torch import Tensor


def times_rows(grad: Tensor, g: Tensor, axis: int, *, has_values: bool = True) -> Tensor:
    """The product, in the dtype of the gradient; `has_values` says whether entries of g can be read."""
    g = g if g.ndim == 0 else g.unsqueeze(axis)
    if not (has_values and g.isfinite().all()):
        g = _of_rows_that_count(grad, g, axis)
    return (grad * g).to(grad.dtype)


def times_rows_in_place(grad: Tensor, g: Tensor, axis: int) -> Tensor:
    """The product in the memory of the gradient, which nothing else reads; for g = 1 there is nothing to do."""
    if g.ndim == 0 and g.item() == 1:
        return grad
    g = g if g.ndim == 0 else g.unsqueeze(axis)
    return grad.mul_(g if g.isfinite().all() else _of_rows_that_count(grad, g, axis))


def _of_rows_that_count(grad: Tensor, g: Tensor, axis: int) -> Tensor:
    """The upstream gradients, with 0 for rows of zeros: an ignored row stays 0 where g is infinite or NaN."""
    return torch.where((grad == 0).all(axis, keepdim=True), 0, g)


def times_all(grads: list[Tensor], g: Tensor, *, in_place: bool) -> list[Tensor]:
    """Each gradient times one number."""
    if not in_place:
        return [grad * g for grad in grads]
    if g.item() == 1:
        return grads
    return [grad.mul_(g) for grad in grads]
