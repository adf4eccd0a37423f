"""The exact values, in mpmath with 50 digits, or in long double for rows too long for that.

For one row of logits z, m its maximum (at the class a) and d = z - m, which neither arithmetic rounds where it matters:

    others_i = sum_{j != i} exp(d_j)                 without the term at i, so that no 1 swallows what is small
    log p_j  = d_j - log1p(others_a)
    p_j - t_j = -others_y / (1 + others_a)           at a target class j = y; elsewhere p_j

Nothing here comes from softgrad.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import mpmath
import numpy as np

from benchmarks.accuracy.cases import IN_MPMATH, Case
from benchmarks.questions.base import Array

mpmath.mp.dps = 50


class Exact(NamedTuple):
    """Right values, and the sizes that errors are measured against; both long double."""

    value: Array
    size: Array  # |value|, or where its terms cancel the sum of their sizes


class Arithmetic(Protocol):
    """Numbers wide enough to judge by."""

    log: Any  # from an array to an array, as NumPy's
    log1p: Any

    def wide(self, x: Array) -> Array:
        """The same numbers."""

    def exp_of_differences(self, z: Array, m: Array) -> tuple[Array, Array]:
        """(z - m, exp(z - m)), for m (N, 1)."""

    def rounded(self, x: Array) -> Array:
        """As long double."""


class Mpmath:
    """50 digits, and exponents without end."""

    log = staticmethod(np.frompyfunc(mpmath.log, 1, 1))
    log1p = staticmethod(np.frompyfunc(mpmath.log1p, 1, 1))
    _exp = staticmethod(np.frompyfunc(mpmath.exp, 1, 1))

    def wide(self, x: Array) -> Array:
        """As mpf; every float32 and float64 is one."""
        wide: Array = np.frompyfunc(lambda value: mpmath.mpf(float(value)), 1, 1)(x)
        return wide

    def exp_of_differences(self, z: Array, m: Array) -> tuple[Array, Array]:
        """Differences of numbers up to 1e8 fit the 50 digits."""
        d = self.wide(z) - self.wide(m)
        return d, self._exp(d)

    def rounded(self, x: Array) -> Array:
        """Two floats carry the 64 bits of a long double."""
        return np.vectorize(_to_long_double, otypes=[np.longdouble])(x)


class LongDouble:
    """64 bits of mantissa: an error of 0.001 ulp of float64."""

    log = staticmethod(np.log)
    log1p = staticmethod(np.log1p)

    def wide(self, x: Array) -> Array:
        """As long double; every float32 and float64 is one."""
        return x.astype(np.longdouble)

    def exp_of_differences(self, z: Array, m: Array) -> tuple[Array, Array]:
        """What rounding takes from z - m is found again (Knuth's two-sum), and enters exp as a factor."""
        z, m = self.wide(z), self.wide(m)
        d = z - m
        part = d - z
        lost = np.where(np.isinf(d), 0, (z - (d - part)) - (m + part))
        return d, np.exp(d) * (1 + lost)

    def rounded(self, x: Array) -> Array:
        """As it is."""
        return x.astype(np.longdouble)


def judge(case: Case, arithmetic: Arithmetic | None = None) -> dict[str, Exact]:
    """Every quantity of a case, by name."""
    a = arithmetic or (Mpmath() if case.logits.shape[1] <= IN_MPMATH else LongDouble())
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

    there = case.probs > 0
    t = a.wide(np.where(there, case.probs, 1))
    log_p_there = np.where(there, log_p, 0)
    log_t = a.log(t)
    divergence = np.where(there, t * (log_t - log_p_there), 0).sum(axis=1)
    divergence_terms = np.where(there, t * (abs(log_t) + abs(log_p_there)), 0).sum(axis=1)
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
    """A copy of e with 0 at one class of each row."""
    rest = e.copy()
    rest[np.arange(len(e)), classes] = 0
    return rest


def _to_long_double(x: Any) -> np.longdouble:
    if not mpmath.isfinite(x):
        return np.longdouble(float(x))
    mantissa, exponent = mpmath.frexp(x)
    high = float(mantissa)
    return np.ldexp(np.longdouble(high) + np.longdouble(float(mantissa - high)), int(max(exponent, -40_000)))
