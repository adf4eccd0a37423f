"""The cross-entropy of a linear layer on the CPU: torch's matrix products, and the kernel in the buffer between them.

    z = x w^T + b        g = dL/dz, in place of z        dx = g w        dw += g^T x        db += sum of the rows of g

for one chunk of rows after the other. bfloat16 is multiplied as it is, with the instructions of the processor; sums
over chunks are float32. float16 is computed in float32, and its gradients are rounded in the backward pass, after the
scale of the loss.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from softgrad._arrays import Array, Rows, aligned
from softgrad.losses._linear.problem import Index, Problem, read_problem
from softgrad.losses._options import RowOptions
from softgrad.torch.memory import to_array, to_tensor
from softgrad.torch.options import Options

BLOCK = 8192  # classes whose part of dw is added at once in bfloat16
ROUND = 16


class Chunks:
    """A problem with its matrices in the dtype of the products, and the buffer for logits."""

    def __init__(
        self,
        options: Options,
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        target: Tensor,
        weight: Tensor | None,
        max_memory: int,
    ) -> None:
        row_options = RowOptions(
            weight=to_array(weight),
            ignore_index=options.ignore_index,
            label_smoothing=options.label_smoothing,
            z_loss=options.z_loss,
            softcap=options.softcap,
            temperature=options.temperature,
            reduction=options.reduction,  # type: ignore[typeddict-item]
            denominator=options.denominator,
            if_all_ignored=options.if_all_ignored,  # type: ignore[typeddict-item]
        )
        self.problem: Problem = read_problem(
            "linear_cross_entropy",
            to_array(x),
            to_array(w),
            to_array(target),
            None if bias is None else to_array(bias),
            max_memory,
            row_options,
        )
        self.dtype = torch.float32 if x.dtype == torch.float16 else x.dtype
        self.x = x.detach().reshape(-1, x.shape[-1])
        self.w = w.detach().to(self.dtype)
        self.bias = None if bias is None else bias.detach().to(self.dtype)
        kept = self.problem.kept
        self.kept = None if kept is None else torch.from_numpy(kept)
        rows, classes = len(self.x) if kept is None else len(kept), len(self.w)
        fitting = max(1, max_memory // (classes * self.dtype.itemsize))
        self.rows = max(1, rows) if fitting >= rows else max(fitting - fitting % ROUND, min(fitting, ROUND - 1))
        self.count = rows
        self.buffer = torch.empty(self.rows * classes, dtype=self.dtype)
        self.loss = np.zeros(len(self.x), self.problem.dtype)

    def run(self, *, with_grads: bool) -> Iterator[tuple[slice | Tensor, Tensor, Tensor]]:
        """The rows of each chunk, their features, and the gradient at their logits; fills in the loss."""
        classes = len(self.w)
        for start in range(0, self.count, self.rows):
            stop = min(start + self.rows, self.count)
            rows = slice(start, stop) if self.kept is None else self.kept[start:stop]
            x = self.x[rows].to(self.dtype)
            logits = self.buffer[: len(x) * classes].view(len(x), classes)
            if self.bias is None:
                torch.mm(x, self.w.T, out=logits)
            else:
                torch.addmm(self.bias, x, self.w.T, out=logits)
            self._to_gradient(rows if isinstance(rows, slice) else rows.numpy(), to_array(logits), with_grads)
            yield rows, x, logits

    def _to_gradient(self, rows: Index, logits: Array, with_grads: bool) -> None:
        """The kernel: the losses of a chunk of rows, and the gradient in place of the logits."""
        batch = self.problem.batch
        target = batch.target[rows]
        if target.ndim == 3:
            target = aligned(target, self.problem.dtype)
        z = Rows(logits[:, :, None], logits.shape, 1, logits.dtype, "kept")
        loss = np.empty(len(logits), self.problem.dtype)
        batch._replace(z=z, target=target).run(loss, z.stored if with_grads else None, fresh=False)
        self.loss[rows] = loss

    def reduced(self) -> Tensor:
        """The loss, reduced."""
        batch = self.problem.batch
        total = self.loss.sum(dtype=np.longdouble) / (batch.denominator or 1)
        return to_tensor(batch.reduced(self.loss, total))


class Sums:
    """The gradients at x, w and the bias, summed over the chunks; an empty tensor where one is not needed."""

    def __init__(self, chunks: Chunks, needs: list[bool]) -> None:
        self.needs = needs
        self.dtype = chunks.dtype
        self.wide = torch.float64 if chunks.dtype == torch.float64 else torch.float32
        self.is_one = chunks.rows >= chunks.count
        none = functools.partial(torch.empty, 0, dtype=self.dtype)  # a new one each: operators return no tensor twice
        fill = torch.empty if chunks.kept is None else torch.zeros  # ignored rows have gradient 0
        self.dx = fill(chunks.x.shape, dtype=self.dtype) if needs[0] else none()
        self.dw = torch.zeros(chunks.w.shape, dtype=self.dtype if self.is_one else self.wide) if needs[1] else none()
        self.db = torch.zeros(len(chunks.w), dtype=self.wide) if needs[2] else none()

    def add(self, rows: slice | Tensor, x: Tensor, g: Tensor, w: Tensor) -> None:
        """Adds a chunk, of which g is the gradient at the logits."""
        if self.needs[0]:
            if isinstance(rows, slice):
                torch.mm(g, w, out=self.dx[rows])
            else:
                self.dx[rows] = torch.mm(g, w)
        if self.needs[1]:
            if self.is_one:
                torch.mm(g.T, x, out=self.dw)
            elif self.dw.dtype == g.dtype:
                self.dw.addmm_(g.T, x)
            else:
                for start in range(0, len(w), BLOCK):
                    block = slice(start, start + BLOCK)
                    self.dw[block] += torch.mm(g[:, block].T, x)
        if self.needs[2]:
            self.db += g.sum(dim=0, dtype=self.wide)

    def result(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three gradients, in the dtype of the products; that at x in its shape."""
        dx = self.dx.reshape(x.shape) if self.needs[0] else self.dx
        return dx, self.dw.to(self.dtype), self.db.to(self.dtype)


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
        chunks = Chunks(options, x, w, bias, target, weight, max_memory)
        sums = Sums(chunks, needs)
        for rows, some_x, g in chunks.run(with_grads=any(needs)):
            sums.add(rows, some_x, g, chunks.w)
        return chunks.reduced(), *sums.result(x)


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
        chunks = Chunks(options, x, w, bias, target, weight, max_memory)
        sums = Sums(chunks, needs)
        each = upstream.reshape(-1, 1)
        for rows, some_x, g in chunks.run(with_grads=True):
            sums.add(rows, some_x, g.mul_(each[rows]), chunks.w)
        return sums.result(x)
