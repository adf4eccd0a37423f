"""softgrad on NumPy arrays."""

from __future__ import annotations

from typing import Any

import ml_dtypes  # noqa: F401  # the dtype bfloat16
import numpy as np

import softgrad as sg
from benchmarks.capabilities.libraries.base import Library
from benchmarks.questions.base import Array


class Softgrad(Library):
    """The closed forms. There is nothing to transform or to compile."""

    def loss_and_grad(self, z: Array, target: Array, dtype: str = "float64", **options: Any) -> tuple[Array, ...]:
        loss, grad = sg.cross_entropy_with_grad(z.astype(dtype, copy=False), target, **options)
        return np.asarray(loss), grad

    def hvp(self, z: Array, y: Array, v: Array) -> Array:
        return sg.cross_entropy_hvp(z, y, v)

    def jvp(self, z: Array, y: Array, v: Array) -> Array:
        return np.asarray(sg.cross_entropy_jvp(z, y, v))

    def linear(self, x: Array, w: Array, y: Array) -> tuple[Array, ...]:
        loss, (dx, dw, _) = sg.linear_cross_entropy_with_grad(x, w, y)
        return np.asarray(loss), dx, dw

    def token_log_probs(self, z: Array, y: Array, dtype: str = "float64", **options: Any) -> tuple[Array, ...]:
        return tuple(sg.token_log_probs(z.astype(dtype), y, **options))

    def token_grad(self, z: Array, y: Array, g: Array, h: Array, dtype: str = "float64") -> Array:
        return sg.token_log_probs_vjp(z.astype(dtype), y, g.astype(dtype), h.astype(dtype))

    def softmax_vjp(self, z: Array, g: Array) -> Array:
        return sg.softmax_vjp(sg.softmax(z), g)

    def log_softmax_vjp(self, z: Array, g: Array, dtype: str = "float64") -> Array:
        return sg.log_softmax_vjp(sg.log_softmax(z.astype(dtype)), g.astype(dtype))

    def logsumexp_grad(self, z: Array) -> Array:
        return sg.logsumexp_vjp(z, np.ones(z.shape[:-1]))

    def masked_logsumexp_grad(self, z: Array, where: Array) -> Array:
        return sg.logsumexp_vjp(z, np.ones(z.shape[:-1]), where=where)
