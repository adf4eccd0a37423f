"""A linear operation in the place of its transpose: a rotation, a sum over neighbours, a convolution, repeats."""

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(8)
FROM, TO = np.array([0, 1, 2, 2, 4]), np.array([1, 1, 0, 3, 4])


def rotated(x, c, s):
    a, b = x[:, :2], x[:, 2:]
    return np.concatenate([a * c - b * s, b * c + a * s], axis=1)


def neighbours(x):
    y = np.zeros_like(x)
    np.add.at(y, TO, x[FROM])
    return np.sin(y)


def spread(x, dy, to, of):
    dx, y = np.zeros_like(x), np.zeros_like(x)
    np.add.at(y, TO, x[FROM])
    np.add.at(dx, to, (np.cos(y) * dy)[of])
    return dx


def convolved(x, w):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1))), 3, axis=1)
    return np.einsum("ctk,mck->mt", windows, w)


def back_of_convolved(x, w, dy, turned):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1))), 3, axis=1)
    kernel = (w[:, :, ::-1] if turned else w).transpose(1, 0, 2)
    return convolved(dy, kernel), np.einsum("ctk,mt->mck", windows, dy)


def repeated(x):
    return np.repeat(x, 3, axis=0) ** 3


def similar(u, v):
    return (u * v).sum(1) / (np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1))


def back_of_similar(u, v, y, dy, power):
    a, b = np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1)
    one = (dy / (a * b))[:, None] * v - (dy * y / a**power)[:, None] * u
    other = (dy / (a * b))[:, None] * u - (dy * y / b**power)[:, None] * v
    return one, other


CASES = {  # forward, the right backward pass, a wrong one, the inputs, the name, words
    "rotation": (
        rotated,
        lambda x, c, s, y, dy: (rotated(dy, c, -s), None, None),
        lambda x, c, s, y, dy: (rotated(dy, c, s), None, None),
        (RNG.normal(size=(3, 4)), RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))),
        "wrong-sign",
        "`s` has the wrong sign wherever a gradient is multiplied by it",
    ),
    "neighbours": (
        neighbours,
        lambda x, y, dy: spread(x, dy, FROM, TO),
        lambda x, y, dy: spread(x, dy, TO, FROM),
        (RNG.normal(size=(5, 3)),),
        "transposed-product",
        "itself is applied to the gradient, not its transpose",
    ),
    "convolution": (
        convolved,
        lambda x, w, y, dy: back_of_convolved(x, w, dy, True),
        lambda x, w, y, dy: back_of_convolved(x, w, dy, False),
        (RNG.normal(size=(2, 6)), RNG.normal(size=(2, 2, 3))),
        "kernel-not-flipped",
        "is convolved with `w` as it is, not flipped",
    ),
    "repeats": (
        repeated,
        lambda x, y, dy: (3 * np.repeat(x, 3, axis=0) ** 2 * dy).reshape(4, 3, 2).sum(1),
        lambda x, y, dy: (3 * np.repeat(x, 3, axis=0) ** 2 * dy).reshape(3, 4, 2).sum(0),
        (RNG.normal(size=(4, 2)),),
        "memory-order",
        "in another order",
    ),
    "norm": (
        similar,
        lambda u, v, y, dy: back_of_similar(u, v, y, dy, 2),
        lambda u, v, y, dy: back_of_similar(u, v, y, dy, 1),
        (RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))),
        "left-out",
        "is not divided by",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_other_way_is_named(case):
    forward, right, wrong, inputs, name, words = CASES[case]
    assert sg.check_vjp(forward, right, *inputs).ok
    report = sg.check_vjp(forward, wrong, *inputs)
    assert [one.name for one in report.mistakes] == [name], report.text()
    assert words in report.mistake.explanation
