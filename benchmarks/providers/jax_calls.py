"""JAX on the CPU under jit, with the loss of optax. Every call waits for its results: JAX returns before they exist."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.providers.base import Call, Provider
from benchmarks.questions.base import Array


class Jax(Provider):
    """jax.nn and optax.losses."""

    def __init__(self, name: str, dtype: str) -> None:
        super().__init__(name, dtype)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # XLA reports slow compilation, which is not timed
        import jax
        import optax

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", dtype == "float64")
        self.jax, self.optax = jax, optax

    def native(self, array: Array) -> Any:
        """An input on the device, which is the CPU."""
        return self.jax.block_until_ready(self.jax.numpy.asarray(array))

    def cross_entropy(self, logits: Any, target: Any) -> Call:
        """jax.value_and_grad of the mean of the loss of optax."""
        row_losses = self.optax.losses.softmax_cross_entropy_with_integer_labels
        return self._jitted(self.jax.value_and_grad(lambda z, y: row_losses(z, y).mean()), logits, target)

    def softmax(self, logits: Any) -> Call:
        """jax.nn.softmax."""
        return self._jitted(lambda z: (self.jax.nn.softmax(z),), logits)

    def softmax_columns(self, logits: Any) -> Call:
        """jax.nn.softmax along the outer axis."""
        return self._jitted(lambda z: (self.jax.nn.softmax(z, axis=0),), logits)

    def log_softmax(self, logits: Any) -> Call:
        """jax.nn.log_softmax."""
        return self._jitted(lambda z: (self.jax.nn.log_softmax(z),), logits)

    def softmax_vjp(self, probs: Any, grad_output: Any) -> Call:
        """The formula, which the compiler fuses."""
        return self._jitted(lambda p, dp: (p * (dp - (p * dp).sum(1, keepdims=True)),), probs, grad_output)

    def log_softmax_vjp(self, log_probs: Any, grad_output: Any) -> Call:
        """The formula, which the compiler fuses."""
        exp = self.jax.numpy.exp
        return self._jitted(lambda y, dy: (dy - exp(y) * dy.sum(1, keepdims=True),), log_probs, grad_output)

    def token_log_probs(self, logits: Any, tokens: Any, g: Any, h: Any) -> Call:
        """log_softmax, take_along_axis and the entropy, and jax.vjp."""
        jnp = self.jax.numpy

        def outputs(z: Any, y: Any) -> Any:
            log_p = self.jax.nn.log_softmax(z)
            return jnp.take_along_axis(log_p, y[:, None], 1)[:, 0], -(jnp.exp(log_p) * log_p).sum(1)

        def with_gradient(z: Any, y: Any, g: Any, h: Any) -> Any:
            both, vjp = self.jax.vjp(lambda z: outputs(z, y), z)
            return *both, vjp((g, h))[0]

        return self._jitted(with_gradient, logits, tokens, g, h)

    def _jitted(self, function: Any, *inputs: Any) -> Call:
        jitted, ready = self.jax.jit(function), self.jax.block_until_ready
        return lambda: tuple(ready(jitted(*inputs)))
