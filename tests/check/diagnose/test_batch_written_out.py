"""Losses and layers as people write them, with the number of rows given written into the backward pass."""

import numpy as np
import pytest

import softgrad as sg
from sampled import sampled


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def squared(x, y, w, b):
    return np.mean((x @ w + b - y) ** 2)


def back_of_squared(x, y, w, b):
    error = x @ w + b - y
    return 2 / 32 * x.T @ error, 2 / 32 * np.array([error.sum()])


def logistic(x, y, w):
    z = x @ w
    return np.mean(np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - z * y)


def back_of_logistic(x, y, w):
    return x.T @ (1 / (1 + np.exp(-(x @ w))) - y) / 16


def network(x, w1, b1, w2, b2, y):
    return 0.5 * ((np.maximum(0, x @ w1 + b1) @ w2 + b2 - y) ** 2).sum() / len(x)


def back_of_network(x, w1, b1, w2, b2, y):
    m = 8
    h = np.maximum(0, x @ w1 + b1)
    d = (h @ w2 + b2 - y) / m
    dh = d @ w2.T * (h > 0)
    return x.T @ dh, dh.sum(axis=0), h.T @ d, d.sum(axis=0)


def batch_norm(x, gamma, beta):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) + beta


def back_of_batch_norm(x, gamma, beta, y, dy):
    m = 8
    scale = 1 / np.sqrt(x.var(axis=0) + 1e-5)
    xhat = (x - x.mean(axis=0)) * scale
    dx = gamma * scale / m * (m * dy - dy.sum(axis=0) - xhat * (dy * xhat).sum(axis=0))
    return dx, (dy * xhat).sum(axis=0), dy.sum(axis=0)


def products(a, b):
    return np.einsum("bi,bj->ij", a, b) / len(a)


def back_of_products(a, b, y, g):
    return np.einsum("bj,ij->bi", b, g) / 8, np.einsum("bi,ij->bj", a, g) / 8


def recurrent(x, h, w, u, y):
    for step in x:
        h = np.tanh(step @ w + h @ u)
    return ((h - y) ** 2).sum() / len(y)


def back_of_recurrent(x, h, w, u, y):
    states = [h]
    for step in x:
        states.append(np.tanh(step @ w + states[-1] @ u))
    d = 2 * (states[-1] - y) / 4
    dw, du = np.zeros_like(w), np.zeros_like(u)
    for t in reversed(range(len(x))):
        d = d * (1 - states[t + 1] ** 2)
        dw += x[t].T @ d
        du += states[t].T @ d
        d = d @ u.T
    return d, dw, du


def huber(p, t):
    e = p - t
    return np.where(np.abs(e) < 1, 0.5 * e**2, np.abs(e) - 0.5).mean()


def back_of_huber(p, t):
    return np.clip(p - t, -1, 1) / 10


def triplet(a, p, n):
    return np.maximum(0, ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + 1).mean()


def back_of_triplet(a, p, n):
    active = ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + 1 > 0
    weight = 2 * active[:, None] / 6
    return weight * (n - p), -weight * (a - p), weight * (a - n)


def convolution(x, w):
    k = w.shape[2]
    y = np.zeros((len(x), len(w), x.shape[2] - k + 1))
    for i in range(y.shape[2]):
        y[:, :, i] = np.tensordot(x[:, :, i : i + k], w, ([1, 2], [1, 2]))
    return y


def back_of_convolution(x, w, y, g):
    dx, dw, k = np.zeros_like(x), np.zeros_like(w), w.shape[2]
    for n in range(3):
        for i in range(y.shape[2]):
            for f in range(len(w)):
                dx[n, :, i : i + k] += g[n, f, i] * w[f]
                dw[f] += g[n, f, i] * x[n, :, i : i + k]
    return dx, dw


