"""softmax, log_softmax and logsumexp of rows of scores, and the products with their Jacobians.

For one row of logits z with its maximum m at the class a, and d = (z - m) / temperature, let

    others = sum_{j != a} exp(d_j)        without the term 1 of the maximum, which would absorb small ones
    p      = exp(d) / (1 + others)
    log p  = d - log1p(others)

The products with the Jacobians have the entry x_k (1 - p_k) - sum of the other x_j p_j. Where p_k is near 1 this does
not cancel, as x_k - sum_j x_j p_j does.
"""

from typing import NamedTuple

import numpy as np

from judge.arithmetic import WIDE
from judge.judged import Judged, judged


class Softmax(NamedTuple):
    """The softmax of rows of logits. A row is NaN if its maximum is infinite or NaN."""

    p: np.ndarray
    log_p: np.ndarray
    d: np.ndarray  # (z - max(z)) / temperature
    log_sum: np.ndarray  # (..., 1): logsumexp(z) - max(z) / temperature
    largest: np.ndarray  # (..., 1): max(z) / temperature


def softmax_of(z, a=WIDE, temperature=1.0):
    """Everything that is known of the softmax of the rows of z."""
    top = np.asarray(z, float).argmax(axis=-1)[..., None]
    z, T = a.wide(z), a.wide(temperature)
    m = np.take_along_axis(z, top, axis=-1)
    with np.errstate(invalid="ignore"):  # infinity - infinity is NaN
        d, e = a.exp_of_quotient(z, m + (m - m), T)
    others = without(e, top).sum(axis=-1, keepdims=True)
    log_sum = a.log1p(others)
    return Softmax(e / (1 + others), d - log_sum, d, log_sum, m / T)


def softmax(z, a=WIDE, temperature=1.0):
    """exp(z_j) / sum exp(z)."""
    return softmax_of(z, a, temperature).p


def log_softmax(z, a=WIDE, temperature=1.0):
    """z_j - log sum exp(z)."""
    return softmax_of(z, a, temperature).log_p


def logsumexp(z, a=WIDE, temperature=1.0):
    """Log sum exp(z). It is infinite, not NaN, if the maximum is infinite: in a row of -inf, or with a +inf."""
    s = softmax_of(z, a, temperature)
    return (judged(s.largest) + np.where(abs(s.largest) == np.inf, 0, s.log_sum)).sum()


def jacobian(p, a=WIDE):
    """The matrix dp_i/dz_j = p_i (delta_ij - p_j). 1 - p_i is the sum of the other p, so every row sums to 0."""
    p = a.wide(p)
    delta = _delta(p, a)
    return judged(p[..., :, None] * (delta * sum_of_others(p, top(p))[..., None] - (1 - delta) * p[..., None, :]))


def log_jacobian(z, a=WIDE):
    """The matrix d log p_i / dz_j = delta_ij - p_j, with p computed from log p."""
    (p, size), (q, q_size) = _exp(log_softmax(z, a), a)
    delta = _delta(p, a)
    return Judged(
        delta * q[..., None] - (1 - delta) * p[..., None, :],
        delta * q_size[..., None] + (1 - delta) * size[..., None, :],
    )


def softmax_vjp(p, v, a=WIDE, temperature=1.0):
    """P_k (v_k - <p, v>) / T: the Jacobian, which is symmetric, times a vector. The matrix is not formed."""
    p = a.wide(p)
    v = v if isinstance(v, Judged) else judged(a.wide(v))
    return p * minus_mean(p, v) * (1 / a.wide(temperature))


softmax_jvp = softmax_vjp


def log_softmax_vjp(log_p, v, a=WIDE, temperature=1.0):
    """V - p sum(v), with p = exp(log_p), which need not sum to 1."""
    log_p, v = a.wide(log_p), judged(a.wide(v))
    p, q = _exp(log_p, a)
    return (q * v - p * of_others(v, top(log_p))) * (1 / a.wide(temperature))


def log_softmax_jvp(log_p, v, a=WIDE, temperature=1.0):
    """V - <p, v>, with p = exp(log_p)."""
    log_p, v = a.wide(log_p), judged(a.wide(v))
    p, q = _exp(log_p, a)
    return (q * v - of_others(p * v, top(log_p))) * (1 / a.wide(temperature))


def logsumexp_vjp(z, g, a=WIDE, temperature=1.0):
    """P g, for one number g per row."""
    return judged(softmax(z, a, temperature)) * a.wide(g)[..., None] * (1 / a.wide(temperature))


def logsumexp_jvp(z, v, a=WIDE, temperature=1.0):
    """<p, v>."""
    return (judged(softmax(z, a, temperature)) * a.wide(v)).sum() * (1 / a.wide(temperature))


def minus_mean(p, x):
    """X_k - <p, x> as x_k (1 - p_k) - sum of the other p_j x_j, where 1 - p_k is the sum of the other p."""
    at = top(p)
    return sum_of_others(p, at) * x - of_others(p * x, at)


def top(p):
    """The first largest entry of each row, (..., 1)."""
    return np.asarray(p, float).argmax(axis=-1)[..., None]


def sum_of_others(x, at):
    """For each entry the sum of the other entries of its row. At `at`, where others are small, nothing cancels."""
    others = x.sum(axis=-1, keepdims=True) - x
    np.put_along_axis(others, at, without(x, at).sum(axis=-1, keepdims=True), axis=-1)
    return others


def of_others(x, at):
    """The same for a Judged."""
    return Judged(sum_of_others(x.value, at), sum_of_others(x.size, at))


def without(x, classes):
    """A copy of x in which the entry of one class per row is 0."""
    others = x.copy()
    np.put_along_axis(others, classes, 0, axis=-1)
    return others


def times(t, x):
    """T * x, where 0 times any number, even infinity or NaN, is 0."""
    return np.where(t == 0, 0, t * np.where(t == 0, 0, x))


def _exp(log_p, a):
    """P = exp(log p) and 1 - p. A relative error of log p is an absolute error p |log p| in both."""
    p, q = a.exp(log_p), -a.expm1(log_p)
    error = times(p, abs(log_p))
    return Judged(p, p + error), Judged(q, q + error)


def _delta(p, a):
    return a.wide(np.eye(p.shape[-1]))
