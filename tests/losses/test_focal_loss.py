"""Focal loss: equal to the cross-entropy for gamma = 0; right where its formula has 0 / 0 or an infinite term."""

import mpmath
import numpy as np
import pytest

import judge
import softgrad as sg
from together import together
from tolerance import assert_within

OPTIONS = {
    "none": {},
    "weight": {"weight": [0.5, 2.0, 1.0, 0.0, 3.0]},
    "ignored rows": {"ignore_index": 2},
    "smoothing": {"label_smoothing": 0.1},
    "softcap and temperature": {"softcap": 5.0, "temperature": 0.7},
}
FUNCTIONS = ["", "_with_grad", "_with_stats", "_jvp", "_hvp"]


def flat(result):
    """All arrays of a result."""
    return [part for one in result for part in flat(one)] if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("target", ["classes", "probabilities"])
@together(name=OPTIONS, dtype=["float16", "float32", "float64"], K=[5, 300])
def test_gamma_0_is_the_cross_entropy_to_the_bit(function, target, name, dtype, K):
    rng = np.random.default_rng(3)
    z, v = (rng.normal(size=(6, K)).astype(dtype) for _ in range(2))
    t = rng.integers(0, 5, 6) if target == "classes" else rng.dirichlet(np.ones(K), 6).astype(dtype)
    options = {**OPTIONS[name]}
    if "ignore_index" in options and target == "probabilities":
        options = {}
    if "weight" in options:
        options["weight"] = np.resize(options["weight"], K)
    vector = {"_jvp": {"tangent": v}, "_hvp": {"v": v}}.get(function, {})
    got = flat(getattr(sg, f"focal_loss{function}")(z, t, gamma=0, **vector, **options))
    want = flat(getattr(sg, f"cross_entropy{function}")(z, t, **vector, **options))
    for one, other in zip(got, want, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


# name: (logits, target, loss, dL/dz_y). The target has the probability 1, or 0, or 0 because its logit is -inf.
EDGES = {
    "certain": ([0.0, -800.0, -900.0], 0, 0.0, 0.0),
    "one class": ([3.0], 0, 0.0, 0.0),
    "impossible": ([0.0, -800.0, -900.0], 1, 800.0, -1.0),
    "masked": ([0.0, -np.inf, -1.0], 1, np.inf, -1.0),
}


@pytest.mark.parametrize("edge", EDGES)
@together(gamma=[0.3, 1.0, 2.0], one_hot=[False, True])
def test_a_probability_of_0_or_1_gives_numbers(edge, gamma, one_hot):
    z, y, loss, grad = EDGES[edge]
    target = np.eye(len(z))[y] if one_hot else y
    got = sg.focal_loss_with_grad(z, target, gamma=gamma)
    assert got.loss == loss
    assert got.grad[y] == grad
    np.testing.assert_allclose(got.grad.sum(), 0, atol=1e-16)
    assert np.isfinite(sg.focal_loss_hvp(z, target, np.ones(len(z)), gamma=gamma)).all()


def test_a_nearly_certain_row_keeps_its_digits():
    """For p_y = 1 - q with a small q the loss is q^(gamma + 1) to the first order, where 1 - p_y rounds to 0."""
    q = np.exp(-40.0)
    for gamma in (0.5, 2.0):
        loss, grad = sg.focal_loss_with_grad([40.0, 0.0], 0, gamma=gamma)
        np.testing.assert_allclose(loss, q ** (gamma + 1), rtol=1e-14)
        np.testing.assert_allclose(grad[1], (1 + gamma) * q ** (gamma + 1), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"temperature": 0.3}, {"softcap": 30.0}], ids=str)
@pytest.mark.parametrize("gamma", [0.01, 2.0, 20.0])
def test_gamma_times_the_error_of_the_other_probabilities_is_within_the_bound(dtype, options, gamma):
    """The other classes are equally probable, so that the errors of their exponentials add up."""
    rng = np.random.default_rng(5)
    z = np.where(np.arange(33) == 7, 0.0, rng.uniform(-20, 0, (2000, 1))) * options.get("temperature", 1.0)
    z, y = (z + rng.uniform(-20, 20, (2000, 1))).astype(dtype), np.full(2000, 7)
    got = sg.focal_loss_with_grad(z, y, gamma=gamma, reduction="none", **options)
    exact = judge.rows("focal_loss", z, y, gamma=gamma, **options)
    assert_within(4 + 2 * gamma, got.loss, exact.loss.value)
    assert_within(4 + 2 * gamma, got.grad, exact.grad.value)


def exact_hessian_of_two_classes(d, gamma):
    """d^2 L / dz_0^2 for z = (d, 0) and class 0: its negative is the other entry of the first row."""
    with mpmath.workdps(700):  # digits: 1 - p loses up to 321 of them, and the second difference 200

        def loss(x):
            return (1 - 1 / (1 + mpmath.exp(-x))) ** mpmath.mpf(gamma) * mpmath.log1p(mpmath.exp(-x))

        d, h = mpmath.mpf(d), mpmath.mpf(10) ** -100
        return float((loss(d + h) - 2 * loss(d) + loss(d - h)) / h**2)


@pytest.mark.parametrize("d", [3.0, 40.0, 600.0, 705.0, 710.0, 740.0])
@pytest.mark.parametrize("gamma", [0.001, 0.01, 2.0])
@pytest.mark.parametrize("v", [[1.0, 0.0], [0.0, -1.0], [3.0, 2.0]])
def test_the_hessian_of_a_nearly_certain_row_keeps_its_digits(d, gamma, v):
    exact = exact_hessian_of_two_classes(d, gamma)
    got = sg.focal_loss_hvp([d, 0.0], 0, v, gamma=gamma)
    assert_within(8, got, [exact, -exact])


@pytest.mark.parametrize("gamma", [-1.0, np.nan, np.inf, "2", None])
def test_says_that_gamma_is_wrong(gamma):
    with pytest.raises(sg.OptionError, match=r"focal_loss: gamma is .*, wanted 0 or a positive number"):
        sg.focal_loss([0.0, 0.0], 0, gamma=gamma)
