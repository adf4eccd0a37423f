"""The pseudo-inverse and the eigenvalues of the Jacobian, and sums and multiples of operators, against NumPy."""

import mpmath
import numpy as np
import pytest

import softgrad as sg
from tolerance import assert_within

PROBS = {
    "one row": np.array([0.5, 0.25, 0.25]),
    "rows": np.random.default_rng(0).dirichlet(np.ones(5), 4),
    "a class of probability 0": np.array([[0.5, 0.0, 0.25, 0.25], [0.0, 0.0, 1.0, 0.0]]),
    "one class": np.ones((2, 1)),
}


def dense(p):
    return p[..., :, None] * (np.eye(p.shape[-1]) - p[..., None, :])


def transposed(matrix):
    return np.swapaxes(matrix, -1, -2)


def size_of_pinv(p):
    """The size of the terms of P diag(1 / p) P, with the projection P = I - 1 1^T / K of the classes with p > 0."""
    seen = p > 0
    count = seen.sum(axis=-1)[..., None, None]
    P = (np.eye(p.shape[-1]) + 1 / count) * seen[..., :, None] * seen[..., None, :]
    return P @ (np.divide(1, p, out=np.zeros_like(p), where=seen)[..., None] * P)


@pytest.mark.parametrize("case", PROBS)
def test_pinv_meets_the_four_conditions(case):
    p = PROBS[case]
    J, A, size_of_A = dense(p), sg.SoftmaxJacobian(p).pinv().to_dense(), size_of_pinv(p)
    size = abs(J) @ size_of_A  # and that of A J, transposed
    assert_within(1, J @ A @ J, J, size @ abs(J))
    largest = np.broadcast_to(size.max(axis=(-1, -2), keepdims=True), J.shape)
    for product in (J @ A, A @ J):
        assert_within(0.75, product, transposed(product), largest)
    assert_within(1, A @ J @ A, A, transposed(size) @ size_of_A)


@pytest.mark.parametrize("case", PROBS)
def test_pinv_undoes_the_jacobian_on_changes_of_sum_0(case):
    p = PROBS[case]
    J = sg.SoftmaxJacobian(p)
    v = np.random.default_rng(1).normal(size=p.shape)
    change = J @ v  # of the probabilities
    size = abs(J.to_dense()) @ (abs(J.pinv().to_dense()) @ abs(change)[..., None])
    assert_within(8, J @ (J.pinv() @ change), change, size[..., 0])


@pytest.mark.parametrize("case", PROBS)
def test_eigenvalues_are_not_negative_and_one_is_0(case):
    p = PROBS[case]
    eigenvalues = sg.SoftmaxJacobian(p).eigvalsh()
    assert eigenvalues.shape == p.shape
    K, largest = p.shape[-1], abs(eigenvalues).max(axis=-1)  # LAPACK's error of any eigenvalue is a few ulp of it
    exact = [
        [float(one) for one in mpmath.eigsy(mpmath.matrix(J), eigvals_only=True)] for J in dense(p).reshape(-1, K, K)
    ]
    assert_within(K, eigenvalues, np.reshape(exact, p.shape), np.broadcast_to(largest[..., None], p.shape))
    assert_within(K, eigenvalues[..., 0], np.zeros(p.shape[:-1]), largest)


@pytest.mark.parametrize("axis", [-1, 0])
def test_sums_and_multiples(axis):
    rng = np.random.default_rng(2)
    p, q, v = rng.dirichlet(np.ones(5), 5), rng.dirichlet(np.ones(5), 5), rng.normal(size=(5, 5))
    J, H = (sg.SoftmaxJacobian(probs if axis == -1 else probs.T, axis=axis) for probs in (p, q))
    A = np.linalg.pinv(dense(p))
    operator, matrix = 2 * J - H + J.pinv(), 2 * dense(p) - dense(q) + A
    size = 2 * abs(dense(p)) + abs(dense(q)) + size_of_pinv(p)
    assert_within(32, operator.to_dense(), matrix, size)
    assert_within(32, operator.trace(), np.trace(matrix, axis1=1, axis2=2), np.trace(size, axis1=1, axis2=2))
    product = operator @ (v if axis == -1 else v.T)
    wanted, of_product = np.einsum("nij,nj->ni", matrix, v), np.einsum("nij,nj->ni", size, abs(v))
    assert_within(32, product if axis == -1 else product.T, wanted, of_product)
    assert operator.T is operator


def test_operators_of_different_shapes_do_not_add():
    with pytest.raises(sg.ShapeError, match=r"SoftmaxJacobian\(shape=\(2, 2\).* \+ .*wanted operators of the same"):
        sg.SoftmaxJacobian([0.5, 0.5]) + sg.SoftmaxJacobian([1.0, 0.0, 0.0])
