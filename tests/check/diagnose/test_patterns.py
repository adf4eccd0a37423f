"""What is said of a wrong gradient whose formula is unknown: each fact where it is true, and not where it is not."""

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.diagnose.patterns import clipped, facts_of

RNG = np.random.default_rng(0)
RIGHT = RNG.normal(size=(4, 3))
SQUARE = RNG.normal(size=(3, 3))
CENTRED = RIGHT - RIGHT.mean(axis=1, keepdims=True)
QUANTITIES = {"the length of axis 0": 4.0, "1 / the length of axis 0": 0.25, "T": 4.0, "one": 1.0}


def facts(got, wanted=RIGHT):
    return list(facts_of("dz", np.asarray(got, dtype=float), wanted, QUANTITIES))


def with_entry(array, at, value):
    changed = array.copy()
    changed[at] = value
    return changed


rows = np.array([[1.0], [2.0], [-3.0], [0.5]])
TRUE = {  # a fact: (got, wanted, what is said)
    "0": (0 * RIGHT, RIGHT, ["dz is 0 everywhere"]),
    "should be 0": (RIGHT, 0 * RIGHT, ["dz should be 0 everywhere"]),
    "a ratio": (1.7 * RIGHT, RIGHT, ["dz is 1.7 times the right gradient everywhere"]),
    "a sign": (-RIGHT, RIGHT, ["dz is -1 times the right gradient everywhere"]),
    "a ratio that is something": (
        4 * RIGHT, RIGHT, ["dz is 4 times the right gradient everywhere, which is the length of axis 0 or T"]
    ),
    "an inverse that is something": (
        RIGHT / 4, RIGHT, ["dz is 0.25 times the right gradient everywhere, which is 1 / the length of axis 0"]
    ),
    "a ratio by row": (rows * RIGHT, RIGHT, ["each row of dz is a multiple of the right one: 1, 2, -3, 0.5"]),
    "a ratio by column": (
        RIGHT * [2.0, 1.0, 3.0], RIGHT, ["each column of dz is a multiple of the right one: 2, 1, 3"]
    ),
    "a transpose": (SQUARE.T, SQUARE, ["dz is right after a transpose"]),
    "rows in another order": (RIGHT[[1, 0, 2, 3]], RIGHT, ["dz has the right rows in another order"]),
    "numbers in another order": (
        RIGHT.ravel()[::-1].reshape(4, 3), RIGHT, ["dz has the right numbers in another order"]
    ),
    "one row": (with_entry(RIGHT, 2, [7, 8, 9]), RIGHT, ["dz is wrong in row 2 only"]),
    "two rows": (with_entry(RIGHT, [0, 2], 7), RIGHT, ["dz is wrong in rows 0, 2 only"]),
    "one column": (with_entry(RIGHT, (slice(None), 1), 7), RIGHT, ["dz is wrong in column 1 only"]),
    "one entry of a vector": (with_entry(RIGHT[:, 0], 2, 7), RIGHT[:, 0], ["dz is wrong in 1 of its 4 entries"]),
    "rows that sum to 0": (RIGHT, CENTRED, ["the rows of dz should sum to 0, and do not"]),
    "columns that sum to 0": (RIGHT.T, CENTRED.T, ["the columns of dz should sum to 0, and do not"]),
}  # fmt: skip


@pytest.mark.parametrize("fact", TRUE)
def test_a_fact_is_told_where_it_is_true(fact):
    got, wanted, said = TRUE[fact]
    told = facts(got, wanted)
    assert set(said) <= set(told), told


SPOILED = {  # where a little noise leaves it true: (got, wanted) of which it is not
    "should be 0": (RIGHT, RIGHT + 1e-3),
    "rows that sum to 0": (CENTRED * [[1], [2], [3], [4]], CENTRED),
    "columns that sum to 0": (CENTRED.T * [1, 2, 3, 4], CENTRED.T),
}


@pytest.mark.parametrize("fact", TRUE)
def test_and_not_where_it_is_not(fact):
    got, wanted, said = TRUE[fact]
    noise = 0.01 * np.random.default_rng(1).normal(size=np.shape(got))
    assert not set(said) & set(facts(*SPOILED.get(fact, (got + noise, wanted))))


SILENT = {
    "another shape": (RIGHT.ravel(), RIGHT),
    "NaN": (with_entry(RIGHT, (0, 0), np.nan), RIGHT),
    "nothing": (np.zeros((0, 3)), np.zeros((0, 3))),
    "an error too small for a ratio": (RIGHT * (1 + 5e-6 * np.cos(np.arange(12.0).reshape(4, 3))), RIGHT),
    "a small entry beside a large one": ([2e8, 0.0], np.array([2e8, 1.0])),
    "the ratio of a single number": ([1.7], np.array([1.0])),
    "the ratio of a single entry that is not 0": ([1.7, 0.0], np.array([1.0, 0.0])),
    "no pattern": (RNG.normal(size=(4, 3)), RIGHT),
}


