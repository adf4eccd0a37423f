"""A width of the layer that is written out is right, and a fact says so. The number of samples is not, on any axis."""

import numpy as np
import pytest

import softgrad as sg


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def layer_norm(x, g):
    return g * (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)


def back_of_layer_norm(x, g, y, dy):
    s = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    xhat, d = (x - x.mean(axis=1, keepdims=True)) / s, dy * g
    return (d - d.sum(axis=1, keepdims=True) / 8 - xhat * (d * xhat).sum(axis=1, keepdims=True) / 8) / s, (
        dy * xhat
    ).sum(axis=0)


def squared(y, t):
    return np.mean((y - t) ** 2)


def of_each_sample(y, t):
    return ((y - t) ** 2).mean(axis=1).sum()


def pooled(x):
    return np.sin(x.mean(axis=1))


def back_of_pooled(x, y, g):
    return np.repeat((g * np.cos(x.mean(axis=1)))[:, None] / 4, x.shape[1], axis=1)


def net(x, w):
    return np.cosh(np.tanh(x @ w)).mean()


def back_of_net(x, w):
    t = np.tanh(x @ w)
    d = np.sinh(t) * (1 - t**2) / len(x) / 2
    return d @ w.T, x.T @ d


def rows_of_weights(x, w):
    return np.cosh(np.tanh(x @ w.T)).mean()


def back_of_rows_of_weights(x, w):
    t = np.tanh(x @ w.T)
    d = np.sinh(t) * (1 - t**2) / len(x) / 2
    return d @ w, d.T @ x


def brier(z, t):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return (np.abs(p - t) ** 3).mean()


def back_of_brier(z, t):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    a = np.abs(p - t) * (p - t)
    return p * (a - (a * p).sum(axis=1, keepdims=True)) * 3 / (len(z) * 4)


def over_the_image(x):
    return np.tanh(x).mean(axis=(2, 3))


def back_of_over_the_image(x, y, g):
    return g[:, :, None, None] * (1 - np.tanh(x) ** 2) / 25


def one_feature_vector(x, g):
    return g * (x - x.mean()) / np.sqrt(x.var() + 1e-5)


def back_of_one_feature_vector(x, g, y, dy):
    s = np.sqrt(x.var() + 1e-5)
    xhat, d = (x - x.mean()) / s, dy * g
    return (d - d.sum() / 8 - xhat * (d * xhat).sum() / 8) / s, dy * xhat


def distances(x, centers):
    return np.log(((x[:, None] - centers) ** 2).sum(axis=-1) + 1).mean()


def back_of_distances(x, centers):
    d = x[:, None] - centers
    d = 2 * d / ((d**2).sum(axis=-1, keepdims=True) + 1) / (len(x) * 6)
    return d.sum(axis=1), -d.sum(axis=0)


ONE_HOT = np.eye(4)[[0, 2, 1, 3, 0]]
RIGHT = {  # name: (function, derivative, inputs): what is said of them
    "features of a norm": (layer_norm, back_of_layer_norm, normal(5, 8), normal(8)),
    "features of one sample": (layer_norm, back_of_layer_norm, normal(1, 8), normal(8)),
    "a vector of features": (one_feature_vector, back_of_one_feature_vector, normal(8), normal(8, seed=1)),
    "outputs of a loss": (squared, lambda y, t: 2 * (y - t) / (len(y) * 6), normal(4, 6), normal(4, 6, seed=1)),
    "outputs of many samples": (of_each_sample, lambda y, t: (y - t) / 3, normal(100, 6), normal(100, 6, seed=1)),
    "outputs of a sum over the samples": (of_each_sample, lambda y, t: (y - t) / 3, *normal(2, 4, 6)),
    "steps that are averaged": (pooled, back_of_pooled, normal(2, 4, 3)),
    "units": (net, back_of_net, normal(4, 3), normal(3, 2)),
    "units in rows": (rows_of_weights, back_of_rows_of_weights, normal(4, 3), normal(2, 3)),
    "classes": (brier, back_of_brier, normal(5, 4), ONE_HOT),
    "centers": (distances, back_of_distances, normal(4, 3), normal(6, 3)),
    "an image": (over_the_image, back_of_over_the_image, normal(2, 3, 5, 5)),
}


