"""For every loss, the five functions agree with each other, and equivalent calls give the same result."""

import numpy as np
import pytest

import judge
from cases import DTYPES, FINITE, LOSSES, TARGETS, classes, logits, probabilities
from tolerance import assert_within

losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
targets = pytest.mark.parametrize("target", TARGETS)
dtypes = pytest.mark.parametrize("dtype", DTYPES)
few_cases = pytest.mark.parametrize("case", ["one class", "ragged", "saturated", "masked"])


@losses
@targets
@dtypes
@few_cases
def test_the_mean_carries_1_over_m_and_the_sum_does_not(loss, target, dtype, case):
    z, t = logits(case, dtype), TARGETS[target](case, dtype)
    rows, total, mean = (loss.with_grad(z, t, reduction=reduction) for reduction in ("none", "sum", "mean"))
    size = loss.judge(z, t).grad.size
    assert loss.with_grad(z, t).loss == mean.loss  # the default is the mean
    np.testing.assert_array_equal(total.grad, rows.grad)
    assert_within(2 * loss.ulps(target), mean.grad, judge.wide(rows.grad) / len(z), size / len(z))
    assert_within(1, total.loss, judge.wide(rows.loss).sum())
    assert_within(1, mean.loss, judge.wide(rows.loss).sum() / len(z))


@losses
@targets
@pytest.mark.parametrize("case", FINITE)
def test_a_common_shift_of_the_logits_changes_nothing(loss, target, case):
    z = np.round(logits(case, "float64") * 16) / 16  # so that adding the shift does not round
    t = TARGETS[target](case, "float64")
    exact = loss.judge(z, t).reduced("mean")
    value, grad = loss.with_grad(z + 2.0**20, t)
    assert_within(4, value, *exact.loss)
    assert_within(loss.ulps(target), grad, *exact.grad)


@losses
@dtypes
@pytest.mark.parametrize("case", ["one class", "ragged", "saturated", "confident"])
def test_a_class_number_is_its_one_hot_target(loss, dtype, case):
    z, y = logits(case, dtype), classes(case)
    one_hot = np.zeros_like(z)
    one_hot[np.arange(len(z)), y] = 1
    exact, larger = loss.judge(z, y), loss.judge(z, one_hot)
    value, grad = loss.with_grad(z, one_hot, reduction="none")
    assert_within(4, value, exact.loss.value, larger.loss.size)
    assert_within(loss.ulps("probabilities"), grad, exact.grad.value, larger.grad.size)
    np.testing.assert_array_equal(loss.value(z, one_hot.astype(int)), loss.value(z, one_hot))


@losses
@targets
def test_no_rows(loss, target):
    t = np.zeros(0, int) if target == "classes" else np.zeros((0, 3))
    for reduction in ("mean", "sum"):
        value, grad = loss.with_grad(np.zeros((0, 3)), t, reduction=reduction)
        assert value == loss.value(np.zeros((0, 3)), t, reduction=reduction) == 0
        assert grad.shape == (0, 3)
    assert loss.value(np.zeros((0, 3)), t, reduction="none").shape == (0,)


@losses
def test_an_empty_list_holds_no_classes(loss):
    assert loss.value(np.zeros((0, 3)), []) == 0


@losses
@targets
def test_one_class_has_no_gradient(loss, target):
    t = np.zeros(3, int) if target == "classes" else np.full((3, 1), 0.3 if target == "unnormalised" else 1.0)
    value, grad = loss.with_grad(np.array([[1e4], [-1e4], [0.1]]), t)
    assert grad.tolist() == [[0.0]] * 3
    assert target == "unnormalised" or value == 0


@losses
def test_a_target_is_read_in_the_dtype_of_the_logits(loss):
    z, t = logits("ragged", "float32"), probabilities("ragged", "float64")
    value, grad = loss.with_grad(z, t)
    assert value.dtype == grad.dtype == "float32"
    assert value == loss.value(z, t.astype("float32"))


@losses
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", ">i8", "uint64", "bool"])
def test_class_numbers_of_any_integer_dtype(loss, dtype):
    z = logits("two classes", "float64")
    assert loss.value(z, np.array([1, 0, 1, 1], dtype)) == loss.value(z, [1, 0, 1, 1])


@losses
def test_scalars_and_shapes(loss):
    assert np.ndim(loss.value([1.0, 2.0], 1)) == np.ndim(loss.value([1.0, 2.0], 1, reduction="none")) == 0
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    assert loss.value(z, np.ones((2, 3), int), reduction="none").shape == (2, 3)
    assert loss.value(z, np.ones((2, 4), int), axis=1, reduction="none").shape == (2, 4)
