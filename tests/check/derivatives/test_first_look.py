"""The first look at one entry: right ones pass with 2 calls, and what is wrong does not pass."""

import numpy as np
import pytest

from softgrad.check.derivatives.directional import SHORT_STEP, DerivativeTest
from softgrad.check.derivatives.gradient import judge_gradient

RTOL = 1e-6

SMOOTH = {  # name: (f, its derivative)
    "exp": (np.exp, np.exp),
    "sine": (np.sin, np.cos),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "cubic": (lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2),
    "logarithm": (lambda x: np.log(1 + x * x), lambda x: 2 * x / (1 + x * x)),
}


def real_only(f):
    """f of real numbers: no complex step."""

    def g(x):
        assert not np.iscomplexobj(x)
        return f(x)

    return g


def test_of(f, x, seed=0):
    return DerivativeTest(
        real_only(f), np.array([x]), np.ones(1), rng=np.random.default_rng(seed), rtol=RTOL, takes_complex=False
    )


test_of.__test__ = False


@pytest.mark.parametrize("name", SMOOTH)
def test_a_right_derivative_is_accepted(name):
    f, derivative = SMOOTH[name]
    accepted = [
        test_of(f, x, seed).first_look(0, derivative(x)) is not None
        for seed, x in enumerate(np.random.default_rng(0).normal(0, 1, 200))
    ]
    assert np.mean(accepted) > 0.95  # the others are near a zero of the derivative


@pytest.mark.parametrize("inner", [1.0, 30.0, 1e3, 1e5, 1e7])
@pytest.mark.parametrize("name", SMOOTH)
def test_a_wrong_one_is_not(name, inner):
    """Derivatives that are off by anything, of curves of any steepness."""
    f, derivative = SMOOTH[name]
    rng = np.random.default_rng(1)
    for seed in range(300):
        x = rng.normal() / inner
        right = inner * derivative(inner * x)
        got = right * (1 + rng.choice([-1, 1]) * RTOL * 10 ** rng.uniform(1, 6))
        assert test_of(lambda x: f(inner * x), x, seed).first_look(0, got) is None


ROUGH = {  # name: (f, x, its derivative there or None), where differences may not give the derivative
    "kink nearby": (lambda x: np.maximum(x, 0), 1e-7, 1.0),
    "kink on the other side": (lambda x: np.abs(x), -1e-7, -1.0),
    **{
        f"kink of {k:g} at {at:g}": (lambda x, k=k: x + k * np.maximum(x, 0), at, 1 + k * (at > 0))
        for k in (1e-2, 1e-3, 1e-4, 1e-5)
        for at in (1e-7, -1e-9, 1e-12)
    },
    "jump": (lambda x: np.heaviside(x, 0.5), 0.0, None),
    "steep": (lambda x: np.tanh(1e6 * x), 3e-7, 1e6 / np.cosh(0.3) ** 2),
    "steep and odd": (lambda x: np.tanh(1e6 * x), 0.0, 1e6),
    "inflection": (lambda x: np.log(1 + (300 * x) ** 2), 1 / 300, 300.0),
    "noise": (lambda x: x + 1e-8 * np.sin(1e12 * x), 0.3, None),
    "large terms": (lambda x: (1e9 + x) - 1e9, 0.3, 1.0),
    "rounded to 6 decimals": (lambda x: np.round(x, 6), 0.3, None),
    "oscillating": (lambda x: np.sin(1e6 * x), 0.2, 1e6 * np.cos(2e5)),
}
STEPS = [1e-3, 1e-4, 1e-5, float(np.cbrt(np.finfo(float).eps)), 1e-6, 1e-8, SHORT_STEP, 1.5 * SHORT_STEP]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("case", ROUGH)
def test_a_gradient_made_by_differences_passes_only_if_it_is_right(case, step):
    """Made of noise, across a kink, or on a curve steeper than the step: what agrees with D is right nevertheless."""
    f, x, right = ROUGH[case]
    got = float((f(np.array([x + step])) - f(np.array([x - step])))[0]) / (2 * step)
    for seed in range(50):
        if got and test_of(f, x, seed).first_look(0, got) is not None:
            assert right is not None
            assert abs(got - right) <= 10 * RTOL * right


TINY = {  # name: (f, x, its derivative): what two calls with a short step cannot see
    "beside a large number": (lambda x: 1e4 + 1e-7 * x, 0.3, 1e-7),
    "in the tail": (lambda x: 1 + np.exp(x), -25.0, np.exp(-25.0)),
    "at a minimum": (lambda x: 1 + 1e-4 * x**2, 1e-6, 2e-10),
}


@pytest.mark.parametrize("case", TINY)
@pytest.mark.parametrize("factor", [0.0, -1.0, 0.5, 2.0])
def test_a_tiny_derivative_is_not_taken_for_another(case, factor):
    f, x, derivative = TINY[case]
    assert test_of(f, x).first_look(0, factor * derivative) is None


def test_a_derivative_of_0_is_accepted_where_f_does_not_move():
    for f, x in ((lambda x: np.maximum(x, 0), -0.5), (lambda x: 0 * x + 7, 3.0), (lambda x: np.clip(x, -1, 1), 2.0)):
        assert test_of(f, x).first_look(0, 0.0).error == 0
    for f, x in ((lambda x: np.maximum(x, 0), -1e-3), (lambda x: x**2, 0.0), (np.cos, 0.0)):
        assert test_of(f, x).first_look(0, 0.0) is None  # the full estimate decides


@pytest.mark.parametrize("between", [0.0, 0.5, 1.0])
def test_kinks_are_left_to_the_slopes_of_both_sides(between):
    x = np.array([0.0, 1.0])
    judged = judge_gradient(
        real_only(lambda x: np.maximum(x, 0)), x, np.ones(2), np.array([between, 1.0]), rng=np.random.default_rng(0)
    )
    assert judged.ok
    assert judged.kinks == 1


def test_a_right_entry_takes_two_calls():
    calls = []
    x, rng = np.random.default_rng(0).normal(size=(6, 5)), np.random.default_rng(1)
    judged = judge_gradient(real_only(lambda x: calls.append(1) or np.sin(x)), x, np.ones(x.shape), np.cos(x), rng=rng)
    assert judged.ok
    assert judged.extent == "every entry"
    assert len(calls) < 2 * x.size + 25


@pytest.mark.parametrize("name", ["exp", "sine", "tanh", "cubic"])
def test_a_projection_of_a_right_gradient_takes_a_first_look_too(name):
    f, derivative = SMOOTH[name]
    x, calls = np.random.default_rng(0).normal(0, 1, (50, 60)), 0

    def counted(x):
        nonlocal calls
        calls += 1
        return real_only(f)(x).sum()

    def judged(factor, at):
        got = derivative(x)
        got.flat[at] *= factor
        return judge_gradient(counted, x, np.ones(()), got, rng=np.random.default_rng(1), max_entries=100)

    assert judged(1.0, 0).ok
    assert calls < 40  # 8 projections of 6 calls or more, and what it takes to know f
    assert not judged(1.01, np.argmax(np.abs(derivative(x)))).ok
