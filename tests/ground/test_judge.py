"""The judge agrees with mpmath at 50 digits, and neither the judge nor the tolerance imports softgrad."""

import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

import judge
from tolerance import assert_within, errors_in_ulps, ulp

ROWS = {
    "plain": [0.3, -1.7, 2.2, 0.0],
    "confident": [17.0, 0.0, 0.0],
    "p rounds to 1": [40.0, 1.0, -3.0],
    "saturated": [300.1, -250.7, 299.9],
    "offset": [1e8, 1e8 + 1, 1e8 - 2],
    "subnormal": [0.0, -740.3, -1.0],
    "equal": [0.1] * 7,
}
row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


def to_mpmath(values):
    return [mpmath.mpf(float(value)) for value in values]


def to_long_double(values):
    return np.array([judge.Wide(mpmath.nstr(value, 25)) for value in values])


def softmax(z):
    e = [mpmath.exp(z_j) for z_j in z]
    return [e_j / mpmath.fsum(e) for e_j in e]


@pytest.fixture(autouse=True)
def fifty_digits():
    with mpmath.workdps(50):
        yield


@row
def test_softmax_log_softmax_and_logsumexp_are_accurate(row):
    p = softmax(to_mpmath(row))
    z = np.array(row)
    for got, exact in [
        (judge.softmax(z), to_long_double(p)),
        (judge.log_softmax(z), to_long_double([mpmath.log(p_j) for p_j in p])),
        (judge.logsumexp(z), to_long_double([mpmath.log(mpmath.fsum(map(mpmath.exp, to_mpmath(row))))])[0]),
    ]:
        assert (abs(got - exact) <= ulp(exact, "float64") / 8).all()


def assert_accurate(judged, exact):
    """The error is at most an eighth of an ulp of float64, the widest dtype whose results the judge is used for."""
    assert (abs(judged.value[0] - to_long_double(exact)) <= ulp(judged.size[0], "float64") / 8).all()


def derivatives(function, z):
    """The numerical derivatives of a function of z, with so many digits that cancellation does no harm."""
    with mpmath.workdps(800):
        h = mpmath.mpf(10) ** -390
        for k in range(len(z)):
            up, down = ([z_j + (step if j == k else 0) for j, z_j in enumerate(z)] for step in (h, -h))
            yield (function(up) - function(down)) / (2 * h)


@row
@pytest.mark.parametrize("kind", ["class", "probabilities"])
@pytest.mark.parametrize("name", ["cross_entropy", "kl_divergence", "squared_error"])
def test_losses_and_their_gradients_are_accurate(row, kind, name):
    t = np.zeros(len(row)) if kind == "class" else np.linspace(0.25, 1.0, len(row))
    t[1] = 1.0
    definition = {
        "cross_entropy": lambda t_j, p_j: -t_j * mpmath.log(p_j),
        "kl_divergence": lambda t_j, p_j: t_j * mpmath.log(t_j / p_j) if t_j else 0,
        "squared_error": lambda t_j, p_j: (p_j - t_j) ** 2 / 2,
    }[name]

    def loss(z):
        return sum(definition(t_j, p_j) for t_j, p_j in zip(to_mpmath(t), softmax(z), strict=True))

    judged = getattr(judge, name)(np.array([row]), np.array([1]) if kind == "class" else t[None])
    with mpmath.workdps(800):
        assert_accurate(judged.loss, [loss(to_mpmath(row))])
    assert_accurate(judged.grad, derivatives(loss, to_mpmath(row)))


@row
@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_jacobians_are_accurate(row, function):
    z = np.array([row])
    J = judge.jacobian(judge.softmax(z)) if function == "softmax" else judge.log_jacobian(z)
    for i in range(len(row)):

        def output(z, i=i):
            return softmax(z)[i] if function == "softmax" else mpmath.log(softmax(z)[i])

        assert_accurate(judge.Judged(J.value[:, i], J.size[:, i]), derivatives(output, to_mpmath(row)))


@row
def test_closed_forms_equal_products_with_the_jacobian_matrices(row):
    z = np.array([row])
    v = np.linspace(-1.0, 2.0, len(row))[None]
    p, log_p = judge.softmax(z), judge.log_softmax(z)
    J, log_J = judge.jacobian(p), judge.log_jacobian(z)
    for closed_form, product in [
        (judge.softmax_derivative(p, v), judge.times(J, v)),
        (judge.log_softmax_vjp(log_p, v), judge.times(judge.transposed(log_J), v)),
        (judge.log_softmax_jvp(log_p, v), judge.times(log_J, v)),
    ]:
        assert_accurate(closed_form, mpmath.matrix(product.value[0].astype(str).tolist()))
        np.testing.assert_allclose(closed_form.size, product.size, rtol=1e-15)


@pytest.mark.parametrize("row", [[0, np.inf, 0], [-np.inf] * 3, [np.nan, 0, 0], [np.inf], [-np.inf]], ids=str)
def test_a_row_without_probabilities_is_nan(row):
    z = np.array([row, [0.0] * len(row)], float)
    for p in (judge.softmax(z), judge.log_softmax(z)):
        assert np.isnan(p).all(axis=1).tolist() == [True, False]
    np.testing.assert_array_equal(judge.logsumexp(z)[0], max(row))


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


def test_the_judges_and_the_tolerance_do_not_import_softgrad():
    code = "import sys, judge_options, tolerance; assert 'softgrad' not in {name.split('.')[0] for name in sys.modules}"
    subprocess.run([sys.executable, "-c", code], cwd=Path(judge.__file__).parent, check=True)
