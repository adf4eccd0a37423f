"""NumPy code written by hand to save memory, with as few temporary arrays as the formula allows.

16-bit inputs are computed in float32 and rounded once. NumPy's own loops for 16-bit numbers are much slower.
"""

from __future__ import annotations

import numpy as np

from benchmarks.providers.base import Call, Provider
from benchmarks.questions.base import Array


class NumPyByHand(Provider):
    """Every operation, computed by its formula."""

    def cross_entropy(self, logits: Array, target: Array) -> Call:
        """The gradient (softmax(z) - onehot(y)) / N is computed in place in the array of exp(z)."""
        rows, at_target = len(logits), (np.arange(len(logits)), target)

        def call() -> tuple[Array, ...]:
            z = _wide(logits)
            work = z - z.max(axis=1, keepdims=True)
            loss = -work[at_target].sum(dtype=np.float64)
            np.exp(work, out=work)
            total = work.sum(axis=1, keepdims=True)
            loss += np.log(total).sum(dtype=np.float64)
            work /= total * rows
            work[at_target] -= work.dtype.type(1 / rows)
            return loss / rows, work.astype(logits.dtype, copy=False)

        return call

    def softmax(self, logits: Array) -> Call:
        """exp(z - max) divided by its sum."""

        def call() -> tuple[Array, ...]:
            z = _wide(logits)
            work = z - z.max(axis=1, keepdims=True)
            np.exp(work, out=work)
            work /= work.sum(axis=1, keepdims=True)
            return (work.astype(logits.dtype, copy=False),)

        return call

    def softmax_columns(self, logits: Array) -> Call:
        """exp(z - max) divided by its sum, along the outer axis."""

        def call() -> tuple[Array, ...]:
            work = logits - logits.max(axis=0)
            np.exp(work, out=work)
            work /= work.sum(axis=0)
            return (work,)

        return call

    def log_softmax(self, logits: Array) -> Call:
        """The shifted logits z - max minus the logarithm of the sum of exp(z - max)."""

        def call() -> tuple[Array, ...]:
            z = _wide(logits)
            work = z - z.max(axis=1, keepdims=True)
            work -= np.log(np.exp(work).sum(axis=1, keepdims=True))
            return (work.astype(logits.dtype, copy=False),)

        return call

    def softmax_vjp(self, probs: Array, grad_output: Array) -> Call:
        """The formula p (dp - sum dp p), computed in place in the array of its result."""

        def call() -> tuple[Array, ...]:
            p, dp = _wide(probs), _wide(grad_output)
            work = dp - np.einsum("ij,ij->i", p, dp)[:, None]
            work *= p
            return (work.astype(probs.dtype, copy=False),)

        return call

    def log_softmax_vjp(self, log_probs: Array, grad_output: Array) -> Call:
        """The formula dy - exp(y) sum dy, computed in place in the array of its result."""

        def call() -> tuple[Array, ...]:
            dy = _wide(grad_output)
            work = np.exp(_wide(log_probs))
            work *= dy.sum(axis=1, keepdims=True)
            np.subtract(dy, work, out=work)
            return (work.astype(log_probs.dtype, copy=False),)

        return call

    def token_log_probs(self, logits: Array, tokens: Array, g: Array, h: Array) -> Call:
        """The gradient p (-g - h (log p + H)), and g more at the token, in place in the array of p."""
        rows = np.arange(len(logits))

        def call() -> tuple[Array, ...]:
            log_p = _wide(logits) - _wide(logits).max(axis=1, keepdims=True)
            work = np.exp(log_p)
            sums = work.sum(axis=1, keepdims=True)
            work /= sums
            log_p -= np.log(sums)
            log_probs, entropy = log_p[rows, tokens], -np.einsum("ij,ij->i", work, log_p)
            log_p *= -h[:, None]
            log_p -= (g + h * entropy)[:, None]
            work *= log_p
            work[rows, tokens] += g
            return log_probs, entropy, work.astype(logits.dtype, copy=False)

        return call


def _wide(array: Array) -> Array:
    return array if array.itemsize > 2 else array.astype(np.float32)
