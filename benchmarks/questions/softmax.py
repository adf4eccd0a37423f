"""Softmax, log_softmax and their backward passes.

For one row of logits z (K classes) and the upstream gradients dp = dL/dp and dy = dL/dy:

    p  = exp(z) / sum exp(z)       reads the logits, writes the probabilities
    y  = z - log sum exp(z)        reads the logits, writes the log-probabilities
    dz = p (dp - sum dp p)         reads the probabilities and dp, writes dz
    dz = dy - exp(y) sum dy        reads the log-probabilities and dy, writes dz
"""

from __future__ import annotations

import numpy as np

from benchmarks.questions.base import (
    SPREAD,
    Array,
    Size,
    Truth,
    draw,
    draw_logits,
    numpy_dtype,
    row_blocks,
    softmax_parts,
)


class _Forward:
    arrays_moved = 2

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Logits of shape (N, K)."""
        return (draw_logits(np.random.default_rng(0), size, dtype),)


class Softmax(_Forward):
    """The result holds the probabilities."""

    name = "softmax"

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """The probabilities. The error of each one is measured relative to itself."""
        (logits,) = inputs
        _, exponentials, sums = softmax_parts(logits[rows].astype(np.float64))
        probs = exponentials / sums
        return (Truth("probabilities", logits.shape, rows, probs, probs),)


class SoftmaxColumns(_Forward):
    """Softmax along the outer axis: the result holds the probabilities of each column, in the shape (K, N)."""

    name = "softmax_columns"

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Logits of shape (K, N)."""
        return (np.ascontiguousarray(super().inputs(size, dtype)[0].T),)

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """All probabilities. The error of each one is measured relative to itself."""
        (logits,) = inputs
        _, exponentials, sums = softmax_parts(logits.T.astype(np.float64))
        probs = (exponentials / sums).T
        return (Truth("probabilities", logits.shape, ..., probs, probs),)


class LogSoftmax(_Forward):
    """The result holds the log-probabilities."""

    name = "log_softmax"

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """The log-probabilities. Errors are measured relative to the terms z and log sum exp(z)."""
        (logits,) = inputs
        z = logits[rows].astype(np.float64)
        shifted, _, sums = softmax_parts(z)
        log_probs = shifted - np.log(sums)
        return (Truth("log-probabilities", logits.shape, rows, log_probs, np.abs(z) + np.abs(z - log_probs)),)


class _Backward:
    arrays_moved = 3
    takes_logarithms = False

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """The output of the forward pass and the upstream gradient, both of shape (N, K)."""
        rng = np.random.default_rng(0)
        output = draw(rng, size, dtype)
        for block in row_blocks(size):
            shifted, exponentials, sums = softmax_parts(output.dtype.type(SPREAD) * output[block])
            output[block] = shifted - np.log(sums) if self.takes_logarithms else exponentials / sums
        final = numpy_dtype(dtype)
        return output.astype(final, copy=False), draw(rng, size, dtype).astype(final, copy=False)


class SoftmaxVjp(_Backward):
    """The backward pass of softmax, from the probabilities."""

    name = "softmax_vjp"

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """The gradient. Errors are measured relative to the terms of each entry."""
        p, dp = (array[rows].astype(np.float64) for array in inputs)
        grad = p * (dp - (p * dp).sum(axis=1, keepdims=True))
        terms = p * (np.abs(dp) + (p * np.abs(dp)).sum(axis=1, keepdims=True))
        return (Truth("gradient", inputs[0].shape, rows, grad, terms),)


class LogSoftmaxVjp(_Backward):
    """The backward pass of log_softmax, from the log-probabilities."""

    name = "log_softmax_vjp"
    takes_logarithms = True

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """The gradient. Errors are measured relative to the terms; rounding y by eps |y| changes exp(y) by eps |y|."""
        y, dy = (array[rows].astype(np.float64) for array in inputs)
        p = np.exp(y)
        grad = dy - p * dy.sum(axis=1, keepdims=True)
        terms = np.abs(dy) + p * (1 + np.abs(y)) * np.abs(dy).sum(axis=1, keepdims=True)
        return (Truth("gradient", inputs[0].shape, rows, grad, terms),)
