"""SoftmaxJacobian: the properties of the matrix, which is formed by to_dense alone."""

import tracemalloc

import numpy as np
import pytest

import judge
import softgrad as sg
from cases import DTYPES, WITH_JACOBIAN, logits, vectors
from tolerance import assert_within

cases = pytest.mark.parametrize("case", WITH_JACOBIAN)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def read(case, dtype):
    p = sg.softmax(logits(case, dtype))
    return p, sg.SoftmaxJacobian(p), judge.jacobian(p)


@cases
@dtypes
def test_dense_diagonal_and_trace(case, dtype):
    _, J, exact = read(case, dtype)
    diagonal = np.diagonal(exact.value, axis1=1, axis2=2)
    assert_within(2, J.to_dense(), exact.value)
    assert_within(2, J.diagonal(), diagonal)
    assert_within(2, J.trace(), diagonal.sum(axis=1))


@cases
@dtypes
def test_vectors_and_columns(case, dtype):
    p, J, exact = read(case, dtype)
    v = vectors(case, dtype)
    assert_within(5, J @ v, *(exact @ v))
    columns = np.stack([v, v[:, ::-1], np.ones_like(v)], axis=-1)
    np.testing.assert_array_equal(J @ columns, np.stack([J @ columns[..., n] for n in range(3)], axis=-1))
    np.testing.assert_array_equal(sg.SoftmaxJacobian(p[0]) @ columns[0], (J @ columns)[0])


@cases
@dtypes
def test_symmetric(case, dtype):
    _, J, _ = read(case, dtype)
    assert J.T is J
    dense = J.to_dense()
    np.testing.assert_array_equal(dense, np.swapaxes(dense, 1, 2))


@cases
@dtypes
def test_rows_and_columns_sum_to_0(case, dtype):
    p, J, exact = read(case, dtype)
    zeros, size = np.zeros(p.shape), exact.size.sum(axis=2)
    for axis in (1, 2):
        assert_within(5, judge.wide(J.to_dense()).sum(axis=axis).astype(dtype), zeros, size)
    assert_within(5, J @ np.ones_like(p), zeros, size)


@cases
@dtypes
def test_v_J_v_is_the_variance_of_v(case, dtype):
    """The variance under p is never negative, so J is positive semi-definite."""
    p, J, _ = read(case, dtype)
    v = judge.wide(vectors(case, dtype))
    mean = (p * v).sum(axis=1, keepdims=True)
    variance = (p * (v - mean) ** 2).sum(axis=1)
    size = (p * (v**2 + mean**2)).sum(axis=1)
    assert_within(5, (v * (J @ v.astype(dtype))).sum(axis=1).astype(dtype), variance, size)


@pytest.mark.parametrize("case", ["one class", "two classes", "equal", "confident", "saturated", "masked"])
@dtypes
def test_no_eigenvalue_is_negative(case, dtype):
    p, J, _ = read(case, dtype)
    least = np.linalg.eigvalsh(J.to_dense().astype("float64"))[:, 0]
    assert (least >= -4 * np.finfo(dtype).eps * p.max(axis=1)).all()


@pytest.mark.parametrize("axis", [0, 1, 2, -3])
def test_axis(axis):
    p = sg.softmax(np.random.default_rng(0).normal(size=(2, 3, 4)))  # classes last
    v = np.arange(24.0).reshape(p.shape)
    J, moved = sg.SoftmaxJacobian(p), sg.SoftmaxJacobian(np.moveaxis(p, -1, axis), axis=axis)
    assert moved.shape == J.shape == (2, 3, 4, 4)
    np.testing.assert_array_equal(moved @ np.moveaxis(v, -1, axis), np.moveaxis(J @ v, -1, axis))
    columns = np.stack([v, -v], axis=-1)
    expected = np.moveaxis(J @ columns, 2, axis % 3)
    np.testing.assert_array_equal(moved @ np.moveaxis(columns, 2, axis % 3), expected)
    np.testing.assert_array_equal(moved.diagonal(), np.moveaxis(J.diagonal(), -1, axis))
    np.testing.assert_array_equal(moved.trace(), J.trace())
    np.testing.assert_array_equal(moved.to_dense(), J.to_dense())


def test_large_without_being_formed():
    K = 100_000
    J = sg.SoftmaxJacobian(sg.softmax(np.arange(K) % 7.0))
    v = np.ones(K)
    tracemalloc.start()
    J @ v, J.T @ v, J.diagonal(), J.trace()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * v.nbytes  # J would take 100,000 times as much as v


@pytest.mark.parametrize("method", ["diagonal", "trace", "to_dense"])
def test_half_precision_is_rounded_once(method):
    p = sg.softmax(np.random.default_rng(0).normal(size=(3, 500)).astype("float16"))
    got = getattr(sg.SoftmaxJacobian(p), method)()
    exact = getattr(sg.SoftmaxJacobian(p.astype("float64")), method)()
    assert got.dtype == "float16"
    assert_within(0.501, got, exact)


def test_repr():
    assert repr(sg.SoftmaxJacobian(np.full((2, 4), 0.25))) == "SoftmaxJacobian(shape=(2, 4, 4), dtype=float64)"


def test_an_array_has_no_say_on_its_left():
    with pytest.raises(TypeError, match="unsupported operand"):
        np.ones(3) @ sg.SoftmaxJacobian([0.5, 0.25, 0.25])