@pytest.mark.parametrize("case", SILENT)
def test_nothing_is_said(case):
    assert facts(*SILENT[case]) == []


# ---- clipping ----


def draws(low, high, count=4):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        x = rng.normal(size=20)
        inside = (x > low) & (x < high)
        found.append((x, np.cos(x), np.cos(x) * inside))
    return found


def test_clipping_above():
    assert clipped(draws(-np.inf, 0.8)).startswith("above 0.7")


def test_clipping_on_both_sides():
    assert clipped(draws(-1.0, 1.0)).startswith(("below -0.9", "below -1"))
    assert " or above " in clipped(draws(-1.0, 1.0))


NOT_CLIPPED = {
    "right everywhere": [(x, wanted, wanted) for x, _, wanted in draws(-1, 1)],
    "0 in the middle": [(x, got, got * (np.abs(x) > 0.5)) for x, got, _ in draws(-1, 1)],
    "wrong inside too": [(x, 2 * got, wanted) for x, got, wanted in draws(-1, 1)],
    "not 0 outside": [(x, got, np.where(np.abs(x) < 1, got, 0.3)) for x, got, _ in draws(-1, 1)],
    "one entry": [(x[:3], got[:3], wanted[:3] * [1, 1, 0]) for x, got, wanted in draws(-9, 9, 1)],
}


@pytest.mark.parametrize("case", NOT_CLIPPED)
def test_what_is_no_clipping(case):
    assert clipped(NOT_CLIPPED[case]) is None


# ---- in a check: functions that nobody knows ----

Z = np.random.default_rng(5).normal(size=(4, 3))


def report_of(factor):
    """On z^3, which is in no catalogue."""
    return sg.check_vjp(lambda z: z**3, lambda z, y, g: factor(z, g) * 3 * z**2, Z, context={"beta": 1.75})


CHECKED = {  # what is wrong: (the factor, the name if it has one, a fact)
    "the sign": (lambda z, g: -g, "sign", "z is -1 times the right gradient everywhere"),
    "a factor 2": (lambda z, g: 2 * g, "wrong-factor", "z is 2 times the right gradient everywhere"),
    "a half": (lambda z, g: g / 2, "wrong-factor", "z is 0.5 times the right gradient everywhere"),
    "m": (lambda z, g: g / len(z), "wrong-factor", "which is 1 / the length of axis 0"),
    "a number of the context": (lambda z, g: g * 1.75, "wrong-factor", "which is beta"),
    "a constant": (lambda z, g: g * 1.234, None, "z is 1.234 times the right gradient everywhere"),
    "a number for each row": (lambda z, g: g * [[1], [2], [3], [4]], None, "each row of the gradient of z is a"),
    "the last row": (lambda z, g: g * [[1], [1], [1], [z[0, 0]]], None, None),
    "the sum of the upstream": (
        lambda z, g: np.ones_like(g) * g.mean(),
        "broadcast-sum",
        "right where grad_output is all ones, and wrong at another",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHECKED)
def test_what_a_report_says(case):
    factor, name, fact = CHECKED[case]
    report = report_of(factor)
    assert report.ok is False
    assert [mistake.name for mistake in report.mistakes] == ([] if name is None else [name])
    assert fact is None or any(fact in one for one in report.facts), report.facts


def test_a_ratio_of_the_inputs_given_only_is_no_name():
    """Twice as much at these inputs, by chance; elsewhere another number."""
    report = report_of(lambda z, g: 2 * g if np.array_equal(z, Z) else 3 * g)
    assert report.ok is False
    assert report.mistakes == ()


def test_a_gradient_that_is_right_has_no_facts_of_a_wrong_one():
    assert report_of(lambda z, g: g).facts == ("beta: 1.75",)


def test_which_gradient_is_wrong():
    report = sg.check_vjp(
        lambda x, w: np.sin(x) * w**3, lambda x, w, y, g: (g * np.cos(x) * w**3, -g * np.sin(x) * 3 * w**2), Z, Z + 1
    )
    assert report.ok is False
    assert report.where.name == "w"
    assert "going backwards, the first wrong gradient is that of w; right: x" in report.facts


# ---- single numbers ----


def scaled(x, s):
    return np.exp(s) * np.sin(x)


NUMBERS = {  # the wrong gradient of s: what is said of its ratio
    "the same ratio everywhere": (lambda right, s: 1.7 * right, True),
    "another ratio at other inputs": (lambda right, s: right + 0.3, False),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_the_ratio_of_a_number_is_told_where_it_is_the_same_at_other_inputs(case):
    wrong, told = NUMBERS[case]
    vjp = lambda x, s, y, g: (g * np.exp(s) * np.cos(x), wrong((g * y).sum(), s))  # noqa: E731
    report = sg.check_vjp(scaled, vjp, RIGHT, 0.4)
    assert report.ok is False
    assert any("times the right gradient everywhere" in fact for fact in report.facts) is told


def test_an_output_of_truth_values():
    report = sg.check_vjp(lambda x: x > 0, lambda x, y, g: g * 1.0, RIGHT)
    assert report.ok is False
