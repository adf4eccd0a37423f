"""The user's own statement, mended: what is shown can be pasted, and what is not certain is not shown."""

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((6, 4)), RNG.standard_normal((4, 3)), RNG.standard_normal(3)


def mean_of_squares(x, w):
    return ((x @ w) ** 2).sum() / len(x)


def without_the_division(x, w):
    z = x @ w
    dz = 2 * z
    return dz @ w.T, x.T @ dz


REG = 0.3


def ridge(x, w):
    return (x @ w).sum() + REG * (w * w).sum()


def half_the_penalty(x, w):
    dz = np.ones((len(x), w.shape[1]))
    dw = x.T @ dz + REG * w
    return dz @ w.T, dw


def difference(x, w):
    return (np.tanh(x @ w) ** 2).sum()


def tanh_without_square(x, w):
    h = np.tanh(x @ w)
    dh = 2 * h
    dz = dh * (1 - h)
    return dz @ w.T, x.T @ dz


def looked_up(table):
    return (table[np.array([0, 2, 2, 1])] ** 3).sum()


def added_once(table):
    index = np.array([0, 2, 2, 1])
    d = np.zeros_like(table)
    d[index] += 3 * table[index] ** 2
    return d


def one_of_two(x, w):
    dz = 2 * (x @ w) / len(x)
    return dz @ w.T, x.T @ dz / 2


def two_mistakes(x, w):
    dz = 2 * (x @ w) / len(x)
    return 3 * dz @ w.T, x.T @ dz / 5


def one_row_after_the_other(x, w):
    dz = 2 * (x @ w) / len(x)
    dw = np.zeros_like(w)
    for row, drow in zip(x, dz, strict=True):
        dw = np.outer(row, drow)
    return dz @ w.T, dw


def the_first_row_alone(x, w):
    dz = 2 * (x @ w) / len(x)
    dw = x[:1].T @ dz[:1]
    return dz @ w.T, dw


def one_of_two_uses(x, w):
    grads = {"x": 2 * np.tanh(x @ w) * (1 - np.tanh(x @ w) ** 2) @ w.T}
    grads["w"] = x[:1].T @ (2 * np.tanh(x[:1] @ w) * (1 - np.tanh(x[:1] @ w) ** 2))
    return grads["x"], grads["w"]


CASES = {
    "a length": (mean_of_squares, without_the_division, (X, W), "dz = 2 * z / len(x)"),
    "the factor of a term": (ridge, half_the_penalty, (X, W), "dw = x.T @ dz + 2 * REG * w"),
    "a square": (difference, tanh_without_square, (X, W), "dz = dh * (1 - h ** 2)"),
    "a repeated index": (looked_up, added_once, (X,), "np.add.at(d, index, 3 * table[index] ** 2)"),
    "a row that overwrites the one before": (
        mean_of_squares,
        one_row_after_the_other,
        (X, W),
        "dw += np.outer(row, drow)",
    ),
    "rows that are left out": (mean_of_squares, the_first_row_alone, (X, W), ""),
    "rows that are left out, in a dict": (difference, one_of_two_uses, (X, W), ""),
    "a factor too many": (mean_of_squares, one_of_two, (X, W), "return dz @ w.T, x.T @ dz"),
    "two mistakes": (mean_of_squares, two_mistakes, (X, W), ""),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_statement_is_mended(case):
    function, derivative, inputs, mended = case
    if len(inputs) > 1:
        report = sg.check_grad(
            lambda p: function(*p.values()),
            lambda p: dict(zip(p, derivative(*p.values()), strict=True)),
            dict(zip("xw", inputs, strict=True)),
        )
    else:
        report = sg.check_grad(function, derivative, *inputs)
    assert report.ok is False
    shown = report.mistake.fix if report.mistake else report.backward_line.mended
    assert shown.split("  #")[0] == mended
