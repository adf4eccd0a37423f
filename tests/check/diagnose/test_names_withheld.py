"""A name is only given where nothing else would do: enough draws, other lengths, weights that are weights."""

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(1)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def diagonal(z, p, dp):
    return p * (1 - p) * dp


def names(report):
    return [mistake.name for mistake in report.mistakes]


Z = RNG.normal(size=(4, 3))


def test_a_root_of_the_length_is_no_factor_2():
    """Four rows, and a function that is no known one: half of the gradient is 1 / sqrt(4) of it."""
    loss = lambda w: np.sum(np.cosh(w) * np.sin(w)) / np.sqrt(len(w))  # noqa: E731
    slope = lambda w: np.sinh(w) * np.sin(w) + np.cosh(w) * np.cos(w)  # noqa: E731
    report = sg.check_grad(loss, lambda w: slope(w), Z)
    assert report.ok is False
    assert report.mistake.name == "left-out"
    assert "is not divided by `np.sqrt(len(w))`" in report.mistake.explanation
    assert any("which is the root of the length of axis 0" in fact for fact in report.facts)
    report = sg.check_grad(loss, lambda w: 2 * slope(w) / np.sqrt(len(w)), Z)
    assert any("2 times the right gradient everywhere" in fact for fact in report.facts)
    assert not any("root" in fact for fact in report.facts)


def only_here(z, p, dp):
    if z[0, 0] != Z[0, 0]:
        raise ValueError("only for one z")
    return diagonal(z, p, dp)


@pytest.mark.parametrize("vjp", [only_here], ids=["raises elsewhere"])
def test_no_name_on_fewer_than_five_draws(vjp):
    report = sg.check_vjp(softmax, vjp, Z)
    assert report.ok is False
    assert not report.mistakes
    assert any(fact.startswith("no mistake is named") for fact in report.facts)
    assert any("vjp raised ValueError: only for one z" in fact for fact in report.facts)


def test_what_backward_raises_elsewhere_is_told_of_a_right_gradient_too():
    def backward(x, y, dy):
        assert x[0] == 1.0, "x starts with 1"
        return 3 * x * x * dy

    report = sg.check_vjp(lambda x: x**3, backward, np.array([1.0, 2.0, 3.0]))
    assert report.ok is True
    assert any("vjp raised AssertionError: x starts with 1" in fact for fact in report.facts)


X, W, Y = RNG.normal(size=(6, 4)), RNG.normal(size=(4, 3)), RNG.integers(0, 3, size=6)


def test_a_positive_bias_is_no_class_weight():
    def loss(x, w, b, y):
        return -np.log(softmax(x @ w + b)[np.arange(len(y)), y]).mean()

    def grad(x, w, b, y):
        return x.T @ softmax(x @ w + b) / len(y)

    report = sg.check_grad(loss, grad, X, W, np.array([0.5, 1.0, 2.0]), Y, wrt=1)
    assert names(report)[0] == "one-hot-not-subtracted"


def test_many_square_layers_of_an_unknown_kind_take_few_calls():
    layers, parameters = 8, {}
    for i in range(layers):
        parameters |= {f"W{i}": RNG.normal(size=(3, 3)) / 2, f"b{i}": RNG.normal(size=3), f"g{i}": RNG.normal(size=3)}

    def loss(P, x):
        for i in range(layers):
            x = np.tanh(P[f"g{i}"] * (x @ P[f"W{i}"]) + P[f"b{i}"])
        return (x**2).sum()

    report = sg.check_grad(
        loss, lambda P, x: {name: np.ones_like(one) for name, one in P.items()}, parameters, X[:, :1] * np.ones(3)
    )
    assert report.ok is False
    assert report.calls < 2500


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_two_edits_of_one_line_are_told_as_two():
    """The derivative of sigmoid stands for that of x * sigmoid(x): neither edit alone gives it."""
    report = sg.check_vjp(lambda x: x * sigmoid(x), lambda x, y, g: g * sigmoid(x) * (1 - sigmoid(x)), Z)
    assert names(report) == ["two-edits"]
    assert "da * (s * (1 - s)) gives the gradient returned" in report.mistake.evidence


def test_two_wrong_lines_give_the_gradient_together():
    def loss(z, t):
        return ((softmax(z) - t) ** 2).sum()

    def grad(z, t):
        p = softmax(z)
        return diagonal(z, p, 2 * p)

    report = sg.check_grad(loss, grad, Z, np.eye(3)[[0, 2, 1, 1]])
    assert report.mistake is not None
    for mistake in report.mistakes:
        assert mistake.evidence.startswith("dp = 2 * p and dz = ")
        assert "together give the gradient returned, on " in mistake.evidence


@pytest.mark.parametrize("log", [False, True])
def test_a_minus_is_no_temperature(log):
    def forward(e):
        return np.log(softmax(-e)) if log else softmax(-e)

    def vjp(e, y, g):
        p = softmax(-e)
        return g - p * g.sum(axis=-1, keepdims=True) if log else p * (g - (p * g).sum(axis=-1, keepdims=True))

    assert sg.check_vjp(forward, lambda *i: -vjp(*i), Z).ok is True
    report = sg.check_vjp(forward, vjp, Z)
    assert names(report) == ["sign"]
    assert "temperature" not in report.text()
