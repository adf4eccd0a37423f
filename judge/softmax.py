"""softmax, log_softmax and logsumexp of rows of scores, and the products with their Jacobians.

For one row of logits z with its maximum m at the class a, and d = (z - m) / temperature, let

    others = sum_{j != a} exp(d_j)        without the term 1 of the maximum, which would absorb small ones
    p      = exp(d) / (1 + others)
    log p  = d - log1p(others)
"""

from typing import NamedTuple

import numpy as np

from judge.arithmetic import WIDE
from judge.judged import Judged, dot, judged


class Softmax(NamedTuple):
    """The softmax of rows of logits. A row is NaN if its maximum is infinite or NaN."""

    p: np.ndarray
    log_p: np.ndarray
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
    return Softmax(e / (1 + others), d - log_sum, log_sum, m / T)


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
    """The matrix dp_i/dz_j = p_i (delta_ij - p_j), with the terms p_i delta_ij and p_i p_j."""
    p = a.wide(p)
    return p[..., :, None] * (judged(_delta(p, a)) - p[..., None, :])


def log_jacobian(z, a=WIDE):
    """The matrix d log p_i / dz_j = delta_ij - p_j, with p computed from log p."""
    p = _exp(log_softmax(z, a), a)
    return _delta(p.value, a) - Judged(*(part[..., None, :] for part in p))


def softmax_vjp(p, v, a=WIDE, temperature=1.0):
    """P (v - <p, v>) / T: the product of the Jacobian with a vector. The matrix is symmetric, and it is not formed."""
    p, v = a.wide(p), v if isinstance(v, Judged) else judged(a.wide(v))
    return p * (v - dot(p, v)) * (1 / a.wide(temperature))


softmax_jvp = softmax_vjp


def log_softmax_vjp(log_p, v, a=WIDE, temperature=1.0):
    """V - p sum(v), with p = exp(log_p), which need not sum to 1."""
    v = judged(a.wide(v))
    return (v - _exp(a.wide(log_p), a) * v.sum(keepdims=True)) * (1 / a.wide(temperature))


def log_softmax_jvp(log_p, v, a=WIDE, temperature=1.0):
    """V - <p, v>, with p = exp(log_p)."""
    v = judged(a.wide(v))
    return (v - dot(_exp(a.wide(log_p), a), v)) * (1 / a.wide(temperature))


def logsumexp_vjp(z, g, a=WIDE, temperature=1.0):
    """P g, for one number g per row."""
    return judged(softmax(z, a, temperature)) * a.wide(g)[..., None] * (1 / a.wide(temperature))


def logsumexp_jvp(z, v, a=WIDE, temperature=1.0):
    """<p, v>."""
    return (judged(softmax(z, a, temperature)) * a.wide(v)).sum() * (1 / a.wide(temperature))


def minus_one_hot(p, y):
    """P - t for a one-hot t. p_y - 1 is minus the sum of the other p, so nothing cancels. It is NaN where p is NaN."""
    difference = without(p, y[:, None])
    np.put_along_axis(difference, y[:, None], -difference.sum(axis=-1, keepdims=True), axis=-1)
    difference = difference + 0 * p
    return Judged(difference, abs(difference))


def without(x, classes):
    """A copy of x in which the entry of one class per row is 0."""
    others = x.copy()
    np.put_along_axis(others, classes, 0, axis=-1)
    return others


def times(t, x):
    """T * x, where 0 times any number, even infinity or NaN, is 0."""
    return np.where(t == 0, 0, t * np.where(t == 0, 0, x))


def _exp(log_p, a):
    """P = exp(log p), with the size p (1 + |log p|): a relative error of log p is |log p| times as large in p."""
    p = a.exp(log_p)
    return Judged(p, p * (1 + np.where(p == 0, 0, abs(log_p))))


def _delta(p, a):
    return a.wide(np.eye(p.shape[-1]))
