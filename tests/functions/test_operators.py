"""The pseudo-inverse and the eigenvalues of the Jacobian, and sums and multiples of operators, against NumPy."""

import numpy as np
import pytest

import softgrad as sg

PROBS = {
    "one row": np.array([0.5, 0.25, 0.25]),
    "rows": np.random.default_rng(0).dirichlet(np.ones(5), 4),
    "a class of probability 0": np.array([[0.5, 0.0, 0.25, 0.25], [0.0, 0.0, 1.0, 0.0]]),
    "one class": np.ones((2, 1)),
}


def dense(p):
    return p[..., :, None] * (np.eye(p.shape[-1]) - p[..., None, :])


@pytest.mark.parametrize("case", PROBS)
def test_pinv_meets_the_four_conditions(case):
    p = PROBS[case]
    J, A = dense(p), sg.SoftmaxJacobian(p).pinv().to_dense()
    scale = {"rtol": 0, "atol": 1e-13}  # entries of J A are at most 1
    np.testing.assert_allclose(J @ A @ J, J, **scale)
    np.testing.assert_allclose(J @ A, np.swapaxes(J @ A, -1, -2), **scale)
    np.testing.assert_allclose(A @ J, np.swapaxes(A @ J, -1, -2), **scale)
    np.testing.assert_allclose(A @ J @ A, A, rtol=1e-12, atol=1e-13 * (1 + abs(A).max()))


@pytest.mark.parametrize("case", PROBS)
def test_pinv_undoes_the_jacobian_on_changes_of_sum_0(case):
    p = PROBS[case]
    J = sg.SoftmaxJacobian(p)
    v = np.random.default_rng(1).normal(size=p.shape)
    change = J @ v  # of the probabilities
    np.testing.assert_allclose(J @ (J.pinv() @ change), change, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", PROBS)
def test_eigenvalues_are_not_negative_and_one_is_0(case):
    p = PROBS[case]
    eigenvalues = sg.SoftmaxJacobian(p).eigvalsh()
    assert eigenvalues.shape == p.shape
    np.testing.assert_allclose(eigenvalues.sum(axis=-1), (p * (1 - p)).sum(axis=-1), rtol=1e-13)
    backward_error = p.shape[-1] * np.finfo(float).eps * abs(eigenvalues).max()  # of LAPACK, for each eigenvalue
    np.testing.assert_allclose(eigenvalues[..., 0], 0, atol=backward_error)


@pytest.mark.parametrize("axis", [-1, 0])
def test_sums_and_multiples(axis):
    rng = np.random.default_rng(2)
    p, q, v = rng.dirichlet(np.ones(5), 5), rng.dirichlet(np.ones(5), 5), rng.normal(size=(5, 5))
    J, H = (sg.SoftmaxJacobian(probs if axis == -1 else probs.T, axis=axis) for probs in (p, q))
    operator, matrix = 2 * J - H + J.pinv(), 2 * dense(p) - dense(q) + np.linalg.pinv(dense(p))
    np.testing.assert_allclose(operator.to_dense(), matrix, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(operator.trace(), np.trace(matrix, axis1=1, axis2=2), rtol=1e-9)
    product = operator @ (v if axis == -1 else v.T)
    np.testing.assert_allclose(product if axis == -1 else product.T, np.einsum("nij,nj->ni", matrix, v), rtol=1e-9)
    assert operator.T is operator


def test_operators_of_different_shapes_do_not_add():
    with pytest.raises(sg.ShapeError, match=r"SoftmaxJacobian\(shape=\(2, 2\).* \+ .*wanted operators of the same"):
        sg.SoftmaxJacobian([0.5, 0.5]) + sg.SoftmaxJacobian([1.0, 0.0, 0.0])
