"""The losses with every option, by definition, in long double, with their gradients and Hessians."""

from typing import NamedTuple

import numpy as np

import judge
from judge import Judged, Wide


class Rows(NamedTuple):
    """What is exact for each row, before any reduction; rows that are ignored are 0."""

    loss: np.ndarray  # (N)
    loss_size: np.ndarray
    grad: np.ndarray  # (N, K)
    grad_size: np.ndarray
    factor: np.ndarray  # (N, 1), the size of what p is multiplied by in the gradient at the scores
    count: float  # what the mean divides by
    logsumexp: np.ndarray
    logsumexp_size: np.ndarray
    entropy: np.ndarray
    correct: np.ndarray


class Scores(NamedTuple):
    """Softmax of the scores s = f(z), f being the cap and the temperature, and the derivatives of f."""

    p: np.ndarray  # (N, K)
    log_p: np.ndarray
    lse: Judged  # (N, 1)
    slope: np.ndarray
    curvature: np.ndarray


class Targets(NamedTuple):
    t: np.ndarray  # (N, K), smoothed
    a: np.ndarray  # t times the weights of the classes
    weight: np.ndarray  # (K)
    kept: np.ndarray  # (N, 1), whether a row is not ignored


def rows(loss, z, target, *, weight, ignore_index, label_smoothing, z_loss, softcap, temperature):
    s = _scores(z, softcap, temperature)
    t, a, w, kept = _targets(target, z.shape[1], weight, ignore_index, label_smoothing)
    soft = target.ndim == 2 or label_smoothing > 0 or z_loss > 0  # else p_y - 1 is minus the sum of the others
    difference = s.p - t if soft else judge.minus_one_hot(s.p, np.where(kept[:, 0], target, 0))
    total, total_size = a.sum(axis=1, keepdims=True), abs(a).sum(axis=1, keepdims=True)
    if loss == "squared_error":
        row_weight, row_size = (1, 1) if weight is None else (total, total_size)
        larger = np.maximum(s.p, abs(t)) if soft else abs(difference)
        ulp = np.finfo(z.dtype).eps
        value = row_weight * difference**2 / 2
        size = row_size * larger * (abs(difference) + 2 * ulp * larger) if soft else abs(value)
        grad = row_weight * judge.softmax_derivative(s.p, difference).value
        grad_size = row_size * judge.softmax_derivative(s.p, larger).size
        factor = 2 * row_size * np.ones_like(total)
    else:
        with np.errstate(invalid="ignore"):  # the logarithm of a negative t is NaN
            log_t = np.log(np.where(t == 0, 1, t)) if loss == "kl_divergence" else np.zeros_like(t)
            value = np.where(a == 0, 0, a * (log_t - s.log_p))
            of_t = loss == "kl_divergence" and label_smoothing > 0  # t is rounded, and t log t has the slope log t + 1
            size = np.where(a == 0, 0, abs(a) * (of_t + abs(log_t) + abs(s.log_p)))
        grad = s.p * total - a if soft else total * difference
        grad_size = s.p * total_size + abs(a) if soft else abs(grad)
        factor = total_size
    lse, lse_size = s.lse
    cost, cost_size, pull, pull_size = _z_loss(z_loss, s, np.finfo(z.dtype).eps) if z_loss else (0, 0, 0, 0)
    entropy = -np.where(s.p == 0, 0, s.p * np.where(s.p == 0, 0, s.log_p)).sum(axis=1)
    likeliest = target if target.ndim == 1 else target.argmax(axis=1)

    def of_kept(values):
        return np.where(kept[:, 0] if values.ndim == 1 else kept, values, 0)

    return Rows(
        of_kept((value.sum(axis=1, keepdims=True) + cost)[:, 0]),
        of_kept((size.sum(axis=1, keepdims=True) + cost_size)[:, 0]),
        of_kept(s.slope * (grad + pull * s.p)),
        of_kept(s.slope * (grad_size + pull_size * s.p)),
        of_kept(factor + pull_size),
        w[target[kept[:, 0]]].sum() if target.ndim == 1 else Wide(len(z)),
        of_kept(lse[:, 0]),
        of_kept(lse_size[:, 0]),
        of_kept(entropy),
        kept[:, 0] & (z.argmax(axis=1) == likeliest),
    )


