"""Some rows with all classes at a time: a product, the fused kernel, and two more products, which are added up.

The products take some classes at a time, since torch packs its operands: those of all classes into another buffer.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from softgrad._arrays import Array, Rows, aligned
from softgrad.losses._linear.problem import Index
from softgrad.torch.cpu_linear.problem import Problem
from softgrad.torch.memory import to_array

BLOCK = 4096  # classes in a product
ROUND = 16  # products are slower if the number of rows is not a multiple of this


def run(problem: Problem, needs: list[bool], upstream: Tensor | None) -> tuple[Array, Tensor, Tensor, Tensor]:
    """The losses of the rows, and the gradients that are needed, times the upstream gradients of the rows."""
    classes, itemsize = problem.classes, problem.dtype.itemsize
    fitting = max(1, problem.max_memory // (classes * itemsize))
    step = fitting - fitting % ROUND if ROUND <= fitting < problem.rows else fitting
    step = max(1, min(step, problem.rows))
    buffer = new_buffer(step * classes, problem.dtype)
    loss = np.zeros(len(problem.x), problem.dtype_of_loss)
    sums = Sums(problem, needs, in_one_chunk=step >= problem.rows)
    for start in range(0, problem.rows, step):
        some = slice(start, min(start + step, problem.rows))
        rows = some if problem.kept is None else problem.kept[some]
        x = problem.x[rows].to(problem.dtype)
        logits = buffer[: len(x) * classes].view(len(x), classes)
        for block in blocks(classes):
            problem.logits(x, block, logits[:, block])
        at = rows if isinstance(rows, slice) else rows.numpy()
        loss[at] = to_gradient(problem, at, to_array(logits), with_grads=any(needs))
        if any(needs):
            sums.add(rows, x, logits if upstream is None else logits.mul_(upstream[rows, None]))
    return loss, *sums.result()


def new_buffer(entries: int, dtype: torch.dtype) -> Tensor:
    """Memory for logits."""
    return torch.empty(entries, dtype=dtype)


def blocks(classes: int) -> Iterator[slice]:
    """The classes, some at a time."""
    return (slice(start, min(start + BLOCK, classes)) for start in range(0, classes, BLOCK))


def to_gradient(problem: Problem, rows: Index, logits: Array, *, with_grads: bool) -> Array:
    """The kernel: the losses of a chunk of rows, and the gradient in place of the logits."""
    target, dtype = problem.batch.target[rows], problem.dtype_of_loss
    if target.ndim == 3:
        target = aligned(target, dtype)
    z = Rows(logits[:, :, None], logits.shape, 1, logits.dtype, "kept")
    loss = np.empty(len(logits), dtype)
    problem.batch._replace(z=z, target=target).run(loss, z.stored if with_grads else None, fresh=False)
    return loss


class Sums:
    """The gradients at x, w and the bias, summed over the chunks; an empty tensor where one is not needed."""

    def __init__(self, problem: Problem, needs: list[bool], *, in_one_chunk: bool) -> None:
        self.problem, self.needs = problem, needs
        self.wide = torch.float64 if problem.dtype == torch.float64 else torch.float32
        x, w, dtype = problem.x, problem.w, problem.dtype
        none = functools.partial(torch.empty, 0, dtype=dtype)  # a new one each: operators return no tensor twice
        fill = torch.empty if problem.kept is None else torch.zeros  # ignored rows have gradient 0
        self.dx = fill(x.shape, dtype=dtype) if needs[0] else none()
        self.dw = torch.zeros(w.shape, dtype=dtype if in_one_chunk else self.wide) if needs[1] else none()
        self.db = torch.zeros(len(w), dtype=self.wide) if needs[2] else none()

    def add(self, rows: slice | Tensor, x: Tensor, g: Tensor) -> None:
        """Adds a chunk, of which g is the gradient at the logits."""
        w = self.problem.w
        if self.needs[0]:
            if isinstance(rows, slice):
                torch.mm(g, w, out=self.dx[rows])
            else:
                self.dx[rows] = torch.mm(g, w)
        if self.needs[1]:
            for block in blocks(len(w)):
                if self.dw.dtype == g.dtype:
                    self.dw[block].addmm_(g[:, block].T, x)
                else:
                    self.dw[block] += torch.mm(g[:, block].T, x)
        if self.needs[2]:
            self.db += g.sum(dim=0, dtype=self.wide)

    def result(self) -> tuple[Tensor, Tensor, Tensor]:
        """The three gradients, in the dtype of the products; that at x in its shape."""
        dtype = self.problem.dtype
        dx = self.dx.reshape(self.problem.shape) if self.needs[0] else self.dx
        return dx, self.dw.to(dtype), self.db.to(dtype)
