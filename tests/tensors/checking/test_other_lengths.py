"""A length that is hard-coded in a backward pass of torch is found; code that is meant for a length is right."""

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from tensors.checking.written import function, normal  # noqa: E402

F = torch.nn.functional


def sines(x):
    return (torch.sin(x) * x).sum(1).mean()


def slope(x, g):
    return g * (torch.cos(x) * x + torch.sin(x))


def row_by_row(x, g):
    grad = torch.zeros_like(x)
    for i in range(4):
        grad[i] = slope(x[i], g) / len(x)
    return grad


def batch_norm(x):
    return (x - x.mean(0)) / torch.sqrt(x.var(0, unbiased=False) + 1e-5)


def back_of_batch_norm(x, g):
    xhat = batch_norm(x)
    return (g - g.sum(0) / 4 - xhat * (g * xhat).sum(0) / 4) / torch.sqrt(x.var(0, unbiased=False) + 1e-5)


def rms(x):
    return torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


def back_of_rms_norm(x, g):
    r = rms(x)
    return (g - x * (g * x).sum(-1, keepdim=True) / 4 / r**2) / r


def contrastive(a, b):
    return F.cross_entropy(a @ b.T, torch.arange(len(a)))


def back_of_contrastive(a, b, g):
    d = g * (torch.softmax(a @ b.T, 1) - torch.eye(len(a), dtype=a.dtype)) / 4
    return d @ b, d.T @ a


X = normal(4, 3)
WRONG = {
    "in the mean": (function(sines, lambda x, g: slope(x, g) / 4), X),
    "in a range": (function(sines, row_by_row), X),
    "in a view": (function(sines, lambda x, g: slope(x, g).view(4, -1) / len(x)), X),
    "in a variance": (function(batch_norm, back_of_batch_norm), X),
    "in a contrastive loss": (function(contrastive, back_of_contrastive), X, normal(4, 3, seed=1)),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_length_that_is_hard_coded_is_found(case):
    report = st.check(*WRONG[case])
    assert report.ok is False
    assert report.mistake.name == "size-hard-coded", report.text()


def in_chunks(x, w, g):
    parts = [(a, c * (1 - torch.tanh(a @ w) ** 2)) for a, c in zip(x.split(2), g.split(2), strict=True)]
    return torch.cat([d @ w.T for _, d in parts]), sum(a.T @ d for a, d in parts)


def back_of_median(x, g):
    middle = x.argsort(0)[len(x) // 2]
    return torch.zeros_like(x).scatter(0, middle[None], g[None])


RIGHT = {
    "the features of a norm": (function(lambda x: x / rms(x), back_of_rms_norm), normal(3, 4)),
    "chunks": (function(lambda x, w: torch.tanh(x @ w), in_chunks), X, normal(3, 2)),
    "an odd number of rows": (function(lambda x: torch.quantile(x, 0.5, dim=0), back_of_median), normal(5, 3)),
    "a vector of parameters": (function(lambda v: (v**2).mean(), lambda v, g: g * 2 * v / 5), normal(5)),
    "a recurrent network": (torch.nn.RNN(3, 3, dtype=torch.float64), normal(3, 3, 3)),
}


@pytest.mark.parametrize("case", RIGHT)
def test_code_that_is_meant_for_a_length_is_right(case):
    report = st.check(*RIGHT[case])
    assert report.ok is True, report.text()


def test_a_width_is_a_fact():
    said = "is right for a layer where axis 1 has length 4, and backward is written for that length"
    assert any(said in fact for fact in st.check(*RIGHT["the features of a norm"]).facts)


class MeanOfUnits(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.mean(1)

    @staticmethod
    def backward(ctx, g):
        return g[:, None].expand(-1, 2) / 2


def test_the_units_of_a_module_are_a_width():
    class Module(torch.nn.Linear):
        def forward(self, x):
            return MeanOfUnits.apply(super().forward(x))

    assert st.check(Module(3, 2, dtype=torch.float64), normal(4, 3)).ok is True