def checked(function, derivative, *inputs):
    if np.ndim(function(*inputs)):
        return sg.check_vjp(function, derivative, *inputs)
    count = len(value) if isinstance(value := derivative(*inputs), tuple) else 1
    return sg.check_grad(function, derivative, *inputs, wrt=tuple(range(count)))


@pytest.mark.parametrize("name", RIGHT)
def test_a_width_is_right_and_a_fact(name):
    report = checked(*RIGHT[name])
    assert report.ok is True, report.text()
    said = [fact for fact in report.facts if "is written for that length" in fact]
    assert len(said) == 1, report.text()


def test_the_fact_has_the_axis_the_line_and_the_ratio():
    report = checked(*RIGHT["outputs of a loss"])
    line = RIGHT["outputs of a loss"][1].__code__.co_firstlineno
    assert report.facts[-1] == (
        "the gradient of y is right for a layer where axis 1 has length 6, and grad is written for that length "
        f"(test_written_widths.py, line {line}, in <lambda>): for length 5 it is 5 / 6 times the right one"
    )


def repeated(x, y, g):
    return np.repeat((g * np.cos(x.mean(axis=1)))[:, None], 4, axis=1) / 4


def test_a_gradient_of_another_shape_has_its_line():
    fact = sg.check_vjp(pooled, repeated, normal(2, 4, 3)).facts[-1]
    assert f"(test_written_widths.py, line {repeated.__code__.co_firstlineno + 1}, in repeated)" in fact
    assert fact.endswith("for length 3 it is wrong: its shape is (2, 4, 3), wanted (2, 3, 3)")


def centered(W, X):
    h = W @ X
    return h - h.mean(axis=0)


def back_of_centered(W, X, y, g):
    d = g - g.sum(axis=0) / 4
    return d @ X.T, W.T @ d


class Centered:
    """The samples are columns, and V has 4 units."""

    def __init__(self):
        self.V = normal(4, 3)

    def forward(self, X):
        self.X = X
        return centered(self.V, X)

    def backward(self, g):
        self.dV, dX = back_of_centered(self.V, self.X, None, g)
        return dX


def test_the_rows_of_parameters_are_a_width():
    assert sg.check_vjp(centered, back_of_centered, normal(4, 3), normal(3, 5)).ok is True
    assert sg.check_layer(Centered(), normal(3, 5)).ok is True


def test_what_becomes_axis_1_of_the_output_is_a_width():
    def forward(a, x):
        return centered(a, x.T).T

    def backward(a, x, y, g):
        da, dx = back_of_centered(a, x.T, y.T, g.T)
        return da, dx.T

    assert sg.check_vjp(forward, backward, normal(4, 3), normal(5, 3)).ok is True


def back_of_4_units(x, w):
    t = np.tanh(x @ w.T).reshape(len(x), 4)
    d = np.sinh(t) * (1 - t**2) / t.size
    return d @ w, d.T @ x


def test_a_gradient_that_fails_for_more_units_has_no_fact():
    report = sg.check_grad(rows_of_weights, back_of_4_units, normal(5, 3), normal(4, 3), wrt=(0, 1))
    assert report.ok is True
    assert not report.facts, report.facts


def of_centers(centers, x):
    return distances(x, centers)


def back_of_centers(centers, x):
    d = x[:, None] - centers
    return -(2 * d / ((d**2).sum(axis=-1, keepdims=True) + 1)).sum(axis=0) / 24


def test_inputs_without_a_gradient_are_the_data():
    report = sg.check_grad(of_centers, back_of_centers, normal(6, 3), normal(4, 3))
    assert "right where axis 0 of x has length 4" in report.mistake.evidence


def in_columns(W1, b1, W2, X, Y):
    A = 1 / (1 + np.exp(-(W2 @ np.tanh(W1 @ X + b1))))
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def back_of_in_columns(W1, b1, W2, X, Y):
    H = np.tanh(W1 @ X + b1)
    d = (1 / (1 + np.exp(-(W2 @ H))) - Y) / 7
    dh = W2.T @ d * (1 - H**2)
    return dh @ X.T, dh.sum(axis=1, keepdims=True), d @ H.T


