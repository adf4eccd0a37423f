"""Softmax cross-entropy: the mean loss and its gradient at the logits, for class numbers.

    L     = mean_i -log p_i[y_i]
    dL/dz = (p - onehot(y)) / N

Moves the logits in and the gradient out.
"""

from __future__ import annotations

import numpy as np

from benchmarks.questions.base import SPREAD, Array, Size, disagreement, draw, row_blocks, softmax64


class CrossEntropy:
    """Results are (loss, gradient)."""

    name = "cross_entropy"
    arrays_moved = 2

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Logits (N, K) and classes (N)."""
        rng = np.random.default_rng(0)
        logits = draw(rng, size, dtype)
        logits *= logits.dtype.type(SPREAD)
        return logits, rng.integers(size.classes, size=size.rows)

    def fault(self, inputs: tuple[Array, ...], results: tuple[Array, ...], dtype: str) -> str | None:
        """The gradient is judged by the sizes of its terms p/N and onehot(y)/N."""
        logits, target = inputs
        loss, grad = results
        if grad.shape != logits.shape:
            return f"gradient has shape {grad.shape}, wanted {logits.shape}"
        total = 0.0
        for block in row_blocks(Size(*logits.shape)):
            p, log_p = softmax64(logits[block])
            at_target = np.arange(len(p)), target[block]
            total -= log_p[at_target].sum()
            terms = p.copy()
            terms[at_target] += 1
            p[at_target] -= 1
            if fault := disagreement("gradient", grad[block], p / len(logits), terms / len(logits), dtype):
                return f"{fault} (rows from {block.start})"
        mean = np.asarray(total / len(logits))
        return disagreement("loss", loss, mean, np.abs(mean), dtype)
