"""The judge: a reference implementation of softmax, its derivatives and the losses, in long double.

It follows the definitions, without regard to speed, and imports nothing of softgrad. The classes are on the last axis.
A target holds class indices, of shape (N,), or probabilities, of shape (N, K).
"""

from typing import NamedTuple

import numpy as np

Wide = np.longdouble
assert np.finfo(Wide).nmant >= 63, "the judge needs a long double with a significand of 64 bits"


class Judged(NamedTuple):
    """An exact value, and the size of the terms whose sum it is. Rounding errors are measured in ulps of the size."""

    value: np.ndarray
    size: np.ndarray


class JudgedLoss(NamedTuple):
    """The losses of N rows, and the gradient of each with respect to its logits."""

    loss: Judged
    grad: Judged

    def reduced(self, reduction):
        if reduction == "none":
            return self
        rows = len(self.loss.value) if reduction == "mean" else 1
        loss = (array.sum() / max(rows, 1) for array in self.loss)
        return JudgedLoss(Judged(*loss), Judged(*(array / max(rows, 1) for array in self.grad)))


def minus_max(logits):
    """z - max(z). A whole row is NaN if its maximum is infinite or NaN, because infinity - infinity is NaN."""
    largest = logits.max(axis=-1, keepdims=True).astype(Wide)
    with np.errstate(invalid="ignore"):
        return logits.astype(Wide) - largest + (largest - largest)


def softmax(logits):
    e = np.exp(minus_max(logits))
    return e / e.sum(axis=-1, keepdims=True)


def logsumexp_minus_max(logits):
    """logsumexp(z) - max(z) = log sum exp(z - max), computed as log1p of the sum without the term 1 of the maximum."""
    e = np.exp(minus_max(logits))
    np.put_along_axis(e, logits.argmax(axis=-1)[..., None], 0, axis=-1)
    return np.log1p(e.sum(axis=-1))


def log_softmax(logits):
    return minus_max(logits) - logsumexp_minus_max(logits)[..., None]


def logsumexp(logits):
    """log sum exp(z). It is infinite, not NaN, if the maximum is infinite: in a row of -inf, or with a +inf."""
    largest = logits.max(axis=-1)
    return np.where(np.isinf(largest), largest, largest + logsumexp_minus_max(logits))


def jacobian(probs):
    """The matrix dp_i/dz_j = p_i (delta_ij - p_j), with the terms p_i delta_ij and p_i p_j."""
    p = probs.astype(Wide)
    delta = np.eye(p.shape[-1], dtype=Wide)
    return Judged(p[..., :, None] * (delta - p[..., None, :]), p[..., :, None] * (delta + p[..., None, :]))


def log_jacobian(logits):
    """The matrix d log p_i / dz_j = delta_ij - p_j. Its size includes the error of p = exp(log p), see _size_of_exp."""
    p = softmax(logits)
    delta = np.eye(p.shape[-1], dtype=Wide)
    return Judged(delta - p[..., None, :], delta + _size_of_exp(log_softmax(logits))[..., None, :])


def transposed(jacobian):
    return Judged(*(np.swapaxes(matrix, -1, -2) for matrix in jacobian))


def times(jacobian, vector):
    """The matrix-vector product of each row."""
    value, size = jacobian
    v = vector.astype(Wide)[..., None]
    return Judged((value @ v)[..., 0], (size @ abs(v))[..., 0])


def softmax_derivative(probs, vector):
    """The product of the Jacobian of softmax, or of its transpose, with a vector. The matrix is not formed."""
    p, v = probs.astype(Wide), vector.astype(Wide)
    mean, size = ((p * terms).sum(axis=-1, keepdims=True) for terms in (v, abs(v)))
    return Judged(p * (v - mean), p * (abs(v) + size))


