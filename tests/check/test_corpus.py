"""The gradient checker held against the corpus: what is wrong is found and called by its name, what is right passes.

Every case is checked at two sets of inputs; those that take a second, at one. A name that a report gives has to be one
that the case allows, or one of SAME_NUMBERS: a second description of the very numbers that were planted.
"""

import copy
import inspect
import re
from functools import cache, wraps

import numpy as np
import pytest

import softgrad as sg
from check.corpus import CASES, MISTAKES, RIGHT, UNNAMED
from check.corpus.problem import leaves
from softgrad.check.catalogue import ENTRIES, conduct
from softgrad.check.user.options import MAX_CALLS
from together import check_all

SEEDS = (0, 1)
SECOND = pytest.mark.thorough  # other inputs of the same cases
both_seeds = pytest.mark.parametrize("seed", [0, pytest.param(1, marks=SECOND)])
CHECKS = {"vjp": sg.check_vjp, "grad": sg.check_grad}
BY_NAME = {case.name: case for case in CASES}
BEHAVIOUR = {entry.name for entry in conduct.ENTRIES}  # what is measured, not predicted by a line
NAMED = [case for case in MISTAKES if case.mistake != UNNAMED]

SAME_NUMBERS = {  # name of a case: another name of the catalogue, and why it gives the same numbers
    "half squared error without the jacobian": ("cross-entropy-gradient", "J of -t / p is p - t, as dp is here"),
    "only the target entry": ("diagonal-only", "p (1 - p) times -t / p is -t (1 - p)"),
    "mask of the other layer": ("activation-derivative-at-output", "a2 > 0 where z2 > 0"),
    "mask of the layer above": ("activation-derivative-at-output", "a2 > 0 where z2 > 0"),
    "gathered in the type of the target": ("zero-gradient", "every p - t is cut to 0"),
    "mean of the upstream": ("upstream-summed", "the sum of one mean is that mean"),
    "upstream summed over everything": ("upstream-summed", "the sum of one sum is that sum"),
}


def takes_a_second(case):
    """A search that finds no name ends with its time; large arrays take as long."""
    inputs = leaves(case.make(np.random.default_rng(0))[2]).values()
    return case.mistake in (UNNAMED, "wrong-shape", "transposed") or sum(array.size for array in inputs) > 300


AT = [(case, seed) for seed in SEEDS for case in CASES if seed == 0 or not takes_a_second(case)]


@cache
def checked(name, seed):
    """The report on a case, and the inputs before and after."""
    case = BY_NAME[name]
    function, derivative, inputs = case.make(np.random.default_rng(seed))
    before = copy.deepcopy(inputs)
    report = CHECKS[case.kind](function, derivative, *inputs, **case.options)
    return report, leaves(before), leaves(inputs)


def report_on(case, seed):
    return checked(case.name, seed)[0]


def first_name(case, seed):
    mistake = report_on(case, seed).mistake
    return None if mistake is None else mistake.name


def each(cases):
    at = [
        pytest.param(case, seed, id=f"{case.name}-{seed}", marks=SECOND if seed else ())
        for case, seed in AT
        if case in cases
    ]
    return pytest.mark.parametrize(("case", "seed"), at)


def at_once(cases):
    """One test for each set of inputs: the report is there already, and each case takes no time."""

    def decorate(check):
        @wraps(check)
        def test(seed):
            check_all(check, {case.name: (case, s) for case, s in AT if s == seed and case in cases})

        test.__signature__ = inspect.Signature([inspect.Parameter("seed", inspect.Parameter.KEYWORD_ONLY)])
        return both_seeds(test)

    return decorate


@each(RIGHT)
def test_a_right_gradient_passes(case, seed):
    report = report_on(case, seed)
    assert report.ok is True
    assert report.mistakes == ()


@each(MISTAKES)
def test_a_mistake_is_found(case, seed):
    assert report_on(case, seed).ok is False


@each(NAMED)
def test_it_is_called_by_its_name(case, seed):
    assert first_name(case, seed) in case.names


@at_once(MISTAKES)
def test_it_is_called_by_no_other(case, seed):
    """Names that are made of a change are no claims: their evidence is the change itself."""
    given = {mistake.name for mistake in report_on(case, seed).mistakes} & ENTRIES.keys()
    assert given <= case.names | {SAME_NUMBERS.get(case.name, ("",))[0]}


@at_once(MISTAKES)
def test_a_name_comes_with_its_evidence(case, seed):
    """A line that gives the user's numbers on every draw, and at least 5 draws; or what was measured."""
    for mistake in report_on(case, seed).mistakes:
        assert mistake.evidence
        said = re.search(r"gives? the gradient returned, on (\d+) of (\d+) draws$", mistake.evidence)
        if said is not None:
            assert int(said[1]) == int(said[2]) >= 5
            assert mistake.fix
            assert mistake.formula
            assert not mistake.evidence.startswith(f"{mistake.formula} gives")
        elif mistake.name not in BEHAVIOUR:
            assert re.search("everywhere|every gradient|the right gradient is|whole numbers", mistake.evidence)


@at_once(MISTAKES)
def test_the_worst_entry_is_one_of_the_gradient(case, seed):
    """Where something is wrong at the inputs given, the place holds the number that the user's function gave there."""
    report = report_on(case, seed)
    if report.where is None:
        assert report.mistakes, "neither a place nor a mistake"
        return
    assert report.where.got != report.where.wanted
    assert len(report.where.index) == len(report.checked[report.where.name])


def test_every_other_name_is_still_needed():
    """A row of SAME_NUMBERS that no report gives any more is to go."""
    for name, (other, _) in SAME_NUMBERS.items():
        assert other in {mistake.name for mistake in report_on(BY_NAME[name], 0).mistakes}, name


@both_seeds
def test_all_are_found_and_nine_of_ten_are_named(seed):
    mistakes = [case for case, s in AT if s == seed and case in MISTAKES]
    right = [case for case, s in AT if s == seed and case in RIGHT]
    named = [case for case in mistakes if first_name(case, seed) in case.names]
    assert len(mistakes) >= 80
    assert len(right) >= 30
    assert [case.name for case in mistakes if report_on(case, seed).ok is not False] == []
    assert [case.name for case in right if report_on(case, seed).ok is not True] == []
    assert len(named) >= 0.9 * len(mistakes)


@at_once(CASES)
def test_no_check_needs_more_than_three_fifths_of_the_calls(case, seed):
    assert report_on(case, seed).calls <= 0.6 * MAX_CALLS


@at_once(CASES)
def test_the_inputs_are_left_alone(case, seed):
    """Whatever the user's functions do to them: they are called with copies."""
    _, before, after = checked(case.name, seed)
    for place, leaf in before.items():
        np.testing.assert_array_equal(leaf, after[place])
