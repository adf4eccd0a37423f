"""A verdict does not depend on the size of the numbers: what overflows or underflows when squared is judged too."""

from functools import partial

import numpy as np
import pytest

import softgrad as sg
from softgrad.check import compare_gradients
from softgrad.check.derivatives.evaluate import norm
from softgrad.check.derivatives.gradient import judge_gradient
from softgrad.formulas.numbers import constant_ratio, nearly_equal

FACTORS = [1e-310, 1e-200, 1e-154, 1e-100, 1.0, 1e100, 1e154, 1e160, 1e200, 1e300, 1e305]
SLIPS = {"right": 1.0, "sign": -1.0, "doubled": 2.0, "zero": 0.0, "a thousandth": 1.001}
Z = np.array([[0.3, -1.2, 2.0], [1.1, 0.4, -0.7]])


def real_only(f):
    def g(x):
        assert not np.iscomplexobj(x)
        return f(x)

    return g


FUNCTIONS = {  # name: (f of k, its vector-Jacobian product)
    "linear": (lambda z, k: k * z, lambda z, g, k: k * g),
    "sines": (lambda z, k: k * np.sin(z), lambda z, g, k: k * (g * np.cos(z))),
    "a mean": (lambda z, k: k * np.sin(z).mean(), lambda z, g, k: k * (g * np.cos(z) / z.size)),
    "squares": (lambda z, k: k * (z * z).sum(axis=1), lambda z, g, k: k * (2 * z * g[:, None])),
}


@pytest.mark.parametrize("way", [lambda f: f, real_only], ids=["complex step", "differences"])
@pytest.mark.parametrize("max_entries", [2000, 3], ids=["entries", "projections"])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("factor", FACTORS)
def test_every_size_has_its_verdict(factor, name, max_entries, way):
    f, vjp = FUNCTIONS[name]
    g = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(f(Z, 1.0)))
    for slip, by in SLIPS.items():
        got = by * vjp(Z, g, factor)
        judgement = judge_gradient(
            way(lambda z: f(z, factor)), Z, g, got, rng=np.random.default_rng(1), max_entries=max_entries
        )
        assert judgement.ok is (slip == "right")
        assert not judgement.unresolved
        if slip != "right":
            entry, seen, wanted = judgement.where
            assert seen == got[entry]
            assert abs(wanted / vjp(Z, g, factor)[entry] - 1) < 1e-5


@pytest.mark.parametrize("factor", [1e-310, 1e-200, 1e154, 1e200, 1e305])
def test_the_two_checks(factor):
    for by in SLIPS.values():
        vjp = sg.check_vjp(lambda z: z * factor, lambda z, y, g, by=by: by * (g * factor), Z)
        grad = sg.check_grad(
            lambda z: factor * np.sin(z).mean(), lambda z, by=by: by * (factor * np.cos(z) / z.size), Z
        )
        assert vjp.ok is grad.ok is (by == 1), (vjp.text(), grad.text())


@pytest.mark.parametrize("factor", [1e-310, 1e-200, 1e154, 1e200, 1e305])
def test_the_parameters_of_a_network(factor):
    w = np.array([0.5, -1.5])
    for slip, by in SLIPS.items():
        got = compare_gradients(lambda: factor * float(np.sin(w).sum()), {"w": w}, {"w": by * (factor * np.cos(w))})
        assert (got.error <= 1e-6) is (slip == "right")


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
def test_inputs_of_any_size(size):
    """f is of size 1, its derivative of size 1 / x."""
    x = size * np.array([1.0, -2.0])
    for way in (lambda f: f, real_only):
        for slip, by in SLIPS.items():
            report = sg.check_vjp(
                way(lambda x: np.sin(x / size)), lambda x, y, g, by=by: by * (g * np.cos(x / size) / size), x
            )
            assert report.ok is (slip == "right"), (slip, report.text())


