"""Right gradients that look as if a number of rows were written into them: none is called wrong."""

import numpy as np
import pytest

import softgrad as sg


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


POSITIONS = normal(8, 4)
COSINES = np.cos(np.pi * np.outer(np.arange(8), 2 * np.arange(8) + 1) / 16)
GRAY = np.array([0.3, 0.6, 0.1])


def back_of_learned_positions(x, p, y, g):
    d = g * (1 - y**2)
    return d, d.sum(axis=0)


def first_positions(x, w):
    return np.tanh(x @ w + POSITIONS[: x.shape[1]])


def back_of_first_positions(x, w, y, g):
    d = g * (1 - y**2)
    return d @ w.T, np.einsum("btd,bte->de", x, d)


def batch_norm(x, gamma, beta):
    return np.maximum(0, gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) + beta)


def back_of_batch_norm(x, gamma, beta, y, dy):
    dy, m = dy * (y > 0), x.shape[0]
    scale = 1 / np.sqrt(x.var(axis=0) + 1e-5)
    xhat = (x - x.mean(axis=0)) * scale
    dx = gamma * scale / m * (m * dy - dy.sum(axis=0) - xhat * (dy * xhat).sum(axis=0))
    return dx, (dy * xhat).sum(axis=0), dy.sum(axis=0)


def time_first(x, w, u):
    h, states = np.zeros((x.shape[1], 4)), []
    for step in x:
        h = np.tanh(step @ w + h @ u)
        states.append(h)
    return np.stack(states)


def back_of_time_first(x, w, u, y, g):
    dx, dw, du, later = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u), 0
    for t in reversed(range(len(x))):
        d = (g[t] + later) * (1 - y[t] ** 2)
        dx[t], later = d @ w.T, d @ u.T
        dw += x[t].T @ d
        du += y[t - 1].T @ d if t else 0
    return dx, dw, du


def last_state(x, a, b):
    h = np.zeros(3)
    for step in x:
        h = np.tanh(a @ h + b @ step)
    return h