def hessian_times(loss, z, target, v, *, weight, ignore_index, label_smoothing, z_loss, softcap, temperature):
    """The Hessian of each row's loss times v: H_z v = f' H (f' v) + g f'' v, with g and H at the scores.

    With u = f' v, p changes by J u. A size is the formula with each term's size. Where logits are capped, exp takes the
    rounding error of what it is taken of as a relative one: of a score in p, of 2 z / cap in 1 / cosh^2.
    """
    s = _scores(z, softcap, temperature)
    t, a, _, kept = _targets(target, z.shape[1], weight, ignore_index, label_smoothing)
    v = v.astype(Wide)
    total, total_size = a.sum(axis=1, keepdims=True), abs(a).sum(axis=1, keepdims=True)
    u, p = s.slope * v, s.p
    change = judge.softmax_derivative(p, u)
    if loss == "squared_error":
        weighted, weighted_size = (1, 1) if weight is None else (total, total_size)
        d, d_size = p - t, p + abs(t)
        grad, grad_size = p * (d - _dot(d, p)), p * (d_size + _dot(d_size, p))
        product = change.value * (d - _dot(d, p)) + p * (change.value - _dot(change.value, p) - _dot(d, change.value))
        size = change.size * (d_size + _dot(d_size, p)) + p * (
            change.size + _dot(change.size, p) + _dot(d_size, change.size)
        )
        parts = weighted * grad, weighted_size * grad_size, weighted * product, weighted_size * size
    else:
        parts = p * total - a, p * total_size + abs(a), total * change.value, total_size * change.size
    grad, grad_size, product, size = parts
    c, (lse, lse_size) = 2 * Wide(z_loss), s.lse
    grad, grad_size = grad + c * lse * p, grad_size + c * lse_size * p
    product = product + c * (lse * change.value + p * _dot(p, u))
    size = size + c * (lse_size * change.size + p * _dot(p, abs(u)))
    value = s.slope * product + grad * s.curvature * v
    value_size = s.slope * size + abs(grad_size * s.curvature * v)
    if softcap is not None:
        value_size = value_size * (1 + softcap / Wide(temperature) + 2 * abs(z).max(axis=1, keepdims=True) / softcap)
    return Judged(np.where(kept, value, 0), np.where(kept, value_size, 0))


def _scores(z, softcap, temperature):
    """Scores are taken from their largest before they are divided: it may be 1e8 times what tells them apart."""
    T, z = Wide(temperature), z.astype(Wide)
    largest = z.max(axis=1, keepdims=True)
    if softcap is None:
        below, slope, curvature = judge.below_max(z), np.ones_like(z), np.zeros_like(z)
    else:
        cap, tanh = Wide(softcap), np.tanh(z / Wide(softcap))
        largest = cap * np.tanh(largest / cap)
        below = cap * tanh - largest
        with np.errstate(over="ignore"):
            slope = 1 / np.cosh(z / cap) ** 2  # 1 - tanh^2, which cancels
        curvature = -2 * tanh * slope / cap
    log_sum = judge.log_sum_above_max(below / T)[:, None]
    lse = Judged(*(np.where(np.isfinite(largest), part / T + log_sum, np.nan) for part in (largest, abs(largest))))
    return Scores(judge.softmax(below / T), judge.log_softmax(below / T), lse, slope / T, curvature / T)


def _z_loss(c, s, ulp):
    """c lse^2 and its slope 2 c lse, each with its size for an error of 4 ulp of lse's own: (lse + 4 ulp)^2 - lse^2."""
    c, (lse, size) = Wide(c), s.lse
    return c * lse**2, c * size * (2 * abs(lse) + 4 * ulp * size), 2 * c * lse, 2 * c * size


def _targets(target, K, weight, ignore_index, label_smoothing):
    w = np.ones(K, Wide) if weight is None else weight.astype(Wide)
    kept = np.ones((len(target), 1), bool)
    if target.ndim == 1:
        kept = (target != ignore_index)[:, None]
        t = np.eye(K, dtype=Wide)[np.where(kept[:, 0], target, 0)]
    else:
        t = target.astype(Wide)
    t = (1 - Wide(label_smoothing)) * t + Wide(label_smoothing) / K
    return Targets(t, w * t, w, kept)


def _dot(a, b):
    return (a * b).sum(axis=1, keepdims=True)
