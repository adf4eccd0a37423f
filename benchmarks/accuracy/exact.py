"""The exact values of every quantity, by the judge: in mpmath, or in long double for rows that are too long for it."""

from __future__ import annotations

import numpy as np

import judge
from benchmarks.accuracy.cases import MAX_CLASSES_IN_MPMATH, Case

MPMATH, LONG_DOUBLE = judge.Mpmath(50), judge.LongDouble()


def exact_values(case: Case, arithmetic: judge.Mpmath | judge.LongDouble | None = None) -> dict[str, judge.Judged]:
    """By name, and in long double. Errors are measured relative to the sizes, which are not negative."""
    z, y = case.logits, case.classes
    a = arithmetic or (MPMATH if z.shape[1] <= MAX_CLASSES_IN_MPMATH else LONG_DOUBLE)
    with np.errstate(all="ignore"):
        cross_entropy, squared = (judge.rows(loss, z, y, a=a) for loss in ("cross_entropy", "squared_error"))
        values = {
            "softmax": judge.judged(judge.softmax(z, a)),
            "log_softmax": judge.judged(judge.log_softmax(z, a)),
            "logsumexp": cross_entropy.logsumexp,
            "cross_entropy": cross_entropy.loss,
            "cross_entropy gradient": cross_entropy.grad,
            "squared_error": squared.loss,
            "squared_error gradient": squared.grad,
            "kl_divergence": judge.rows("kl_divergence", z, case.probs, a=a).loss,
        }
    return {name: judge.Judged(*(a.rounded(part) for part in value)) for name, value in values.items()}
