"""A length that is hard-coded is found in any function; code that is meant for some lengths alone is right."""

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(7)


def normal(*shape):
    return RNG.normal(size=shape)


def sines(x):
    return (np.sin(x) * np.cos(SCALES) * x).sum(axis=1).mean()


def slope(x):
    return (np.cos(x) * x + np.sin(x)) * np.cos(SCALES)


def net(x, w):
    return np.cosh(np.tanh(x @ w)).mean()


def back_of_net(x, w):
    t = np.tanh(x @ w)
    return np.sinh(t) * (1 - t**2) / t.size


def rows_written_one_by_one(x):
    grad = np.zeros_like(x)
    for i in range(4):
        grad[i] = slope(x[i]) / len(x)
    return grad


def into_an_array_of_4_rows(x):
    grad = np.zeros((4, 3))
    for i in range(4):
        grad[i] = slope(x[i]) / len(x)
    return grad


def outer_products(x, w):
    d = back_of_net(x, w)
    return d @ w.T, sum(np.outer(x[i], d[i]) for i in range(4))


def weighted_by_4(x, w):
    return np.outer(np.sinh(x @ w), w) / 4


def row_sums(x):
    return np.sin(x).sum(axis=1) / len(x)


def batch_norm(x):
    return np.sin((x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5))


def back_of_batch_norm(x, y, g):
    std = np.sqrt(x.var(axis=0) + 1e-5)
    xhat = (x - x.mean(axis=0)) / std
    d = g * np.cos(xhat)
    return (d - d.mean(axis=0) - xhat * (d * xhat).sum(axis=0) / 4) / std


def contrastive(a, b):
    p = np.exp(a @ b.T)
    return -np.log(np.diag(p) / p.sum(axis=1)).mean()


def back_of_contrastive(a, b):
    p = np.exp(a @ b.T)
    d = p / p.sum(axis=1, keepdims=True)
    d[np.arange(4), np.arange(4)] -= 1
    return d @ b / len(a), d.T @ a / len(a)


def regression(w, x, y):
    return np.cosh(x @ w - y).mean()


def back_of_regression(w, x, y):
    return sum(np.sinh(x[i] @ w - y[i]) * x[i] for i in range(4)) / 4


def energy(x):
    return (1 / np.sqrt(((x[:, None] - x) ** 2).sum(axis=-1) + 0.1)).sum()


def back_of_energy(x):
    grad = np.zeros_like(x)
    for i in range(4):
        for j in range(4):
            grad[i] -= 2 * (x[i] - x[j]) / (((x[i] - x[j]) ** 2).sum() + 0.1) ** 1.5
    return grad


SCALES, X, W = normal(3), normal(4, 3), normal(3, 2)
WRONG = {  # name: (function, derivative, inputs), right for 4
    "in the mean": (sines, lambda x: slope(x) / 4, X),
    "in the mean of many rows": (sines, lambda x: slope(x) / 100, normal(100, 3)),
    "in a reshape": (sines, lambda x: slope(x).reshape(4, -1) / len(x), X),
    "in a range": (sines, rows_written_one_by_one, X),
    "in the shape and in a range": (sines, into_an_array_of_4_rows, X),
    "in the range of a sum": (net, outer_products, X, W),
    "in a variance": (batch_norm, back_of_batch_norm, X),
    "in indices": (contrastive, back_of_contrastive, X, normal(4, 3)),
    "in a range over data without a gradient": (regression, back_of_regression, normal(3), X, normal(4)),
    "in the mean over two vectors": (
        lambda a, b: np.cosh(a - b).mean(),
        lambda a, b: np.sinh(a - b) / 4,
        *normal(2, 4),
    ),
    "in the range of bodies": (energy, back_of_energy, normal(4, 2)),
    "in as many rows as weights": (lambda x, w: np.cosh(x @ w).mean(), weighted_by_4, normal(4, 4), normal(4)),
    "in a square batch": (row_sums, lambda x, y, g: g[:, None] * np.cos(x) / 4, normal(4, 4)),
}


def checked(function, derivative, *inputs):
    if np.ndim(function(*inputs)):
        return sg.check_vjp(function, derivative, *inputs)
    count = len(value) if isinstance(value := derivative(*inputs), tuple) else 1
    return sg.check_grad(function, derivative, *inputs, wrt=tuple(range(count)))


