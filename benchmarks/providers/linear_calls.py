"""Losses of x w^T and their gradients: softgrad, only the matrix products, and PyTorch with and without chunks."""

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

CHUNK = 512  # rows; the fastest setting of PyTorch on a CPU. Its default, about 8 rows, takes 2 to 4 times as long
FILTER_EPS = 1e-5
FILTERED_ERROR = 1e-3  # the largest error of a gradient with FILTER_EPS, relative to its norm


class Softgrad(Provider):
    """softgrad with its default options."""

    options: Mapping[str, Any] = MappingProxyType({})

    def linear_cross_entropy(self, x: Array, w: Array, target: Array) -> Call:
        """A call that returns new arrays for the gradients."""

        def call() -> tuple[Any, ...]:
            loss, (dx, dw, _) = sg.linear_cross_entropy_with_grad(x, w, target, **self.options)
            return loss, dx, dw

        return call


class SoftgradFiltered(Softgrad):
    """softgrad with filter_eps. Its errors are measured relative to the norm of a gradient."""

    options = MappingProxyType({"filter_eps": FILTER_EPS})

    def fault(self, truths: tuple[Truth, ...], results: tuple[Any, ...], dtype: str) -> str | None:
        """A description of the first wrong result; None if all are right."""
        for truth, got in zip(truths, results, strict=True):
            error = np.linalg.norm(np.asarray(got)[truth.rows] - truth.values)
            if not error <= FILTERED_ERROR * np.linalg.norm(truth.values):
                return f"{truth.name} is off by {error / np.linalg.norm(truth.values):.1e} of its norm"
        return None


class SoftgradMoreMemory(Softgrad):
    """softgrad with as much memory for logits as PyTorch's chunks take."""

    def linear_cross_entropy(self, x: Array, w: Array, target: Array) -> Call:
        """The same call with another max_memory."""
        self.options = {"max_memory": CHUNK * len(w) * x.itemsize}
        return super().linear_cross_entropy(x, w, target)


class Products(Provider):
    """Only the three matrix products, with the same chunks as softgrad, written to new arrays like softgrad's."""

    def linear_cross_entropy(self, x: Array, w: Array, target: Array) -> Call:
        """A call that returns z w and z^T x, since it computes nothing from the logits z = x w^T in between."""
        rows = read_problem("products", x, w, target, None, 64 * 2**20, {}).rows

        def call() -> tuple[Any, ...]:
            buffer, dx, dw = np.empty((rows, len(w)), x.dtype), np.zeros(x.shape, x.dtype), np.zeros(w.shape, w.dtype)
            for start in range(0, len(x), rows):
                chunk = x[start : start + rows]
                z, dx_chunk = buffer[: len(chunk)], dx[start : start + rows]
                for j in range(0, len(w), BLOCK):
                    _blas.multiply(chunk, w[j : j + BLOCK].T, z[:, j : j + BLOCK])
                for j in range(0, len(w), BLOCK):
                    _blas.multiply(z[:, j : j + BLOCK], w[j : j + BLOCK], dx_chunk, add=j > 0)
                    _blas.multiply(z[:, j : j + BLOCK].T, chunk, dw[j : j + BLOCK], add=True)
            return dx, dw

        self.x, self.w = x, w
        return call

    def fault(self, truths: tuple[Truth, ...], results: tuple[Any, ...], dtype: str) -> str | None:
        """A description of a wrong product: dx must be (x w^T) w, which is checked at four rows."""
        (dx, _), x, w = results, self.x, self.w
        wanted = (x[:4].astype(np.float64) @ w.T.astype(np.float64)) @ w.astype(np.float64)
        return (
            None if np.allclose(dx[:4], wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max()) else "the products differ"
        )


