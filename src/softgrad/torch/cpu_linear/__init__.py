"""The cross-entropy of a linear layer on the CPU: torch's matrix products, and kernels in the buffer between them.

    z = x w^T + b        g = dL/dz, in place of z        dx = g w        dw = g^T x        db = sum of the rows of g

problem.py     the checked arguments, with the matrices in the dtype of the products
whole_rows.py  some rows with all classes at a time: three products, for every dtype and option
tiles.py       some rows and some classes at a time: four products, for bfloat16

bfloat16 is multiplied as it is, with the instructions of the processor; sums over rows and classes are float32. float16
is computed in float32, and its gradients are rounded in the backward pass, after the scale of the loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

from softgrad._arrays import Array
from softgrad.torch.cpu_linear import tiles, whole_rows
from softgrad.torch.cpu_linear.problem import Problem
from softgrad.torch.options import Options


def linear_loss(
    options: Options,
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    target: Tensor,
    weight: Tensor | None,
    max_memory: int,
    needs: list[bool],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The loss and the gradients that are needed; those of float16 are float32."""
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        problem = Problem(options, x, w, bias, target, weight, max_memory)
        loss, *grads = _run(problem, needs, None)
        return problem.reduced(loss), *grads


def linear_vjp(
    options: Options,
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    target: Tensor,
    weight: Tensor | None,
    upstream: Tensor,
    max_memory: int,
    needs: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients with an upstream gradient for each row; the logits are computed again."""
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        problem = Problem(options, x, w, bias, target, weight, max_memory)
        _, dx, dw, db = _run(problem, needs, upstream.reshape(-1))
        return dx, dw, db


def _run(problem: Problem, needs: list[bool], upstream: Tensor | None) -> tuple[Array, Tensor, Tensor, Tensor]:
    run = tiles.run if tiles.are_better(problem) else whole_rows.run
    return run(problem, needs, upstream)
