"""softgrad.torch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

import softgrad.torch as st
from benchmarks.capabilities.libraries.of_torch import Torch, array, arrays, tensor
from benchmarks.questions.base import Array


class SoftgradTorch(Torch):
    """The functions of softgrad.torch, asked like those of torch."""

    functions = SimpleNamespace(
        softmax=lambda z, axis: st.softmax(z, axis=axis), log_softmax=lambda z, axis: st.log_softmax(z, axis=axis)
    )

    def loss(self, z: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
        return st.cross_entropy(z, target, **options)

    def own_function_jacfwd_twice(self, z: Array, y: Array) -> Array:
        return self.jacfwd_twice(z, y)

    def linear_loss(self, x: torch.Tensor, w: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return st.linear_cross_entropy(x, w, y)

    def tokens(self, z: torch.Tensor, y: torch.Tensor, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
        log_probs, entropy = st.token_log_probs(z, y, **options)
        return log_probs, entropy

    def linear_token_grads(self, x: Array, w: Array, y: Array, g: Array, h: Array) -> tuple[Array, ...]:
        x, w = tensor(x).requires_grad_(), tensor(w).requires_grad_()
        outputs = st.linear_token_log_probs(x, w, tensor(y))
        return arrays(*torch.autograd.grad(tuple(outputs), (x, w), [tensor(g), tensor(h)]))

    def logsumexp_grad(self, z: Array) -> Array:
        return self.masked_logsumexp_grad(z, None)

    def masked_logsumexp_grad(self, z: Array, where: Array | None) -> Array:
        z = tensor(z).requires_grad_()
        lse = st.logsumexp(z, where=None if where is None else tensor(where))
        return array(*torch.autograd.grad(lse, z))
