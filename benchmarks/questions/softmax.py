"""Softmax, its logarithm and its backward pass.

For one row of logits z (K classes), dp the gradient at the probabilities:

    p  = exp(z) / sum exp(z)       the logits in, the probabilities out
    y  = z - log sum exp(z)        the logits in, the log-probabilities out
    dz = p (dp - sum dp p)         the probabilities and the gradient at them in, that at the logits out
"""

from __future__ import annotations

import numpy as np

from benchmarks.questions.base import SPREAD, Array, Size, disagreement, draw, numpy_dtype, row_blocks, softmax64


class _Forward:
    arrays_moved = 2

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Logits (N, K)."""
        logits = draw(np.random.default_rng(0), size, dtype)
        logits *= logits.dtype.type(SPREAD)
        return (logits,)


class Softmax(_Forward):
    """The probabilities."""

    name = "softmax"

    def fault(self, inputs: tuple[Array, ...], results: tuple[Array, ...], dtype: str) -> str | None:
        """Each probability by its own size."""
        (logits,), (probs,) = inputs, results
        for block in row_blocks(Size(*logits.shape)):
            p, _ = softmax64(logits[block])
            if fault := disagreement("probabilities", probs[block], p, p, dtype):
                return f"{fault} (rows from {block.start})"
        return None


class LogSoftmax(_Forward):
    """The log-probabilities."""

    name = "log_softmax"

    def fault(self, inputs: tuple[Array, ...], results: tuple[Array, ...], dtype: str) -> str | None:
        """Each log-probability by the sizes of its terms z and log sum exp(z)."""
        (logits,), (log_probs,) = inputs, results
        for block in row_blocks(Size(*logits.shape)):
            _, y = softmax64(logits[block])
            z = logits[block].astype(np.float64)
            if fault := disagreement("log-probabilities", log_probs[block], y, np.abs(z) + np.abs(z - y), dtype):
                return f"{fault} (rows from {block.start})"
        return None


class SoftmaxVjp:
    """The gradient at the logits, from the probabilities and the gradient at them."""

    name = "softmax_vjp"
    arrays_moved = 3

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Probabilities (N, K) and the gradient at them."""
        rng = np.random.default_rng(0)
        probs = draw(rng, size, dtype)
        for block in row_blocks(size):
            probs[block] = softmax64(SPREAD * probs[block].astype(np.float64))[0].astype(numpy_dtype(dtype))
        return probs, draw(rng, size, dtype)

    def fault(self, inputs: tuple[Array, ...], results: tuple[Array, ...], dtype: str) -> str | None:
        """Each entry by the sizes of its terms."""
        (probs, grad_output), (grad,) = inputs, results
        for block in row_blocks(Size(*probs.shape)):
            p, dp = probs[block].astype(np.float64), grad_output[block].astype(np.float64)
            truth = p * (dp - (p * dp).sum(axis=1, keepdims=True))
            terms = p * (np.abs(dp) + (p * np.abs(dp)).sum(axis=1, keepdims=True))
            if fault := disagreement("gradient", grad[block], truth, terms, dtype):
                return f"{fault} (rows from {block.start})"
        return None
