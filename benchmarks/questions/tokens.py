"""The log-probabilities of tokens and the entropies, forward and backward, for upstream gradients g and h.

    log p_y,    H = -sum_j p_j log p_j
    dz_j = g (delta_jy - p_j) - h p_j (log p_j + H)

The forward pass reads the logits; the backward pass reads them again and writes the gradient.
"""

from __future__ import annotations

import numpy as np

from benchmarks.questions.base import Array, Size, Truth, draw_logits, softmax_parts


class TokenLogProbs:
    """The results are (log-probabilities, entropies, gradient)."""

    name = "token_log_probs"
    arrays_moved = 3

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Logits of shape (N, K), and tokens, g and h of shape (N,)."""
        rng = np.random.default_rng(0)
        logits = draw_logits(rng, size, dtype)
        upstream = rng.standard_normal((2, size.rows)).astype(np.float64 if dtype == "float64" else np.float32)
        return logits, rng.integers(size.classes, size=size.rows), *upstream

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """Both outputs and the gradient at some rows."""
        logits, tokens, g, h = inputs
        shifted, exponentials, sums = softmax_parts(logits[rows].astype(np.float64))
        p, log_p = exponentials / sums, shifted - np.log(sums)
        at_token = np.arange(p.shape[1]) == tokens[rows][:, None]
        log_probs, entropy = log_p[at_token], -(p * log_p).sum(axis=1)
        of_g, of_h = (part[rows].astype(np.float64)[:, None] for part in (g, h))
        grad = of_g * (at_token - p) - of_h * p * (log_p + entropy[:, None])
        terms = np.abs(of_g) * (at_token + p) + np.abs(of_h) * p * (entropy[:, None] - log_p)
        count = (len(logits),)
        return (
            Truth("log-probabilities", count, rows, log_probs, np.abs(log_probs)),
            Truth("entropies", count, rows, entropy, entropy),
            Truth("gradient", logits.shape, rows, grad, terms),
        )
