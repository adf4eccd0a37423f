"""Some rows with all classes at a time: a product, the fused kernel, and two more products, which are added up.

The products take some classes at a time, since torch packs its operands: those of all classes into another buffer.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from softgrad._arrays import Array
from softgrad._rows import Rows, aligned
from softgrad.losses._linear.problem import Index
from softgrad.torch.cpu_linear.problem import Matrices, Problem
from softgrad.torch.memory import to_array

BLOCK = 2048  # classes in a product; more of them take memory and are no faster
ROUND = 16  # products are slower if the number of rows is not a multiple of this


def run(problem: Problem, needs: list[bool], upstream: Tensor | None) -> tuple[Array, Tensor, Tensor, Tensor]:
    """The losses of the rows, and the gradients that are needed, times the upstream gradients of the rows."""
    loss, sums = np.zeros(len(problem.x), problem.dtype_of_loss), Sums(problem, needs)
    for chunk in chunks(problem):
        loss[chunk.at] = to_gradient(problem, chunk.at, to_array(chunk.logits), with_grads=any(needs))
        if any(needs):
            if upstream is not None:
                chunk.logits.mul_(upstream[chunk.rows, None])
            sums.add(chunk)
    return loss, *sums.result()


class Chunk(NamedTuple):
    """Some rows that are not ignored."""

    rows: slice | Tensor  # their indices
    x: Tensor  # in the dtype of the products
    logits: Tensor  # or their gradient, in the one buffer

    @property
    def at(self) -> Index:
        """The rows as an index of arrays."""
        return self.rows if isinstance(self.rows, slice) else self.rows.numpy()


def chunks(matrices: Matrices) -> Iterator[Chunk]:
    """The rows, some at a time, with their logits."""
    classes, step = matrices.classes, rows_at_a_time(matrices)
    buffer = new_buffer(step * classes, matrices.dtype)
    for start in range(0, matrices.rows, step):
        some = slice(start, min(start + step, matrices.rows))
        rows = some if matrices.kept is None else matrices.kept[some]
        x = matrices.x[rows].to(matrices.dtype)
        logits = buffer[: len(x) * classes].view(len(x), classes)
        for block in blocks(classes):
            matrices.logits(x, block, logits[:, block])
        yield Chunk(rows, x, logits)


def rows_at_a_time(matrices: Matrices) -> int:
    """The number of rows in a chunk."""
    fitting = max(1, matrices.max_memory // (matrices.classes * matrices.dtype.itemsize))
    step = fitting - fitting % ROUND if ROUND <= fitting < matrices.rows else fitting
    return max(1, min(step, matrices.rows))


def new_buffer(entries: int, dtype: torch.dtype) -> Tensor:
    """Memory for logits."""
    return torch.empty(entries, dtype=dtype, device="cpu")


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

    def __init__(self, matrices: Matrices, needs: list[bool]) -> None:
        self.matrices, self.needs = matrices, needs
        self.wide = torch.float64 if matrices.dtype == torch.float64 else torch.float32
        x, w, dtype = matrices.x, matrices.w, matrices.dtype
        in_one_chunk = rows_at_a_time(matrices) >= matrices.rows
        none = functools.partial(
            torch.empty, 0, dtype=dtype, device="cpu"
        )  # a new one each: operators return no tensor twice
        fill = torch.empty if matrices.kept is None else torch.zeros  # ignored rows have gradient 0
        self.dx = fill(x.shape, dtype=dtype, device="cpu") if needs[0] else none()
        self.dw = torch.zeros(w.shape, dtype=dtype if in_one_chunk else self.wide, device="cpu") if needs[1] else none()
        self.db = torch.zeros(len(w), dtype=self.wide, device="cpu") if needs[2] else none()

    def add(self, chunk: Chunk) -> None:
        """Adds a chunk, whose logits have been replaced by their gradient."""
        rows, x, g = chunk
        w = self.matrices.w
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
        dtype = self.matrices.dtype
        dx = self.dx.reshape(self.matrices.shape) if self.needs[0] else self.dx
        return dx, self.dw.to(dtype), self.db.to(dtype)
