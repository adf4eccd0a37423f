"""The losses agree with those of torch, and their gradients with autograd, in float64.

torch computes log p as (z - max) - log(sum), and p as exp of a difference of logits. Its rounding errors are therefore
larger than ulps of the result. The difference between softgrad and torch is measured in ulps of the terms of torch: in
these cases it is at most 4.1. In ulps of the exact terms, the gradients of torch are up to 28 ulp off.
"""

import itertools
from typing import NamedTuple

import numpy as np
import pytest

import judge
import softgrad as sg
from cases import LOSSES
from tolerance import assert_within

K = 7
WEIGHT = np.array([0.5, 2.0, 1.0, 0.0, 1.5, 3.0, 0.25])
NEUTRAL = {"weight": None, "ignore_index": None, "label_smoothing": 0.0}
OPTIONS = {
    "none": {},
    "weight": {"weight": WEIGHT},
    "smoothing": {"label_smoothing": 0.1},
    "all smoothed away": {"label_smoothing": 1.0},
    "weight and smoothing": {"weight": WEIGHT, "label_smoothing": 0.2},
    "ignored rows": {"ignore_index": 2},
    "ignored rows and weight": {"ignore_index": 2, "weight": WEIGHT},
    "ignored rows and smoothing": {"ignore_index": 2, "label_smoothing": 0.1},
    "everything": {"ignore_index": 2, "weight": WEIGHT, "label_smoothing": 0.2},
}
APPLICABLE = [
    (name, target)
    for name, target in itertools.product(OPTIONS, ["classes", "probabilities"])
    if target == "classes" or "ignore_index" not in OPTIONS[name]
]
SHAPES = {  # for torch the class axis is 1, or 0 for a vector
    "one row": (K,),
    "rows": (9, K),
    "sequences": (3, K, 4),
    "images": (2, K, 3, 2),
}


class LossAndGrad(NamedTuple):
    loss: np.ndarray
    grad: np.ndarray


class Problem:
    """Logits and a target in one of the shapes, and their N rows."""

    def __init__(self, shape, target, options):
        self.axis = min(1, len(shape) - 1)
        self.without_axis = tuple(np.delete(shape, self.axis))
        self.options = NEUTRAL | options
        rng = np.random.default_rng(7)
        self.rows = 3 * rng.normal(size=(np.prod(self.without_axis, dtype=int), K))
        self.rows[0, 4] = 40  # a confident row: torch's loss of it is 0
        y = np.resize([4, 1, 2, 3, 2, 5, 6, 0, 1], len(self.rows))
        smoothing, weight = self.options["label_smoothing"], self.options["weight"]
        kept = y != self.options["ignore_index"]
        self.weight = kept[:, None] * (np.ones(K) if weight is None else weight)
        if target == "classes":
            self.row_target, t, self.count = y, np.eye(K)[y], self.weight[np.arange(len(y)), y].sum()
        else:
            self.row_target = t = rng.dirichlet(np.ones(K), len(y))
            self.count = len(y)
        self.t = (1 - smoothing) * t + smoothing / K
        self.logits, self.target = self.laid_out(self.rows), self.laid_out(self.row_target)

    def laid_out(self, rows):
        """(N, K) in the shape of the logits, (N) in that without the class axis."""
        array = rows.reshape(self.without_axis + rows.shape[1:])
        return array if rows.ndim == 1 else np.moveaxis(array, -1, self.axis)

    def reduced(self, loss, grad, reduction):
        """Reduces the results of the rows, or their sizes."""
        scale = 1 / self.count if reduction == "mean" else 1
        return LossAndGrad(
            self.laid_out(loss) if reduction == "none" else loss.sum() * scale, self.laid_out(grad) * scale
        )

    def by_softgrad(self, loss, reduction):
        return LOSSES[loss].with_grad(self.logits, self.target, axis=self.axis, reduction=reduction, **self.options)

    def by_torch(self, torch, loss, reduction):
        z = torch.tensor(self.logits, requires_grad=True)
        value = TORCH[loss](torch, z, self, reduction)
        value.sum().backward()
        return LossAndGrad(value.detach().numpy(), z.grad.numpy())

    def sizes_in_torch(self, loss):
        """The sizes of the terms that torch sums, for the loss of each row and for its gradient."""
        p, log_p, t = judge.softmax(self.rows), abs(judge.log_softmax(self.rows)), self.t
        size_of_p = p * (1 + log_p)
        a = self.weight * t
        total = a.sum(axis=1, keepdims=True)
        if loss == "squared_error":  # the loss's is that of an error of 4 ulp in p - t, as in judge.squared_error
            larger = size_of_p + t
            loss_size = total * larger * (abs(p - t) + 2 * np.finfo(float).eps * larger)
            grad_size = total * size_of_p * (larger + (p * larger).sum(axis=1, keepdims=True))
        else:
            loss_size = a * (1 + log_p)
            grad_size = total * size_of_p + a
            if loss == "kl_divergence":
                loss_size = loss_size + a * abs(np.log(np.where(t == 0, 1, t)))
        return loss_size.sum(axis=1), grad_size