CURVES = {  # name: (f, its derivative)
    "sine": (np.sin, np.cos),  # a wave of length 1e-8 is noise to steps that suit a scale of 1
    "square": (np.square, lambda u: 2 * u),  # 1e40 at a distance of 1 from 1e-20
    "exp": (np.exp, np.exp),  # 1 at 0, with a slope of 1e-15 everywhere
}


@pytest.mark.thorough
@pytest.mark.parametrize("way", [lambda f: f, real_only], ids=["complex step", "differences"])
@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("size", [1e-300, 1e-20, 1e-8, 1e12, 1e300])
def test_a_scale_of_its_own(size, name, way):
    """Other inputs are of the size of those given, and the rounding that is allowed is that of a slope."""
    f, derivative = CURVES[name]
    x = size * np.array([1.0, -2.0, 0.5, 0.25, -0.75])
    for slip, by in SLIPS.items():
        report = sg.check_vjp(
            way(lambda x: f(x / size)), lambda x, y, g, by=by: by * (g * derivative(x / size) / size), x
        )
        assert report.ok is (slip == "right"), (slip, report.text())
        assert not any("no step size" in fact or "others like them" in fact for fact in report.facts)


def test_numbers_that_have_no_digits_are_not_judged():
    """1e-320 is 2024 times the smallest number."""
    for by in (1.0, -1.0):
        assert sg.check_vjp(lambda z: z * 1e-320, lambda z, y, g, by=by: by * (g * 1e-320), Z).ok is None


@pytest.mark.parametrize("way", [lambda f: f, real_only], ids=["complex step", "differences"])
@pytest.mark.parametrize("large", [1e3, 1e6, 1e10, 1e20, 1e100])
def test_a_large_output_hides_no_error_of_a_small_one(large, way):
    sizes = np.array([large, 1.0])
    for by in (1.0, -1.0, 2.0):
        report = sg.check_vjp(
            way(lambda z: z * sizes), lambda z, y, g, by=by: g * sizes * [1, by], np.array([0.3, 1.2])
        )
        assert report.ok is (by == 1), report.text()


@pytest.mark.parametrize("exponent", [-1000, -600, 0, 600, 1000])
def test_the_tools_of_a_comparison(exponent):
    a = np.ldexp(np.array([3.0, -4.0]), exponent)
    assert norm(a) == np.ldexp(5.0, exponent)
    assert abs(constant_ratio(-2 * a, a) + 2) < 1e-12
    assert nearly_equal(a, a * (1 + 1e-10))
    assert not nearly_equal(a, -a)
    assert not nearly_equal(a, 2 * a)


def test_nothing_and_infinity_have_a_norm():
    assert norm(np.zeros(0)) == norm(np.zeros(3)) == 0
    assert norm(np.array([1.0, np.inf])) == np.inf


def cosine(a, b):
    return (a * b).sum(1) / (np.sqrt((a**2).sum(1)) * np.sqrt((b**2).sum(1)))


def cosine_vjp(a, b, y, g, *, scale=1.0):
    na, nb = (np.sqrt((one**2).sum(1, keepdims=True)) for one in (a, b))
    c, g = y[:, None], scale * g[:, None]
    return g * (b / (na * nb) - c * a / na**2), g * (a / (na * nb) - c * b / nb**2)


@pytest.mark.parametrize("seed", [26, 65])
def test_terms_that_cancel_may_be_large(seed):
    """Of rows of one entry the cosine is 1 or -1: its gradient is 0, as the difference of terms 1 / x."""
    rng = np.random.default_rng(seed)
    assert sg.check_vjp(cosine, cosine_vjp, rng.normal(size=(4, 1)), rng.normal(size=(4, 1))).ok is True
    wrong = sg.check_vjp(cosine, partial(cosine_vjp, scale=1.001), rng.normal(size=(4, 2)), rng.normal(size=(4, 2)))
    assert wrong.ok is False
