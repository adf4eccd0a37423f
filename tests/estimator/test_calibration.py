"""How well probabilities fit: the groups of the reliability diagram, and the expected calibration error."""

import numpy as np
import pytest

from softgrad.estimator.calibration import GROUPS, expected_calibration_error, reliability


def plain_error(probs, target):
    """The expected calibration error, one row after the other."""
    total = 0.0
    for low in range(GROUPS):
        chosen = [(max(p), p.index(max(p)) == t) for p, t in zip(probs, target, strict=True)
                  if low / GROUPS < max(p) <= (low + 1) / GROUPS]  # fmt: skip
        if chosen:
            confidence, right = (sum(each) / len(chosen) for each in zip(*chosen, strict=True))
            total += len(chosen) / len(probs) * abs(right - confidence)
    return total


CASES = {"one row": (1, 3), "two classes": (200, 2), "many classes": (500, 40), "one class": (5, 1)}


@pytest.mark.parametrize("case", CASES)
def test_the_expected_calibration_error_is_that_of_a_plain_formula(case):
    N, K = CASES[case]
    rng = np.random.default_rng(0)
    probs, target = rng.dirichlet(np.full(K, 0.3), N), rng.integers(0, K, N)
    groups = reliability(probs, target)
    assert sum(group.rows for group in groups) == N
    np.testing.assert_allclose(expected_calibration_error(groups), plain_error(probs.tolist(), target), rtol=1e-12)


def test_probabilities_that_fit_have_no_error():
    probs = np.array([[0.75, 0.25]] * 4 + [[0.0, 1.0]] * 2)
    assert expected_calibration_error(reliability(probs, np.array([0, 0, 0, 1, 1, 1]))) == 0


def test_a_confidence_on_a_border_belongs_to_the_lower_group():
    groups = reliability(np.array([[0.5, 0.5], [0.5 + 1e-9, 0.5 - 1e-9]]), np.array([0, 1]))
    assert [group.rows for group in groups] == [0] * 4 + [1, 1] + [0] * 4
    assert [(group.confidence, group.accuracy) for group in groups[4:5]] == [(0.5, 1.0)]
