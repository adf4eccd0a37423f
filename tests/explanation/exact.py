"""The values that an explanation should show, right and wrong ones, from the judge in 320 digits."""

from typing import NamedTuple

import mpmath
import numpy as np

import judge

EXACT = judge.Mpmath(50 + 270)  # 50 digits of 1 - p even if it is 1e-260
mpf = EXACT.context.mpf


class Exact(NamedTuple):
    """One row."""

    z: np.ndarray
    s: np.ndarray
    e: np.ndarray
    S: mpf
    p: np.ndarray
    t: np.ndarray
    L: mpf
    dp: np.ndarray
    J: np.ndarray
    inner: mpf
    dz: np.ndarray


def exact_row(logits, target, loss):
    """The values of one row, from K logits and a class index or K probabilities."""
    z, target = EXACT.wide(np.asarray(logits, float)), np.asarray(target)
    t = EXACT.wide(target if target.ndim else np.arange(len(z)) == target)
    s, e = EXACT.exp_of_quotient(z, z.max(), 1)
    p, row = judge.softmax(z, EXACT), judge.rows(loss, z[None], target[None], a=EXACT)
    dp = p - t if loss == "squared_error" else -t / p
    J = judge.jacobian(p, EXACT).value
    return Exact(z, s, e, e.sum(), p, t, row.loss.value[0], dp, J, (dp * p).sum(), row.grad.value[0])


def wrong_at_p(x, name):
    """A wrong gradient at the probabilities."""
    K = range(len(x.p))
    return {
        "sign": [-d for d in x.dp],
        "factor-2": [2 * d for d in x.dp],
        "logits-gradient-at-probabilities": [x.p[i] - x.t[i] for i in K],
        "true-class-only-missing": [-1 / q for q in x.p],
        "cross-entropy-gradient": [-x.t[i] / x.p[i] for i in K],
        "label-off-by-one": [x.p[i] - x.t[i - 1] for i in K],
        "one-hot-not-subtracted": x.p,
    }[name]


def wrong_at_z(x, name):
    """A wrong gradient at the logits."""
    K = range(len(x.p))
    d = [x.p[i] - x.t[i] for i in K]
    return {
        "diagonal-only": [x.J[i][i] * x.dp[i] for i in K],
        "jacobian-summed": [mpf(0) for i in K],
        "inner-product-missing": [x.p[i] * x.dp[i] for i in K],
        "off-diagonal-sign": [x.p[i] * (x.dp[i] + x.inner) for i in K],
        "softmax-jacobian-missing": x.dp,
        "mean-for-sum": [x.p[i] * (x.dp[i] - x.inner / len(K)) for i in K],
        "softmax-derivative-again": [sum(x.J[i][j] * d[i] for i in K) for j in K],
        "sign": [-v for v in d],
        "factor-2": [2 * v for v in d],
        "probabilities-gradient-at-logits": [-x.t[i] / x.p[i] for i in K],
        "label-off-by-one": [x.p[i] - x.t[i - 1] for i in K],
        "true-class-only": [x.t[i] * d[i] for i in K],
        "one-hot-not-subtracted": x.p,
    }[name]


class ExactBatch(NamedTuple):
    """m rows, their mean, and the layer below; the arrays are in the layout "rows"."""

    rows: list
    L: mpf
    arrays: dict  # x, W, dz, dW, db, dx

    def array(self, name, layout):
        array = self.arrays[name]
        if layout == "rows":
            return array
        return array.T if array.ndim == 2 else array[:, None]


def exact_batch(logits, target, loss, x, W):
    """The values of a batch, from m rows of K logits; x (m, D) and W (D, K) are those of the example layer."""
    m = len(logits)
    rows = [exact_row(z, t, loss) for z, t in zip(logits, target, strict=True)]
    dz = np.array([[v / m for v in row.dz] for row in rows], object)
    x, W = (EXACT.wide(array.astype(float)) for array in (x, W))
    arrays = {"x": x, "W": W, "dz": dz, "dW": x.T @ dz, "db": dz.sum(axis=0), "dx": dz @ W.T}
    return ExactBatch(rows, sum(row.L for row in rows) / m, arrays)


def wrong_layer(batch, name, target):
    """A wrong gradient of the layer, in the layout "rows"."""
    x, dz, m = batch.arrays["x"], batch.arrays["dz"], len(batch.rows)
    return {
        "weight-gradient-averaged": lambda: batch.arrays["dW"] / m,
        "last-sample-only": lambda: np.outer(x[-1], dz[-1]),
        "weight-gradient-transposed": lambda: batch.arrays["dW"].T,
        "bias-averaged": lambda: batch.arrays["db"] / m,
        "bias-summed-to-scalar": lambda: np.array(dz.sum()),
        "weight-not-transposed": lambda: dz @ batch.arrays["W"],
        "mean-missing": lambda: dz[0] * m,
        "mean-twice": lambda: dz[0] / m,
        "divided-by-size": lambda: dz[0] / dz.shape[1],
    }[name]()


def assert_shown_right(number, value, what):
    """The number shown differs from the value by at most 0.52 units of its last digit."""
    digits = number.digits
    six = number.at_most == 6 and number.error * 1e9 <= abs(number.value)  # six are certain; .g drops trailing zeros
    unit = mpf(10) ** last_place(digits, 6 if six else 0)
    if digits == "0":
        unit = mpf(10) ** -6 if number.error else mpf(0)
    assert abs(mpf(digits) - value) <= mpf("0.52") * unit, f"{what}: shown {digits}, exact {mpmath.nstr(value, 12)}"


def last_place(digits, at_least):
    """The power of ten of the last digit, of at least `at_least` digits."""
    mantissa, _, power = digits.lstrip("-").partition("e")
    integer, _, decimals = mantissa.partition(".")
    written = len((integer + decimals).lstrip("0"))
    place = int(power or 0) - len(decimals)
    return place - max(0, at_least - written) if written else place
