"""The losses, one function each: the loss of a row of scores, its gradient and its Hessian.

To add a loss, write its function and its row in `LOSSES`. A function takes `Scored` rows, and returns

    loss       (N, 1)
    grad       (N, K): with respect to the scores
    hessian    the product with a change of the scores, from the change J u of the probabilities
    factor     (N, 1): the size of the factor of p in the gradient

The sizes follow from the terms, see `Judged`. Where a size is given by hand, the docstring says why.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from judge.judged import Judged, dot, judged
from judge.softmax import minus_mean, of_others, softmax_vjp, sum_of_others, times, top


class Scored(NamedTuple):
    """Rows of scores and their targets, as a loss reads them."""

    a: Any  # the arithmetic
    p: np.ndarray  # (N, K): the softmax of the scores
    log_p: np.ndarray
    t: np.ndarray  # (N, K): the target as probabilities, smoothed
    one_minus_t: np.ndarray
    weight: np.ndarray | None  # (K,)
    eps: float  # of the dtype in which the loss is computed
    own: dict[str, float]  # the options that one loss alone takes

    @property
    def weighted_t(self):
        """(N, K)."""
        return judged(self.t if self.weight is None else self.weight * self.t)

    @property
    def one_minus_p(self):
        """1 - p; where p is largest, as the sum of the others."""
        return sum_of_others(self.p, top(self.p))

    @property
    def difference(self):
        """The difference p - t as p (1 - t) - (1 - p) t. One term alone is not 0 if t is one-hot."""
        return judged(self.p * self.one_minus_t) - self.one_minus_p * self.t

    def pulled(self, x):
        """P_k sum(x) - x_k as p_k (sum of the other x_j) - (1 - p_k) x_k: the gradient of a sum of x_j (-log p_j)."""
        return self.p * of_others(x, top(self.p)) - self.one_minus_p * x


class Loss(NamedTuple):
    """What a loss function returns."""

    loss: Judged
    grad: Judged
    hessian: Callable[[Judged], Judged]
    factor: np.ndarray


def cross_entropy(x: Scored) -> Loss:
    """L = -sum w t log p, dL/ds = p sum(w t) - w t, H u = sum(w t) J u."""
    wt = x.weighted_t
    total = wt.sum(keepdims=True)
    terms = Judged(-times(wt.value, x.log_p), times(wt.size, abs(x.log_p)))
    return Loss(terms.sum(keepdims=True), x.pulled(wt), lambda change: total * change, total.size)


def kl_divergence(x: Scored) -> Loss:
    """L = sum w t (log t - log p), with the gradient and the Hessian of the cross-entropy."""
    wt, near_1 = x.weighted_t, abs(x.one_minus_t) < 0.5
    with np.errstate(invalid="ignore"):  # the logarithm of a negative t is NaN
        log_t = x.a.log(np.where(x.t == 0, 1, x.t))
    log_t = np.where(near_1, x.a.log1p(np.where(near_1, -x.one_minus_t, 0)), log_t)
    terms = Judged(times(wt.value, log_t - x.log_p), times(wt.size, abs(log_t) + abs(x.log_p)))
    return cross_entropy(x)._replace(loss=terms.sum(keepdims=True))


def squared_error(x: Scored) -> Loss:
    """L = w/2 sum (p - t)^2, dL/ds = w J (p - t), where w is the weight of the row: sum_j weight_j t_j, or 1.

    Where d = p - t is taken with an error of 4 ulp of its size s, the difference of d^2 / 2 is 4 ulp s (|d| + 2 ulp s).
    If d has one term, so that s is |d|, the loss must be within 4 ulp of itself.
    """
    one = judged(x.a.wide(np.ones((len(x.p), 1))))
    w = one if x.weight is None else x.weighted_t.sum(keepdims=True)
    d = x.difference
    one_term = d.size == abs(d.value)
    halves = Judged(d.value**2 / 2, np.where(one_term, d.value**2 / 2, d.size * (abs(d.value) + 2 * x.eps * d.size)))

    def hessian(change):
        return w * (change * minus_mean(x.p, d) + x.p * (minus_mean(x.p, change) - dot(d, change)))

    return Loss(w * halves.sum(keepdims=True), w * softmax_vjp(x.p, d, x.a), hessian, 2 * w.size)


def focal_loss(x: Scored) -> Loss:
    """L = -sum w t q^gamma log p with q = 1 - p, dL/ds = p sum(w t c) - w t c, c = q^gamma - gamma p q^(gamma-1) log p.

    A relative error e of q is an error gamma e of q^gamma. The sizes allow for 2 gamma ulp, and 4 ulp for the rest.
    """
    gamma = x.a.wide(x.own.get("gamma", 2.0))
    allowed = 1 + gamma / 2
    q = x.one_minus_p
    extreme = (x.p == 0) | (q == 0)  # there p log p is 0
    q, log_p = np.where(extreme, 1, q), np.where(extreme, 0, x.log_p)
    power = np.where(extreme & (x.p != 0) & (gamma > 0), 0, q**gamma)
    c = power * (1 - gamma * x.p * log_p / q)
    slope = np.where(extreme, 0, -gamma * power / q * (2 + (1 - gamma * x.p) * log_p / q))  # dc/dp
    b = x.weighted_t * Judged(c, c * allowed)
    total = b.sum(keepdims=True)

    def hessian(change):
        return change * total + x.pulled(x.weighted_t * slope * change)

    wt = x.weighted_t
    terms = Judged(-times(wt.value, power * x.log_p), times(wt.size, power * abs(x.log_p)) * allowed)
    return Loss(terms.sum(keepdims=True), x.pulled(b), hessian, total.size)


LOSSES = {
    "cross_entropy": cross_entropy,
    "focal_loss": focal_loss,
    "kl_divergence": kl_divergence,
    "squared_error": squared_error,
}
