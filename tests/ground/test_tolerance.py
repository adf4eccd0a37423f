"""The tolerance counts ulps, and accepts nothing else."""

import numpy as np
import pytest

from tolerance import assert_within, errors_in_ulps, ulp


def test_an_ulp_is_the_distance_to_the_next_number():
    for dtype in ("float16", "float32", "float64"):
        numbers = np.array([1.0, -1.5, 1e-3, -6e4, 0.0, np.finfo(dtype).smallest_subnormal], dtype)
        np.testing.assert_array_equal(ulp(numbers, dtype), np.spacing(abs(numbers)))


@pytest.mark.parametrize(
    ("got", "exact"),
    [(np.inf, 1.0), (1.0, np.inf), (np.inf, -np.inf), (np.nan, 1.0), (1.0, np.nan), (0.0, 1e-300), (1.0, -1.0)],
)
def test_the_tolerance_rejects_wrong_values(got, exact):
    with pytest.raises(AssertionError, match=r"1 of 2 entries are more than 4 ulp off; at \(1,\): .* ulp"):
        assert_within(4, np.array([1.0, got]), np.array([1.0, exact]))


def test_the_tolerance_accepts_equal_values():
    assert errors_in_ulps(np.array([np.inf, np.nan, 1.0]), np.array([np.inf, np.nan, 1.0])).tolist() == [0, 0, 0]
    assert_within(0, np.float32(np.inf), 1e300)  # 1e300 rounds to infinity in float32
    with pytest.raises(AssertionError, match="shape"):
        assert_within(4, np.zeros(2), np.zeros((1, 2)))