def torch_cross_entropy(torch, z, problem, reduction):
    options = {name: value for name, value in problem.options.items() if value is not None}
    if "weight" in options:
        options["weight"] = torch.tensor(options["weight"])
    return torch.nn.functional.cross_entropy(z, torch.tensor(problem.target), reduction=reduction, **options)


def torch_kl_divergence(torch, z, problem, reduction):
    t, weight = (torch.tensor(problem.laid_out(rows)) for rows in (problem.t, problem.weight))
    log_p = torch.nn.functional.log_softmax(z, problem.axis)
    rows = (weight * torch.nn.functional.kl_div(log_p, t, reduction="none")).sum(problem.axis)
    return torch_reduced(rows, problem, reduction)


def torch_squared_error(torch, z, problem, reduction):
    t, weight = (torch.tensor(problem.laid_out(rows)) for rows in (problem.t, problem.weight))
    p = torch.nn.functional.softmax(z, problem.axis)
    rows = (weight * t).sum(problem.axis) * (0.5 * (p - t) ** 2).sum(problem.axis)
    return torch_reduced(rows, problem, reduction)


def torch_reduced(rows, problem, reduction):
    return {"none": rows, "sum": rows.sum(), "mean": rows.sum() / problem.count}[reduction]


TORCH = {
    "cross_entropy": torch_cross_entropy,
    "kl_divergence": torch_kl_divergence,
    "squared_error": torch_squared_error,
}
ULPS_FROM_TORCH = LossAndGrad(4, 8)


def assert_agrees_with_torch(torch, got, problem, loss, reduction):
    wanted = problem.by_torch(torch, loss, reduction)
    size = problem.reduced(*problem.sizes_in_torch(loss), reduction)
    for ulps, *parts in zip(ULPS_FROM_TORCH, got, wanted, size, strict=True):
        assert_within(ulps, *parts)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "target"), APPLICABLE)
@pytest.mark.parametrize("loss", TORCH)
def test_agrees(torch, loss, name, target, reduction, shape):
    problem = Problem(SHAPES[shape], target, OPTIONS[name])
    got = problem.by_softgrad(loss, reduction)
    assert_agrees_with_torch(torch, got, problem, loss, reduction)


def divided_by(count):
    return lambda problem, right: LossAndGrad(*(part * problem.count / count(problem.row_target) for part in right))


def mass_on_the_others_alone(problem, right):
    e, one_hot = problem.options["label_smoothing"], np.eye(K)[problem.row_target]
    t = (1 - e) * one_hot + e / (K - 1) * (1 - one_hot)
    return sg.cross_entropy_with_grad(problem.logits, problem.laid_out(t), axis=problem.axis)


SLIPS = {  # name: (options, the slip as a function of the right result)
    "zeros": ({}, lambda problem, right: LossAndGrad(0 * right.loss, 0 * right.grad)),
    "sign": ({}, lambda problem, right: LossAndGrad(-right.loss, -right.grad)),
    "weight normalised by the rows": ({"weight": WEIGHT}, divided_by(len)),
    "smoothing mass e / (K - 1)": ({"label_smoothing": 0.1}, mass_on_the_others_alone),
    "ignored rows counted": ({"ignore_index": 2}, divided_by(len)),
    "weights of ignored rows counted": (
        {"weight": WEIGHT, "ignore_index": 2},
        divided_by(lambda target: WEIGHT[target].sum()),
    ),
}


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "one row"])  # of which none is ignored
@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_difference_is_caught(torch, slip, shape):
    options, slipped = SLIPS[slip]
    problem = Problem(SHAPES[shape], "classes", options)
    right = problem.by_softgrad("cross_entropy", "mean")
    wrong = slipped(problem, right)
    for mixed in (LossAndGrad(wrong.loss, right.grad), LossAndGrad(right.loss, wrong.grad)):
        with pytest.raises(AssertionError, match="ulp off"):
            assert_agrees_with_torch(torch, mixed, problem, "cross_entropy", "mean")


def test_a_mean_of_nothing_is_torchs_when_nan_is_asked_for(torch):
    z = torch.zeros((2, K), dtype=torch.float64)
    assert torch.nn.functional.cross_entropy(z, torch.tensor([1, 1]), ignore_index=1).isnan()
    assert np.isnan(sg.cross_entropy(z.numpy(), [1, 1], ignore_index=1, if_all_ignored="nan"))
