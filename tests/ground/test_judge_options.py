"""The judge of losses with options agrees with mpmath, which follows the definitions in the losses' docstrings.

The exact derivatives are numerical derivatives in mpmath.
"""

import mpmath
import numpy as np
import pytest

import judge
import judge_options
from tolerance import ulp

NEUTRAL = {
    "weight": None,
    "ignore_index": None,
    "label_smoothing": 0.0,
    "z_loss": 0.0,
    "softcap": None,
    "temperature": 1.0,
}
OPTIONS = {
    "no options": {},
    "weight": {"weight": np.array([0.5, 3.0, 0.1, 0.0])},
    "label smoothing": {"label_smoothing": 0.1},
    "z-loss": {"z_loss": 0.02},
    "softcap and temperature": {"softcap": 5.0, "temperature": 0.3},
    "all options": {
        "weight": np.array([0.5, 3.0, 0.1, 1.0]),
        "label_smoothing": 0.2,
        "z_loss": 0.1,
        "softcap": 30.0,
        "temperature": 2.5,
    },
}
ROWS = {"plain": [0.3, -1.7, 2.2, 0.0], "confident": [0.0, 17.0, -1.0, 2.0], "offset": [1e8, 1e8 + 1, 1e8 - 2, 1e8]}
TARGETS = {"class": np.array([1]), "probabilities": np.array([[0.25, 0.5, 0.0, 1.0]])}
V = np.array([[0.5, -1.0, 2.0, 0.25]])
DIGITS = 160  # so many that the cancellation in the differences does no harm


def loss_of(name, target, options):
    """The loss of one row as a function of its logits, in the precision of mpmath."""
    o = {option: value if value is None else mpmath.matrix(np.atleast_1d(value)) for option, value in options.items()}
    e, c, cap, T = (o[option] and o[option][0] for option in ("label_smoothing", "z_loss", "softcap", "temperature"))

    def loss(z):
        K = len(z)
        s = [(cap * mpmath.tanh(z_j / cap) if cap else z_j) / T for z_j in z]
        lse = mpmath.log(mpmath.fsum(map(mpmath.exp, s)))
        t = [int(j == target[0]) for j in range(K)] if target.ndim == 1 else list(map(mpmath.mpf, target[0]))
        t = [(1 - e) * t_j + e / K for t_j in t]
        w = o["weight"] or [1] * K
        if name == "squared_error":
            weight = sum(w_j * t_j for w_j, t_j in zip(w, t, strict=True)) if o["weight"] else 1
            value = weight * sum((mpmath.exp(s_j - lse) - t_j) ** 2 for s_j, t_j in zip(s, t, strict=True)) / 2
        else:
            log_t = [mpmath.log(t_j) if t_j and name == "kl_divergence" else 0 for t_j in t]
            value = sum(w[j] * t[j] * (log_t[j] - (s[j] - lse)) for j in range(K))
        return value + c * lse**2

    return loss


def moved(z, *steps):
    """z plus the sum of step * vector over all pairs (step, vector)."""
    for step, vector in steps:
        z = [z_j + step * v_j for z_j, v_j in zip(z, vector, strict=True)]
    return z


def assert_accurate(value, size, exact):
    """The error is at most a sixteenth of an ulp of float64."""
    exact = np.array([judge.Wide(mpmath.nstr(x, 25)) for x in exact])
    assert (abs(value - exact) <= ulp(size, "float64") / 16).all()


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", ["cross_entropy", "kl_divergence", "squared_error"])
def test_loss_gradient_and_hessian_product_are_accurate(name, option, target, row):
    options, t, z = NEUTRAL | OPTIONS[option], TARGETS[target], np.array([ROWS[row]])
    rows = judge_options.rows(name, z, t, **options)
    hvp = judge_options.hessian_times(name, z, t, V, **options)
    with mpmath.workdps(DIGITS):
        L, h, point = loss_of(name, t, options), mpmath.mpf(10) ** (-DIGITS // 4), list(map(mpmath.mpf, z[0]))
        units, v = np.eye(4).tolist(), V[0].tolist()
        gradient = [(L(moved(point, (h, unit))) - L(moved(point, (-h, unit)))) / (2 * h) for unit in units]
        hessian_times_v = [
            sum(a * b * L(moved(point, (a * h, unit), (b * h, v))) for a in (1, -1) for b in (1, -1)) / (4 * h * h)
            for unit in units
        ]
        assert_accurate(rows.loss, rows.loss_size, [L(point)])
        assert_accurate(rows.grad[0], rows.grad_size[0], gradient)
        assert_accurate(hvp.value[0], hvp.size[0], hessian_times_v)


@pytest.mark.parametrize("name", ["cross_entropy", "kl_divergence", "squared_error"])
def test_ignored_rows_are_0_and_do_not_count_in_the_mean(name):
    z, y = np.arange(12.0).reshape(3, 4), np.array([2, 3, 1])
    options = NEUTRAL | {"weight": np.array([0.5, 3.0, 0.1, 7.0]), "ignore_index": 3}
    rows, others = judge_options.rows(name, z, y, **options), judge_options.rows(name, z[[0, 2]], y[[0, 2]], **options)
    assert rows.count == others.count == judge.Wide(0.1) + judge.Wide(3.0)
    for with_ignored, without in zip(rows[:4], others[:4], strict=True):
        assert not with_ignored[1].any()
        np.testing.assert_array_equal(with_ignored[[0, 2]], without)
    assert not judge_options.hessian_times(name, z, y, np.ones_like(z), **options).value[1].any()