def log_softmax_vjp(log_probs, vector):
    """dy - p sum(dy) with p = exp(log_probs), which need not sum to 1."""
    log_p, v = log_probs.astype(Wide), vector.astype(Wide)
    total, size = (terms.sum(axis=-1, keepdims=True) for terms in (v, abs(v)))
    return Judged(v - np.exp(log_p) * total, abs(v) + _size_of_exp(log_p) * size)


def log_softmax_jvp(log_probs, vector):
    """dz - sum(p dz) with p = exp(log_probs), the Jacobian-vector product."""
    log_p, v = log_probs.astype(Wide), vector.astype(Wide)
    mean = (np.exp(log_p) * v).sum(axis=-1, keepdims=True)
    return Judged(v - mean, abs(v) + (_size_of_exp(log_p) * abs(v)).sum(axis=-1, keepdims=True))


def cross_entropy(logits, target):
    """L = -sum t log p, dL/dz = p sum(t) - t."""
    if target.ndim < logits.ndim:
        loss = -np.take_along_axis(log_softmax(logits), target[:, None], axis=-1)[:, 0]
        grad = minus_one_hot(softmax(logits), target)
        return JudgedLoss(Judged(loss, loss), Judged(grad, abs(grad)))
    t = target.astype(Wide)
    loss = -_times(t, log_softmax(logits)).sum(axis=-1)
    return JudgedLoss(Judged(loss, loss), _scaled_minus_target(softmax(logits), t))


def kl_divergence(logits, target):
    """L = sum t (log t - log p), dL/dz = p sum(t) - t."""
    if target.ndim < logits.ndim:
        return cross_entropy(logits, target)
    t = target.astype(Wide)
    log_p, log_t = log_softmax(logits), np.log(np.where(t == 0, 1, t))
    loss = _times(t, log_t - log_p).sum(axis=-1)
    size = _times(t, abs(log_t) + abs(log_p)).sum(axis=-1)
    return JudgedLoss(Judged(loss, size), _scaled_minus_target(softmax(logits), t))


def squared_error(logits, target):
    """L = 1/2 sum (p - t)^2, dL/dz = J (p - t).

    For probabilities, each difference d = p - t may have an error of 4 ulp of the larger of p and t. The size of the
    loss follows from |d + 4 ulp|^2 / 2 - |d|^2 / 2 = 4 ulp (|d| + 2 ulp).
    """
    p = softmax(logits)
    if target.ndim < logits.ndim:
        difference = minus_one_hot(p, target)
        larger = abs(difference)
        loss = size = (difference**2).sum(axis=-1) / 2
    else:
        difference, larger, ulp = p - target, np.maximum(p, abs(target)), np.finfo(logits.dtype).eps
        loss, size = (difference**2).sum(axis=-1) / 2, (larger * (abs(difference) + 2 * ulp * larger)).sum(axis=-1)
    grad = p * (difference - (difference * p).sum(axis=-1, keepdims=True))
    grad_size = p * (larger + (larger * p).sum(axis=-1, keepdims=True))
    return JudgedLoss(Judged(loss, size), Judged(grad, grad_size))


def _size_of_exp(log_p):
    """The size p (1 + |log p|) of p = exp(log p): a relative error of log p is |log p| times as large in p."""
    p = np.exp(log_p)
    return p * (1 + np.where(p == 0, 0, abs(log_p)))


def minus_one_hot(p, target):
    """p - t for a one-hot t. p_y - 1 is minus the sum of the other p, so nothing cancels. It is NaN where p is NaN."""
    difference = p.copy()
    np.put_along_axis(difference, target[:, None], 0, axis=-1)
    np.put_along_axis(difference, target[:, None], -difference.sum(axis=-1, keepdims=True), axis=-1)
    return difference + 0 * p


def _scaled_minus_target(p, t):
    total = t.sum(axis=-1, keepdims=True)
    return Judged(p * total - t, p * abs(total) + abs(t))


def _times(t, x):
    """t * x, where 0 times any number, even infinity or NaN, is 0."""
    return np.multiply(t, x, out=np.zeros_like(x), where=t != 0)