class FourProducts(Torch):
    """Only the four matrix products of linear_token_log_probs, by torch, with the same chunks as softgrad.torch."""

    def linear_token_log_probs(self, x: Any, w: Any, tokens: Any, g: Any, h: Any) -> Call:
        """A call that returns z w and z^T x, since it computes nothing from the logits z = x w^T."""
        torch = self.torch
        rows = max(1, 64 * 2**20 // (len(w) * x.itemsize)) // 16 * 16

        def call() -> tuple[Any, ...]:
            buffer, dx, dw = torch.empty(rows, len(w)), torch.empty_like(x), torch.zeros_like(w)
            for gradients in (False, True):
                for start in range(0, len(x), rows):
                    chunk = x[start : start + rows]
                    z = buffer[: len(chunk)]
                    for j in range(0, len(w), BLOCK):
                        torch.mm(chunk, w[j : j + BLOCK].T, out=z[:, j : j + BLOCK])
                    if gradients:
                        torch.mm(z, w, out=dx[start : start + rows])
                        for j in range(0, len(w), BLOCK):
                            dw[j : j + BLOCK].addmm_(z[:, j : j + BLOCK].T, chunk)
            return dx, dw

        self.x, self.w = x, w
        return call

    def fault(self, truths: tuple[Truth, ...], results: tuple[Any, ...], dtype: str) -> str | None:
        """A description of a wrong product: dx must be (x w^T) w, which is checked at four rows."""
        wanted = (self.x[:4].double() @ self.w.T.double()) @ self.w.double()
        right = self.torch.allclose(results[0][:4].double(), wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))
        return None if right else "the products differ"


class TorchEager(Torch):
    """F.cross_entropy of all logits at once; log_softmax, gather and the entropy of all logits."""

    def linear_cross_entropy(self, x: Any, w: Any, target: Any) -> Call:
        """A call that computes the loss, and its gradients by autograd."""
        x, w = x.requires_grad_(), w.requires_grad_()

        def call() -> tuple[Any, ...]:
            loss = self.loss(x, w, target)
            return loss, *self.torch.autograd.grad(loss, (x, w))

        return call

    def loss(self, x: Any, w: Any, target: Any) -> Any:
        """The loss of all logits."""
        return self.torch.nn.functional.cross_entropy(x @ w.T, target)

    def linear_token_log_probs(self, x: Any, w: Any, tokens: Any, g: Any, h: Any) -> Call:
        """A call that computes both outputs, and the gradients by autograd."""
        x, w = x.requires_grad_(), w.requires_grad_()

        def call() -> tuple[Any, ...]:
            log_probs, entropy = self.tokens(x, w, tokens)
            return log_probs, entropy, *self.torch.autograd.grad((log_probs, entropy), (x, w), (g, h))

        return call

    def tokens(self, x: Any, w: Any, tokens: Any) -> tuple[Any, Any]:
        """The log-probabilities and entropies of all logits."""
        log_p = self.torch.log_softmax(x @ w.T, 1)
        return log_p.gather(1, tokens[:, None])[:, 0], -(log_p.exp() * log_p).sum(1)


class TorchChunked(TorchEager):
    """F.linear_cross_entropy, in chunks of the size that is fastest for it."""

    def loss(self, x: Any, w: Any, target: Any) -> Any:
        """The loss in chunks. PyTorch computes the gradients in the same pass."""
        options = self.torch.nn.LinearCrossEntropyOptions(batch_chunk_size=CHUNK)
        return self.torch.nn.functional.linear_cross_entropy(x, w, target, options=options)


class SoftgradTorch(TorchEager):
    """softgrad.torch with its default options, with torch's autograd."""

    def loss(self, x: Any, w: Any, target: Any) -> Any:
        """The loss, without storing the logits."""
        import softgrad.torch

        return softgrad.torch.linear_cross_entropy(x, w, target)

    def tokens(self, x: Any, w: Any, tokens: Any) -> tuple[Any, Any]:
        """The log-probabilities and entropies, without storing the logits."""
        import softgrad.torch

        log_probs, entropy = softgrad.torch.linear_token_log_probs(x, w, tokens)
        return log_probs, entropy
