"""The judge of softmax agrees with its definition in mpmath, in both arithmetics, and imports nothing of softgrad."""

import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

import judge
from ground.judge_reference import ARITHMETICS, DIGITS, assert_accurate, gradient, numbers, softmax

ROWS = {
    "plain": [0.3, -1.7, 2.2, 0.0],
    "confident": [17.0, 0.0, 0.0],
    "p rounds to 1": [40.0, 1.0, -3.0],
    "saturated": [300.1, -250.7, 299.9],
    "offset": [1e8, 1e8 + 1, 1e8 - 2],
    "subnormal": [0.0, -740.3, -1.0],
    "equal": [0.1] * 7,
}
rows = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
arithmetics = pytest.mark.parametrize("a", ARITHMETICS.values(), ids=ARITHMETICS)


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(DIGITS):
        yield


@rows
@arithmetics
@pytest.mark.parametrize("T", [1.0, 0.3, 40.0])
def test_softmax_log_softmax_and_logsumexp_are_accurate(row, a, T):
    z = np.array(row)
    s = [z_j / mpmath.mpf(T) for z_j in numbers(row)]
    p = softmax(s)
    assert_accurate(judge.judged(judge.softmax(z, a, T)), p)
    assert_accurate(judge.judged(judge.log_softmax(z, a, T)), map(mpmath.log, p))
    assert_accurate(judge.logsumexp(z[None], a, T), [mpmath.log(mpmath.fsum(map(mpmath.exp, s)))])


@rows
@arithmetics
@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_jacobians_are_accurate(row, a, function):
    z = np.array([row])
    J = judge.jacobian(judge.softmax(z, a), a) if function == "softmax" else judge.log_jacobian(z, a)
    for i in range(len(row)):

        def output(z, i=i):
            return softmax(z)[i] if function == "softmax" else mpmath.log(softmax(z)[i])

        assert_accurate(judge.Judged(J.value[0, i], J.size[0, i]), gradient(output, numbers(row)))


@rows
@arithmetics
@pytest.mark.parametrize("T", [1.0, 0.3])
def test_closed_forms_equal_products_with_the_jacobian_matrices(row, a, T):
    z, v = np.array([row]), np.linspace(-1.0, 2.0, len(row))[None]
    p, log_p = judge.softmax(z, a), judge.log_softmax(z, a)
    J, log_J = judge.jacobian(p, a), judge.log_jacobian(z, a)
    for closed_form, product in [
        (judge.softmax_vjp(p, v, a, T), J.T @ a.wide(v)),
        (judge.softmax_jvp(p, v, a, T), J @ a.wide(v)),
        (judge.log_softmax_vjp(log_p, v, a, T), log_J.T @ a.wide(v)),
        (judge.log_softmax_jvp(log_p, v, a, T), log_J @ a.wide(v)),
    ]:
        assert_accurate(closed_form, [mpmath.mpf(x) / mpmath.mpf(T) for x in judge.Mpmath(50).wide(product.value[0])])
        np.testing.assert_allclose((closed_form.size * a.wide(T)).astype(float), product.size.astype(float), rtol=1e-15)


@rows
@arithmetics
def test_derivatives_of_logsumexp_are_accurate(row, a):
    z, v = np.array([row]), np.linspace(-1.0, 2.0, len(row))[None]
    p = softmax(numbers(row))
    assert_accurate(judge.logsumexp_vjp(z, np.array([-0.7]), a), [mpmath.mpf(-0.7) * p_j for p_j in p])
    assert_accurate(judge.logsumexp_jvp(z, v, a), [sum(p_j * v_j for p_j, v_j in zip(p, v[0].tolist(), strict=True))])


@rows
@arithmetics
@pytest.mark.parametrize("T", [1.0, 0.3])
@pytest.mark.parametrize("token", [0, -1])
def test_log_probabilities_of_tokens_and_entropies_are_accurate(row, a, T, token):
    z, y, g, h = np.array([row]), np.array([token % len(row)]), np.array([-0.7]), np.array([1.25])

    def outputs(z):
        log_p = [mpmath.log(p_j) for p_j in softmax([z_j / mpmath.mpf(T) for z_j in z])]
        return log_p[token], -mpmath.fsum(mpmath.exp(x) * x for x in log_p)

    for got, exact in zip(judge.token_log_probs(z, y, a, T), outputs(numbers(row)), strict=True):
        assert_accurate(judge.judged(got), [exact])

    def weighted(z):
        log_p, entropy = outputs(z)
        return mpmath.mpf(-0.7) * log_p + mpmath.mpf(1.25) * entropy

    assert_accurate(judge.token_log_probs_vjp(z, y, g, h, a, T), gradient(weighted, numbers(row)))


def test_ignored_tokens_and_masked_classes_of_the_judge():
    z, y, one = np.array([[0.0, np.nan], [0.0, -np.inf]]), np.array([7, 0]), np.ones(2)
    log_p, entropy = judge.token_log_probs(z, y, ignore_index=7)
    gradient = judge.token_log_probs_vjp(z, y, one, one, ignore_index=7).value
    assert not np.any([log_p, entropy])
    assert not gradient.any()


@arithmetics
@pytest.mark.parametrize("row", [[0, np.inf, 0], [-np.inf] * 3, [np.nan, 0, 0], [np.inf], [-np.inf]], ids=str)
def test_a_row_without_probabilities_is_nan(row, a):
    z = np.array([row, [0.0] * len(row)], float)
    for p in (judge.softmax(z, a), judge.log_softmax(z, a)):
        assert (p != p).all(axis=1).tolist() == [True, False]
    np.testing.assert_array_equal(float(judge.logsumexp(z, a).value[0]), max(row))


def test_a_size_is_the_sum_of_the_absolute_values_of_the_terms():
    x, y = judge.Judged(np.array([1.0, -2.0]), np.array([3.0, 2.0])), np.array([-4.0, 0.5])
    for got, value, size in [
        (x + y, [-3, -1.5], [7, 2.5]),
        (y + x, [-3, -1.5], [7, 2.5]),
        (x - y, [5, -2.5], [7, 2.5]),
        (y - x, [-5, 2.5], [7, 2.5]),
        (y * x, [-4, -1], [12, 1]),
        (-x, [-1, 2], [3, 2]),
        ((x * y).sum(), -5, 13),
        (x.where([True, False]), [1, 0], [3, 0]),
    ]:
        assert (got.value.tolist(), got.size.tolist()) == (value, size)


def test_long_double_and_mpmath_are_rounded_to_each_other():
    x = np.array([0.1, -1e300, 5e-324, 0.0, np.inf])
    for a in ARITHMETICS.values():
        assert a.rounded(a.wide(x)).tolist() == x.tolist()
    third = judge.Mpmath.rounded([mpmath.mpf(1) / 3])[0]
    assert third == np.longdouble(1) / 3


def test_the_judge_and_the_tolerance_do_not_import_softgrad():
    root = Path(judge.__file__).parents[1]
    code = "import sys, judge, judge.network, tolerance; assert 'softgrad' not in sys.modules"
    environment = {"PYTHONPATH": f"{root}:{root / 'tests'}"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
