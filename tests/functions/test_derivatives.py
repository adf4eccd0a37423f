"""Vector-Jacobian and Jacobian-vector products agree with products with the Jacobian formed in long double."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

import judge
import softgrad as sg
from cases import DTYPES, ONE_HOT, WITH_JACOBIAN, logits, vectors
from tolerance import assert_within


class Function(NamedTuple):
    value: object
    vjp: object
    jvp: object
    jacobian: object  # a function of the logits and the value; the derivatives take the value
    ulps: int


FUNCTIONS = {
    "softmax": Function(sg.softmax, sg.softmax_vjp, sg.softmax_jvp, lambda z, p: judge.jacobian(p), 5),
    "log_softmax": Function(
        sg.log_softmax, sg.log_softmax_vjp, sg.log_softmax_jvp, lambda z, log_p: judge.log_jacobian(z), 4
    ),
}
functions = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
cases = pytest.mark.parametrize("case", WITH_JACOBIAN)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


@cache
def read(function, case, dtype):
    """The output, a vector, and the exact Jacobian."""
    z = logits(case, dtype)
    output = function.value(z)
    return output, vectors(case, dtype), function.jacobian(z, output)


@functions
@cases
@dtypes
def test_vjp_agrees_with_the_dense_jacobian(function, case, dtype):
    output, g, J = read(function, case, dtype)
    assert_within(function.ulps, function.vjp(output, g), *judge.times(judge.transposed(J), g))


@functions
@cases
@dtypes
def test_jvp_agrees_with_the_dense_jacobian(function, case, dtype):
    output, v, J = read(function, case, dtype)
    assert_within(function.ulps, function.jvp(output, v), *judge.times(J, v))


@functions
@cases
@dtypes
def test_vjp_is_the_transpose_of_jvp(function, case, dtype):
    """<g, J v> = <J^T g, v>."""
    output, v, J = read(function, case, dtype)
    g = v[:, ::-1]
    left = (g.astype(judge.Wide) * function.jvp(output, v)).sum(axis=1)
    right = (v.astype(judge.Wide) * function.vjp(output, g)).sum(axis=1)
    size = (abs(g) * judge.times(J, v).size).sum(axis=1)
    assert_within(2 * function.ulps, left.astype(dtype), right, size)


@functions
@cases
@dtypes
def test_a_common_shift_of_the_logits_changes_nothing(function, case, dtype):
    output, v, J = read(function, case, dtype)
    ones, zeros = np.ones_like(v), np.zeros(v.shape)
    assert_within(function.ulps, function.jvp(output, ones), zeros, judge.times(J, ones).size)
    gradient_sums = function.vjp(output, v).sum(axis=1, dtype=judge.Wide).astype(dtype)
    size = judge.times(judge.transposed(J), v).size.sum(axis=1)
    assert_within(function.ulps, gradient_sums, zeros[:, 0], size)


@cases
@dtypes
def test_logsumexp(case, dtype):
    z, v = logits(case, dtype), vectors(case, dtype)
    p, g = judge.softmax(z), v[:, 0]
    least = np.finfo(dtype).tiny  # subnormal numbers are spaced as this one
    assert_within(5, sg.logsumexp_vjp(z, g), p * g[:, None], np.maximum(p, least) * abs(g[:, None]))
    assert_within(4, sg.logsumexp_jvp(z, v), (p * v).sum(axis=1), (p * abs(v)).sum(axis=1))


SLIPS = {
    "zeros": lambda p, g: np.zeros(g.shape),
    "sign": lambda p, g: -judge.times(judge.jacobian(p), g).value,
    "the diagonal alone": lambda p, g: p * (1 - p) * g,
    "the Jacobian's rows summed": lambda p, g: judge.jacobian(p).value.sum(axis=1),
    "the sum without p": lambda p, g: p * (g - g.sum(axis=1, keepdims=True)),
    "p forgotten": lambda p, g: g - (p * g).sum(axis=1, keepdims=True),
    "divided by K": lambda p, g: judge.times(judge.jacobian(p), g).value / p.shape[1],
    "over the wrong axis": lambda p, g: p * (g - (p * g).sum(axis=0)),
    "of log_softmax": lambda p, g: g - p * g.sum(axis=1, keepdims=True),
}


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("case", [case for case in WITH_JACOBIAN if case not in ONE_HOT])
@dtypes
def test_a_planted_slip_is_caught(slip, case, dtype):
    p, g, J = read(FUNCTIONS["softmax"], case, dtype)
    wrong = SLIPS[slip](p.astype(judge.Wide), g).astype(dtype)
    with pytest.raises(AssertionError, match="ulp off"):
        assert_within(5, wrong, *judge.times(judge.transposed(J), g))


@pytest.mark.parametrize("case", [case for case in WITH_JACOBIAN if case not in ("one class", "equal")])
@dtypes
def test_a_transposed_jacobian_is_caught(case, dtype):
    """The Jacobian of log_softmax is symmetric only if all classes have the same probability."""
    function = FUNCTIONS["log_softmax"]
    log_p, v, J = read(function, case, dtype)
    with pytest.raises(AssertionError, match="ulp off"):
        assert_within(4, function.jvp(log_p, v), *judge.times(judge.transposed(J), v))


@dtypes
def test_summing_the_rows_of_the_jacobian_gives_0(dtype):
    """So summing the Jacobian instead of multiplying by it gives 0 for every loss."""
    J = sg.SoftmaxJacobian(sg.softmax(logits("ragged", dtype))).to_dense()
    size = judge.jacobian(sg.softmax(logits("ragged", dtype))).size.sum(axis=1)
    assert_within(1, J.sum(axis=1, dtype=judge.Wide).astype(dtype), np.zeros(size.shape), size)


@dtypes
def test_a_vocabulary_by_the_closed_form(dtype):
    """The dense Jacobian of 100,000 classes would be 80 GB."""
    z, v = logits("vocabulary", dtype), vectors("vocabulary", dtype)
    p = sg.softmax(z).astype(judge.Wide)
    exact = p * (v - (p * v).sum(axis=1, keepdims=True))
    size = p * (abs(v) + (p * abs(v)).sum(axis=1, keepdims=True))
    assert_within(5, sg.softmax_vjp(sg.softmax(z), v), exact, size)
    assert_within(5, sg.softmax_jvp(sg.softmax(z), v), exact, size)
