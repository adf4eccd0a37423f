"""The judge of the losses agrees with their definitions in mpmath, with every option and in both arithmetics."""

import mpmath
import numpy as np
import pytest

import judge
from cases import LOSSES
from ground.judge_reference import (
    ARITHMETICS,
    DIGITS,
    FEWER_DIGITS,
    assert_accurate,
    gradient,
    hessian_times,
    loss_of,
    numbers,
)

OPTIONS = {
    "no options": {},
    "weight": {"weight": np.array([0.5, 3.0, 0.1, 0.0])},
    "label smoothing": {"label_smoothing": 0.1},
    "z-loss": {"z_loss": 0.02},
    "little of both": {"label_smoothing": 1e-12, "z_loss": 1e-12},
    "softcap and temperature": {"softcap": 5.0, "temperature": 0.3},
    "all options": {
        "weight": np.array([0.5, 3.0, 0.1, 1.0]),
        "label_smoothing": 0.2,
        "z_loss": 0.1,
        "softcap": 30.0,
        "temperature": 2.5,
    },
}
ROWS = {
    "plain": [0.3, -1.7, 2.2, 0.0],
    "confident": [0.0, 17.0, -1.0, 2.0],
    "p rounds to 1": [40.0, 1.0, -3.0, 0.0],
    "saturated": [300.1, -250.7, 299.9, 0.0],
    "offset": [1e8, 1e8 + 1, 1e8 - 2, 1e8],
    "subnormal": [0.0, -740.3, -1.0, 0.0],
    "equal": [0.1] * 4,
}
TARGETS = {"class": np.array([1]), "probabilities": np.array([[0.25, 0.5, 0.0, 1.0]])}
V = np.array([[0.5, -1.0, 2.0, 0.25]])
losses = pytest.mark.parametrize("name", LOSSES)


@pytest.mark.thorough
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("option", OPTIONS)
@losses
def test_loss_gradient_and_hessian_product_are_accurate(name, option, target, row):
    options, t, z = OPTIONS[option], TARGETS[target], np.array([ROWS[row]])
    with mpmath.workdps(DIGITS if row in ("saturated", "subnormal") else FEWER_DIGITS):
        L, point = loss_of(name, t[0], **options), numbers(z[0])
        loss, grad, hvp = [L(point)], gradient(L, point), hessian_times(L, point, V[0].tolist())
        for a in ARITHMETICS.values():
            rows = judge.rows(name, z, t, **options, a=a)
            assert_accurate(rows.loss, loss)
            assert_accurate(rows.grad, grad)
            assert_accurate(judge.hessian_times(name, z, t, V, **options, a=a), hvp)


def test_on_paper():
    """p = 1/2, 1/4, 1/4; t at the second class."""
    z, y = np.log([[0.5, 0.25, 0.25]]), np.array([1])
    by_hand = {
        "cross_entropy": (np.log(4), [1 / 2, -3 / 4, 1 / 4]),
        "kl_divergence": (np.log(4), [1 / 2, -3 / 4, 1 / 4]),
        "squared_error": (7 / 16, [3 / 16, -7 / 32, 1 / 32]),
    }
    for name, (loss, grad) in by_hand.items():
        got = judge.rows(name, z, y)
        np.testing.assert_allclose(got.loss.value.astype(float), loss, rtol=1e-15)
        np.testing.assert_allclose(got.grad.value.astype(float)[0], grad, rtol=1e-15)


@losses
def test_ignored_rows_are_0_and_do_not_count_in_the_mean(name):
    z, y = np.arange(12.0).reshape(3, 4), np.array([2, 3, 1])
    options = {"weight": np.array([0.5, 3.0, 0.1, 7.0]), "ignore_index": 3}
    rows, others = judge.rows(name, z, y, **options), judge.rows(name, z[[0, 2]], y[[0, 2]], **options)
    assert rows.count == others.count == judge.wide(0.1) + judge.wide(3.0)
    for with_ignored, without in zip((*rows.loss, *rows.grad), (*others.loss, *others.grad), strict=True):
        assert not with_ignored[1].any()
        np.testing.assert_array_equal(with_ignored[[0, 2]], without)
    assert not judge.hessian_times(name, z, y, np.ones_like(z), **options).value[1].any()


@losses
def test_reductions(name):
    z, y = np.arange(12.0).reshape(3, 4), np.array([2, 3, 1])
    rows = judge.rows(name, z, y)
    total = rows.loss.value.sum()
    for options, loss, scale in [
        ({}, total / 3, 3),
        ({"reduction": "sum"}, total, 1),
        ({"denominator": 4.0}, total / 4, 4),
    ]:
        got = rows.reduced(**options)
        assert abs(got.loss.value - loss) <= 1e-18 * loss
        assert (abs(got.grad.value * scale - rows.grad.value) <= 1e-18).all()
    assert rows.reduced("none") == (rows.loss, rows.grad)
    nothing = judge.rows(name, z, y, weight=np.zeros(4)).reduced()
    assert nothing.loss.value == 0
    assert not nothing.grad.value.any()