def two_views(a, b):
    """NT-Xent: the other view of the same image is to be found among all others."""
    z = np.concatenate([a, b])
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    s = z @ z.T / 0.5
    np.fill_diagonal(s, -1e9)
    partner = np.roll(np.arange(len(z)), len(a))
    return -np.log(softmax(s)[np.arange(len(z)), partner]).mean()


def back_of_two_views(a, b):
    z0 = np.concatenate([a, b])
    norm = np.linalg.norm(z0, axis=1, keepdims=True)
    z = z0 / norm
    s = z @ z.T / 0.5
    np.fill_diagonal(s, -1e9)
    d = softmax(s)
    d[np.arange(8), np.roll(np.arange(8), 4)] -= 1
    d /= 8
    dz = (d + d.T) @ z / 0.5
    dz0 = (dz - z * (dz * z).sum(axis=1, keepdims=True)) / norm
    return dz0[:4], dz0[4:]


def samples_in_columns(a, y):
    return ((np.tanh(a) - y) ** 2).sum() / a.shape[1]


def back_of_samples_in_columns(a, y):
    return 2 * (np.tanh(a) - y) * (1 - np.tanh(a) ** 2) / 8


def average_pool(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))


def back_of_average_pool(x, y, g):
    dx = np.zeros_like(x)
    for n in range(2):
        dx[n] = np.repeat(np.repeat(g[n], 2, axis=1), 2, axis=2) / 4
    return dx


def bilinear(x, w):
    return np.einsum("bi,ij,bj->b", x, w, x)


def back_of_bilinear(x, w, y, g):
    dw = np.zeros_like(w)
    for n in range(6):
        dw += g[n] * np.outer(x[n], x[n])
    return g[:, None] * (x @ (w + w.T)), dw


def embedding(table, ids):
    return np.tanh(table[ids]).mean(axis=0)


def back_of_embedding(table, ids, y, g):
    d = np.zeros_like(table)
    np.add.at(d, ids, (1 - np.tanh(table[ids]) ** 2) * g / 6)
    return d


def outputs(x, w, y):
    return np.mean((x @ w - y) ** 2)


def back_of_outputs(x, w, y):
    return 2 * (x @ w - y) @ w.T / 64


def decaying(x):
    states = [x[0]]
    for step in x[1:]:
        states.append(np.tanh(states[-1]) + step)
    return np.stack(states)


def back_of_decaying(x, y, g):
    dx, later = np.zeros_like(x), 0
    for t in range(5, -1, -1):
        dx[t] = g[t] + later
        later = dx[t] * (1 - np.tanh(y[t - 1]) ** 2)
    return dx


LABELS, IDS = (normal(16) > 0).astype(float), np.array([0, 3, 3, 7, 9, 1])
LAYER = normal(8, 3), normal(3, 6, seed=1), normal(6, seed=2), normal(6, 1, seed=3), normal(1, seed=4)
WRONG = {  # name: (function, derivative, the arguments that have a gradient, inputs)
    "linear regression": (squared, back_of_squared, (2, 3), normal(32, 5), normal(32), normal(5), normal(1)),
    "logistic regression": (logistic, back_of_logistic, (2,), normal(16, 4), LABELS, normal(4)),
    "a network": (network, back_of_network, (1, 2, 3, 4), *LAYER, normal(8, 1, seed=5)),
    "batch norm": (batch_norm, back_of_batch_norm, None, normal(8, 3), normal(3), normal(3)),
    "an einsum": (products, back_of_products, None, normal(8, 3), normal(8, 4)),
    "a recurrent network": (
        recurrent,
        back_of_recurrent,
        (1, 2, 3),
        normal(6, 4, 3),
        normal(4, 5),
        normal(3, 5),
        normal(5, 5),
        normal(4, 5, seed=1),
    ),
    "huber loss": (huber, back_of_huber, (0,), normal(10), normal(10, seed=1)),
    "triplet loss": (triplet, back_of_triplet, (0, 1, 2), *normal(3, 6, 4)),
    "a convolution": (convolution, back_of_convolution, None, normal(3, 2, 5), normal(2, 2, 3)),
    "contrastive loss": (two_views, back_of_two_views, (0, 1), normal(4, 5), normal(4, 5, seed=1)),
    "samples in columns": (samples_in_columns, back_of_samples_in_columns, (0,), *normal(2, 3, 8)),
    "average pooling": (average_pool, back_of_average_pool, None, normal(2, 2, 4, 4)),
    "a bilinear form": (bilinear, back_of_bilinear, None, normal(6, 3), normal(3, 3)),
    "several outputs": (outputs, back_of_outputs, (0,), normal(32, 4), normal(4, 2), normal(32, 2, seed=1)),
    "steps that follow each other": (decaying, back_of_decaying, None, normal(6, 3)),
    "an embedding": (embedding, back_of_embedding, None, normal(10, 4), IDS),
}

