"""Softmax cross-entropy: the mean loss and its gradient at the logits, for class numbers.

    L     = mean_i -log p_i[y_i]
    dL/dz = (p - onehot(y)) / N

Moves the logits in and the gradient out.
"""

from __future__ import annotations

import numpy as np

from benchmarks.questions.base import SPREAD, Array, Size, Truth, draw, numpy_dtype, row_blocks, softmax_parts


class CrossEntropy:
    """Results are (loss, gradient)."""

    name = "cross_entropy"
    arrays_moved = 2

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Logits (N, K) and classes (N)."""
        rng = np.random.default_rng(0)
        logits = draw(rng, size, dtype)
        logits *= logits.dtype.type(SPREAD)
        return logits.astype(numpy_dtype(dtype), copy=False), rng.integers(size.classes, size=size.rows)

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """The loss of all rows; the gradient, whose terms are p/N and onehot(y)/N, at some."""
        logits, target = inputs
        total = 0.0
        for block in row_blocks(Size(*logits.shape)):
            shifted, _, sums = softmax_parts(logits[block].astype(np.float64))
            total += np.log(sums).sum() - shifted[np.arange(len(shifted)), target[block]].sum()
        loss = np.asarray(total / len(logits))

        _, exponentials, sums = softmax_parts(logits[rows].astype(np.float64))
        grad = exponentials / sums
        terms = grad.copy()
        at_target = np.arange(len(rows)), target[rows]
        grad[at_target] -= 1
        terms[at_target] += 1
        return (
            Truth("loss", (), ..., loss, np.abs(loss)),
            Truth("gradient", logits.shape, rows, grad / len(logits), terms / len(logits)),
        )
