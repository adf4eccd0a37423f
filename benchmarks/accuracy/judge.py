"""The exact values, computed in mpmath with 50 digits, or in long double for rows that are too long for mpmath.

For one row of logits z with its maximum m at the class a, let d = z - m. mpmath and long double both compute exp(d)
without a relevant rounding error. Then

    others_i = sum_{j != i} exp(d_j)                 without the term at i: if it is 1, it would absorb small terms
    log p_j  = d_j - log1p(others_a)
    p_j - t_j = -others_y / (1 + others_a)           for the target class j = y; p_j for the other classes

This module does not use softgrad.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import mpmath
import numpy as np

from benchmarks.accuracy.cases import MAX_CLASSES_IN_MPMATH, Case
from benchmarks.questions.base import Array

mpmath.mp.dps = 50


class Exact(NamedTuple):
    """Exact values, and the sizes relative to which errors are measured; both in long double."""

    value: Array
    size: Array  # |value|; or the sum of the absolute values of its terms, if these can cancel


class Arithmetic(Protocol):
    """An arithmetic with enough digits to compute exact values."""

    log: Any  # a function of arrays, like NumPy's
    log1p: Any

    def wide(self, x: Array) -> Array:
        """The same numbers in this arithmetic."""

    def exp_of_differences(self, z: Array, m: Array) -> tuple[Array, Array]:
        """(z - m, exp(z - m)), for m of shape (N, 1)."""

    def rounded(self, x: Array) -> Array:
        """The numbers rounded to long double."""


class Mpmath:
    """50 digits, and exponents of any size."""

    log = staticmethod(np.frompyfunc(mpmath.log, 1, 1))
    log1p = staticmethod(np.frompyfunc(mpmath.log1p, 1, 1))
    _exp = staticmethod(np.frompyfunc(mpmath.exp, 1, 1))

    def wide(self, x: Array) -> Array:
        """The numbers as mpf, which represents every float32 and float64 exactly."""
        wide: Array = np.frompyfunc(lambda value: mpmath.mpf(float(value)), 1, 1)(x)
        return wide

    def exp_of_differences(self, z: Array, m: Array) -> tuple[Array, Array]:
        """(z - m, exp(z - m)). The differences of numbers up to 1e8 fit into 50 digits."""
        d = self.wide(z) - self.wide(m)
        return d, self._exp(d)

    def rounded(self, x: Array) -> Array:
        """The numbers as long double. Two floats hold the 64 bits of its significand."""
        return np.vectorize(_to_long_double, otypes=[np.longdouble])(x)


class LongDouble:
    """A significand of 64 bits, so that errors are about 0.001 ulp of float64."""

    log = staticmethod(np.log)
    log1p = staticmethod(np.log1p)

    def wide(self, x: Array) -> Array:
        """The numbers as long double, which represents every float32 and float64 exactly."""
        return x.astype(np.longdouble)

    def exp_of_differences(self, z: Array, m: Array) -> tuple[Array, Array]:
        """(z - m, exp(z - m)). Knuth's two-sum gives the rounding error of z - m, and exp is corrected by a factor."""
        z, m = self.wide(z), self.wide(m)
        d = z - m
        minus_m = d - z
        rounding_error = np.where(np.isinf(d), 0, (z - (d - minus_m)) - (m + minus_m))
        return d, np.exp(d) * (1 + rounding_error)

    def rounded(self, x: Array) -> Array:
        """The numbers unchanged."""
        return x.astype(np.longdouble)


def judge(case: Case, arithmetic: Arithmetic | None = None) -> dict[str, Exact]:
    """The exact values of every quantity of a case, by name."""
    a = arithmetic or (Mpmath() if case.logits.shape[1] <= MAX_CLASSES_IN_MPMATH else LongDouble())
    with np.errstate(all="ignore"):
        values = _quantities(case, a)
    return {name: Exact(a.rounded(value), a.rounded(abs(size))) for name, (value, size) in values.items()}


def _quantities(case: Case, a: Arithmetic) -> dict[str, tuple[Array, Array]]:
    rows = np.arange(len(case.logits))
    top, y = case.logits.argmax(axis=1), case.classes
    m = case.logits[rows, top]
    d, e = a.exp_of_differences(case.logits, m[:, None])
    log_sum = a.log1p(_without(e, top).sum(axis=1))  # log sum_j exp(z_j) - m
    total = 1 + _without(e, top).sum(axis=1)
    p, log_p = e / total[:, None], d - log_sum[:, None]

    p_minus_t = p.copy()  # for the target class y
    p_minus_t[rows, y] = -_without(e, y).sum(axis=1) / total
    loss = -log_p[rows, y]
    squared = (p_minus_t**2).sum(axis=1) / 2
    squared_grad = p * (p_minus_t - (p_minus_t * p).sum(axis=1)[:, None])
    squared_terms = p * (abs(p_minus_t) + (abs(p_minus_t) * p).sum(axis=1)[:, None])

    positive = case.probs > 0
    t = a.wide(np.where(positive, case.probs, 1))
    log_t, log_p_or_0 = a.log(t), np.where(positive, log_p, 0)
    divergence = np.where(positive, t * (log_t - log_p_or_0), 0).sum(axis=1)
    divergence_terms = np.where(positive, t * (abs(log_t) + abs(log_p_or_0)), 0).sum(axis=1)
    return {
        "softmax": (p, p),
        "log_softmax": (log_p, log_p),
        "logsumexp": (a.wide(m) + log_sum, abs(a.wide(m)) + log_sum),
        "cross_entropy": (loss, loss),
        "cross_entropy gradient": (p_minus_t, p_minus_t),
        "squared_error": (squared, squared),
        "squared_error gradient": (squared_grad, squared_terms),
        "kl_divergence": (divergence, divergence_terms),
    }


def _without(e: Array, classes: Array) -> Array:
    """A copy of e in which the entry of one class per row is 0."""
    others = e.copy()
    others[np.arange(len(e)), classes] = 0
    return others


def _to_long_double(x: Any) -> np.longdouble:
    if not mpmath.isfinite(x):
        return np.longdouble(float(x))
    mantissa, exponent = mpmath.frexp(x)
    high = float(mantissa)
    return np.ldexp(np.longdouble(high) + np.longdouble(float(mantissa - high)), int(max(exponent, -40_000)))
