"""The matrices of a linear layer in the dtype of the products, and the checked arguments of its cross-entropy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from softgrad._arrays import Array
from softgrad.losses._linear.problem import read_problem
from softgrad.torch.memory import to_array, to_tensor
from softgrad.torch.options import Options


class Matrices:
    """x, w and the bias in the dtype of the products, and the rows that are not ignored."""

    def __init__(self, x: Tensor, w: Tensor, bias: Tensor | None, kept: Array | None, max_memory: int) -> None:
        self.dtype = torch.float32 if x.dtype == torch.float16 else x.dtype
        self.shape = x.shape
        self.x = x.detach().reshape(-1, x.shape[-1])
        self.w = w.detach().to(self.dtype)
        self.bias = None if bias is None else bias.detach().to(self.dtype)
        self.kept = None if kept is None else torch.from_numpy(kept)  # the rows that are not ignored
        self.rows = len(self.x) if kept is None else len(kept)
        self.classes = len(self.w)
        self.max_memory = max_memory

    def logits(self, x: Tensor, classes: slice, out: Tensor) -> Tensor:
        """The logits of rows x for these classes, in `out`."""
        if self.bias is None:
            return torch.mm(x, self.w[classes].T, out=out)
        return torch.addmm(self.bias[classes], x, self.w[classes].T, out=out)


class Problem(Matrices):
    """The matrices, with the targets and options of cross-entropy."""

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
        row_options = options.of_rows(to_array(weight))
        arrays = to_array(x), to_array(w), to_array(target), to_array(bias)
        checked = read_problem("linear_cross_entropy", *arrays, max_memory, row_options)
        super().__init__(x, w, bias, checked.kept, max_memory)
        self.batch, self.dtype_of_loss = checked.batch, checked.dtype

    def reduced(self, loss: Array) -> Tensor:
        """The loss, reduced, from the losses of the rows."""
        total = loss.sum(dtype=np.longdouble) / (self.batch.denominator or 1)
        return to_tensor(self.batch.reduced(loss, total))
