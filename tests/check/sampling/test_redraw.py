"""Fresh inputs are of the same shapes and the same kind as those given, with other numbers."""

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import one_hot, softmax
from softgrad.check.sampling.redraw import moved, nudged, redraw, shuffled, still_distributions

RNG = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 2, 0])


def classes(given, drawn):
    assert set(drawn.tolist()) == set(given.tolist())


def ignored_kept(given, drawn):
    assert (drawn == -1).sum() == (given == -1).sum()
    assert set(drawn.tolist()) <= set(given.tolist())


def one_hot_rows(given, drawn):
    assert set(np.unique(drawn)) == {0, 1}
    assert (drawn.sum(axis=1) == 1).all()


def one_hot_columns(given, drawn):
    one_hot_rows(given.T, drawn.T)


def same_entries(given, drawn):
    np.testing.assert_array_equal(np.sort(drawn, axis=None), np.sort(given, axis=None))


def rows_sum_to_1(given, drawn):
    assert (drawn > 0).all()
    np.testing.assert_allclose(drawn.sum(axis=1), 1)


def columns_sum_to_1(given, drawn):
    rows_sum_to_1(given.T, drawn.T)


def positive(given, drawn):
    assert (drawn > 0).all()


def inside_0_and_1(given, drawn):
    assert ((drawn > 0) & (drawn < 1)).all()


def large(given, drawn):
    assert 1e7 < np.abs(drawn).max() < 1e10


def of_both_signs(given, drawn):
    assert (drawn > 0).any()
    assert (drawn < 0).any()


KINDS = {  # what is given: (the array, what holds for a draw)
    "class indices": (Y, classes),
    "class indices that have gaps": (np.array([3, 7, 7, 11, 3, 7]), classes),
    "ignored rows": (np.array([0, -1, 1, 2, -1, 0]), ignored_kept),
    "one-hot rows": (one_hot(Y, 3), one_hot_rows),
    "one-hot rows of integers": (one_hot(Y, 3).astype(int), one_hot_rows),
    "one-hot columns": (one_hot(Y, 3).T.copy(), one_hot_columns),
    "a mask": (np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0]), same_entries),
    "a mask that is scaled": (np.array([[0.0, 1.25, 1.25], [1.25, 1.25, 0.0]]), same_entries),
    "a mask of truth values": (np.array([True, False, True, True, False]), same_entries),
    "probabilities": (softmax(RNG.normal(size=(4, 3))), rows_sum_to_1),
    "probabilities in columns": (softmax(RNG.normal(size=(5, 3))).T.copy(), columns_sum_to_1),
    "positive numbers": (RNG.uniform(0.5, 9, (4, 3)), positive),
    "numbers between 0 and 1": (RNG.uniform(0.1, 0.9, (4, 3)), inside_0_and_1),
    "any numbers": (RNG.normal(size=(4, 3)), of_both_signs),
    "zeros": (np.zeros((4, 3)), of_both_signs),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("standard", [False, True])
