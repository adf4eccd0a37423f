"""NumPy as somebody writes it who minds the memory: as few temporaries as the formula allows.

16-bit inputs are computed in float32 and rounded once; NumPy's own 16-bit loops are slower by far.
"""

from __future__ import annotations

import numpy as np

from benchmarks.providers.base import Call, Provider
from benchmarks.questions.base import Array


class NumPyByHand(Provider):
    """Each operation from its formula."""

    def cross_entropy(self, logits: Array, target: Array) -> Call:
        """(softmax(z) - onehot) / N, made where exp(z) stands."""
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
        """exp(z - max) over its sum."""

        def call() -> tuple[Array, ...]:
            z = _wide(logits)
            work = z - z.max(axis=1, keepdims=True)
            np.exp(work, out=work)
            work /= work.sum(axis=1, keepdims=True)
            return (work.astype(logits.dtype, copy=False),)

        return call

    def log_softmax(self, logits: Array) -> Call:
        """The shifted logits less the logarithm of the sum of their exponentials."""

        def call() -> tuple[Array, ...]:
            z = _wide(logits)
            work = z - z.max(axis=1, keepdims=True)
            work -= np.log(np.exp(work).sum(axis=1, keepdims=True))
            return (work.astype(logits.dtype, copy=False),)

        return call

    def softmax_vjp(self, probs: Array, grad_output: Array) -> Call:
        """The formula p (dp - sum dp p), in the room of its result."""

        def call() -> tuple[Array, ...]:
            p, dp = _wide(probs), _wide(grad_output)
            work = dp - np.einsum("ij,ij->i", p, dp)[:, None]
            work *= p
            return (work.astype(probs.dtype, copy=False),)

        return call

    def log_softmax_vjp(self, log_probs: Array, grad_output: Array) -> Call:
        """The formula dy - exp(y) sum dy, in the room of its result."""

        def call() -> tuple[Array, ...]:
            dy = _wide(grad_output)
            work = np.exp(_wide(log_probs))
            work *= dy.sum(axis=1, keepdims=True)
            np.subtract(dy, work, out=work)
            return (work.astype(log_probs.dtype, copy=False),)

        return call


def _wide(array: Array) -> Array:
    return array if array.itemsize > 2 else array.astype(np.float32)
