"""filter_eps: which classes it leaves out, the bound of the error, and the time that it saves."""

import numpy as np
import pytest

import softgrad as sg
from losses.linear_cases import OPTIONS, V
from softgrad.losses._linear import gradients

N, D = 90, 12


def confident(dtype="float64"):
    """Rows that are the sum of the vector of their class and that of another class."""
    rng = np.random.default_rng(1)
    w = rng.normal(size=(V, D)).astype(dtype)
    target = rng.integers(0, 40, N)
    x = 3 * w[target] + 2 * w[rng.integers(0, 40, N)] + 0.3 * rng.normal(size=(N, D))
    return x.astype(dtype), w, target


@pytest.mark.parametrize("max_memory", [2**26, 70 * V * 8, 2 * V * 8])
@pytest.mark.parametrize("eps", [1e-6, 1e-4, 1e-2, 0.3, 10.0])
@pytest.mark.parametrize("options", [{}, {"reduction": "sum"}, {"denominator": 5.0}, OPTIONS["everything"]])
def test_the_error_is_within_its_bound(options, eps, max_memory):
    x, w, target = confident()
    bias = np.zeros(V)
    exact = sg.linear_cross_entropy_with_grad(x, w, target, bias, max_memory=max_memory, **options)
    got = sg.linear_cross_entropy_with_grad(x, w, target, bias, max_memory=max_memory, filter_eps=eps, **options)
    mean = options.get("reduction", "mean") == "mean"
    counted = options["weight"][target[target != 3]].sum() if "weight" in options else N
    scale = 1 / options.get("denominator", counted) if mean else 1.0
    rounded = eps + 8 * np.finfo(float).eps  # every term of dx is an entry of g, at most 1, times one of w
    assert got.loss == exact.loss
    np.testing.assert_array_equal(got.grad.db, exact.grad.db)
    assert (abs(got.grad.dx - exact.grad.dx) <= rounded * scale * abs(w).sum(axis=0)).all()
    assert (abs(got.grad.dw - exact.grad.dw) <= rounded * scale * abs(x).sum(axis=0)).all()
    assert (
        eps < 1e-2 or abs(got.grad.dw - exact.grad.dw).max() > 1e-12 * abs(exact.grad.dw).max()
    )  # something is left out


def test_by_default_nothing_is_left_out():
    x, w, target = confident()
    exact, got = (sg.linear_cross_entropy_with_grad(x, w, target, **more) for more in ({}, {"filter_eps": 0.0}))
    np.testing.assert_array_equal(got.grad.dw, exact.grad.dw)


def test_classes_are_left_out_of_the_products(monkeypatch):
    asked = []

    def counting(a, b, out, *, add=False):
        asked.append(a.shape[0] * a.shape[1] * b.shape[1])
        right(a, b, out, add=add)

    right = gradients.multiply
    monkeypatch.setattr(gradients, "multiply", counting)
    x, w, target = confident()
    for eps, share in ((0.0, 1.0), (1e-3, 0.6), (10.0, 0.0)):
        asked.clear()
        sg.linear_cross_entropy_with_grad(x, w, target, filter_eps=eps)
        assert sum(asked) <= share * 2 * N * D * V
    assert not asked


def test_a_small_error_where_rows_are_confident():
    x, w, target = confident("float32")
    exact, got = (sg.linear_cross_entropy_with_grad(x, w, target, filter_eps=eps) for eps in (0.0, 1e-5))
    for value, right in zip(got.grad[:2], exact.grad[:2], strict=True):
        assert np.linalg.norm(value - right) < 1e-3 * np.linalg.norm(right)


def test_nan_is_not_left_out():
    """The product of finite numbers is infinite, and the gradient shows it."""
    x, w = np.array([[1e30]], "float32"), np.array([[1e30], [1.0], [-1e30]], "float32")
    got = sg.linear_cross_entropy_with_grad(x, w, [1], filter_eps=0.5)
    assert np.isnan(got.grad.dx).all()
