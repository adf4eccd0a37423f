"""Gradients of rows times the upstream gradient: one number, or one number per row."""

from __future__ import annotations

from torch import Tensor


def times_rows(grad: Tensor, g: Tensor, axis: int) -> Tensor:
    """The product, in the dtype of the gradient."""
    return (grad * (g if g.ndim == 0 else g.unsqueeze(axis))).to(grad.dtype)


def times_rows_in_place(grad: Tensor, g: Tensor, axis: int) -> Tensor:
    """The product in the memory of the gradient, which nothing else reads; for g = 1 there is nothing to do."""
    if g.ndim:
        return grad.mul_(g.unsqueeze(axis))
    return grad if g.item() == 1 else grad.mul_(g)


def times_all(grads: list[Tensor], g: Tensor, *, in_place: bool) -> list[Tensor]:
    """Each gradient times one number."""
    if not in_place:
        return [grad * g for grad in grads]
    if g.item() == 1:
        return grads
    return [grad.mul_(g) for grad in grads]
