"""Where a gradient that nothing explains comes out right: for one sample, with an array at 0, in every order."""

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(0)
X, W, V = RNG.normal(size=(6, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))


def forward(x, w):
    return np.cosh(x @ w) * np.sin(x @ w)


def slope(x, w):
    return np.sinh(x @ w) * np.sin(x @ w) + np.cosh(x @ w) * np.cos(x @ w)


def facts(vjp, *inputs, forward=forward):
    report = sg.check_vjp(forward, vjp, *inputs)
    assert report.ok is False
    return report.facts


def mixed_rows(x, w, y, g):
    return g * slope(x, w) @ w.T, x.T @ (g * slope(x, w)) + (x.T @ g - x[:1].T @ g[:1])


def test_right_for_one_sample_alone():
    assert "the gradient is right for one sample alone, and wrong for 6" in facts(mixed_rows, X, W)


@pytest.mark.parametrize("worst", [0, 3, 5])
def test_not_where_the_wrong_entry_is_in_another_row(worst):
    """One row alone is right because the wrong numbers are in another."""
    z = RNG.normal(size=(6, 3))
    z[worst] = 9.0
    clipped = lambda z: np.cosh(np.clip(z, -5, 5))  # noqa: E731
    said = facts(lambda z, y, g: g * np.sinh(z), z, forward=clipped)
    assert not any("one sample alone" in fact for fact in said)


def penalised(w):
    return np.sum(np.cosh(w) * np.sin(w) + 0.05 * w**3 * np.exp(w))


def test_right_where_an_array_is_0():
    """The part of the gradient that another array brings is left out."""
    shifted = lambda x, w, v: np.cosh(x @ w) * np.sin(x @ w) + np.exp(x @ w) * (x @ v) ** 2  # noqa: E731
    without = lambda x, w, v, y, g: (None, x.T @ (g * slope(x, w)), None)  # noqa: E731
    assert "the gradient is right where v is 0" in facts(without, X, W, V, forward=shifted)
    with_it = lambda x, w, v, y, g: (None, x.T @ (g * slope(x, w)) + 1.0, None)  # noqa: E731
    assert not any(fact.startswith("the gradient is right where") for fact in facts(with_it, X, W, V, forward=shifted))


def cubes(z):
    return np.cosh(z) * np.sin(z) + (z**2).mean(axis=-1, keepdims=True)


def cubes_backward(z, y, g):
    own = np.sinh(z) * np.sin(z) + np.cosh(z) * np.cos(z)
    return g * own + 2 * z / z.shape[-1] * g.sum(axis=-1, keepdims=True)


def test_a_gradient_that_depends_on_the_order_of_the_classes():
    z = RNG.normal(size=(3, 5))
    off = np.linspace(0.5, 1.5, 5)
    said = "the gradient of z depends on the order of the last axis, and the right one does not"
    assert said in facts(lambda z, y, g: cubes_backward(z, y, g) * off, z, forward=cubes)
    assert said not in facts(lambda z, y, g: cubes_backward(z, y, g) ** 3, z, forward=cubes)


def poly(z, y):
    p = np.cosh(z) / np.cosh(z).sum(axis=1, keepdims=True)
    kept = y >= 0
    return -np.log(p[kept, y[kept]]).sum()


def poly_grad(z, y):
    p = np.cosh(z) / np.cosh(z).sum(axis=1, keepdims=True)
    t = np.where(y[:, None] >= 0, np.eye(z.shape[1])[y], 0)
    return np.where(y[:, None] >= 0, np.tanh(z) * (p - t), 0)


AT_LABELS = {  # what a wrong gradient does, and what is said of it
    "ignored rows": (
        lambda z, y: np.where(y[:, None] < 0, 0.1 * z, poly_grad(z, y)),
        "the gradient of z is wrong only in the rows that y marks as ignored",
    ),
    "target entries": (
        lambda z, y: poly_grad(z, y) + np.where(y[:, None] >= 0, np.eye(5)[y], 0) * z,
        "the gradient of z is wrong only in the entries of the classes that y names",
    ),
    "all others": (
        lambda z, y: np.where((np.eye(5)[y] > 0) | (y[:, None] < 0), 1, 1.0 + z**2) * poly_grad(z, y),
        "the gradient of z is right in the entries of the classes that y names, and wrong in others",
    ),
}


@pytest.mark.parametrize("case", AT_LABELS)
def test_wrong_where_the_class_numbers_say(case):
    grad, said = AT_LABELS[case]
    z, y = RNG.normal(size=(7, 5)), np.array([0, 3, -1, 2, 2, -1, 4])
    assert sg.check_grad(poly, poly_grad, z, y).ok is True
    report = sg.check_grad(poly, grad, z, y)
    assert report.ok is False
    assert said in report.facts
    others = {other for _, other in AT_LABELS.values()} - {said}
    assert not others & set(report.facts)


def network(P, x):
    return np.sum(np.cosh(np.tanh(np.sin(x @ P["W1"]) @ P["W2"]) @ P["W3"]))


def network_grad(P, x):
    s = x @ P["W1"]
    a, b = np.sin(s), np.tanh(np.sin(s) @ P["W2"])
    d3 = np.sinh(b @ P["W3"])
    d2 = d3 @ P["W3"].T * (1 - b**2)
    return {"W1": x.T @ (d2 @ P["W2"].T * np.cos(s)), "W2": a.T @ d2, "W3": b.T @ d3}


@pytest.mark.parametrize("wrong", [("W2",), ("W1", "W3"), ("W1", "W2", "W3")])
def test_the_first_wrong_layer_from_the_end(wrong):
    P = {"W1": RNG.normal(size=(4, 5)), "W2": RNG.normal(size=(5, 3)), "W3": RNG.normal(size=(3, 2))}
    assert sg.check_grad(network, network_grad, P, X).ok is True
    bad = lambda P, x: {k: v * (1 + 0.3 * np.sin(v)) if k in wrong else v for k, v in network_grad(P, x).items()}  # noqa: E731
    report = sg.check_grad(network, bad, P, X)
    right = ", ".join(name for name in P if name not in wrong)
    rest = f"right: {right}" if right else "none is right"
    assert f"going backwards, the first wrong gradient is that of {max(wrong)}; {rest}" in report.facts
