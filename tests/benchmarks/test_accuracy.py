"""The exact values and the errors in ulp behind docs/accuracy.md."""

import numpy as np
import pytest
from benchmarks.accuracy.cases import Case, cases
from benchmarks.accuracy.exact import LONG_DOUBLE, MPMATH, exact_values
from benchmarks.accuracy.libraries import LIBRARIES
from benchmarks.accuracy.measure import PROMISES, largest_errors, ulps

from judge import Judged

CONFIDENT = Case("confident", np.array([[17.0, 0.0, 0.0]]), np.array([0]), np.array([[1.0, 0.0, 0.0]]))


def test_the_judge_is_exact_for_a_confident_row():
    exact = exact_values(CONFIDENT)
    assert float(exact["cross_entropy"].value[0]) == pytest.approx(8.279875e-08, rel=1e-6)
    assert exact["cross_entropy gradient"].value[0].astype(float) == pytest.approx(
        [-8.279874e-08, 4.139937e-08, 4.139937e-08], rel=1e-6
    )
    assert float(exact["softmax"].value.sum()) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_double_and_mpmath_agree_on_short_rows(dtype):
    tiny = np.finfo(np.longdouble).tiny
    for case in cases(dtype, 3):
        long_double = exact_values(case, LONG_DOUBLE)
        for name, exact in exact_values(case, MPMATH).items():
            with np.errstate(invalid="ignore"):
                differs = np.abs(exact.value - long_double[name].value) > 2.0**-60 * exact.size + tiny
            assert not differs.any(), (name, case.name)


def test_an_error_is_measured_in_distances_of_neighbouring_numbers():
    exact = Judged(np.array([1.0, 1.0, 3e-45, 0.0], np.longdouble), np.array([1.0, 1.0, 3e-45, 0.0], np.longdouble))
    result = np.array([1.0, 1.0 + 2**-22, 0.0, 0.0], np.float32)
    assert ulps(result, exact, "float32").round(1).tolist() == [0, 2, 2.1, 0]


@pytest.mark.parametrize("wrong", [0.0, np.nan, np.inf, -4.39e-8])
def test_a_result_with_no_correct_digit_has_an_infinite_error(wrong):
    exact = Judged(np.array([4.39e-8], np.longdouble), np.array([4.39e-8], np.longdouble))
    assert ulps(np.array([wrong], np.float32), exact, "float32").tolist() == [np.inf]


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softgrad_keeps_its_error_bounds_on_short_rows(dtype):
    softgrad = [library for library in LIBRARIES if library.name == "softgrad"]
    for quantity, worst in largest_errors(softgrad, dtype, 10).all.items():
        assert worst["softgrad"].ulps <= PROMISES[quantity], (quantity, worst)
