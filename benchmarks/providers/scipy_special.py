"""scipy.special, which offers softmax and log_softmax only. The loss is computed from log_softmax."""

from __future__ import annotations

import numpy as np

from benchmarks.providers.base import Call, Provider
from benchmarks.questions.base import Array


class SciPy(Provider):
    """SciPy has no derivatives and no bfloat16. It is not timed in float16, where a call takes many seconds."""

    dtypes = ("float32", "float64")

    def __init__(self, name: str, dtype: str) -> None:
        super().__init__(name, dtype)
        import scipy.special

        self.special = scipy.special

    def cross_entropy(self, logits: Array, target: Array) -> Call:
        """The loss is computed from log_softmax, and the gradient from its exponential."""
        rows, at_target = len(logits), (np.arange(len(logits)), target)

        def call() -> tuple[Array, ...]:
            work = self.special.log_softmax(logits, axis=1)
            loss = -work[at_target].mean(dtype=np.float64)
            np.exp(work, out=work)
            work[at_target] -= 1
            work *= work.dtype.type(1 / rows)
            return loss, work

        return call

    def softmax(self, logits: Array) -> Call:
        """scipy.special.softmax."""
        return lambda: (self.special.softmax(logits, axis=1),)

    def softmax_columns(self, logits: Array) -> Call:
        """scipy.special.softmax along the outer axis."""
        return lambda: (self.special.softmax(logits, axis=0),)

    def log_softmax(self, logits: Array) -> Call:
        """scipy.special.log_softmax."""
        return lambda: (self.special.log_softmax(logits, axis=1),)
