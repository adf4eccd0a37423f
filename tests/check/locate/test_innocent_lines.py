"""Lines that are right are not named, and what is said of a wrong line is true."""

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3))
WS = RNG.normal(size=(3, 3, 3))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def swish(x):
    return x * sigmoid(x)


def swish_slope_alone(x, y, g):
    s = sigmoid(x)
    d = s + x * s * (1 - s)  # right: the derivative
    return d  # noqa: RET504  # wrong: without g


def tower(x, w):
    for one in w:
        x = x + swish(x @ one)
    return x


def swish_slope(z):
    s = sigmoid(z)
    return s + z * s * (1 - s)  # right, but called with a wrong z


def tower_with_a_stale_variable(x, w, y, g):
    zs, xs = [], []
    for one in w:
        z = x @ one
        zs.append(z)
        xs.append(x)
        x = x + swish(z)
    dw = np.zeros_like(w)
    for i in reversed(range(len(w))):
        dz = g * swish_slope(z)  # wrong: zs[i]
        dw[i] = xs[i].T @ dz
        g = g + dz @ w[i].T
    return g, dw


def mean_of_squares(x, w):
    return ((x @ w) ** 2).sum() / len(x)


def without_the_division(x, w):
    z = x @ w
    dz = 2 * z  # wrong: / len(x)
    return dz @ w.T, x.T @ dz


def with_twice_the_penalty(x, w):
    return ((x @ w) ** 2).sum() + 0.3 * (w * w).sum()


def with_half_of_the_penalty(x, w):
    dz = 2 * (x @ w)
    dw = x.T @ dz + 0.3 * w  # wrong: 2 * 0.3
    return dz @ w.T, dw


def dead(x, w):
    return np.tanh(np.maximum(x @ w, 0) + x)


def dead_with_a_wrong_end(x, w, y, g):
    dy = g * (1 - y**2)
    dz = dy * (x @ w > 0)  # zeros, and right
    return dz @ w.T + np.tanh(dy), x.T @ dz  # wrong: the tanh


TIMES = np.array([0.3, 0.7, 1.1, 1.9, 2.4])


def decaying(x, rate):
    return sum(np.log(1 + rate[0] * np.exp(-rate[1] * (one - TIMES[:i])).sum()) for i, one in enumerate(TIMES)) * x[0]


def decaying_without_the_time(x, rate):
    dx, a, b = 0.0, 0.0, 0.0
    for i, one in enumerate(TIMES):
        gap = one - TIMES[:i]
        e = np.exp(-rate[1] * gap)  # right: the rate is known, though 1.3 is a number like any other
        dx += np.log(1 + rate[0] * e.sum())
        a += x[0] * e.sum() / (1 + rate[0] * e.sum())
        b -= x[0] * rate[0] * e.sum() / (1 + rate[0] * e.sum())  # wrong: (gap * e).sum()
    return np.array([dx]), np.array([a, b])


def largest_variance(x, w):
    return np.linalg.eigvalsh((x @ w).T @ (x @ w))[-1]


def largest_variance_over_n(x, w):
    y = x @ w
    _, vectors = np.linalg.eigh(y.T @ y)  # right: forward has no need of the vectors
    v = vectors[:, -1]
    dy = 2 * np.outer(y @ v, v) / len(x)  # wrong: no mean
    return dy @ w.T, x.T @ dy


def stretched(x, w):
    d = ((x[:, None] - w) ** 2).sum(axis=-1)
    return d * np.log(d)


def stretched_without_1(x, w, y, g):
    gaps = x[:, None] - w
    d = (gaps**2).sum(axis=-1)
    dd = g * np.log(d)  # wrong: + 1
    flow = 2 * dd[:, :, None] * gaps
    return flow.sum(axis=1), -flow.sum(axis=0)


