"""Vector-Jacobian and Jacobian-vector products agree with products with the Jacobian formed in long double."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

import judge
import softgrad as sg
from cases import DTYPES, WITH_JACOBIAN, logits, vectors
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
    assert_within(function.ulps, function.vjp(output, g), *(J.T @ g))


@functions
@cases
@dtypes
def test_jvp_agrees_with_the_dense_jacobian(function, case, dtype):
    output, v, J = read(function, case, dtype)
    assert_within(function.ulps, function.jvp(output, v), *(J @ v))


@functions
@cases
@dtypes
def test_vjp_is_the_transpose_of_jvp(function, case, dtype):
    """<g, J v> = <J^T g, v>."""
    output, v, J = read(function, case, dtype)
    g = v[:, ::-1]
    left = (judge.wide(g) * function.jvp(output, v)).sum(axis=1)
    right = (judge.wide(v) * function.vjp(output, g)).sum(axis=1)
    size = (abs(g) * (J @ v).size).sum(axis=1)
    assert_within(2 * function.ulps, left.astype(dtype), right, size)


@functions
@cases
@dtypes
def test_a_common_shift_of_the_logits_changes_nothing(function, case, dtype):
    output, v, J = read(function, case, dtype)
    ones, zeros = np.ones_like(v), np.zeros(v.shape)
    assert_within(function.ulps, function.jvp(output, ones), zeros, (J @ ones).size)
    gradient_sums = judge.wide(function.vjp(output, v)).sum(axis=1).astype(dtype)
    size = (J.T @ v).size.sum(axis=1)
    assert_within(function.ulps, gradient_sums, zeros[:, 0], size)


@cases
@dtypes
def test_logsumexp(case, dtype):
    z, v = logits(case, dtype), vectors(case, dtype)
    exact, least = judge.logsumexp_vjp(z, v[:, 0]), np.finfo(dtype).tiny  # subnormal numbers are spaced as this
    assert_within(5, sg.logsumexp_vjp(z, v[:, 0]), exact.value, np.maximum(exact.size, least * abs(v[:, :1])))
    assert_within(4, sg.logsumexp_jvp(z, v), *judge.logsumexp_jvp(z, v))


@dtypes
def test_summing_the_rows_of_the_jacobian_gives_0(dtype):
    """So summing the Jacobian instead of multiplying by it gives 0 for every loss."""
    J = sg.SoftmaxJacobian(sg.softmax(logits("ragged", dtype))).to_dense()
    size = judge.jacobian(sg.softmax(logits("ragged", dtype))).size.sum(axis=1)
    assert_within(1, judge.wide(J).sum(axis=1).astype(dtype), np.zeros(size.shape), size)


@dtypes
def test_a_vocabulary_by_the_closed_form(dtype):
    """The dense Jacobian of 100,000 classes would be 80 GB."""
    z, v = logits("vocabulary", dtype), vectors("vocabulary", dtype)
    p = sg.softmax(z)
    assert_within(5, sg.softmax_vjp(p, v), *judge.softmax_vjp(p, v))
    assert_within(5, sg.softmax_jvp(p, v), *judge.softmax_jvp(p, v))
