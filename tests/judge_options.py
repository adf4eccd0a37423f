"""The losses with every option, by definition, in long double; gradients through Jacobians that are formed."""

from typing import NamedTuple

import numpy as np

import judge

Wide = np.longdouble


class Rows(NamedTuple):
    """What is exact for each row, before any reduction; rows that are ignored are 0."""

    loss: np.ndarray  # (N)
    loss_size: np.ndarray
    grad: np.ndarray  # (N, K)
    grad_size: np.ndarray
    count: float  # what the mean divides by
    logsumexp: np.ndarray
    entropy: np.ndarray
    correct: np.ndarray


def rows(loss, z, target, *, weight, ignore_index, label_smoothing, z_loss, softcap, temperature):
    z = z.astype(Wide)
    N, K = z.shape
    capped, slope = z, np.ones_like(z)
    if softcap is not None:
        capped = softcap * np.tanh(z / softcap)
        slope = 1 / np.cosh(z / softcap) ** 2
    s, slope = capped / Wide(temperature), slope / Wide(temperature)
    p, log_p, lse = judge.softmax(s), judge.log_softmax(s), judge.logsumexp(s)
    w = np.ones(K, Wide) if weight is None else weight.astype(Wide)
    kept, likeliest = np.ones(N, bool), target
    if target.ndim == 1:
        kept = target != ignore_index
        t = np.eye(K, dtype=Wide)[np.where(kept, target, 0)]
    else:
        t, likeliest = target.astype(Wide), target.argmax(axis=1)
    t = (1 - Wide(label_smoothing)) * t + Wide(label_smoothing) / K
    a = w * t
    difference = p - t
    if target.ndim == 1 and label_smoothing == 0:  # p_y - 1 is minus the sum of the others: nothing cancels
        others = np.where(t == 0, p, 0)
        difference = others - t * others.sum(axis=1, keepdims=True)
    if loss == "squared_error":
        row_weight = np.ones(N, Wide) if weight is None else a.sum(axis=1)
        values = row_weight * (difference**2).sum(axis=1) / 2
        sizes = row_weight * (
            difference**2 + abs(difference) * (p + t) * (label_smoothing > 0 or target.ndim == 2)
        ).sum(axis=1)
        grad = row_weight[:, None] * judge.times(judge.jacobian(p), difference).value
        grad_size = row_weight[:, None] * p * ((p + t) + ((p + t) * p).sum(axis=1, keepdims=True))
    else:
        log_t = np.log(np.where(t == 0, 1, t)) if loss == "kl_divergence" else np.zeros_like(t)
        values = np.where(a == 0, 0, a * (log_t - log_p)).sum(axis=1)
        sizes = np.where(a == 0, 0, a * (abs(log_t) + abs(log_p))).sum(axis=1)
        grad = -judge.times(judge.transposed(judge.log_jacobian(s)), a).value
        grad_size = p * a.sum(axis=1, keepdims=True) + a
    pull = 2 * Wide(z_loss) * lse[:, None] * p
    return Rows(
        kept * (values + Wide(z_loss) * lse**2),
        kept * (sizes + Wide(z_loss) * lse**2),
        kept[:, None] * slope * (grad + pull),
        kept[:, None] * slope * (grad_size + abs(pull)),
        (w[target[kept]].sum() if target.ndim == 1 else Wide(N)),
        kept * lse,
        kept * -(p * log_p).sum(axis=1),
        kept & (s.argmax(axis=1) == likeliest),
    )
