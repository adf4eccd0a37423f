"""A loss with its options, on rows of logits: losses, gradients, statistics and products with the Hessian.

With the options, the loss of one row of logits z is

    s = softcap tanh(z / softcap) / temperature        -inf where z is -inf: a masked class stays masked
    t' = (1 - label_smoothing) t + label_smoothing / K
    L = loss(s, t', weight) + z_loss logsumexp(s)^2        0 in rows whose target is ignore_index
"""

from typing import NamedTuple

import numpy as np

from judge.arithmetic import WIDE
from judge.judged import Judged, dot, judged
from judge.losses import LOSSES, Scored
from judge.softmax import softmax_of, softmax_vjp, times


class LossAndGrad(NamedTuple):
    """A loss, reduced or one per row, and its gradient with respect to the logits."""

    loss: Judged
    grad: Judged


class Rows(NamedTuple):
    """The exact results for each row, before any reduction. Ignored rows are 0."""

    loss: Judged  # (N,)
    grad: Judged  # (N, K)
    factor: np.ndarray  # (N, 1): the size of the factor of p in the gradient with respect to the scores
    count: float  # the denominator of the mean
    logsumexp: Judged  # (N,)
    entropy: np.ndarray
    correct: np.ndarray

    def reduced(self, reduction="mean", denominator=None):
        """The loss and the gradient; 0 for the mean of nothing."""
        if reduction == "none":
            return LossAndGrad(self.loss, self.grad)
        divisor = 1 if reduction == "sum" else self.count if denominator is None else denominator
        scale = (1 + 0 * self.count) / divisor if divisor else 0
        return LossAndGrad(self.loss.sum() * scale, self.grad * scale)


class _Problem(NamedTuple):
    """Rows as the losses read them, and how their scores follow from the logits."""

    x: Scored
    kept: np.ndarray  # (N, 1): False for ignored rows
    count: float
    lse: Judged  # (N, 1)
    slope: np.ndarray  # (N, K): the derivative of the scores
    curvature: np.ndarray  # (N, K): their second derivative


def rows(name, z, target, *, z_loss=0.0, a=WIDE, **options) -> Rows:
    """The loss `name` of rows of logits.

    Args:
        name: a key of `LOSSES`.
        z: (N, K).
        target: (N,) class indices, or (N, K) probabilities. Probabilities and weights are read in the dtype of z.
        z_loss: the factor of logsumexp^2.
        a: the arithmetic.
        options: weight, ignore_index, label_smoothing, softcap, temperature; and what this loss alone takes.
    """
    x, kept, count, lse, slope, _ = _problem(z, target, a, **options)
    part = LOSSES[name](x)
    loss, grad, factor = part.loss, part.grad, part.factor
    if z_loss:
        cost, pull = _z_loss(a.wide(z_loss), lse, x.eps)
        loss, grad, factor = loss + cost, grad + pull * x.p, factor + pull.size
    likeliest = target if target.ndim == 1 else target.argmax(axis=1)
    return Rows(
        loss.where(kept).sum(),
        (slope * grad).where(kept),
        np.where(kept, factor, 0),
        count,
        lse.where(kept).sum(),
        np.where(kept, -times(x.p, x.log_p), 0).sum(axis=1),
        kept[:, 0] & (z.argmax(axis=1) == likeliest),
    )


def hessian_times(name, z, target, v, *, z_loss=0.0, softcap=None, temperature=1.0, a=WIDE, **options) -> Judged:
    """The Hessian of each row's loss times v: H_z v = f' H (f' v) + g f'' v, for scores f(z).

    g and H are the gradient and the Hessian with respect to the scores. With u = f' v, the derivative of p along v is
    J u. With a softcap, exp turns the absolute rounding error of its argument into a relative error: of the score in p,
    and of 2 z / cap in 1 / cosh^2.
    """
    x, kept, _, lse, slope, curvature = _problem(z, target, a, softcap=softcap, temperature=temperature, **options)
    part = LOSSES[name](x)
    u = judged(slope * a.wide(v))
    change, pull = softmax_vjp(x.p, u, a), 2 * a.wide(z_loss) * lse
    grad = part.grad + pull * x.p
    product = part.hessian(change) + pull * change + 2 * a.wide(z_loss) * x.p * dot(x.p, u)
    result = slope * product + grad * (curvature * a.wide(v))
    if softcap is not None:
        cap = a.wide(softcap)
        largest = abs(a.wide(np.where(z == -np.inf, 0, z))).max(axis=1, keepdims=True)  # masked classes stay masked
        larger = 1 + cap / a.wide(temperature) + 2 * largest / cap
        result = result._replace(size=result.size * larger)
    return result.where(kept)


def _problem(
    z, target, a, *, weight=None, ignore_index=None, label_smoothing=0.0, softcap=None, temperature=1.0, **own
) -> _Problem:
    eps = np.finfo(z.dtype).eps if z.dtype.kind == "f" else 0
    kept = np.ones(len(z), bool)
    w = None if weight is None else a.wide(np.asarray(weight).astype(z.dtype))
    if target.ndim == 1:
        kept = target != ignore_index
        y = np.where(kept, target, 0)
        t = a.wide(np.zeros(z.shape))
        np.put_along_axis(t, y[:, None], 1, axis=1)
        count = (1 + 0 * y if w is None else w[y])[kept].sum()
    else:
        t, count = a.wide(target.astype(z.dtype)), len(z)
    one_minus_t = 1 - t
    if label_smoothing:
        e, each = a.wide(label_smoothing), 1 / a.wide(z.shape[1])
        t, one_minus_t = (1 - e) * t + e * each, (1 - e) * one_minus_t + e * (1 - each)
    scores, slope, curvature = _scores(a.wide(z), softcap, a)
    T = a.wide(temperature)
    s = softmax_of(scores, a, temperature)
    x = Scored(a, s.p, s.log_p, t, one_minus_t, w, eps, own)
    return _Problem(x, kept[:, None], a.wide(count), judged(s.largest) + s.log_sum, slope / T, curvature / T)


def _scores(z, softcap, a):
    """The logits after the softcap, with their first and second derivative."""
    if softcap is None:
        one = a.wide(np.ones(z.shape))
        return z, one, 0 * one
    cap = a.wide(softcap)
    tanh = a.tanh(z / cap)
    with np.errstate(over="ignore"):
        slope = 1 / a.cosh(z / cap) ** 2  # equal to 1 - tanh^2, where digits would cancel
    return np.where(z == -np.inf, z, cap * tanh), slope, -2 * tanh * slope / cap


def _z_loss(c, lse, eps):
    """C lse^2 and its derivative 2 c lse.

    Where lse has an error of 4 ulp of its size: (lse + 4 ulp)^2 - lse^2 = 4 ulp (2 lse + 4 ulp).
    """
    return Judged(c * lse.value**2, c * lse.size * (2 * abs(lse.value) + 4 * eps * lse.size)), 2 * c * lse