CASES = {  # reason: the functions, the inputs, the text of the line, what is said of it
    "a derivative is returned": (swish, swish_slope_alone, (X,), "return d", "a function of the forward pass alone"),
    "a helper is called with another variable": (
        *(tower, tower_with_a_stale_variable, (X, WS), "dz = g * swish_slope(z)", "dz "),
    ),
    "a factor is a length": (
        *(mean_of_squares, without_the_division, (X, W), "dz = 2 * z", "lacks the factor 1 / len(x)"),
    ),
    "a term lacks a factor": (
        *(with_twice_the_penalty, with_half_of_the_penalty, (X, W), "dw = x.T @ dz + 0.3 * w"),
        "0.3 * w lacks the factor 2",
    ),
    "a number of forward": (
        *(
            decaying,
            decaying_without_the_time,
            (X[0, :1], np.array([0.6, 1.3])),
            "b -= x[0] * rate[0] * e.sum() / (1 + rate[0] * e.sum())",
        ),
        "should",
    ),
    "a decomposition that forward does not need": (
        *(
            largest_variance,
            largest_variance_over_n,
            (X, W),
            "dy = 2 * np.outer(y @ v, v) / len(x)",
            "lacks the factor",
        ),
    ),
    "a view of what is wrong": (
        *(stretched, stretched_without_1, (X, W), "dd = g * np.log(d)", "dd is only the part of the gradient of d"),
    ),
    "zeros are no mistake": (
        *(dead, dead_with_a_wrong_end, (np.abs(X), -np.abs(W))),
        *("return dz @ w.T + np.tanh(dy), x.T @ dz", "np.tanh(dy) should be "),
    ),
}


@pytest.mark.parametrize("reason", CASES)
def test_the_line(reason):
    forward, backward, inputs, text, said = CASES[reason]
    is_loss = forward in (mean_of_squares, with_twice_the_penalty, decaying, largest_variance)
    check = (
        sg.check_grad(forward, backward, *inputs, wrt=(0, 1)) if is_loss else sg.check_vjp(forward, backward, *inputs)
    )
    line = check.backward_line
    assert line.text == text
    assert any(said in note for note in line.notes), line.notes


def with_an_entry_overwritten(x, w, y, g):
    dw = np.zeros_like(w)
    for i in range(len(x)):
        for k in range(len(w)):
            dw[k] = x[i, k] * g[i]  # wrong: +=
    return g @ w.T, dw


def divided_in_place(x, w, y, g):
    dx = g @ w.T
    dx /= len(x)  # wrong
    return dx, x.T @ g


NAMES = {"dw should be": with_an_entry_overwritten, "dx lacks the factor len(x)": divided_in_place}


@pytest.mark.parametrize("said", NAMES)
def test_an_array_is_called_by_its_own_name(said):
    line = sg.check_vjp(lambda x, w: x @ w, NAMES[said], X, W).backward_line
    assert any(note.startswith(said) for note in line.notes), line.notes


def test_a_name_in_the_place_of_another_is_the_mistake():
    def cosine(u, v):
        return (u * v).sum(axis=1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)

    def back(u, v, y, g):
        n, m = np.linalg.norm(u, axis=1, keepdims=True), np.linalg.norm(v, axis=1, keepdims=True)
        a, b, c, g = u / n, v / m, y[:, None], g[:, None]
        du = g * (b - c * b) / n  # wrong: c * a
        dv = g * (a - c * b) / m
        return du, dv

    mistake = sg.check_vjp(cosine, back, X, X[::-1] + 0.5).mistake
    assert mistake.name == "wrong-operand"
    assert "`b` stands where `a` belongs" in mistake.explanation
    assert mistake.fix == "du = g * (b - c * a) / n"


def test_the_factor_of_a_cube_is_not_a_length_of_three():
    def cubic(x):
        return np.tanh(x + 0.2 * x**3)

    def back(x, y, g):
        return g * (1 - y**2) * (1 + 0.2 * x**2)

    line = sg.check_vjp(cubic, back, X[:3]).backward_line
    assert "0.2 * x**2 lacks the factor 3 (or len(x))" in line.notes