def test_a_draw_is_of_the_same_kind(kind, standard):
    given, holds = KINDS[kind]
    for seed in range(20):
        drawn = redraw(given, np.random.default_rng(seed), standard=standard)
        assert drawn.shape == given.shape
        holds(given, drawn)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_differ_from_what_was_given_and_from_each_other(kind):
    given, _ = KINDS[kind]
    drawn = [redraw(given, np.random.default_rng(seed), standard=False) for seed in range(20)]
    assert sum(np.array_equal(one, given) for one in drawn) < 5
    assert len({one.tobytes() for one in drawn}) > 5


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_given_is_left_alone(kind):
    given, _ = KINDS[kind]
    before = given.copy()
    redraw(given, np.random.default_rng(0), standard=False)
    nudged(given, np.random.default_rng(0))
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_generator_gives_the_same_draw(kind):
    given, _ = KINDS[kind]
    first, again = (redraw(given, np.random.default_rng(3), standard=False) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_the_numbers_own_mean_and_spread_or_the_standard_ones():
    given = 1e8 * np.random.default_rng(0).normal(3, 1, 400) * np.random.default_rng(1).choice([-1, 1], 400)
    large(given, redraw(given, np.random.default_rng(0), standard=False))
    standard = redraw(given, np.random.default_rng(0), standard=True)
    assert abs(standard.mean()) < 0.2
    assert 0.8 < standard.std() < 1.2


def test_classes_are_renamed_and_moved():
    """So that a gradient that knows one class, or one row, is found out."""
    drawn = [redraw(np.array([0, 0, 0, 1]), np.random.default_rng(seed), standard=False) for seed in range(20)]
    assert {one[0] for one in drawn} == {0, 1}
    assert {one.sum() for one in drawn} == {1, 3}


def test_what_is_not_finite_is_kept():
    given = np.array([0.0, -np.inf, 1.0])
    np.testing.assert_array_equal(redraw(given, np.random.default_rng(0), standard=True), given)


def test_a_number_is_kept():
    """A temperature, a rate: another one may be outside of what the function takes."""
    assert redraw(np.array(2.5), np.random.default_rng(0), standard=True) == 2.5


def test_nothing_is_drawn_as_nothing():
    assert redraw(np.zeros((0, 3)), np.random.default_rng(0), standard=True).shape == (0, 3)


def test_nudged_is_near():
    given = RNG.normal(size=(4, 3))
    near = nudged(given, np.random.default_rng(0))
    assert not np.array_equal(near, given)
    np.testing.assert_allclose(near, given, rtol=0.11)
    np.testing.assert_array_equal(nudged(Y, np.random.default_rng(0)), Y)


def test_shuffled_keeps_the_entries():
    given = np.arange(12.0).reshape(4, 3)
    same_entries(given, shuffled(given, np.random.default_rng(0)))
    assert not np.array_equal(given, shuffled(given, np.random.default_rng(0)))


@pytest.mark.parametrize("standard", [False, True])
@pytest.mark.parametrize("size", [1e-300, 1e-20, 1e-8, 1e200, 1e300])
def test_numbers_of_any_size_are_redrawn(size, standard):
    """The mean of their squares underflows, or overflows."""
    given = size * RNG.normal(size=50)
    drawn = redraw(given, np.random.default_rng(0), standard=standard)
    assert 0.2 * np.abs(given).max() < np.abs(drawn).max() < 5 * np.abs(given).max() or (standard and size > 1)
    assert np.isfinite(drawn).all()


NUMBERS = {  # a parameter that is one number: what another one is like
    "0": (0.0, lambda other: other != 0),
    "a share": (0.9, lambda other: 0 < other < 1),
    "positive": (3.0, lambda other: other > 0),
    "negative": (-3.0, lambda other: other < 0),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_another_parameter_is_like_the_one_given(case):
    given, is_like = NUMBERS[case]
    others = [float(moved(np.asarray(given), np.random.default_rng(i))) for i in range(50)]
    assert given not in others
    assert all(is_like(other) for other in others)


@pytest.mark.parametrize("given", [0.0, 1.0])
def test_a_mistake_that_a_parameter_hides_is_found(given):
    """At these values, the missing factor changes nothing."""
    forward = lambda x, k: x + np.sin(k * x) * k  # noqa: E731
    right = lambda x, k, y, g: (g * (1 + np.cos(k * x) * k * k), (g * (np.sin(k * x) + k * x * np.cos(k * x))).sum())  # noqa: E731
    wrong = lambda x, k, y, g: (g * (1 + np.cos(k * x) * k), right(x, k, y, g)[1])  # noqa: E731
    x = RNG.normal(size=4)
    assert sg.check_vjp(forward, right, x, given).ok is True
    assert sg.check_vjp(forward, wrong, x, given).ok is False


TAKEN = {  # name: (given, entries, axis, wanted)
    "without a class": (np.eye(3)[[0, 2, 2, 1]], [0, 1], 1, [[1, 0], [1, 0], [1, 0], [0, 1]]),
    "a class twice": (np.eye(2)[[0, 1, 1]], [0, 1, 1], 1, [[1, 0, 0], [0, 1, 0], [0, 1, 0]]),
    "probabilities": (np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]), [0, 1], 1, [[0.4, 0.6], [0.5, 0.5]]),
    "columns": (np.eye(3)[[0, 2, 2, 1]].T, [0, 1], 0, [[1, 1, 1, 0], [0, 0, 0, 1]]),
    "other samples": (np.eye(3)[[0, 2, 2, 1]], [1, 2], 0, [[0, 0, 1], [0, 0, 1]]),
    "any numbers": (np.array([[2.0, 3.0, 4.0]]), [0, 1], 1, [[2, 3]]),
}


@pytest.mark.parametrize("case", TAKEN)
def test_fewer_classes_are_distributions_still(case):
    given, entries, axis, wanted = TAKEN[case]
    np.testing.assert_allclose(still_distributions(given.take(entries, axis=axis), given, axis), wanted)
