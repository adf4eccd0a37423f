"""The corpus is what it says: right cases agree with plain central differences, and the mistakes planted do not.

Nothing of softgrad is used: this is what the gradient checker is judged by.
"""

import copy

import numpy as np
import pytest

from check.corpus import CASES, MISTAKES, RIGHT, UNNAMED

FINDINGS = {  # their numbers may be right at a first call, or have nothing to compare
    "input-overwritten",
    "grad-output-overwritten",
    "accumulated-gradient",
    "float32-result",
    "not-finite",
    "wrong-shape",
    "transposed",
}
# A difference is taken with each, the last two relative to the entry: a right gradient agrees with one of them.
STEPS = [(1e-2, 0), (1e-3, 0), (1e-5, 0), (0, 1e-3), (0, 1e-5)]


def leaves(tree):
    """The arrays in a tuple, a dict or an array alone, by where they stand."""
    if isinstance(tree, dict):
        return {(key, *rest): leaf for key, value in tree.items() for rest, leaf in leaves(value).items()}
    if isinstance(tree, tuple | list):
        return leaves(dict(enumerate(tree)))
    return {} if tree is None else {(): np.asarray(tree)}


class Problem:
    """A case as a scalar function of its arrays, and the gradients that its backward gives for them."""

    def __init__(self, case, seed=0):
        rng = np.random.default_rng(seed)
        self.forward, backward, inputs = case.make(rng)
        output = self.forward(*copy.deepcopy(inputs))
        self.upstream = rng.normal(size=np.shape(output)) if case.kind == "vjp" else 1.0
        if case.kind == "vjp":
            got = backward(*copy.deepcopy(inputs), output, np.copy(self.upstream))
            got = got if isinstance(got, tuple) else (got,)
        else:
            wrt, got = case.options.get("wrt", 0), backward(*copy.deepcopy(inputs))
            got = dict(zip(wrt, got, strict=True)) if isinstance(wrt, tuple) else {wrt: got}
        self.gradients = leaves(got)
        differentiable = {place[0] for place in self.gradients}
        self.inputs = [in_float64(x) if i in differentiable else x for i, x in enumerate(inputs)]

    def value(self):
        return np.sum(self.upstream * self.forward(*copy.deepcopy(self.inputs)), dtype=float)

    def differences(self, place, entries, step, relative):
        array = leaves(self.inputs)[place]
        slopes = []
        for index in entries:
            x = array[index]
            h = step + relative * abs(x)
            array[index] = above = x + h
            high = self.value()
            array[index] = below = x - h
            low = self.value()
            array[index] = x
            slopes.append((high - low) / (above - below) if above != below else np.nan)
        return np.array(slopes)


def in_float64(x):
    return {name: in_float64(value) for name, value in x.items()} if isinstance(x, dict) else np.array(x, dtype=float)


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
        if got.shape != leaves(problem.inputs)[place].shape:
            return np.inf
        entries, tried = some_entries(got.shape), []
        for step, relative in STEPS:
            with np.errstate(all="ignore"):
                wanted = problem.differences(place, entries, step, relative)
            tried.append(error(np.array([got[index] for index in entries]), wanted))
            if tried[-1] < case.tolerance:
                break
        errors.append(np.nanmin(tried))
    return max(errors)


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_a_right_gradient_agrees_with_differences(case):
    if case.excuse:
        pytest.skip(case.excuse)
    assert worst(case) < case.tolerance


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case.name)
def test_a_planted_mistake_does_not(case):
    if FINDINGS & {case.mistake}:
        pytest.skip("no matter of numbers")
    assert worst(case) > 1e-3


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
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


def test_most_are_told_nothing():
    told = [case for case in CASES if "context" in case.options]
    assert 0.15 * len(CASES) < len(told) < 0.4 * len(CASES)
