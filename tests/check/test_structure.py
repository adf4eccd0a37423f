"""Right where the data is what it is: symmetric, of two labels, sorted, of unit rows; small, steep, or all positive."""

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(0)
X, W, Y = RNG.normal(size=(6, 3)), RNG.normal(size=3), np.where(RNG.random(6) < 0.5, -1.0, 1.0)
A = RNG.normal(size=(4, 4))
SYMMETRIC = A + A.T
EDGES = np.array([[0.0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 1]])
ORTHOGONAL = np.linalg.qr(A)[0]
H, V = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2))
UNIT = (RNG.normal(size=(5, 3))).copy()
UNIT /= np.linalg.norm(UNIT, axis=1, keepdims=True)
KNOTS, VALUES = np.array([-2.0, -1.0, 0.5, 1.0, 3.0]), RNG.normal(size=5)


def logistic(w, x, y):
    return np.log1p(np.exp(-y * (x @ w))).mean()


def logistic_grad(w, x, y):
    return -(x.T @ (y / (1 + np.exp(y * (x @ w))))) / len(y)


def graph(a, h, w):
    return np.tanh(a @ h @ w)


def graph_backward(a, h, w, y, g):
    """a is its own transpose."""
    dz = g * (1 - y**2)
    return None, a @ dz @ w.T, (a @ h).T @ dz


def at_knots(x, knots, values):
    i = np.clip(np.searchsorted(knots, x) - 1, 0, len(knots) - 2)
    return np.diff(values)[i] / np.diff(knots)[i]


POINTS = np.array([-1.5, 0.1, 2.0])
RELY_ON_IT = {  # (the check, the same with a factor of 1.5)
    "two labels": lambda by: sg.check_grad(logistic, lambda *i: by * logistic_grad(*i), W, X, Y),
    "symmetric": lambda by: sg.check_grad(
        lambda x, a, b: x @ a @ x / 2 - b @ x, lambda x, a, b: by * (a @ x - b), H[:, 0], SYMMETRIC, H[:, 1]
    ),
    "symmetric, with its gradient": lambda by: sg.check_vjp(
        lambda a: a @ a, lambda a, y, g: by * (g @ a + a @ g), SYMMETRIC
    ),
    "edges of a graph": lambda by: sg.check_vjp(
        graph, lambda *i: tuple(one if one is None else by * one for one in graph_backward(*i)), EDGES, H, V
    ),
    "sorted": lambda by: sg.check_grad(
        lambda x, k, v: np.interp(x, k, v).sum(), lambda x, k, v: by * at_knots(x, k, v), POINTS, KNOTS, VALUES
    ),
    "orthogonal": lambda by: sg.check_grad(
        lambda x, q, b: ((q @ x - b) ** 2).sum() / 2, lambda x, q, b: by * (x - q.T @ b), H[:, 0], ORTHOGONAL, H[:, 1]
    ),
    "unit rows": lambda by: sg.check_grad(
        lambda x, t: ((x - t) ** 2).sum(),
        lambda x, t: by * 2 * (x - t / np.linalg.norm(t, axis=1, keepdims=True)),
        RNG.normal(size=(5, 3)),
        UNIT,
    ),
    "unit rows, with their gradient": lambda by: sg.check_vjp(
        lambda t: np.cosh(t), lambda t, y, g: by * g * np.sinh(t) * np.linalg.norm(t, axis=1, keepdims=True), UNIT
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RELY_ON_IT)
def test_a_gradient_may_rely_on_what_the_data_is(case):
    report = RELY_ON_IT[case](1.0)
    assert report.ok is True, report.text()
    assert RELY_ON_IT[case](1.5).ok is False


INFINITE = {
    "root": (np.sqrt, lambda x, y, g: g / (2 * y), np.array([0.0, 1.0, 4.0])),
    "root of many": (np.sqrt, lambda x, y, g: g / (2 * y), np.linspace(0.0, 1.0, 4000)),
    "cube root": (np.cbrt, lambda x, y, g: g / (3 * y**2), np.array([0.0, 1.0, -4.0])),
    "entropy": (
        lambda p: -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0)),
        lambda p, y, g: -g * (np.log(p) + 1),
        np.array([0.0, 0.5, 0.5]),
    ),
}


@pytest.mark.parametrize("case", INFINITE)
def test_an_infinite_derivative_is_right(case):
    forward, vjp, x = INFINITE[case]
    assert sg.check_vjp(forward, vjp, x).ok is True
    turned = sg.check_vjp(forward, lambda *i: np.where(np.isinf(vjp(*i)), -vjp(*i), vjp(*i)), x)
    assert turned.ok is False or case == "cube root"  # the slopes of |x|^(1/3) from both sides
    assert sg.check_vjp(forward, lambda *i: np.where(np.isfinite(vjp(*i)), 1.5, 1) * vjp(*i), x).ok is False


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0])
def test_infinity_for_a_finite_derivative_is_wrong(scale):
    x = np.array([scale, 1.0, 2.0])
    report = sg.check_vjp(np.exp, lambda x, y, g: g * y * np.array([np.inf, 1, 1]), x)
    assert report.ok is False
    assert report.mistake.name == "not-finite"


