"""Batches of logits, named by their difficulty, with targets for them; and the table of losses.

Every array is read-only, so that a function that writes to its arguments fails every test.
"""

from functools import cache, partial
from typing import NamedTuple

import numpy as np

import judge
import softgrad as sg
from softgrad.formulas.losses import LOSSES as TABLE

DTYPES = ["float32", "float64"]


def normal(N, K, spread=1.0, offset=0.0):
    return lambda rng: offset + spread * rng.normal(size=(N, K))


CASES = {
    "one class": normal(3, 1),  # p is 1 and the gradient 0
    "two classes": normal(4, 2),
    "equal": lambda rng: np.full((3, 10), 0.3),  # p is 1 / K
    "high": normal(3, 10, 1.0, 1e4),  # exp(z) overflows
    "low": normal(3, 10, 1.0, -1e4),  # exp(z) underflows in every class
    "offset": normal(3, 10, 20.0, 1e8),  # in float32 the logits are multiples of 8
    "blocks and one": normal(3, 257),  # the sums are computed in blocks of 64 entries
    "ragged": normal(3, 668),  # K is not a multiple of the vector width
    "one peak": lambda rng: np.where(np.arange(300) == 99, 0.0, [[-1.47], [-2.18]]),  # all rounding errors add up
    "confident": lambda rng: np.array([[17.0, 0, 0], [40, 1, -1]]),  # p rounds to 1; the loss must not round to 0
    "saturated": normal(5, 33, 300.0),  # z - max is so small that exp underflows
    "far apart": normal(3, 10, 1e4),
    "ramp": lambda rng: np.stack([np.linspace(0, -110, 350), np.linspace(-760, 0, 350)]),  # p becomes subnormal
    "masked": lambda rng: np.where(rng.random((4, 20)) < 0.5, -np.inf, np.arange(20.0) / 7),
    "vocabulary": normal(2, 100_000),
}
WITHOUT_DENSE_JACOBIAN = {"vocabulary"}  # it would take 80 GB
ONE_HOT = {"one class", "far apart"}  # every p is 0 or 1, so the Jacobian is 0, and every gradient through it is 0
FINITE = [case for case in CASES if case != "masked"]
WITH_JACOBIAN = [case for case in CASES if case not in WITHOUT_DENSE_JACOBIAN]


@cache
def logits(case, dtype):
    return _read_only(CASES[case](_rng(case)), dtype)


@cache
def classes(case):
    """Class indices: the most probable class in the first row, a random class in the other rows."""
    z = logits(case, "float64")
    y = _rng(case).integers(0, z.shape[1], len(z))
    y[0] = z[0].argmax()
    return _read_only(y, "int64")


@cache
def probabilities(case, dtype):
    """Target distributions. About a quarter of the entries are 0, and so is every entry whose logit is -inf."""
    z = logits(case, "float64")
    weights = np.maximum(_rng(case).random(z.shape) - 0.25, 0) * np.isfinite(z)
    weights[np.arange(len(z)), z.argmax(axis=1)] += 0.1
    return _read_only(weights / weights.sum(axis=1, keepdims=True), dtype)


@cache
def vectors(case, dtype):
    """Upstream gradients or tangents, in the shape of the logits."""
    return _read_only(_rng(case + "'s vectors").normal(size=logits(case, dtype).shape), dtype)


class Loss(NamedTuple):
    """The family of a loss, its judge, and the bounds of its gradient's error as the docstrings state them."""

    value: object
    with_grad: object
    with_stats: object
    jvp: object
    hvp: object
    judge: object
    grad_ulps: tuple[int, int]  # for class indices, and for probabilities

    def ulps(self, target):
        return self.grad_ulps[target != "classes"]


def loss_named(name):
    family = (getattr(sg, name + member) for member in ("", "_with_grad", "_with_stats", "_jvp", "_hvp"))
    return Loss(*family, partial(judge.rows, name), GRAD_ULPS.get(name, (4, 6)))


def taken(loss, options):
    """Only the options that the loss takes."""
    return {name: value for name, value in options.items() if name in TABLE[loss].options}


GRAD_ULPS = {"squared_error": (10, 10), "focal_loss": (4, 4)}  # by default 4 and 6
LOSSES = {name: loss_named(name) for name in TABLE}  # every test that runs on each loss reads this
DERIVED = [name for name, row in TABLE.items() if row.is_derived]  # those that sg.explain derives
TARGETS = {
    "classes": lambda case, dtype: classes(case),
    "probabilities": probabilities,
    "unnormalised": lambda case, dtype: _read_only(probabilities(case, dtype) * 1.7, dtype),
}


def _rng(name):
    return np.random.default_rng(list(name.encode()))


def _read_only(array, dtype):
    array = np.ascontiguousarray(array, dtype)
    array.setflags(write=False)
    return array
