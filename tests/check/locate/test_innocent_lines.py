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
    "zeros are no mistake": (
        *(dead, dead_with_a_wrong_end, (np.abs(X), -np.abs(W))),
        *("return dz @ w.T + np.tanh(dy), x.T @ dz", "np.tanh(dy) should be "),
    ),
}


@pytest.mark.parametrize("reason", CASES)
def test_the_line(reason):
    forward, backward, inputs, text, said = CASES[reason]
    is_loss = forward in (mean_of_squares, with_twice_the_penalty)
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
