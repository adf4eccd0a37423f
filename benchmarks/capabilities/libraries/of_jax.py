"""jax.nn and optax.losses."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import numpy as np
import optax
from jax import numpy as jnp

from benchmarks.capabilities.libraries.base import Library
from benchmarks.questions.base import Array

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)

REDUCTIONS = {"mean": jnp.mean, "sum": jnp.sum, "none": lambda losses: losses}  # those of optax are one per row


class Jax(Library):
    """Not jitted, unless a question says otherwise."""

    def loss(
        self,
        z: Any,
        target: Any,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        axis: int = -1,
        is_masked: bool = False,
        **options: Any,
    ) -> Any:
        """Label smoothing is optax.losses.smooth_labels; probabilities for classes at -inf go to optax's safe loss."""
        losses = optax.losses
        if label_smoothing:
            target = losses.smooth_labels(jax.nn.one_hot(target, z.shape[axis], dtype=z.dtype), label_smoothing)
        if jnp.ndim(target) < jnp.ndim(z):
            rows = losses.softmax_cross_entropy_with_integer_labels(z, target, axis=axis, **options)
        elif is_masked:
            rows = losses.safe_softmax_cross_entropy(z, target, **options)
        else:
            rows = losses.softmax_cross_entropy(z, target, axis=axis, **options)
        return REDUCTIONS[reduction](rows)

    def loss_and_grad(self, z: Array, target: Array, dtype: str = "float64", **options: Any) -> tuple[Array, ...]:
        of = self._of(target, is_masked=bool(np.isneginf(z).any()), **options)
        loss, back = jax.vjp(of, jnp.asarray(z, dtype))
        return arrays(loss, *back(jnp.ones_like(loss)))

    def grad_at_target(self, z: Array, t: Array) -> Array:
        return array(jax.grad(self.loss, argnums=1)(jnp.asarray(z), jnp.asarray(t)))

    def rows_vjp(self, z: Array, y: Array, g: Array) -> Array:
        return array(*jax.vjp(self._of(y, reduction="none"), jnp.asarray(z))[1](jnp.asarray(g)))

    def hvp(self, z: Array, y: Array, v: Array) -> Array:
        return array(self._hvp(y, v)(jnp.asarray(z)))

    def third(self, z: Array, y: Array, v: Array) -> Array:
        return array(jax.grad(lambda z: (self._hvp(y, v)(z) * v).sum())(jnp.asarray(z)))

    def _hvp(self, y: Array, v: Array) -> Callable[[Any], Any]:
        return jax.grad(lambda z: (jax.grad(self._of(y))(z) * v).sum())

    def jvp(self, z: Array, y: Array, v: Array) -> Array:
        of = self._of(y, is_masked=bool(np.isneginf(z).any()))
        return array(jax.jvp(of, (jnp.asarray(z),), (jnp.asarray(v),))[1])

    def vmap_grad(self, z: Array, y: Array) -> Array:
        return array(jax.vmap(jax.grad(self.loss))(jnp.asarray(z), jnp.asarray(y)))

    def vmap_hessian(self, z: Array, y: Array) -> Array:
        return array(jax.vmap(jax.hessian(self.loss))(jnp.asarray(z), jnp.asarray(y)))

    def jacrev(self, z: Array, y: Array) -> Array:
        return array(jax.jacrev(self._of(y, reduction="none"))(jnp.asarray(z)))

    def jacfwd(self, z: Array, y: Array) -> Array:
        return array(jax.jacfwd(self._of(y, reduction="none"))(jnp.asarray(z)))

    def hessian(self, z: Array, y: Array) -> Array:
        return array(jax.hessian(self._of(y))(jnp.asarray(z)))

    def jacfwd_twice(self, z: Array, y: Array) -> Array:
        return array(jax.jacfwd(jax.jacfwd(self._of(y)))(jnp.asarray(z)))

    def compiled(self, z: Array, y: Array, dtype: str = "float64") -> tuple[Array, ...]:
        def losses_and_grad(z: Any) -> Any:
            losses, back = jax.vjp(self._of(y, reduction="none"), z)
            return losses, *back(jnp.ones_like(losses))

        return arrays(*jax.jit(losses_and_grad)(jnp.asarray(z, dtype)))

    def compiled_hvp(self, z: Array, y: Array, v: Array) -> Array:
        return array(jax.jit(self._hvp(y, v))(jnp.asarray(z)))

    def softmax_vjp(self, z: Array, g: Array) -> Array:
        return self._vjp(jax.nn.softmax, z, g)

    def log_softmax_vjp(self, z: Array, g: Array, dtype: str = "float64") -> Array:
        return self._vjp(jax.nn.log_softmax, z, g, dtype)

    def _vjp(self, function: Callable[[Any], Any], z: Array, g: Array, dtype: str = "float64") -> Array:
        return array(*jax.vjp(function, jnp.asarray(z, dtype))[1](jnp.asarray(g, dtype)))

    def logsumexp_grad(self, z: Array) -> Array:
        return array(jax.grad(jax.nn.logsumexp)(jnp.asarray(z)))

    def masked_logsumexp_grad(self, z: Array, where: Array) -> Array:
        return array(jax.grad(lambda z: jax.nn.logsumexp(z, where=where))(jnp.asarray(z)))

    def _of(self, y: Array, **options: Any) -> Callable[[Any], Any]:
        y = jnp.asarray(y)
        return lambda z: self.loss(z, y, **options)


def array(x: Any) -> Array:
    """The numbers, in float32 if they have 16 bits."""
    return np.asarray(x.astype("float32") if x.dtype.itemsize == 2 else x)


def arrays(*given: Any) -> tuple[Array, ...]:
    """The numbers of several arrays."""
    return tuple(map(array, given))
