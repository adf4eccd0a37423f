"""A backward pass that is right for another value of a number among the inputs."""

import numpy as np
import pytest

import softgrad as sg

X, T = np.array([0.3, -2.0, 4.1, 7.0]), np.array([0.1, 1.5, 0.0, 1.0])


def huber(x, t, delta):
    a = np.abs(x - t)
    return np.where(a <= delta, 0.5 * a * a, delta * (a - 0.5 * delta))


def right(x, t, delta, y, g):
    d = g * np.clip(x - t, -delta, delta)
    return d, -d, None


def at_one(x, t, delta, y, g):
    return right(x, t, 1.0, y, g)


def at_another(x, t, delta, y, g):
    return right(x, t, 0.7, y, g)  # a value that nobody takes for granted


@pytest.mark.parametrize(
    ("vjp", "names"), [(right, []), (at_one, ["number-ignored"]), (at_another, [])], ids=["right", "at one", "other"]
)
def test_a_number_that_is_not_used_is_named(vjp, names):
    report = sg.check_vjp(huber, vjp, X, T, np.array(2.5))
    assert report.ok is (vjp is right)
    assert [one.name for one in report.mistakes] == names
    if names:
        assert "with delta = 1 in the place of 2.5" in report.mistake.evidence