def from_every_fourth_state(x, a, b, y, g):
    kept, h = [np.zeros(3)], np.zeros(3)
    for t, step in enumerate(x):
        h = np.tanh(a @ h + b @ step)
        kept += [h] if t % 4 == 3 else []
    dx, da, db = np.zeros_like(x), np.zeros_like(a), np.zeros_like(b)
    for n in reversed(range(len(x) // 4)):
        states = [kept[n]]
        for step in x[4 * n : 4 * n + 4]:
            states.append(np.tanh(a @ states[-1] + b @ step))
        for t in reversed(range(4)):
            d = g * (1 - states[t + 1] ** 2)
            da += np.outer(d, states[t])
            db += np.outer(d, x[4 * n + t])
            dx[4 * n + t], g = b.T @ d, a.T @ d
    return dx, da, db


def padded(q, lengths, x):
    scores = np.where(np.arange(x.shape[1]) < lengths[:, None], np.einsum("btd,bd->bt", x, q), -1e9)
    return np.einsum("bt,btd->bd", softmax(scores), x)


def back_of_padded(q, lengths, x, y, g):
    p = softmax(np.where(np.arange(x.shape[1]) < lengths[:, None], np.einsum("btd,bd->bt", x, q), -1e9))
    dp = np.einsum("bd,btd->bt", g, x)
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    return np.einsum("bt,btd->bd", ds, x), None, p[..., None] * g[:, None] + ds[..., None] * q[:, None]


def for_8_rows(x):
    if len(x) != 8:
        raise ValueError("this layer takes 8 rows")
    return np.array([np.sin(x).sum() / 8])


def blocks(x, w):
    return np.tanh(x.reshape(-1, 2, 4) @ w).reshape(-1, 8)


def back_of_blocks(x, w, y, g):
    d = (g * (1 - y**2)).reshape(-1, 2, 4)
    return (d @ w.T).reshape(-1, 8), np.einsum("nij,nik->jk", x.reshape(-1, 2, 4), d)


def group_norm(x, gamma):
    groups = x.reshape(len(x), 2, -1)
    xhat = (groups - groups.mean(axis=-1, keepdims=True)) / np.sqrt(groups.var(axis=-1, keepdims=True) + 1e-5)
    return xhat.reshape(x.shape) * gamma[:, None]


def back_of_group_norm(x, gamma, y, dy):
    groups = x.reshape(len(x), 2, -1)
    scale = 1 / np.sqrt(groups.var(axis=-1, keepdims=True) + 1e-5)
    xhat = (groups - groups.mean(axis=-1, keepdims=True)) * scale
    d = (dy * gamma[:, None]).reshape(groups.shape)
    dx = scale * (d - d.mean(axis=-1, keepdims=True) - xhat * (d * xhat).mean(axis=-1, keepdims=True))
    return dx.reshape(x.shape), (dy * xhat.reshape(x.shape)).sum(axis=(0, 2))


def of_one_row(x, w, y, g):
    d = g * (1 - y**2)
    return d @ w.T, np.outer(x, d)


def from_two_points(p, y, g):
    half = (p[0] - p[1]) / 2
    return g * np.stack([half, -half]) / y


def from_three_coordinates(q, y, g):
    return np.stack([g * q[:, 0] / y, g * q[:, 1] / y, g * q[:, 2] / y], axis=1)


def coordinate_by_coordinate(a, b, y, g):
    da, db = np.empty_like(a), np.empty_like(b)
    for k in range(3):
        da[:, k], db[:, k] = g * b[:, k], g * a[:, k]
    return da, db


def from_two_views(x, y, g):
    d = (x[:, 0] - x[:, 1]) * g[:, None]
    return np.stack([d, -d], axis=1)


def back_of_pairs(x, y, g):
    d = 2 * (x[0::2] - x[1::2]) * g[:, None]
    return np.stack([d, -d], axis=1).reshape(x.shape)


def back_of_largest_two(x, y, g):
    grad = np.zeros_like(x)
    np.put_along_axis(grad, np.argsort(x, axis=1)[:, -2:], g[:, None], axis=1)
    return grad


def back_of_covariance(x, y, g):
    return (g + g.T) @ (x - x.mean(axis=1, keepdims=True)) / (x.shape[1] - 1)


def back_of_experts(x, w, y, g):
    dw = np.zeros((4, x.shape[1]))
    np.add.at(dw, np.arange(len(x)) % 4, g * x)
    return g * w[np.arange(len(x)) % 4], dw


def back_of_least_squares(x, y, b, g):
    inverse = np.linalg.inv(x.T @ x)
    back = x @ inverse @ g
    return np.outer(y - x @ b, inverse @ g) - np.outer(back, b), back


def back_of_halves(x, w, y, g):
    halves = [d * (1 - a**2) for d, a in zip(np.split(g, 2), np.split(y, 2), strict=True)]
    dw = sum(a.T @ d for a, d in zip(np.split(x, 2), halves, strict=True))
    return np.concatenate(halves) @ w.T, dw


def steps_in_twos(x, y, g):
    later, twos = np.zeros(x.shape[1]), []
    for two in g.reshape(-1, 2, x.shape[1])[::-1]:
        later = later + two[1]
        twos.append(np.stack([later + two[0], later]))
        later = later + two[0]
    return np.concatenate(twos[::-1])


RIGHT = {  # name: (forward, backward, inputs)
    "a table of positions": (lambda x: np.tanh(x + POSITIONS), lambda x, y, g: g * (1 - y**2), normal(8, 4)),
    "learned positions": (lambda x, p: np.tanh(x + p), back_of_learned_positions, normal(3, 6, 4), normal(6, 4)),
    "the first positions": (first_positions, back_of_first_positions, normal(3, 4, 4), normal(4, 4)),
    "batch norm": (batch_norm, back_of_batch_norm, normal(5, 3), normal(3), normal(3)),
    "time on axis 0": (time_first, back_of_time_first, normal(7, 2, 3), normal(3, 4), normal(4, 4)),
    "every fourth state is kept": (last_state, from_every_fourth_state, normal(8, 3), normal(3, 3), normal(3, 3)),
    "padded sequences": (padded, back_of_padded, normal(4, 2), np.array([3, 1, 2, 2]), normal(4, 3, 2)),
    "forward takes 8 rows": (for_8_rows, lambda x, y, g: g * np.cos(x) / 8, normal(8, 3)),
    "a reshape to -1": (blocks, back_of_blocks, normal(6, 8), normal(4, 4)),
    "group norm": (group_norm, back_of_group_norm, normal(2, 4, 5), normal(4)),
    "a batch of 1": (lambda x, w: np.tanh(x @ w), of_one_row, normal(1, 3), normal(3, 4)),
    "a matrix": (lambda a: np.array([np.linalg.det(a)]), lambda a, y, g: g * y * np.linalg.inv(a).T, normal(4, 4)),
    "a cross product": (np.cross, lambda a, b, y, g: (np.cross(b, g), np.cross(g, a)), *normal(2, 3)),
    "two points": (lambda p: np.array([np.linalg.norm(p - p.mean(axis=0))]), from_two_points, normal(2, 5)),
    "three coordinates": (lambda q: np.sqrt((q**2).sum(axis=1)), from_three_coordinates, normal(6, 3)),
    "a dot product of vectors": (lambda a, b: (a * b).sum(axis=1), coordinate_by_coordinate, *normal(2, 4, 3)),
    "colours": (
        lambda x: np.tensordot(x, GRAY, (1, 0)),
        lambda x, y, g: np.stack([g * c for c in GRAY], axis=1),
        normal(2, 3, 4),
    ),
    "two views of each image": (
        lambda x: ((x - x.mean(axis=1, keepdims=True)) ** 2).sum(axis=(1, 2)),
        from_two_views,
        normal(5, 2, 3),
    ),
    "pairs of rows": (lambda x: ((x[0::2] - x[1::2]) ** 2).sum(axis=1), back_of_pairs, normal(8, 2)),
    "the largest two": (lambda x: np.sort(x, axis=1)[:, -2:].sum(axis=1), back_of_largest_two, normal(4, 6)),
    "a covariance": (np.cov, back_of_covariance, normal(3, 4)),
    "4 experts, 4 rows": (lambda x, w: x * w[np.arange(len(x)) % 4], back_of_experts, *normal(2, 4, 3)),
    "least squares": (
        lambda x, y: np.linalg.inv(x.T @ x) @ x.T @ y,
        back_of_least_squares,
        normal(4, 3),
        normal(4, seed=1),
    ),
    "two halves of a batch": (lambda x, w: np.tanh(x @ w), back_of_halves, normal(8, 3), normal(3, 2)),
    "steps two by two": (lambda x: np.cumsum(x, axis=0), steps_in_twos, normal(6, 3)),
    "a table of cosines": (lambda x: np.tanh(COSINES @ x), lambda x, y, g: COSINES.T @ (g * (1 - y**2)), normal(8, 3)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_code_is_right(name):
    report = sg.check_vjp(*RIGHT[name])
    assert report.ok is True, report.text()
    assert not any("hard-coded" in fact for fact in report.facts)


def test_two_points_may_be_written_out():
    assert sg.check_vjp(*RIGHT["two points"]).ok is True


def masked_mean(x, mask):
    return (x * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)


def five_steps(x, mask, y, g):
    grad = np.zeros_like(x)
    for t in range(5):
        grad[:, t] = g * mask[:, t, None] / mask.sum(axis=1, keepdims=True)
    return grad


def square_of_ones(x, y, g):
    return np.ones((4, 4)) / 4 * g * (1 - np.tanh(x) ** 2)


def norms(x):
    return np.sqrt((x.reshape(len(x), -1) ** 2).sum(axis=1))


def two_norms(x, y, g):
    return x * (g / y).reshape(2, 1, 1)


MASK = np.array([[1.0, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]])
FACTS = {
    "steps of a sequence": (
        (masked_mean, five_steps, normal(3, 5, 2), MASK),
        "with fewer than 5 entries on axis 1 of x, forward works and vjp does not: is 5 hard-coded? check_vjp: vjp",
    ),
    "rows of a square": (
        (lambda x: np.tanh(x).mean(axis=0), square_of_ones, normal(4, 4)),
        "with more or fewer than 4 rows in x, forward works and vjp does not: is 4 hard-coded? check_vjp: vjp raised",
    ),
    "rows of a view": (
        (norms, two_norms, normal(2, 3, 4)),
        "with more or fewer than 2 rows in x, forward works and vjp does not: is 2 hard-coded? check_vjp: vjp raised",
    ),
}


@pytest.mark.parametrize("name", FACTS)
def test_a_backward_pass_that_raises_for_other_lengths_is_a_fact(name):
    arguments, said = FACTS[name]
    report = sg.check_vjp(*arguments)
    assert report.ok is True
    assert any(fact.startswith(said) for fact in report.facts), report.text()