ALWAYS = {"a network", "a recurrent network", "samples in columns", "average pooling"}
ALWAYS |= {"several outputs", "steps that follow each other"}


def checked(name):
    function, derivative, wrt, *inputs = WRONG[name]
    if wrt is None:
        return sg.check_vjp(function, derivative, *inputs)
    return sg.check_grad(function, derivative, *inputs, wrt=wrt)


@pytest.mark.parametrize("name", sampled(WRONG, ALWAYS.__contains__))
def test_the_number_of_rows_is_found_in_the_backward_pass(name):
    report = checked(name)
    assert report.ok is False
    assert report.mistake.name == "size-hard-coded", report.text()
    assert report.backward_line is not None or report.mistake.evidence.endswith("wanted (8, 5)")


@pytest.mark.parametrize("seed", [0, 8])
def test_one_difference_that_agrees_by_chance_hides_nothing(seed):
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=shape) for shape in [(32, 5), 32, 5, 1]]
    assert sg.check_grad(squared, back_of_squared, *inputs, wrt=(2, 3)).ok is False


def test_a_column_of_biases_is_told_with_its_ratio():
    said = "right where axis 0 of x has length 8, as given; for length 7 it is 7 / 8 times the right one"
    assert said in checked("a network").mistake.evidence


def test_the_samples_are_told_rather_than_the_outputs():
    report = checked("several outputs")
    assert "right where axis 0 has length 32, as given; for length 28 it is 28 / 32 times" in report.mistake.evidence
    assert report.backward_line.notes == ("for other lengths, it goes wrong here: 64 is written there",)


def test_a_number_in_forward_is_asked_for():
    report = sg.check_grad(lambda x: np.cosh(x).sum() / 8, lambda x: np.sinh(x) / len(x), normal(8, 3))
    assert report.mistake.evidence.endswith("for length 7 it is 8 / 7 times the right one: is 8 hard-coded in forward?")


def cross_entropy(z, y):
    return -np.log(softmax(z)[np.arange(len(y)), y]).mean()


def divided_at_last(z, y):
    d = softmax(z)
    d[np.arange(len(y)), y] -= 1
    return d / 6


def divided_by_a_name(z, y):
    m = 6
    d = softmax(z)
    d[np.arange(len(y)), y] -= 1
    return d / m


def divided_twice(z, y):
    d = softmax(z) / 6
    d[np.arange(len(y)), y] -= 1 / 6
    return d


LINES = {  # backward pass: the line told of, and its number
    divided_at_last: ("return d / 6", 6),
    divided_by_a_name: ("m = 6", 6),
    divided_twice: ("d = softmax(z) / 6", 6),
}


@pytest.mark.parametrize("back", LINES)
def test_the_line_is_the_one_that_has_the_number(back):
    report = sg.check_grad(cross_entropy, back, normal(6, 4), np.array([0, 1, 2, 3, 1, 1]))
    text, number = LINES[back]
    assert report.backward_line.text == text
    assert report.backward_line.notes == (f"for other lengths, it goes wrong here: {number} is written there",)


def test_a_loop_over_a_number_of_rows_is_told():
    assert checked("a convolution").backward_line.text == "for n in range(3):"