@pytest.mark.parametrize("power", [10, 20, 60, 150])
def test_small_inputs_of_a_square(power):
    x = np.array([2.0, 4.0]) * 10.0**-power
    square = lambda x: (x**2).sum()  # noqa: E731
    assert sg.check_grad(square, lambda x: 2 * x, x).ok is True
    assert sg.check_grad(square, lambda x: 3 * x, x).ok is False


POLES = {
    "softened distance": (lambda r: (1 / (r**2 + 1e-24)).sum(), lambda r: -2 * r / (r**2 + 1e-24) ** 2),
    "softened root": (
        lambda r: (1 / (np.sqrt(r) + 1e-12)).sum(), lambda r: -0.5 / (np.sqrt(r) * (np.sqrt(r) + 1e-12) ** 2)
    ),
    "an even power": (lambda r: (1 / (r**12 + 1e-30)).sum(), lambda r: -12 * r**11 / (r**12 + 1e-30) ** 2),
}  # fmt: skip


@pytest.mark.parametrize("case", POLES)
def test_a_pole_at_0_hides_nothing(case):
    f, grad = POLES[case]
    r = np.array([1.0, 1.5, 2.0])
    assert sg.check_grad(f, grad, r).ok is True
    assert sg.check_grad(f, lambda r: grad(r) * 1.001, r).ok is False
    assert sg.check_grad(f, lambda r: -grad(r), r).ok is False


def test_what_positive_inputs_hide_is_told():
    x = RNG.random((4, 3)) + 0.1
    said = "the gradient of x is right for positive numbers, as given, and wrong where some are negative"
    relu = lambda x: np.maximum(x, 0)  # noqa: E731
    report = sg.check_vjp(relu, lambda x, y, g: g, x)
    assert report.ok is True
    assert said in report.facts
    assert said not in sg.check_vjp(relu, lambda x, y, g: g * (x > 0), x).facts
    assert said not in sg.check_vjp(np.sqrt, lambda x, y, g: g / (2 * y), x).facts


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_an_index_off_the_diagonal():
    def backward(z, p, dp):
        J = -p[:, :, None] * p[:, :, None] * np.ones(z.shape[1])
        J[:, range(3), range(3)] = p * (1 - p)
        return np.einsum("nij,nj->ni", J, dp)

    report = sg.check_vjp(softmax, backward, RNG.normal(size=(4, 3)))
    assert [mistake.name for mistake in report.mistakes] == ["off-diagonal-index"]


def test_a_ratio_of_another_arrays_length_is_told():
    x, y = RNG.normal(size=(12, 4)), RNG.integers(0, 2, 12)
    loss = lambda w, x, y: np.mean(np.log1p(np.exp(x @ w)) - y * (x @ w)) + np.mean(np.cosh(w))  # noqa: E731
    grad = lambda w, x, y: x.T @ (1 / (1 + np.exp(-x @ w)) - y) / len(y) + np.sinh(w) / len(w)  # noqa: E731
    report = sg.check_grad(loss, lambda w, x, y: 12 * grad(w, x, y), W4, x, y)
    assert any("12 times" in fact and "which is the length of axis 0 of x" in fact for fact in report.facts)
    assert not any("root" in fact for fact in report.facts)


W4 = RNG.normal(size=4)


def test_a_mask_of_sequences():
    z, y = RNG.normal(size=(2, 4, 5)), RNG.integers(0, 5, (2, 4))
    mask = np.array([[1.0, 1, 0, 0], [1, 1, 1, 0]])

    def loss(z, y, mask):
        picked = np.take_along_axis(np.log(softmax(z)), y[..., None], -1)[..., 0]
        return -(mask * picked).sum() / mask.sum()

    report = sg.check_grad(loss, lambda z, y, mask: (softmax(z) - np.eye(5)[y]) / mask.sum(), z, y, mask)
    assert report.mistake.name == "mask-missing"


def test_a_sign_is_told_where_other_lengths_make_no_sense():
    """One-hot targets are none with a class less."""
    t = np.eye(3)[[0, 2, 1]]
    loss = lambda z, t: (t * np.log(softmax(z))).sum() / len(z)  # noqa: E731
    report = sg.check_grad(loss, lambda z, t: (softmax(z) - t) / len(z), RNG.normal(size=(3, 3)), t)
    assert report.mistake.name == "sign"
