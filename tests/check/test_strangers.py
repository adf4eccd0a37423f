"""The gradient checker held against strangers' code: what is wrong is found, what is right passes."""

import copy
from functools import cache

import numpy as np
import pytest

import softgrad as sg
from check.corpus import STRANGERS
from check.corpus.problem import leaves
from sampled import sampled
from softgrad.check.user.options import MAX_CALLS

CHECKS = {"vjp": sg.check_vjp, "grad": sg.check_grad}
BY_NAME = {case.name: case for case in STRANGERS}


@cache
def checked(name):
    """The report on a case, and the inputs before and after."""
    case = BY_NAME[name]
    function, derivative, inputs = case.make(np.random.default_rng(0))
    before = copy.deepcopy(inputs)
    report = CHECKS[case.kind](function, derivative, *inputs, **case.options)
    return report, leaves(before), leaves(inputs)


WRONG = [case for case in STRANGERS if case.mistake]
STAYS = {
    *{case.mistake: case.name for case in reversed(WRONG)}.values(),  # the first with each mistake
    "distances of a student embedding",  # which has no name
    *(case.name for case in STRANGERS if not case.mistake),
}


def each(cases):
    return pytest.mark.parametrize("case", sampled(cases, lambda case: case.name in STAYS, lambda case: case.name))


@each([case for case in STRANGERS if not case.mistake])
def test_a_right_gradient_passes(case):
    report = checked(case.name)[0]
    assert report.ok is True
    assert report.mistakes == ()


@each(WRONG)
def test_a_mistake_is_found(case):
    assert checked(case.name)[0].ok is False


NOT_NAMED = {  # nothing that is changed in one place of the right backward pass gives their numbers
    "conditional random field",
    "gaussian process evidence",
    "distances of a student embedding",
}


@each([case for case in WRONG if case.name not in NOT_NAMED])
def test_it_is_called_by_its_name(case):
    report = checked(case.name)[0]
    assert report.mistake is not None
    assert report.mistake.name in case.names


@each([case for case in STRANGERS if case.name in NOT_NAMED])
def test_no_name_is_better_than_a_wrong_one(case):
    assert checked(case.name)[0].mistake is None


OTHER_LINES = {  # how far the line told is from the one marked, and why
    "convolution by columns": 1,  # a view is told where it is read
    "instance norm": -1,  # gradients are exchanged where nothing is computed
    "huber regression": 1,  # the sign of a single number is a constant
    "unrolled weights for an optimizer": -10,  # in the helper
    "loop over named layers": 1,  # nothing is computed there: the line that returns it is told
    "two headed network": -16,  # in the helper
}


@each(WRONG)
def test_the_line_is_found(case):
    line = checked(case.name)[0].backward_line
    assert line is not None
    assert line.number - case.line == OTHER_LINES.get(case.name, 0)


def test_nearly_all_lines_are_exact_or_beside():
    assert sum(abs(off) > 1 for off in OTHER_LINES.values()) <= 2


@each(STRANGERS)
def test_calls_stay_within_the_limit_and_inputs_are_left_alone(case):
    report, before, after = checked(case.name)
    assert report.calls <= MAX_CALLS
    for place, leaf in before.items():
        np.testing.assert_array_equal(leaf, after[place])
