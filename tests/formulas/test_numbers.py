"""When two arrays hold the same numbers, up to rounding or up to a factor."""

import numpy as np
import pytest

from softgrad.formulas.numbers import constant_ratio, nearly_equal

RNG = np.random.default_rng(0)
RIGHT = RNG.normal(size=(4, 3))
SQUARE = RNG.normal(size=(3, 3))

CASES = {
    "the same": ([1.0, 2.0], [1.0, 2.0], True),
    "rounding": ([1.0, 2.0 + 1e-9], [1.0, 2.0], True),
    "beyond it": ([1.0, 2.0 + 1e-6], [1.0, 2.0], False),
    "small beside large": ([1e9, 1.0], [1e9, 1.0 + 1e-3], True),
    "axes of length 1": ([[1.0, 2.0]], [1.0, 2.0], True),
    "another shape": ([1.0, 1.0], [[1.0, 1.0], [1.0, 1.0]], False),
    "transposed": ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 3.0], [2.0, 4.0]], False),
    "zeros": ([0.0, 0.0], [0.0, 0.0], True),
    "zeros and not": ([1e-9, 0.0], [0.0, 0.0], False),
    "NaN": ([np.nan, 1.0], [1.0, 1.0], False),
    "NaN wanted": ([1.0, 1.0], [np.nan, 1.0], False),
    "infinity wanted": ([np.inf, 1.0], [np.inf, 1.0], False),
    "truth values": ([True, False], [True, False], True),
    "other truth values": ([True, False], [True, True], False),
    "unsigned integers": (np.array([1], np.uint8), np.array([2], np.uint8), False),
    "nothing": ([], [], True),
}


@pytest.mark.parametrize("case", CASES)
def test_nearly_equal(case):
    got, wanted, answer = CASES[case]
    assert nearly_equal(np.array(got), np.array(wanted)) is answer


RATIOS = {
    "twice": (2 * RIGHT, RIGHT, 2.0),
    "rounded": (2 * RIGHT * (1 + 1e-7), RIGHT, 2.0),
    "nearly": (2 * RIGHT * (1 + 1e-3 * SQUARE[0]), RIGHT, None),
    "0": (0 * RIGHT, RIGHT, None),
    "of 0": (RIGHT, 0 * RIGHT, None),
    "another shape": (RIGHT[0], RIGHT, None),
    "one entry": (np.array(3.0), np.array(1.5), 2.0),
}


@pytest.mark.parametrize("case", RATIOS)
def test_constant_ratio(case):
    got, wanted, ratio = RATIOS[case]
    assert constant_ratio(got, wanted) == (ratio if ratio is None else pytest.approx(ratio, rel=1e-5))
