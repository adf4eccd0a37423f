"""Cross-entropy of x w^T and its gradients: softgrad, the bare products, and PyTorch in both of its ways."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

import softgrad as sg
from benchmarks.providers.base import Call, Provider
from benchmarks.providers.torch_calls import Torch
from benchmarks.questions.base import Array, Truth
from softgrad import _blas
from softgrad.losses._linear.problem import BLOCK, read_problem

CHUNK = 512  # rows: PyTorch's best setting on a CPU; what it chooses itself, some 8 rows, takes 2 to 4 times as long
FILTER_EPS = 1e-5
FILTERED_ERROR = 1e-3  # of a gradient, by its norm


class Softgrad(Provider):
    """With its defaults."""

    options: Mapping[str, Any] = MappingProxyType({})

    def linear_cross_entropy(self, x: Array, w: Array, target: Array) -> Call:
        """New gradients in every call."""

        def call() -> tuple[Any, ...]:
            loss, (dx, dw, _) = sg.linear_cross_entropy_with_grad(x, w, target, **self.options)
            return loss, dx, dw

        return call


class SoftgradFiltered(Softgrad):
    """With filter_eps, which is held to an error of the norm."""

    options = MappingProxyType({"filter_eps": FILTER_EPS})

    def fault(self, truths: tuple[Truth, ...], results: tuple[Any, ...], dtype: str) -> str | None:
        """What is wrong with the results."""
        for truth, got in zip(truths, results, strict=True):
            error = np.linalg.norm(np.asarray(got)[truth.rows] - truth.values)
            if not error <= FILTERED_ERROR * np.linalg.norm(truth.values):
                return f"{truth.name} is off by {error / np.linalg.norm(truth.values):.1e} of its norm"
        return None


class SoftgradRoomy(Softgrad):
    """With room for as many logits as PyTorch's chunks have."""

    def linear_cross_entropy(self, x: Array, w: Array, target: Array) -> Call:
        """The same call but for max_memory."""
        self.options = {"max_memory": CHUNK * len(w) * x.itemsize}
        return super().linear_cross_entropy(x, w, target)


class Products(Provider):
    """The three products alone, of chunks as softgrad takes them, into new arrays as softgrad's."""

    def linear_cross_entropy(self, x: Array, w: Array, target: Array) -> Call:
        """Its results are right as long as nothing happens to the logits in between: z w and z^T x."""
        rows = read_problem("products", x, w, target, None, 64 * 2**20, {}).rows

        def call() -> tuple[Any, ...]:
            buffer, dx, dw = np.empty((rows, len(w)), x.dtype), np.zeros(x.shape, x.dtype), np.zeros(w.shape, w.dtype)
            for start in range(0, len(x), rows):
                some = x[start : start + rows]
                z, dx_some = buffer[: len(some)], dx[start : start + rows]
                for j in range(0, len(w), BLOCK):
                    _blas.multiply(some, w[j : j + BLOCK].T, z[:, j : j + BLOCK])
                for j in range(0, len(w), BLOCK):
                    _blas.multiply(z[:, j : j + BLOCK], w[j : j + BLOCK], dx_some, add=j > 0)
                    _blas.multiply(z[:, j : j + BLOCK].T, some, dw[j : j + BLOCK], add=True)
            return dx, dw

        self.x, self.w = x, w
        return call

    def fault(self, truths: tuple[Truth, ...], results: tuple[Any, ...], dtype: str) -> str | None:
        """Of the first call: dx = (x w^T) w at some rows."""
        (dx, _), x, w = results, self.x, self.w
        wanted = (x[:4].astype(np.float64) @ w.T.astype(np.float64)) @ w.astype(np.float64)
        return (
            None if np.allclose(dx[:4], wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max()) else "the products differ"
        )


class TorchEager(Torch):
    """F.cross_entropy of all logits."""

    def linear_cross_entropy(self, x: Any, w: Any, target: Any) -> Call:
        """Autograd backward."""
        x, w = x.requires_grad_(), w.requires_grad_()

        def call() -> tuple[Any, ...]:
            loss = self.loss(x, w, target)
            return loss, *self.torch.autograd.grad(loss, (x, w))

        return call

    def loss(self, x: Any, w: Any, target: Any) -> Any:
        """Forward."""
        return self.torch.nn.functional.cross_entropy(x @ w.T, target)


class TorchChunked(TorchEager):
    """F.linear_cross_entropy, by chunks of the size that suits it."""

    def loss(self, x: Any, w: Any, target: Any) -> Any:
        """Which also computes the gradients."""
        options = self.torch.nn.LinearCrossEntropyOptions(batch_chunk_size=CHUNK)
        return self.torch.nn.functional.linear_cross_entropy(x, w, target, options=options)
