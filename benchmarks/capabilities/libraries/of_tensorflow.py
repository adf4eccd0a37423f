"""TensorFlow: the losses of tf.keras, and tf.nn."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf

from benchmarks.capabilities.libraries.base import Library
from benchmarks.questions.base import Array

NAMES = {"ignore_index": "ignore_class"}
OF_PROBABILITIES = {"label_smoothing", "axis"}
REDUCTIONS = {"mean": "sum_over_batch_size", "sum": "sum", "none": "none"}


class TensorFlow(Library):
    """Eager, unless a question says otherwise."""

    def loss(self, z: Any, target: Any, reduction: str = "mean", **options: Any) -> Any:
        """Class indices are made one-hot for options that only the loss of probabilities has."""
        losses = tf.keras.losses
        if target.dtype.is_integer and not options.keys().isdisjoint(OF_PROBABILITIES):
            axis = options.get("axis", -1)
            target = tf.one_hot(target, z.shape[axis], dtype=z.dtype, axis=axis)
        kind = losses.SparseCategoricalCrossentropy if target.dtype.is_integer else losses.CategoricalCrossentropy
        options = {NAMES.get(name, name): option for name, option in options.items()}
        dtype = "float64" if z.dtype == tf.float64 else None  # by default the losses are computed in float32
        function = kind(from_logits=True, reduction=REDUCTIONS[reduction], dtype=dtype, **options)
        return function(target, z)

    def loss_and_grad(self, z: Array, target: Array, dtype: str = "float64", **options: Any) -> tuple[Array, ...]:
        return arrays(*self._loss_and_grad(tf.cast(z, dtype), tf.constant(target), **options))

    def _loss_and_grad(self, z: Any, target: Any, **options: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = self.loss(z, target, **options)
        return loss, tape.gradient(loss, z)

    def grad_at_target(self, z: Array, t: Array) -> Array:
        t = tf.constant(t)
        with tf.GradientTape() as tape:
            tape.watch(t)
            loss = self.loss(tf.constant(z), t)
        return array(tape.gradient(loss, t))

    def rows_vjp(self, z: Array, y: Array, g: Array) -> Array:
        return self._vjp(lambda z: self.loss(z, tf.constant(y), reduction="none"), z, g)

    def hvp(self, z: Array, y: Array, v: Array) -> Array:
        return array(self._hvp(tf.constant(z), tf.constant(y), tf.constant(v)))

    def _hvp(self, z: Any, y: Any, v: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(z)
            product = tf.reduce_sum(self._loss_and_grad(z, y)[1] * v)
        return tape.gradient(product, z)

    def third(self, z: Array, y: Array, v: Array) -> Array:
        z = tf.constant(z)
        with tf.GradientTape() as tape:
            tape.watch(z)
            form = tf.reduce_sum(self._hvp(z, tf.constant(y), tf.constant(v)) * v)
        return array(tape.gradient(form, z))

    def jvp(self, z: Array, y: Array, v: Array) -> Array:
        z = tf.constant(z)
        with tf.autodiff.ForwardAccumulator(z, tf.constant(v)) as accumulator:
            loss = self.loss(z, tf.constant(y))
        return array(accumulator.jvp(loss))

    def vmap_grad(self, z: Array, y: Array) -> Array:
        def of_row(row: Any) -> Any:
            return self._loss_and_grad(row[0][None], row[1][None])[1][0]

        return array(tf.vectorized_map(of_row, (tf.constant(z), tf.constant(y))))

    def vmap_hessian(self, z: Array, y: Array) -> Array:
        return array(tf.vectorized_map(lambda row: self._hessian(*row), (tf.constant(z), tf.constant(y))))

    def jacrev(self, z: Array, y: Array) -> Array:
        z = tf.constant(z)
        with tf.GradientTape() as tape:
            tape.watch(z)
            losses = self.loss(z, tf.constant(y), reduction="none")
        return array(tape.jacobian(losses, z))

    def hessian(self, z: Array, y: Array) -> Array:
        return array(self._hessian(tf.constant(z), tf.constant(y)))

    def _hessian(self, z: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(z)
            grad = self._loss_and_grad(z[None], y[None])[1][0]
        return tape.jacobian(grad, z)

    def compiled(self, z: Array, y: Array, dtype: str = "float64") -> tuple[Array, ...]:
        y = tf.constant(y)
        compiled = tf.function(lambda z: self._loss_and_grad(z, y, reduction="none"), jit_compile=True)
        return arrays(*compiled(tf.cast(z, dtype)))

    def compiled_hvp(self, z: Array, y: Array, v: Array) -> Array:
        y, v = tf.constant(y), tf.constant(v)
        return array(tf.function(lambda z: self._hvp(z, y, v), jit_compile=True)(tf.constant(z)))

    def softmax_vjp(self, z: Array, g: Array) -> Array:
        return self._vjp(tf.nn.softmax, z, g)

    def log_softmax_vjp(self, z: Array, g: Array, dtype: str = "float64") -> Array:
        return self._vjp(tf.nn.log_softmax, z, g, dtype)

    def _vjp(self, function: Callable[[Any], Any], z: Array, g: Array, dtype: str = "float64") -> Array:
        z = tf.cast(z, dtype)
        with tf.GradientTape() as tape:
            tape.watch(z)
            result = function(z)
        return array(tape.gradient(result, z, tf.cast(g, dtype)))

    def logsumexp_grad(self, z: Array) -> Array:
        return self._vjp(tf.reduce_logsumexp, z, np.ones(()))


def array(x: Any) -> Array:
    """The numbers, in float32 if they have 16 bits."""
    return (tf.cast(x, "float32") if x.dtype.size == 2 else tf.convert_to_tensor(x)).numpy()


def arrays(*given: Any) -> tuple[Array, ...]:
    """The numbers of several tensors."""
    return tuple(map(array, given))
