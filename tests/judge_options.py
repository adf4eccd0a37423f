"""The judge of losses with options: losses, gradients and Hessian products by definition, in long double."""

from typing import NamedTuple

import numpy as np

import judge
from judge import Judged, Wide


class Rows(NamedTuple):
    """The exact results for each row, before any reduction. Ignored rows are 0."""

    loss: np.ndarray  # (N,)
    loss_size: np.ndarray
    grad: np.ndarray  # (N, K)
    grad_size: np.ndarray
    factor: np.ndarray  # (N, 1): the size of the factor of p in the gradient with respect to the scores
    count: float  # the denominator of the mean
    logsumexp: np.ndarray
    logsumexp_size: np.ndarray
    entropy: np.ndarray
    correct: np.ndarray


class Scores(NamedTuple):
    """The softmax of the scores s = f(z), where f applies softcap and temperature; and the derivatives of f."""

    p: np.ndarray  # (N, K)
    log_p: np.ndarray
    lse: Judged  # (N, 1)
    slope: np.ndarray
    curvature: np.ndarray


class Targets(NamedTuple):
    t: np.ndarray  # (N, K), smoothed
    a: np.ndarray  # t times the class weights
    weight: np.ndarray  # (K,)
    kept: np.ndarray  # (N, 1): False for ignored rows


def rows(loss, z, target, *, weight, ignore_index, label_smoothing, z_loss, softcap, temperature):
    s = _scores(z, softcap, temperature)
    t, a, w, kept = _targets(target, z.shape[1], weight, ignore_index, label_smoothing)
    soft = target.ndim == 2 or label_smoothing > 0 or z_loss > 0  # if not, p_y - 1 is minus the sum of the other p
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
            of_t = loss == "kl_divergence" and label_smoothing > 0  # smoothed t is rounded; (t log t)' = log t + 1
            size = np.where(a == 0, 0, abs(a) * (of_t + abs(log_t) + abs(s.log_p)))
        grad = s.p * total - a if soft else total * difference
        grad_size = s.p * total_size + abs(a) if soft else abs(grad)
        factor = total_size
    lse, lse_size = s.lse
    cost, cost_size, pull, pull_size = _z_loss(z_loss, s, np.finfo(z.dtype).eps) if z_loss else (0, 0, 0, 0)
    entropy = -np.where(s.p == 0, 0, s.p * np.where(s.p == 0, 0, s.log_p)).sum(axis=1)
    target_class = target if target.ndim == 1 else target.argmax(axis=1)

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
        kept[:, 0] & (z.argmax(axis=1) == target_class),
    )


def hessian_times(loss, z, target, v, *, weight, ignore_index, label_smoothing, z_loss, softcap, temperature):
    """The Hessian of each row's loss times v: H_z v = f' H (f' v) + g f'' v.

    g and H are the gradient and the Hessian with respect to the scores. With u = f' v, the derivative of p along v is
    J u. A size is computed by the same formula from the sizes of its terms. With a softcap, exp turns the absolute
    rounding error of its argument into a relative error: of the score in p, and of 2 z / cap in 1 / cosh^2.
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
    """Subtracts the largest score before the division by T, since it can be 1e8 times as large as the differences."""
    T, z = Wide(temperature), z.astype(Wide)
    largest = z.max(axis=1, keepdims=True)
    if softcap is None:
        shifted, slope, curvature = judge.minus_max(z), np.ones_like(z), np.zeros_like(z)
    else:
        cap, tanh = Wide(softcap), np.tanh(z / Wide(softcap))
        largest = cap * np.tanh(largest / cap)
        shifted = cap * tanh - largest
        with np.errstate(over="ignore"):
            slope = 1 / np.cosh(z / cap) ** 2  # equal to 1 - tanh^2, where digits would cancel
        curvature = -2 * tanh * slope / cap
    log_sum = judge.logsumexp_minus_max(shifted / T)[:, None]
    lse = Judged(*(np.where(np.isfinite(largest), term / T + log_sum, np.nan) for term in (largest, abs(largest))))
    return Scores(judge.softmax(shifted / T), judge.log_softmax(shifted / T), lse, slope / T, curvature / T)


def _z_loss(c, s, ulp):
    """c lse^2 and its derivative 2 c lse, each with its size.

    The sizes allow an error of 4 ulp of the size of lse: (lse + 4 ulp)^2 - lse^2 = 4 ulp (2 lse + 4 ulp).
    """
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
