"""What the judge is itself judged by: the definitions, for one row of mpmath's numbers, and numerical derivatives.

There are so many digits that nothing that cancels does any harm.
"""

import mpmath
import numpy as np

import judge
from tolerance import ulp

ARITHMETICS = {"widest": judge.WIDE, "mpmath": judge.Mpmath(50)}
DIGITS = 800  # the Hessian of a row whose smallest probability is 1e-322 needs them; others need FEWER_DIGITS
FEWER_DIGITS = 160


def assert_accurate(got, exact):
    """The error is at most a sixteenth of an ulp of float64, the widest dtype whose results the judge is used for."""
    with mpmath.workdps(DIGITS):
        values = [mpmath.mpf(value) for value in judge.Mpmath(50).wide(got.value).ravel()]
        errors = [float(abs(value - wanted)) for value, wanted in zip(values, exact, strict=True)]
    assert (errors <= ulp(got.size, "float64").ravel() / 16).all()


def numbers(values):
    return [mpmath.mpf(float(value)) for value in values]


def softmax(z):
    e = [mpmath.exp(z_j) for z_j in z]
    return [e_j / mpmath.fsum(e) for e_j in e]


def moved(z, *steps):
    """z plus the sum of step * vector over all pairs (step, vector)."""
    for step, vector in steps:
        z = [z_j + step * v_j for z_j, v_j in zip(z, vector, strict=True)]
    return z


def step():
    """Of the numerical derivatives, whose error is about its square."""
    return mpmath.mpf(10) ** (-mpmath.mp.dps // 4)


def gradient(f, z):
    h, units = step(), np.eye(len(z)).tolist()
    return [(f(moved(z, (h, unit))) - f(moved(z, (-h, unit)))) / (2 * h) for unit in units]


def hessian_times(f, z, v):
    h, corners = step(), [(a, b) for a in (1, -1) for b in (1, -1)]
    return [
        sum(a * b * f(moved(z, (a * h, unit), (b * h, v))) for a, b in corners) / (4 * h**2)
        for unit in np.eye(len(z)).tolist()
    ]


def loss_of(name, target, *, weight=None, label_smoothing=0.0, z_loss=0.0, softcap=None, temperature=1.0, **own):
    """The loss of one row as a function of its logits, as the docstrings of the losses define it."""
    e, c, T = numbers([label_smoothing, z_loss, temperature])
    cap = softcap and mpmath.mpf(softcap)

    def loss(z):
        K = len(z)
        s = [(cap * mpmath.tanh(z_j / cap) if cap else z_j) / T for z_j in z]
        lse = mpmath.log(mpmath.fsum(map(mpmath.exp, s)))
        t = [int(j == target) for j in range(K)] if np.ndim(target) == 0 else numbers(target)
        t = [(1 - e) * t_j + e / K for t_j in t]
        w = [1] * K if weight is None else numbers(weight)
        return LOSSES[name](s, lse, t, w, weight is not None, **own) + c * lse**2

    return loss


def cross_entropy(s, lse, t, w, weighted):
    return sum(w_j * t_j * (lse - s_j) for w_j, t_j, s_j in zip(w, t, s, strict=True))


def kl_divergence(s, lse, t, w, weighted):
    entropies = (w_j * t_j * mpmath.log(t_j) for w_j, t_j in zip(w, t, strict=True) if t_j)
    return sum(entropies) + cross_entropy(s, lse, t, w, weighted)


def squared_error(s, lse, t, w, weighted):
    of_row = sum(w_j * t_j for w_j, t_j in zip(w, t, strict=True)) if weighted else 1
    return of_row * sum((mpmath.exp(s_j - lse) - t_j) ** 2 for s_j, t_j in zip(s, t, strict=True)) / 2


def focal_loss(s, lse, t, w, weighted, gamma=2):
    return sum(
        w_j * t_j * (1 - mpmath.exp(s_j - lse)) ** gamma * (lse - s_j) for w_j, t_j, s_j in zip(w, t, s, strict=True)
    )


LOSSES = {
    "focal_loss": focal_loss,
    "cross_entropy": cross_entropy,
    "kl_divergence": kl_divergence,
    "squared_error": squared_error,
}
