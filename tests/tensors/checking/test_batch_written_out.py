"""Functions of torch as people write them, with a number of rows in the backward pass, and right ones that look so."""

import math

import pytest

from conftest import load
from sampled import sampled

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from tensors.checking.written import function, normal  # noqa: E402

F = torch.nn.functional


class BatchNorm(torch.autograd.Function):
    rows = staticmethod(len)

    @staticmethod
    def forward(ctx, x, w, b):
        scale = torch.rsqrt(x.var((0, 2), unbiased=False) + 1e-5)
        xhat = (x - x.mean((0, 2))[:, None]) * scale[:, None]
        ctx.save_for_backward(xhat, scale, w)
        return xhat * w[:, None] + b[:, None]

    @classmethod
    def backward(cls, ctx, g):
        xhat, scale, w = ctx.saved_tensors
        m = cls.rows(xhat) * xhat.shape[2]
        db, dw = g.sum((0, 2)), (g * xhat).sum((0, 2))
        return (w * scale)[:, None] / m * (m * g - db[:, None] - xhat * dw[:, None]), dw, db


class BatchNormOf4(BatchNorm):
    @staticmethod
    def rows(x):
        return 4


class Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v):
        p = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[2]), 2)
        ctx.save_for_backward(q, k, v, p)
        return (p @ v).mean(1)

    @staticmethod
    def backward(ctx, g):
        q, k, v, p = ctx.saved_tensors
        g = g[:, None].expand(-1, q.shape[1], -1) / 4
        dp = g @ v.transpose(1, 2)
        ds = p * (dp - (dp * p).sum(2, keepdim=True)) / math.sqrt(q.shape[2])
        return ds @ k, ds.transpose(1, 2) @ q, p.transpose(1, 2) @ g


def with_penalty(z, t):
    return F.cross_entropy(z, t) + 0.1 * (z**2).sum(1).mean()


def row_by_row(q, k, g):
    dq, dk = torch.zeros_like(q), torch.zeros_like(k)
    for n in range(3):
        dq[n], dk[n] = g[n] @ k[n], g[n].T @ q[n]
    return dq, dk


def dice(z, t):
    p = torch.sigmoid(z)
    return (1 - (2 * (p * t).sum((1, 2)) + 1) / ((p + t).sum((1, 2)) + 1)).mean()


def back_of_dice(z, t, g):
    p = torch.sigmoid(z)
    both, sizes = (p * t).sum((1, 2), keepdim=True), (p + t).sum((1, 2), keepdim=True)
    d = -(2 * t * (sizes + 1) - (2 * both + 1)) / (sizes + 1) ** 2
    return g * d * p * (1 - p) / 4, None


def from_centers(x, centers, y):
    return ((x - centers[y]) ** 2).sum() / 2 / len(x)


def back_of_from_centers(x, centers, y, g):
    d = g * (x - centers[y]) / 7
    return d, torch.zeros_like(centers).index_add(0, y, -d), None


def norms_one_by_one(x, g):
    grad = torch.zeros_like(x)
    for n in range(2):
        grad[n] = g[n] * x[n] / x[n].norm()
    return grad


CLASSES, IMAGES = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3]), normal(2, 3, 4)
WRONG = {  # name: (function, inputs)
    "linear regression": (
        function(
            lambda x, w, y: ((x @ w - y) ** 2).mean(), lambda x, w, y, g: (None, g / 16 * x.T @ (x @ w - y), None)
        ),
        normal(32, 5),
        normal(5),
        normal(32),
    ),
    "cross-entropy with a penalty": (
        function(with_penalty, lambda z, t, g: (g * (torch.softmax(z, 1) - F.one_hot(t, 4) + 0.2 * z) / 8, None)),
        normal(8, 4),
        CLASSES,
    ),
    "batch norm": (BatchNormOf4, normal(4, 3, 5), normal(3), normal(3)),
    "scores row by row": (function(lambda q, k: q @ k.transpose(1, 2), row_by_row), normal(3, 4, 2), normal(3, 5, 2)),
    "an einsum": (
        function(
            lambda a, b: torch.einsum("bi,bj->ij", a, b) / len(a),
            lambda a, b, g: (torch.einsum("bj,ij->bi", b, g) / 6, torch.einsum("bi,ij->bj", a, g) / 6),
        ),
        normal(6, 3),
        normal(6, 2),
    ),
    "dice loss": (function(dice, back_of_dice), normal(4, 5, 5), (normal(4, 5, 5) > 0).double()),
    "centers of classes": (
        function(from_centers, back_of_from_centers),
        normal(7, 3),
        normal(4, 3, seed=1),
        torch.tensor([0, 1, 2, 3, 1, 1, 0]),
    ),
    "norms one by one": (function(lambda x: x.flatten(1).norm(dim=1), norms_one_by_one), IMAGES),
    "smooth L1": (
        function(F.smooth_l1_loss, lambda z, t, g: (g * (z - t).clamp(-1, 1) / 16, None)),
        normal(16),
        normal(16, seed=1),
    ),
}
WRONG["squared error of 6 outputs"] = (  # 5 is K - 1, too
    function(lambda y, t: ((y - t) ** 2).mean(), lambda y, t, g: (g * 2 * (y - t) / (5 * y.size(1)), None)),
    normal(5, 6),
    normal(5, 6, seed=1),
)
ALWAYS = {"squared error of 6 outputs", "linear regression", "norms one by one"}


