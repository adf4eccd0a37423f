"""check_grad(f, True, ...): a function that returns the loss and its gradient."""

import re

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import softmax

RNG = np.random.default_rng(0)
X, W, B, T = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=3), RNG.normal(size=(5, 3))
Y = np.array([0, 2, 1, 1, 0])
PARAMETERS = {"W": W, "b": B}


def dense(x, w, b, t):
    """The loss of a dense layer, and its three gradients."""
    error = x @ w + b - t
    return (error**2).sum(), 2 * error @ w.T, 2 * x.T @ error, 2 * error.sum(axis=0)


def of_parameters(p, x, t):
    loss, _, dw, db = dense(x, p["W"], p["b"], t)
    return loss, dw, db


def softmax_loss(x, y):
    p = softmax(x)
    dx = p.copy()
    dx[np.arange(len(y)), y] -= 1
    return -np.log(p[np.arange(len(y)), y]).mean(), dx / len(y)


def svm_loss(w, x, y, reg):
    """It writes gradients into arrays of real numbers, which take no complex ones."""
    loss, dw = 0.0, np.zeros(w.shape)
    for i in range(len(x)):
        scores = x[i] @ w
        for j in range(w.shape[1]):
            margin = scores[j] - scores[y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                dw[:, j] += x[i]
                dw[:, y[i]] -= x[i]
    return loss / len(x) + reg * (w * w).sum(), dw / len(x) + 2 * reg * w


class Net:
    def __init__(self):
        self.seen = None

    def loss(self, x, y):
        self.seen = x
        return softmax_loss(x, y)


RETURNS = {  # (f, its inputs, what the gradients are for)
    "one gradient": (softmax_loss, (X, Y), ["x"]),
    "one gradient, a method": (Net().loss, (X, Y), ["x"]),
    "one gradient, loops over real arrays": (svm_loss, (W, X, Y, 0.1), ["w"]),
    "gradients one by one": (dense, (X, W, B, T), ["x", "w", "b"]),
    "a tuple of gradients": (
        lambda x, w, b, t: (dense(x, w, b, t)[0], dense(x, w, b, t)[1:]), (X, W, B, T), ["x", "w", "b"]
    ),
    "a list of gradients": (
        lambda x, w, b, t: (dense(x, w, b, t)[0], [*dense(x, w, b, t)[1:3]]), (X, W, B, T), ["x", "w"]
    ),
    "a list as the result": (lambda x, y: [*softmax_loss(x, y)], (X, Y), ["x"]),
    "gradients by name": (
        lambda x, w, b, t: (dense(x, w, b, t)[0], dict(zip(("dw", "db"), dense(x, w, b, t)[2:], strict=True))),
        (X, W, B, T),
        ["w", "b"],
    ),
    "a dict for a dict": (
        lambda p, x, t: (of_parameters(p, x, t)[0], dict(zip(("W", "b"), of_parameters(p, x, t)[1:], strict=True))),
        (PARAMETERS, X, T),
        ["W", "b"],
    ),
    "a dict for the second input": (
        lambda x, p, t: (of_parameters(p, x, t)[0], dict(zip(("W", "b"), of_parameters(p, x, t)[1:], strict=True))),
        (X, PARAMETERS, T),
        ["W", "b"],
    ),
    "a dict with names of gradients": (
        lambda p, x, t: (of_parameters(p, x, t)[0], dict(zip(("dW", "db"), of_parameters(p, x, t)[1:], strict=True))),
        (PARAMETERS, X, T),
        ["W", "b"],
    ),
    "a list for a list": (
        lambda p, x, t: (dense(x, *p, t)[0], [*dense(x, *p, t)[2:]]), ([W, B], X, T), ["p[0]", "p[1]"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RETURNS)
def test_the_gradients_are_found_and_judged(case):
    f, inputs, names = RETURNS[case]
    report = sg.check_grad(f, True, *inputs)
    assert report.ok is True, report.text()
    assert list(report.checked) == names

    def slipped(*inputs):
        loss, *grads = f(*inputs)
        return loss, *(scaled(one) for one in grads)

    named = ["p" if "p[" in names[0] else name for name in ("p", "x", "t")] if isinstance(inputs[0], list) else None
    report = sg.check_grad(slipped, True, *inputs, names=named or parameters(f))
    assert report.ok is False
    assert report.where.name in names


def scaled(value):
    if isinstance(value, dict):
        return {key: scaled(one) for key, one in value.items()}
    return type(value)(map(scaled, value)) if isinstance(value, list | tuple) else 1.01 * value


def parameters(f):
    return list((f.__func__ if hasattr(f, "__func__") else f).__code__.co_varnames[: f.__code__.co_argcount])[
        hasattr(f, "__func__") :
    ]


def test_wrt_chooses_inputs():
    assert list(sg.check_grad(lambda x, w, b, t: dense(x, w, b, t)[::2], True, X, W, B, T, wrt=1).checked) == ["w"]
    f = RETURNS["gradients by name"][0]
    assert list(sg.check_grad(f, True, X, W, B, T, wrt=2).checked) == ["b"]


def test_the_mistake_is_named_and_an_assertion_shows_it():
    def f(z, y):
        loss, dz = softmax_loss(z, y)
        return loss, dz * len(y)

    assert sg.check_grad(f, True, X, Y).mistake.name == "mean-missing"
    with pytest.raises(AssertionError, match="The division by the number of samples is missing"):
        sg.testing.assert_grad(f, True, X, Y)


MESSAGES = {  # what is wrong: (the call, its message)
    "the function twice": (
        lambda: sg.check_grad(softmax_loss, softmax_loss, X, Y),
        "check_grad: loss returned a tuple, wanted one number; a function that returns the loss and its gradient is "
        "checked with check_grad(f, True, ...)",
    ),
    "the loss alone": (
        lambda: sg.check_grad(lambda x, y: softmax_loss(x, y)[0], True, X, Y),
        "wanted the loss and its gradient, as in return loss, grad, since grad is True",
    ),
    "names of no input": (
        lambda: sg.check_grad(lambda x: (x.sum(), {"dq": np.ones_like(x)}), True, X),
        "check_grad: the gradients that <lambda> returned are called 'dq', wanted the names of its inputs: 'x'",
    ),
    "False": (
        lambda: sg.check_grad(softmax_loss, False, X, Y), "check_grad: grad is False of type bool, wanted a function"
    ),
    "a vjp": (lambda: sg.check_vjp(softmax, True, X), "check_vjp: vjp is True of type bool, wanted a function"),
}  # fmt: skip


@pytest.mark.parametrize("case", MESSAGES)
def test_what_is_wrong_is_told(case):
    call, message = MESSAGES[case]
    with pytest.raises(sg.CheckError, match=re.escape(message)):
        call()
