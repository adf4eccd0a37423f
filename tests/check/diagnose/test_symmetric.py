"""Functions of symmetric matrices: a gradient that is right for symmetric changes is told to be so."""

import numpy as np
import pytest

import softgrad as sg

B = np.random.default_rng(0).normal(size=(4, 4))
A = (B @ B.T + (B @ B.T).T) / 2 + 4 * np.eye(4)


def symmetric(a):
    return (a + np.swapaxes(a, -1, -2)) / 2


def cholesky_vjp(a, factor, g):
    """The symmetric gradient, as textbooks have it. Source: Murray, arXiv:1602.07527."""
    p = np.tril(factor.T @ np.tril(g))
    p[np.diag_indices(len(a))] /= 2
    inverse = np.linalg.inv(factor)
    return symmetric(inverse.T @ p @ inverse)


def eigenvalues(a):
    return np.linalg.eigh(a)[0]


def eigenvalues_vjp(a, w, g):
    v = np.linalg.eigh(a)[1]
    return (v * g) @ v.T


FUNCTIONS = {
    "cholesky": (np.linalg.cholesky, cholesky_vjp),
    "eigenvalues": (eigenvalues, eigenvalues_vjp),
    "a triangle": (
        lambda a: np.cosh(np.tril(a)).sum() + 0 * a,
        lambda a, y, g: symmetric(np.sinh(np.tril(a)) * g.sum()),
    ),
}


def said(report):
    return [fact for fact in report.facts if "is symmetric" in fact]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_for_symmetric_changes(name):
    f, vjp = FUNCTIONS[name]
    report = sg.check_vjp(f, vjp, A, names=["a"])
    assert report.ok is False
    assert said(report) == [
        "a is symmetric, and its gradient is right for every change that keeps it so, and wrong for changes of one "
        "entry alone; to check the first, let forward begin with a = (a + a.T) / 2"
    ]
    assert said(report)[0] in report.to_dict()["facts"]
    assert said(report)[0] in report._repr_html_()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_way_out(name):
    f, vjp = FUNCTIONS[name]
    assert sg.check_vjp(lambda a: f((a + a.T) / 2), vjp, A).ok is True
    assert sg.check_vjp(lambda a: f((a + a.T) / 2), lambda *i: 1.01 * vjp(*i), A).ok is False


@pytest.mark.parametrize("slip", [lambda g: 2 * g, lambda g: -g, lambda g: 0 * g, lambda g: np.triu(g)])
def test_a_wrong_one_is_not_called_so(slip):
    report = sg.check_vjp(np.linalg.cholesky, lambda *i: slip(cholesky_vjp(*i)), A)
    assert report.ok is False
    assert not said(report)


def test_nothing_is_said_of_other_matrices():
    skew = np.triu(np.ones((4, 4)), 1) - np.tril(np.ones((4, 4)), -1)
    report = sg.check_vjp(lambda a: a**3, lambda a, y, g: 3 * a**2 * g + skew, B)
    assert report.ok is False
    assert not said(report)


def test_several_matrices_at_once():
    stack = np.stack([A, A + np.eye(4)])
    f = lambda a: np.cosh(np.tril(a))  # noqa: E731
    report = sg.check_vjp(f, lambda a, y, g: symmetric(np.sinh(np.tril(a)) * g), stack, names=["a"])
    assert report.ok is False
    assert len(said(report)) == 1
