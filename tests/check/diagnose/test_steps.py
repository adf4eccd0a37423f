"""Functions that move in steps: the derivative is 0, and the gradients that people write for them are surrogates."""

import numpy as np
import pytest

import softgrad as sg

X = np.random.default_rng(0).normal(size=(4, 5))
W = np.random.default_rng(1).normal(size=(5, 2))
FACT = "forward moves in steps where x changes, so its derivative is 0"


def quantized(x):
    return np.clip(np.round(x / 0.1), -8, 7) * 0.1


SURROGATES = {
    "sign, hard tanh": (np.sign, lambda x, y, g: g * (np.abs(x) <= 1)),
    "spike, fast sigmoid": (lambda x: 1.0 * (x > 0), lambda x, y, g: g / (1 + 10 * np.abs(x)) ** 2),
    "fake quantisation, clipped": (quantized, lambda x, y, g: g * (np.abs(x) < 0.75)),
}
OTHERS = {
    "no steps: relu where all is negative": (lambda x: np.maximum(x, 0), lambda x, y, g: g, -np.abs(X)),
    "no steps: a wrong sign": (np.sin, lambda x, y, g: -g * np.cos(x), X),
    "constant": (lambda x: np.ones_like(x), lambda x, y, g: g, X),
    "float32 inside": (lambda x: np.sin(x.astype(np.float32)).astype(float), lambda x, y, g: -g * np.cos(x), X),
}


@pytest.mark.parametrize("case", SURROGATES)
def test_a_surrogate_is_called_so_and_gets_no_other_name(case):
    report = sg.check_vjp(*SURROGATES[case], X)
    assert report.ok is False  # it is not the derivative
    assert any(fact.startswith(FACT) for fact in report.facts), report.text()
    assert report.mistakes == ()
    assert report.backward_line is None


@pytest.mark.parametrize("case", OTHERS)
def test_other_wrong_gradients_are_no_surrogates(case):
    report = sg.check_vjp(*OTHERS[case])
    assert report.ok is False
    assert not any("moves in steps" in fact for fact in report.facts), report.text()


def test_a_mistake_in_another_input_is_still_named():
    def forward(x, w):
        return quantized(x) @ w

    def backward(x, w, y, g):
        return (g @ w.T) * (np.abs(x) < 0.75), -quantized(x).T @ g

    report = sg.check_vjp(forward, backward, X, W)
    assert report.mistake.name == "sign"
    assert any(fact.startswith(FACT) for fact in report.facts)
    assert "the gradient of w is -1 times the right gradient everywhere" in report.facts