@pytest.mark.parametrize("case", WRONG)
def test_a_length_that_is_hard_coded_is_found(case):
    report = checked(*WRONG[case])
    assert report.ok is False
    assert report.mistake.name == "size-hard-coded", report.text()


def test_it_is_told_with_its_line_and_its_numbers():
    report = checked(*WRONG["in the mean"])
    said = "is right where axis 0 has length 4, as given; for length 3 it is 3 / 4 times the right one"
    assert report.mistake.evidence == f"the gradient of x {said}"
    assert "slope(x) / 4" in report.backward_line.text
    shaped = checked(*WRONG["in a reshape"])
    assert shaped.mistake.evidence.endswith("for length 8 it is wrong: its shape is (4, 6), wanted (8, 3)")


@pytest.mark.parametrize(
    "back", [lambda x: slope(x).reshape(4, 3) / len(x), lambda x: slope(x) * np.full((4, 1), 0.25)]
)
def test_a_backward_pass_that_raises_is_a_fact(back):
    report = sg.check_grad(sines, back, X)
    assert report.ok is True
    said = "with more or fewer than 4 rows in x, loss works and grad does not: is 4 hard-coded? "
    assert any(fact.startswith(f"{said}check_grad: grad raised ValueError") for fact in report.facts)


def chunks_of_two(x, w):
    d, dx, dw = back_of_net(x, w), np.zeros_like(x), np.zeros_like(w)
    for i in range(0, len(x) - 1, 2):
        dx[i : i + 2] = d[i : i + 2] @ w.T
        dw += x[i : i + 2].T @ d[i : i + 2]
    return dx, dw


def median(x):
    return (np.median(x, axis=0) ** 2).sum()


