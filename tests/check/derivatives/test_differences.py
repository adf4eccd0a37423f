"""Central differences against derivatives that are known."""

import numpy as np
import pytest

from softgrad.check import central_difference
from softgrad.check.derivatives.differences import STEP

FUNCTIONS = {  # name: (f, its derivative, where)
    "constant": (lambda x: 5.0, lambda x: 0.0, 2.0),
    "line": (lambda x: 3 * x - 1, lambda x: 3.0, 0.5),
    "square": (lambda x: x * x, lambda x: 2 * x, -1.5),
    "cube": (lambda x: x**3, lambda x: 3 * x * x, 0.7),
    "exp": (np.exp, np.exp, 1.0),
    "sine": (np.sin, np.cos, 0.0),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 0.25, 0.0),
    "root of a large number": (np.sqrt, lambda x: 0.5 / np.sqrt(x), 1e10),
    "square of a large number": (lambda x: x * x, lambda x: 2 * x, 1e6),
    "at a small number": (lambda x: (x + 1) ** 2, lambda x: 2 * (x + 1), 1e-12),
}


@pytest.mark.parametrize("case", FUNCTIONS)
@pytest.mark.parametrize("index", [(0, 0), (1, 2)])
def test_agrees_with_the_derivative(case, index):
    f, derivative, x = FUNCTIONS[case]
    array = np.full((2, 3), 7.0)
    array[index] = x
    got = central_difference(lambda: float(f(array[index])), array, index)
    wanted = derivative(x)
    assert abs(got.value - wanted) <= 1e-9 * abs(wanted)
    assert abs(got.rounding) < 1e-9 * (1 + abs(f(x)))


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e3, 1e6, 1e9])
def test_says_how_much_of_it_may_be_rounding(offset):
    array = np.array([0.3])
    got = central_difference(lambda: float(offset + 2 * array[0]), array, (0,))
    assert abs(got.value - 2) <= got.rounding
    assert got.rounding < 1e-10 * (1 + offset)


def test_other_entries_stay_and_both_sides_are_asked():
    array, asked = np.array([1.0, 100.0]), []
    central_difference(lambda: asked.append(array.copy()) or 0.0, array, (1,))
    np.testing.assert_allclose(asked, [[1, 100 + 100 * STEP], [1, 100 - 100 * STEP]], rtol=1e-15)


def test_a_shorter_step_is_taken_if_asked():
    array = np.array([1e-4])
    value = central_difference(lambda: float(abs(array[0])), array, (0,), step=1e-5).value
    np.testing.assert_allclose(value, 1, rtol=1e-9)


@pytest.mark.parametrize("x", [0.1, -0.0, 1e300, 5e-324])
def test_the_entry_is_put_back_to_the_bit(x):
    array = np.array([x])
    central_difference(lambda: 0.0, array, (0,))
    assert array.tobytes() == np.array([x]).tobytes()


@pytest.mark.parametrize("calls_that_work", [0, 1])
def test_the_entry_is_put_back_when_f_fails(calls_that_work):
    array, left = np.array([0.1]), [0.0] * calls_that_work
    with pytest.raises(IndexError):
        central_difference(left.pop, array, (0,))
    assert array.tolist() == [0.1]
