"""judge on kinks: every value between the slopes of both sides is right."""

import numpy as np
import pytest

from check.derivatives.judging import WAYS, judged, real_only, softmax
from softgrad.check.derivatives.gradient import judge_gradient

AT_KINKS = np.array([0.0, 1.0, -1.0, 1e-7, -1e-9, 0.0])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("between", "ok"), [(0.0, True), (0.5, True), (1.0, True), (1.1, False), (-0.1, False)])
def test_any_value_between_the_slopes_is_right_on_a_kink(between, ok, way):
    got = np.where(AT_KINKS == 0, between, AT_KINKS > 0)
    judgement = judged(WAYS[way](lambda x: np.maximum(x, 0)), AT_KINKS, np.arange(1.0, 7.0), got * np.arange(1.0, 7.0))
    assert judgement.ok == ok
    assert judgement.unresolved == 0
    assert judgement.kinks == 2 or way == "complex step"
    if not ok:
        assert judgement.where.entry in [(0,), (5,)]


@pytest.mark.parametrize("way", WAYS)
def test_a_kink_near_x_is_none_at_x(way):
    got = np.where(AT_KINKS == -1e-9, 1.0, AT_KINKS > 0)  # the wrong side
    judgement = judged(WAYS[way](lambda x: np.maximum(x, 0)), AT_KINKS, np.ones(6), got)
    assert not judgement.ok
    assert judgement.where == ((4,), 1.0, 0.0)


def test_the_intervals_of_several_kinks_add_up():
    """Each of 3 outputs has a kink in x[0]: slopes -1 to 1, 0 to 1 and 0 to 2, with weights 1, -1 and 1."""

    def f(x):
        return np.stack([np.abs(x[0]), np.maximum(x[0], 0), 2 * np.maximum(x[0], 0)])

    for got, ok in [(-2.0, True), (0.3, True), (3.0, True), (-2.1, False), (3.1, False)]:
        assert judged(f, np.zeros(1), np.array([1.0, -1.0, 1.0]), np.array([got])).ok == ok


PARTLY_ON_KINKS = {  # a backward pass of ReLU: whether it is right
    "0 at 0": (lambda x: x > 0, True),
    "1 at 0": (lambda x: x >= 0, True),
    "half at 0": (lambda x: np.heaviside(x, 0.5), True),
    "3 at 0": (lambda x: np.heaviside(x, 3.0), False),
    "too large by 1e-4": (lambda x: 1.0001 * (x > 0), False),
    "leaky": (lambda x: np.where(x >= 0, 1, 0.1), False),
    "one entry too large": (lambda x: (x > 0) * np.where(x == x.max(), 1.01, 1), False),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "zeros", [pytest.param(1, marks=pytest.mark.thorough), 5, pytest.param(200, marks=pytest.mark.thorough)]
)
@pytest.mark.parametrize("case", PARTLY_ON_KINKS)
def test_some_kinks_among_many_entries(case, zeros, way):
    """Differences along a random direction agree with the complex step: hardly any of the outputs is on a kink."""
    slope, ok = PARTLY_ON_KINKS[case]
    for seed in range(3):
        x, g = np.random.default_rng(seed).normal(size=(2, 4000))
        x[:zeros] = 0
        assert judged(WAYS[way](lambda x: np.maximum(x, 0)), x, g, g * slope(x)).ok is ok


@pytest.mark.parametrize("zeros", [pytest.param(1, marks=pytest.mark.thorough), 5])
def test_a_kink_of_some_of_many_terms(zeros):
    """The biases of a ReLU layer, some of whose rows are 0: differences come near the slope from one side, roughly."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 30))
    x[:zeros] = 0
    y, w, v = rng.integers(0, 5, 40), rng.normal(size=(30, 100)) / 5, rng.normal(size=(100, 5)) / 10
    penalty = 0.01 * np.sin(w).sum()

    def loss(b):
        z = np.maximum(x @ w + b, 0) @ v
        z = z - z.max(axis=1, keepdims=True)
        return -(z[np.arange(40), y] - np.log(np.exp(z).sum(axis=1))).mean() + penalty

    for by, ok in ((1.0, True), (1.001, False)):
        dz = (softmax(np.maximum(x @ w, 0) @ v) - np.eye(5)[y]) / 40
        got = by * ((dz @ v.T) * (x @ w > 0)).sum(axis=0)
        for seed in range(4):
            rng = np.random.default_rng(seed)
            assert judge_gradient(loss, np.zeros(100), np.ones(()), got, rng=rng).ok is ok


def test_kinks_under_a_projection():
    x = np.random.default_rng(0).normal(0, 1, 500)
    x[::3] = 0
    for between, ok in [(0.0, True), (0.4, True), (1.0, True), (2.0, False)]:
        got = np.where(x == 0, between, x > 0)
        judgement = judged(real_only(lambda x: np.maximum(x, 0)), x, np.ones(500), got, max_entries=100)
        assert judgement.ok == ok
        assert judgement.kinks > 0