def back_of_median(x):
    middle, columns = np.argsort(x, axis=0)[len(x) // 2], np.arange(x.shape[1])
    grad = np.zeros_like(x)
    grad[middle, columns] = 2 * x[middle, columns]
    return grad


def least_norm(x, y):
    return np.linalg.pinv(x) @ y


def back_of_least_norm(x, y, w, g):
    """x has fewer rows than columns: w = x^T (x x^T)^-1 y."""
    inverse = np.linalg.pinv(x @ x.T)
    u = inverse @ (x @ g)
    return np.outer(inverse @ y, g - x.T @ u) - np.outer(u, w), u


def spread(x, p):
    return (p[:, None] * (x - p @ x) ** 2).sum()


def lengths(x):
    return np.sqrt((x**2).sum(axis=1)).mean()


def back_of_lengths(x):
    r = np.sqrt(x[:, 0] ** 2 + x[:, 1] ** 2) * len(x)
    grad = np.zeros_like(x)
    grad[:, 0], grad[:, 1] = x[:, 0] / r, x[:, 1] / r
    return grad


def three_entries(x):
    grad = np.zeros_like(x)
    grad[0], grad[1], grad[2] = 2 * x[0], 2 * x[1], 2 * x[2]
    return grad


def three_products(a, b):
    da, db = np.zeros_like(a), np.zeros_like(b)
    for k in range(3):
        da[k], db[k] = b[k], a[k]
    return da, db


def integral(y):
    """Over 5 points from 0 to 1, by trapezoids."""
    return np.sin((y.sum(axis=0) - (y[0] + y[-1]) / 2) / (len(y) - 1)).sum()


def back_of_integral(y):
    weights = np.array([0.5, *[1.0] * (len(y) - 2), 0.5])[:, None] * 0.25
    return weights * np.cos((weights * y).sum(axis=0))


def recurrent(x, h, w):
    for row in x:
        h = np.tanh(h @ w + row)
    return h


def from_every_tenth_state(x, h, w, out, g):
    kept = [h]
    for t in range(len(x) - 10):
        h = np.tanh(h @ w + x[t])
        kept += [h] if t % 10 == 9 else []
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for n in reversed(range(len(kept))):
        states = [kept[n]]
        for t in range(10):
            states.append(np.tanh(states[-1] @ w + x[10 * n + t]))
        for t in reversed(range(10)):
            dx[10 * n + t] = g * (1 - states[t + 1] ** 2)
            dw += states[t].T @ dx[10 * n + t]
            g = dx[10 * n + t] @ w.T
    return dx, g, dw


def ratings(v, y, users, films):
    x, w = v[: films * 7].reshape(films, 7), v[films * 7 :].reshape(users, 7)
    return ((x @ w.T - y) ** 2).sum() / 2


def back_of_ratings(v, y, users, films):
    x, w = v[: films * 7].reshape(films, 7), v[films * 7 :].reshape(users, 7)
    d = x @ w.T - y
    return np.concatenate([(d @ w).ravel(), (d.T @ x).ravel()])


RIGHT = {
    "two matrices in one vector": (ratings, back_of_ratings, normal(63), normal(5, 4), 4, 5),
    "an even number of rows": (net, chunks_of_two, X, W),
    "an odd number of rows": (median, back_of_median, normal(5, 3)),
    "fewer rows than columns": (least_norm, back_of_least_norm, normal(3, 4), normal(3)),
    "two rows, and fewer than columns": (least_norm, back_of_least_norm, normal(2, 3), normal(2)),
    "orthonormal columns": (
        lambda w, q, y: ((q @ w - y) ** 2).sum(),
        lambda w, q, y: 2 * (w - q.T @ y),
        normal(3),
        np.linalg.qr(normal(6, 3))[0],
        normal(6),
    ),
    "weights that sum to 1": (spread, lambda x, p: 2 * p[:, None] * (x - p @ x), normal(5, 2), np.full(5, 0.2)),
    "the length is an argument": (
        lambda w, x, n: np.cosh(x @ w).mean(),
        lambda w, x, n: x.T @ np.sinh(x @ w) / n,
        normal(3),
        X,
        4,
    ),
    "points of the plane": (lengths, back_of_lengths, normal(5, 2)),
    "three entries": (lambda x: (x**2).sum(), three_entries, normal(3)),
    "three products": (lambda a, b: a @ b, three_products, normal(3), normal(3)),
    "the mean of one vector of parameters": (lambda x: (x**2).mean(), lambda x: 2 * x / 3, normal(3)),
    "weights, with the data held": (lambda w: np.cosh(X @ w).mean(), lambda w: X.T @ np.sinh(X @ w) / 12, normal(3, 3)),
    "five points of a grid": (integral, back_of_integral, normal(5, 2)),
    "every tenth state is kept": (recurrent, from_every_tenth_state, normal(100, 1, 2), normal(1, 2), normal(2, 2)),
    "one vector beside a constant": (lambda z: z * SCALES[:2], lambda z, y, g: g * SCALES[:2], normal(2)),
    "one sample": (sines, slope, normal(1, 3)),
}


@pytest.mark.parametrize("case", RIGHT)
def test_code_that_is_meant_for_a_length_is_right(case):
    report = checked(*RIGHT[case])
    assert report.ok is True, report.text()


def test_the_line_says_nothing_that_holds_for_another_length_alone():
    report = checked(*WRONG["in the mean"])
    assert report.backward_line.notes == ("for other lengths, it goes wrong here",)


def test_one_query_of_attention_is_checked():
    def weights(q, k):
        e = np.exp(q @ k.T)
        return e / e.sum(axis=1, keepdims=True)

    def back(q, k, v, out, g):
        p = weights(q, k)
        d = p * (g @ v.T - (p * (g @ v.T)).sum(axis=1, keepdims=True))
        return d @ k, d.T @ q, p.T @ g

    inputs = normal(1, 4), normal(5, 4), normal(5, 2)
    assert sg.check_vjp(lambda q, k, v: weights(q, k) @ v, back, *inputs).ok is True


CHEAP = {
    "a loss": (sines, lambda x: slope(x) / len(x), X),
    "a network": (net, lambda x, w: (back_of_net(x, w) @ w.T, x.T @ back_of_net(x, w)), X, W),
    "zeros and kinks": (lambda x: np.maximum(x, 0).mean(), lambda x: (x > 0) / x.size, np.maximum(normal(5, 3), 0)),
    "a steep function": (lambda x: np.sin(1e4 * x).mean(), lambda x: 1e4 * np.cos(1e4 * x) / x.size, normal(5, 3)),
}


@pytest.mark.parametrize("case", CHEAP)
def test_a_right_gradient_takes_a_few_calls_more(case, monkeypatch):
    calls = checked(*CHEAP[case]).calls
    monkeypatch.setattr("softgrad.check.diagnose.wrong_gradients.find_wrong_length", lambda *_, **__: None)
    assert calls - checked(*CHEAP[case]).calls <= 15


def test_the_inputs_that_a_user_draws_keep_their_lengths():
    report = sg.check_grad(sines, lambda x: slope(x) / 4, X, inputs=lambda rng: rng.normal(size=(4, 3)))
    assert report.ok is True