@pytest.mark.parametrize("name", sampled(WRONG, ALWAYS.__contains__))
def test_the_number_of_rows_is_found_in_the_backward_pass(name):
    report = st.check(*WRONG[name])
    assert report.ok is False
    assert report.mistake.name == "size-hard-coded", report.text()
    assert report.backward_line is not None


def last_state(x, w):
    h = x.new_zeros(x.shape[1], len(w))
    for step in x:
        h = torch.tanh(step + h @ w)
    return h


def in_chunks_of_4(x, w, g):
    states = [x.new_zeros(x.shape[1], len(w))]
    for step in x:
        states.append(torch.tanh(step + states[-1] @ w))
    dx, dw = torch.zeros_like(x), torch.zeros_like(w)
    for n in reversed(range(len(x) // 4)):
        for t in reversed(range(4 * n, 4 * n + 4)):
            dx[t] = g * (1 - states[t + 1] ** 2)
            dw += states[t].T @ dx[t]
            g = dx[t] @ w.T
    return dx, dw


def for_8_rows(x):
    assert len(x) == 8, "a batch of 8"
    return torch.sin(x).sum() / 8


def two_halves(x):
    a, b = x.chunk(2)
    return ((a - b) ** 2).sum(1).mean()


def back_of_two_halves(x, g):
    a, b = x.chunk(2)
    d = g * 2 * (a - b) / len(a)
    return torch.cat([d, -d])


def of_quaternions(q, g):
    w, x, y, z = q.unbind(1)
    norm = torch.sqrt(w * w + x * x + y * y + z * z)[:, None]
    unit = q / norm
    return (g - unit * (unit * g).sum(1, keepdim=True)) / norm


def padded_mean(x, lengths):
    mask = (torch.arange(x.shape[1]) < lengths[:, None])[..., None]
    return (x * x * mask).sum(1) / mask.sum(1)


def back_of_padded_mean(x, lengths, g):
    mask = (torch.arange(x.shape[1]) < lengths[:, None])[..., None]
    return 2 * x * mask * (g / mask.sum(1))[:, None], None


def of_one_row(x, w, g):
    d = g * (1 - torch.tanh(x @ w) ** 2)
    return d @ w.T, torch.outer(x[0], d[0])


POSITIONS = normal(6, 4)
RIGHT = {  # name: (function, inputs)
    "a fixed number of queries": (Attention, normal(3, 4, 5), normal(3, 6, 5), normal(3, 6, 2)),
    "a table of positions": (
        function(lambda x: torch.tanh(x + POSITIONS), lambda x, g: g * (1 - torch.tanh(x + POSITIONS) ** 2)),
        normal(3, 6, 4),
    ),
    "batch norm": (BatchNorm, normal(2, 3, 4), normal(3), normal(3)),
    "chunks of 4 steps": (function(last_state, in_chunks_of_4), normal(8, 2, 3), normal(3, 3)),
    "forward takes 8 rows": (function(for_8_rows, lambda x, g: g * torch.cos(x) / 8), normal(8, 3)),
    "colours": (
        function(lambda x: 0.3 * x[:, 0] + 0.7 * x[:, 1], lambda x, g: torch.stack([0.3 * g, 0.7 * g], 1)),
        normal(3, 2, 4),
    ),
    "two halves": (function(two_halves, back_of_two_halves), normal(6, 3)),
    "quaternions": (function(lambda q: q / q.norm(dim=1, keepdim=True), of_quaternions), normal(5, 4)),
    "padded sequences": (function(padded_mean, back_of_padded_mean), normal(3, 5, 2), torch.tensor([3, 5, 2])),
    "a batch of 1": (function(lambda x, w: torch.tanh(x @ w), of_one_row), normal(1, 3), normal(3, 4)),
    "a covariance": (
        function(lambda x: torch.cov(x.T), lambda x, g: (x - x.mean(0)) @ (g + g.T) / (len(x) - 1)),
        normal(5, 3),
    ),
}


@pytest.mark.parametrize("name", sampled(RIGHT, lambda name: name in {"chunks of 4 steps", "quaternions"}))
def test_right_code_is_right(name):
    report = st.check(*RIGHT[name])
    assert report.ok is True, report.text()
    assert not any("hard-coded" in fact for fact in report.facts)
