"""A recognised function is no judge by itself: where its lines and the numerical derivatives differ, these count."""

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.catalogue.weights import RIDGE
from softgrad.check.recognise import assemble


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss(x, w, y):
    return -np.log(softmax(x @ w)[np.arange(len(y)), y]).mean() + 0.05 * (w**2).sum()


def backward(penalty):
    def vjp(x, w, y, output, g):
        dz = softmax(x @ w)
        dz[np.arange(len(y)), y] -= 1
        dz /= len(y)
        return g * dz @ w.T, g * (x.T @ dz + penalty * w), None

    return vjp


@pytest.fixture
def inputs():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 4)), rng.normal(size=(4, 3)), rng.integers(0, 3, 6)


def test_a_penalty_under_an_upstream_gradient(inputs):
    assert sg.check_vjp(loss, backward(0.1), *inputs).ok is True
    assert sg.check_vjp(loss, backward(0.0), *inputs).mistake.name == "regulariser-missing"


@pytest.mark.parametrize("slip", ["dW = dW - reg * W", "dW = dW + 2 * reg * W", "dW = dW"])
def test_a_slip_in_a_recipe_is_no_false_alarm(inputs, monkeypatch, slip):
    assert RIDGE == "dW = dW + reg * W"
    monkeypatch.setattr(assemble, "PENALTIES", (assemble.PENALTIES[0]._replace(backward=slip),))
    assert sg.check_vjp(loss, backward(0.1), *inputs).ok is True


def test_a_product_of_real_numbers_is_no_dropout(inputs):
    x = inputs[0]
    report = sg.check_vjp(lambda x, y: x * y, lambda x, y, output, g: (g, g * x), x, x + 1)
    assert report.ok is False
    assert [mistake.name for mistake in report.mistakes] == ["left-out"]


def test_a_plain_mask_has_no_scale(inputs):
    mask = (np.arange(24).reshape(6, 4) % 3 > 0) * 1.0
    report = sg.check_vjp(lambda x, m: x * m, lambda x, m, output, g: (g, None), inputs[0], mask)
    assert [mistake.name for mistake in report.mistakes] == ["dropout-mask-missing"]


def test_a_penalty_is_told_with_the_factor_that_was_given():
    def grad(w, x, y, reg):
        return x.T @ (x @ w - y) + reg * w

    rng = np.random.default_rng(0)
    w, x, y = rng.normal(size=(3, 2)), rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    report = sg.check_grad(lambda w, x, y, reg: ((x @ w - y) ** 2).sum() / 2 + reg * (w**2).sum(), grad, w, x, y, 0.3)
    assert any(
        "with a penalty 0.3 ||W||²" in fact and "/2" not in fact.partition("penalty")[2] for fact in report.facts
    )
