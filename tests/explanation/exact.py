"""The values that an explanation should show, right and wrong ones, computed with mpmath alone."""

from typing import NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.dps = 50 + 270  # 50 digits of 1 - p even if it is 1e-260


class Exact(NamedTuple):
    """One row."""

    z: list
    s: list
    e: list
    S: mpf
    p: list
    t: list
    L: mpf
    dp: list
    J: list
    inner: mpf
    dz: list


def exact_row(logits, target, loss):
    """The values of one row, from K logits and a class index or K probabilities."""
    z = [mpf(float(x)) for x in logits]
    K = range(len(z))
    t = [mpf(int(i == target)) for i in K] if np.ndim(target) == 0 else [mpf(float(x)) for x in target]
    s = [x - max(z) for x in z]
    e = [mpmath.exp(x) for x in s]
    S = sum(e)
    p = [x / S for x in e]
    if loss == "squared_error":
        L = sum((p[i] - t[i]) ** 2 for i in K) / 2
        dp = [p[i] - t[i] for i in K]
    else:
        L = -sum(t[i] * mpmath.log(p[i]) for i in K)
        dp = [-t[i] / p[i] for i in K]
    if loss == "kl_divergence":
        L += sum(t[i] * mpmath.log(t[i]) for i in K if t[i])
    J = [[p[i] * ((i == j) - p[j]) for j in K] for i in K]
    dz = [sum(J[i][j] * dp[i] for i in K) for j in K]
    return Exact(z, s, e, S, p, t, L, dp, J, sum(dp[i] * p[i] for i in K), dz)


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
    x, W = (np.vectorize(mpf, otypes=[object])(array.astype(float)) for array in (x, W))
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
    if digits == "0" and not number.error:
        unit = mpf(0)
    assert abs(mpf(digits) - value) <= mpf("0.52") * unit, f"{what}: shown {digits}, exact {mpmath.nstr(value, 12)}"


def last_place(digits, at_least):
    """The power of ten of the last digit, of at least `at_least` digits."""
    mantissa, _, power = digits.lstrip("-").partition("e")
    integer, _, decimals = mantissa.partition(".")
    written = len((integer + decimals).lstrip("0"))
    place = int(power or 0) - len(decimals)
    return place - max(0, at_least - written) if written else place
