"""softmax, log_softmax and logsumexp agree with the judge, and have the properties that hold for all logits."""

import numpy as np
import pytest

import judge
import softgrad as sg
from cases import CASES, DTYPES, FINITE, logits
from tolerance import assert_within

cases = pytest.mark.parametrize("case", CASES)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


@cases
@dtypes
def test_softmax_agrees_with_the_judge(case, dtype):
    z = logits(case, dtype)
    assert_within(4, sg.softmax(z), judge.softmax(z))


@cases
@dtypes
def test_log_softmax_agrees_with_the_judge(case, dtype):
    z = logits(case, dtype)
    assert_within(4, sg.log_softmax(z), judge.log_softmax(z))


@cases
@dtypes
def test_logsumexp_agrees_with_the_judge(case, dtype):
    z = logits(case, dtype)
    exact = judge.logsumexp(z)
    assert_within(4, sg.logsumexp(z), *exact)
    assert_within(4, sg.logsumexp(z, keepdims=True), *(part[:, None] for part in exact))


@cases
@dtypes
def test_probabilities_sum_to_1(case, dtype):
    p = sg.softmax(logits(case, dtype))
    assert_within(4, judge.wide(p).sum(axis=1).astype(dtype), np.ones(len(p)))


@pytest.mark.parametrize("case", FINITE)
@pytest.mark.parametrize("shift", [1024.0, -(2.0**20)])
def test_a_common_shift_changes_no_probability(case, shift):
    z = np.round(logits(case, "float64") * 16) / 16  # so that adding the shift does not round
    assert_within(4, sg.softmax(z + shift), judge.softmax(z))
    assert_within(4, sg.log_softmax(z + shift), judge.log_softmax(z))


@cases
@dtypes
def test_classes_in_another_order_have_the_same_probabilities(case, dtype):
    z = logits(case, dtype)
    order = np.random.default_rng(0).permutation(z.shape[1])
    assert_within(4, sg.softmax(z[:, order]), judge.softmax(z)[:, order])
    assert_within(4, sg.log_softmax(z[:, order]), judge.log_softmax(z)[:, order])


@cases
@dtypes
def test_a_row_does_not_depend_on_the_others(case, dtype):
    z = logits(case, dtype)
    np.testing.assert_array_equal(sg.softmax(z)[-1], sg.softmax(z[-1]))
    np.testing.assert_array_equal(sg.log_softmax(z)[-1], sg.log_softmax(z[-1]))
    np.testing.assert_array_equal(sg.logsumexp(z)[-1], sg.logsumexp(z[-1]))


def test_one_class_has_probability_1():
    assert sg.softmax([[1e4], [-1e4], [0.0]]).tolist() == [[1.0]] * 3
    assert sg.log_softmax([[1e4], [-1e4], [0.0]]).tolist() == [[0.0]] * 3
    assert sg.logsumexp([[1e4], [-1e4], [0.0]]).tolist() == [1e4, -1e4, 0.0]


def test_no_rows():
    assert sg.softmax(np.zeros((0, 3))).shape == (0, 3)
    assert sg.log_softmax(np.zeros((2, 0, 3))).shape == (2, 0, 3)
    assert sg.logsumexp(np.zeros((0, 3))).shape == (0,)