def softmax_of_columns(z, t):
    e = np.exp(z - z.max(axis=0))
    return -(t * np.log(e / e.sum(axis=0))).sum(axis=0).mean()


def back_of_softmax_of_columns(z, t):
    e = np.exp(z - z.max(axis=0))
    return (e / e.sum(axis=0) - t) / 5


def time_first(x, u):
    h = np.zeros(x.shape[1:])
    for step in x:
        h = np.tanh(step + h @ u)
    return (h**2).sum() / x.shape[1]


def back_of_time_first(x, u):
    states = [np.zeros(x.shape[1:])]
    for step in x:
        states.append(np.tanh(step + states[-1] @ u))
    dx, du, d = np.zeros_like(x), np.zeros_like(u), 2 * states[-1] / 4
    for t in reversed(range(len(x))):
        dx[t] = d * (1 - states[t + 1] ** 2)
        du += states[t].T @ dx[t]
        d = dx[t] @ u.T
    return dx, du


def total_of_columns(a, y):
    return ((np.tanh(a) - y) ** 2).sum() / a.shape[1]


def back_of_total_of_columns(a, y):
    return 2 * (np.tanh(a) - y) * (1 - np.tanh(a) ** 2) / 8


LABELS = (normal(1, 7, seed=4) > 0).astype(float)
WRONG = {  # name: (function, derivative, inputs), and the axis and length that are told
    "columns of a network": (
        (in_columns, back_of_in_columns, normal(4, 3), normal(4, 1), normal(1, 4), normal(3, 7), LABELS),
        "axis 1 of X has length 7",
    ),
    "columns of a softmax": ((softmax_of_columns, back_of_softmax_of_columns, normal(4, 5), ONE_HOT.T), "axis 1 has"),
    "columns whose length forward reads": (
        (total_of_columns, back_of_total_of_columns, *normal(2, 3, 8)),
        "axis 1 has length 8",
    ),
    "sequences with the time first": ((time_first, back_of_time_first, normal(6, 4, 3), normal(3, 3)), "axis 1"),
    "samples and outputs as one number": (
        (squared, lambda y, t: (y - t) / 12, normal(4, 6), normal(4, 6, seed=1)),
        "axis 0 has length 4",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_samples_are_found_on_every_axis(name):
    arguments, told = WRONG[name]
    report = checked(*arguments)
    assert report.ok is False
    assert report.mistake.name == "size-hard-coded", report.text()
    assert told in report.mistake.evidence


def nearest(x):
    """Each sample is to be far from the others; distances are means over the features."""
    s = -((x[:, None] - x) ** 2).mean(axis=-1)
    return np.log(np.exp(s).sum(axis=1)).mean()


def back_of_nearest(x):
    s = -((x[:, None] - x) ** 2).mean(axis=-1)
    p = np.exp(s)
    d = -(p / p.sum(axis=1, keepdims=True)) / len(x)
    each = 2 * (d + d.T)[:, :, None] * (x[:, None] - x)
    return each.sum(axis=1) / 6


def test_features_of_samples_that_are_compared_are_a_width():
    assert sg.check_grad(nearest, back_of_nearest, normal(4, 6)).ok is True


def test_a_class_less_is_no_width_that_is_written_out():
    """One-hot targets stay one-hot at other numbers of classes: otherwise p - t is wrong there."""

    def of_params(params, x, t):
        z = x @ params["w"] + params["b"]
        p = np.exp(z - z.max(axis=1)[:, None])
        p /= p.sum(axis=1)[:, None]
        d = (p - t) / len(x)
        return -np.sum(t * np.log(p)) / len(x), {"w": x.T @ d, "b": d.sum(axis=0)}

    params, targets = {"w": normal(3, 4), "b": normal(4)}, np.eye(4)[[0, 1, 3, 2, 1]]
    both = sg.check_grad(of_params, True, params, normal(5, 3), targets)
    assert both.ok
    assert both.facts == ()


def test_a_permutation_is_no_width_that_is_written_out():
    report = sg.check_vjp(
        lambda x, order: x[:, order], lambda x, order, y, g: g[:, np.argsort(order)], normal(3, 5), [2, 0, 1, 4, 3]
    )
    assert report.ok
    assert report.facts == ()
