"""The sentences of a report, read as the student who gets them: they are true of this function and this mistake."""

from dataclasses import replace

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import one_hot, relu, sigmoid, softmax

RNG = np.random.default_rng(5)
Z, X = RNG.normal(size=(5, 3)), RNG.normal(size=7)
SOFT, HARD = softmax(RNG.normal(size=(5, 3))), one_hot(np.array([0, 2, 1, 1, 0]), 3)
BITS = np.array([0.0, 1, 1, 0, 1, 0, 0])
PAIRS = RNG.normal(size=(6, 2)), RNG.normal(size=(6, 2))


def binary(z, t):
    return -(t * np.log(sigmoid(z)) + (1 - t) * np.log(1 - sigmoid(z)))


def log_softmax(z):
    return z - np.log(row_sum(np.exp(z)))


def row_sum(a):
    return a.sum(axis=-1, keepdims=True)


LOSSES = {  # what is wrong: (loss, gradient, inputs, words in the report, words that are not)
    "no mean over all entries": (
        lambda z, t: binary(z, t).mean(), lambda z, t: sigmoid(z) - t, (Z, HARD),
        "The division by the number of all entries is missing", "samples is missing",
    ),
    "no mean over a vector": (
        lambda z, t: binary(z, t).mean(), lambda z, t: sigmoid(z) - t, (X, BITS),
        "The division by the number of all entries is missing", "Fits as well",
    ),
    "a mean over rows, of all entries": (
        lambda z, t: ((z - t) ** 2).mean(), lambda z, t: 2 * (z - t) / len(z), (Z, SOFT),
        "The division by the number of columns is missing", "classes",
    ),
    "twice, with two columns": (
        lambda z, t: ((z - t) ** 2).sum(), lambda z, t: 4 * (z - t), PAIRS,
        "the number of columns is 2 on every draw", "classes",
    ),
    "-t / a at the logits of a sigmoid": (
        lambda z, t: binary(z, t).sum(), lambda z, t: -t / sigmoid(z), (Z, HARD),
        "The derivative of the sigmoid is missing", "softmax",
    ),
}  # fmt: skip
BACKWARD = {  # the same with (function, backward pass, inputs, ...)
    "the upstream in front, p inside": (
        softmax, lambda z, p, g: g * (p - row_sum(p * p)), (Z,),
        "The upstream gradient stands where the output belongs", "is not used",
    ),
    "the output of a ReLU with >=": (
        relu, lambda z, y, g: g * (y >= 0), (Z,), "y >= 0 always holds", "is missing",
    ),
    "an upstream lost in one place": (
        softmax, lambda z, p, g: p * (g - row_sum(p)), (Z,), "upstream gradient is missing in one place", "not used",
    ),
    "a mean that nobody takes": (
        np.tanh, lambda z, y, g: g * (1 - y**2) / len(z), (Z,), "extra division by the number of rows", "loss",
    ),
    "a bias that is averaged": (
        lambda x, W, b: x @ W + b, lambda x, W, b, y, g: (g @ W.T, x.T @ g, g.mean(axis=0)),
        (Z, RNG.normal(size=(3, 4)), RNG.normal(size=4)), "averaged over the samples, not summed", "once more",
    ),
    "two layers that are wrong": (
        lambda x, W, b: x @ W + b, lambda x, W, b, y, g: (g @ W.T, x.T @ g / len(x), -g.sum(axis=0)),
        (Z, RNG.normal(size=(3, 4)), RNG.normal(size=4)), "Also wrong: ", "Fits as well",
    ),
    "two mistakes in one line": (
        softmax, lambda z, p, g: p * (1 - p), (Z,), "Also wrong: The upstream gradient is not used", "Fits as well",
    ),
    "keepdims forgotten where the input is square": (
        softmax, lambda z, p, g: p * (g - (p * g).sum(axis=1)), (RNG.normal(size=(4, 4)),),
        "laid along the wrong axis", "None of the known",
    ),
    "keepdims forgotten in log-softmax": (
        log_softmax, lambda z, y, g: g - np.exp(y) * g.sum(axis=1), (RNG.normal(size=(4, 4)),),
        "laid along the wrong axis", "None of the known",
    ),
    "the smallest of each window": (  # where x is 0 all are the largest, and any of them may be chosen
        lambda x: x.reshape(-1, 3).max(axis=1),
        lambda x, y, g: (g[:, None] * np.eye(3)[x.reshape(-1, 3).argmin(axis=1)]).ravel(),
        (RNG.normal(size=12),), "in another order", "where x is 0",
    ),
}  # fmt: skip


def said(report):
    return " ".join(
        str(replace(report, backward_line=None)).split()
    )  # the line is part of this file: it has these words


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_said_of_a_loss(name):
    loss, grad, inputs, words, others = LOSSES[name]
    report = said(sg.check_grad(loss, grad, *inputs))
    assert words in report
    assert others not in report


@pytest.mark.parametrize("name", BACKWARD)
def test_what_is_said_of_a_backward_pass(name):
    function, backward, inputs, words, others = BACKWARD[name]
    report = said(sg.check_vjp(function, backward, *inputs))
    assert words in report
    assert others not in report


def test_a_line_calls_the_arrays_by_what_they_are():
    loss = lambda z, t: -(t * np.log(softmax(z))).sum() / len(z)  # noqa: E731
    fix = sg.check_grad(loss, lambda z, t: t - softmax(z), Z, SOFT).mistake.fix
    assert "t = target" in fix
    assert "t_" not in fix
