"""Softmax, its logarithm and their backward passes.

For one row of logits z (K classes), dp and dy the gradients at the probabilities and at their logarithms:

    p  = exp(z) / sum exp(z)       the logits in, the probabilities out
    y  = z - log sum exp(z)        the logits in, the log-probabilities out
    dz = p (dp - sum dp p)         the probabilities and the gradient at them in, that at the logits out
    dz = dy - exp(y) sum dy        the log-probabilities and the gradient at them in, that at the logits out
"""

from __future__ import annotations

import numpy as np

from benchmarks.questions.base import SPREAD, Array, Size, Truth, draw, numpy_dtype, row_blocks, softmax_parts


class _Forward:
    arrays_moved = 2

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Logits (N, K)."""
        logits = draw(np.random.default_rng(0), size, dtype)
        logits *= logits.dtype.type(SPREAD)
        return (logits.astype(numpy_dtype(dtype), copy=False),)


class Softmax(_Forward):
    """The probabilities."""

    name = "softmax"

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """Each probability by its own size."""
        (logits,) = inputs
        _, exponentials, sums = softmax_parts(logits[rows].astype(np.float64))
        probs = exponentials / sums
        return (Truth("probabilities", logits.shape, rows, probs, probs),)


class LogSoftmax(_Forward):
    """The log-probabilities."""

    name = "log_softmax"

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """Each log-probability by the sizes of its terms z and log sum exp(z)."""
        (logits,) = inputs
        z = logits[rows].astype(np.float64)
        shifted, _, sums = softmax_parts(z)
        log_probs = shifted - np.log(sums)
        return (Truth("log-probabilities", logits.shape, rows, log_probs, np.abs(z) + np.abs(z - log_probs)),)


class _Backward:
    arrays_moved = 3
    takes_logarithms = False

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """The output of the forward pass (N, K) and the gradient at it."""
        rng = np.random.default_rng(0)
        output = draw(rng, size, dtype)
        for block in row_blocks(size):
            shifted, exponentials, sums = softmax_parts(output.dtype.type(SPREAD) * output[block])
            output[block] = shifted - np.log(sums) if self.takes_logarithms else exponentials / sums
        wanted = numpy_dtype(dtype)
        return output.astype(wanted, copy=False), draw(rng, size, dtype).astype(wanted, copy=False)


class SoftmaxVjp(_Backward):
    """From the probabilities."""

    name = "softmax_vjp"

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """Each entry by the sizes of its terms."""
        p, dp = (array[rows].astype(np.float64) for array in inputs)
        grad = p * (dp - (p * dp).sum(axis=1, keepdims=True))
        terms = p * (np.abs(dp) + (p * np.abs(dp)).sum(axis=1, keepdims=True))
        return (Truth("gradient", inputs[0].shape, rows, grad, terms),)


class LogSoftmaxVjp(_Backward):
    """From the log-probabilities."""

    name = "log_softmax_vjp"
    takes_logarithms = True

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """Each entry by the sizes of its terms; exp(y) is off by |y| times the rounding of y."""
        y, dy = (array[rows].astype(np.float64) for array in inputs)
        p = np.exp(y)
        grad = dy - p * dy.sum(axis=1, keepdims=True)
        terms = np.abs(dy) + p * (1 + np.abs(y)) * np.abs(dy).sum(axis=1, keepdims=True)
        return (Truth("gradient", inputs[0].shape, rows, grad, terms),)
