"""The corpus is what it says: right cases agree with plain central differences, and the mistakes planted do not.

Nothing of softgrad is used: this is what the gradient checker is judged by.
"""

import copy
import inspect
import linecache

import numpy as np
import pytest

from check.corpus import CASES, MISTAKES, RIGHT, STRANGERS, UNNAMED
from check.corpus.case import MARK
from check.corpus.problem import Problem, leaves
from together import together

# A difference is taken with each, the last two relative to the entry: a right gradient agrees with one of them.
STEPS = [(1e-2, 0), (1e-3, 0), (1e-5, 0), (0, 1e-3), (0, 1e-5)]


EVERY = [*CASES, *STRANGERS]


def differences(problem, array, entries, step, relative):
    slopes = []
    for index in entries:
        x = array[index]
        h = step + relative * abs(x)
        array[index] = above = x + h
        high = problem.value()
        array[index] = below = x - h
        low = problem.value()
        array[index] = x
        slopes.append((high - low) / (above - below) if above != below else np.nan)
    return np.array(slopes)


def some_entries(shape, most=100):
    entries = list(np.ndindex(shape))
    return entries[:: 1 + len(entries) // most]


def error(got, wanted):
    largest = np.max(np.abs([got, wanted]), initial=1e-4)
    return np.max(np.abs(got - wanted)) / largest


def worst(case):
    """The largest error over the case's gradients, each against the step that suits it best."""
    problem = Problem(case)
    errors = []
    for place, got in problem.gradients.items():
        array = problem.arrays[place]
        if got.shape != array.shape:
            return np.inf
        entries, tried = some_entries(got.shape), []
        for step, relative in STEPS:
            with np.errstate(all="ignore"):
                wanted = differences(problem, array, entries, step, relative)
            tried.append(error(np.array([got[index] for index in entries]), wanted))
            if tried[-1] < case.tolerance:
                break
        errors.append(np.nanmin(tried))
    return max(errors)


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@named([case for case in EVERY if not case.mistake and not case.excuse])
def test_a_right_gradient_agrees_with_differences(case):
    assert worst(case) < case.tolerance


class Calls:
    """Two calls of the backward, and what they leave behind."""

    def __init__(self, case):
        problem = Problem(case)
        inputs, upstream = copy.deepcopy(problem.inputs), problem.upstream.copy()
        output = problem.forward(*copy.deepcopy(inputs))
        self.first = problem.gradients_at(copy.deepcopy(inputs), output, upstream.copy())
        self.second = problem.gradients_at(inputs, output, upstream)
        self.before, self.after = leaves(problem.inputs), leaves(inputs)
        self.upstream, self.upstream_after = {(): problem.upstream}, {(): upstream}


def change(before, after):
    return any(not np.array_equal(before[place], after[place], equal_nan=True) for place in before)


def any_gradient(calls, is_wrong):
    return any(is_wrong(grad, calls.before[place]) for place, grad in calls.first.items())


FINDINGS = {  # name: whether it is there. The numbers may be right at a first call, or have nothing to compare with
    "input-overwritten": lambda calls: change(calls.before, calls.after),
    "grad-output-overwritten": lambda calls: change(calls.upstream, calls.upstream_after),
    "accumulated-gradient": lambda calls: change(calls.first, calls.second),
    "float32-result": lambda calls: any_gradient(calls, lambda g, x: g.dtype == "f4" != x.dtype),
    "not-finite": lambda calls: any_gradient(calls, lambda g, x: not np.isfinite(g).all()),
    "wrong-shape": lambda calls: any_gradient(calls, lambda g, x: g.shape != x.shape),
    "transposed": lambda calls: any_gradient(calls, lambda g, x: g.shape == x.T.shape != x.shape),
}


@named([case for case in EVERY if case.mistake and case.mistake not in FINDINGS])
def test_a_planted_mistake_does_not(case):
    assert worst(case) > 1e-3


@together(case=[case for case in EVERY if not case.excuse])
def test_findings_are_where_they_are_told_and_nowhere_else(case):
    calls = Calls(case)
    found = {finding for finding, is_there in FINDINGS.items() if is_there(calls)}
    assert found == case.names & set(FINDINGS)


@together(case=EVERY)
def test_made_afresh_from_the_same_numbers(case):
    (*_, first), (*_, again), (*_, other) = (case.make(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert leaves(first).keys() == leaves(again).keys() == leaves(other).keys()
    for place, leaf in leaves(first).items():
        np.testing.assert_array_equal(leaf, leaves(again)[place])
        assert not np.shares_memory(leaf, leaves(other)[place])


def test_is_large_and_its_names_are_unlike():
    assert len(MISTAKES) >= 90
    assert len(RIGHT) >= 36
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.cause for case in CASES)
    assert sum(case.mistake == UNNAMED for case in MISTAKES) >= 8
    assert sum(bool(case.pair) for case in MISTAKES) >= 6
    assert all(case.mistake == case.pair[0] for case in MISTAKES if case.pair)


def test_strangers_are_many_and_mark_one_line_each():
    wrong = [case for case in STRANGERS if case.mistake]
    assert len(wrong) >= 40
    assert len(STRANGERS) - len(wrong) >= 30
    assert len({case.name for case in EVERY}) == len(EVERY)
    assert all(case.cause for case in STRANGERS)
    for case in STRANGERS:
        assert inspect.getsource(case.make).count(MARK) == (case.mistake is not None), case.name
        text = linecache.getline(inspect.getsourcefile(case.make), case.line or 0)
        assert text.rstrip().endswith(MARK) == (case.mistake is not None), case.name


def test_most_are_told_nothing():
    told = [case for case in CASES if "context" in case.options]
    assert 0.15 * len(CASES) < len(told) < 0.4 * len(CASES)
