"""Softmax cross-entropy: the mean loss and its gradient with respect to the logits, for class indices.

    L     = mean_i -log p_i[y_i]
    dL/dz = (p - onehot(y)) / N

It reads the logits and writes the gradient.
"""

from __future__ import annotations

import numpy as np

from benchmarks.questions.base import Array, Size, Truth, draw_logits, row_blocks, softmax_parts


class CrossEntropy:
    """The results are (loss, gradient)."""

    name = "cross_entropy"
    arrays_moved = 2

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Logits of shape (N, K) and class indices of shape (N,)."""
        rng = np.random.default_rng(0)
        return draw_logits(rng, size, dtype), rng.integers(size.classes, size=size.rows)

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """The mean loss of all rows, and the gradient at some rows. Its terms are p/N and onehot(y)/N."""
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
