"""Functions that move in steps have derivative 0, however fine the steps; those that only round keep their slope."""

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.derivatives.evaluate import point
from softgrad.check.derivatives.plateaus import find_plateaus

X = np.random.default_rng(0).normal(size=(3, 4))


def real_only(f):
    def g(x):
        assert not np.iscomplexobj(x)
        return f(x)

    return g


STEPS = {
    **{f"to 1e-{k}": lambda x, k=k: np.round(x * 10**k) / 10**k for k in (1, 3, 6, 8)},
    "round to 3 decimals": lambda x: np.round(x, 3),
    "floor": lambda x: np.floor(x * 1000),
    "to 1/1024": lambda x: np.round(x * 1024) / 1024,
    "8 bits": lambda x: np.clip(np.round(x / 0.03), -128, 127) * 0.03,
    "of a sine": lambda x: np.round(np.sin(x), 3),
    "sum": lambda x: np.round(x, 3).sum(),
    "sign": np.sign,
    "bins": lambda x: np.searchsorted(np.linspace(-3, 3, 2000), x),
    "the largest": lambda x: np.eye(4)[x.argmax(axis=-1)],
}
SLOPES = {"floor": 1000.0}  # across the steps, where it is not 1


@pytest.mark.parametrize("way", [lambda f: f, real_only], ids=["as it is", "real numbers only"])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_function_has_derivative_0(name, way):
    f = way(STEPS[name])
    right = sg.check_vjp(f, lambda x, y, g: np.zeros(x.shape), X)
    assert right.ok is True, right.text()
    assert not any("not judged" in fact or "float32" in fact for fact in right.facts)
    report = sg.check_vjp(f, lambda x, y, g: SLOPES.get(name, 1.0) * g * np.ones(x.shape), X)
    assert report.ok is False
    assert report.where.wanted == 0
    assert not report.mistakes


@pytest.mark.parametrize("name", [name for name in STEPS if name.startswith("to ") or name in ("floor", "8 bits")])
def test_a_straight_through_estimator_is_called_one(name):
    report = sg.check_vjp(real_only(STEPS[name]), lambda x, y, g: SLOPES.get(name, 1.0) * g, X)
    said = " ".join(report.text().split())
    for fact in (
        "forward is constant near the inputs and changes further away: its derivative is 0 there",
        "the gradient of x is the slope across the steps, that of a straight-through estimator",
    ):
        assert fact in said
        assert fact in report.to_dict()["facts"]
        assert fact in report._repr_html_()
    other = sg.check_vjp(real_only(STEPS[name]), lambda x, y, g: -3 * g, X)
    assert other.ok is False
    assert not any("straight" in fact for fact in other.facts)


SMOOTH = {  # name: (f, its vjp): constant near x too, as far as float64 tells, or rounded inside
    "float32 inside": (lambda x: np.tanh(x.astype(np.float32)).astype(float), lambda x, y, g: g * (1 - y * y)),
    "large terms": (lambda x: (1e9 + x) - 1e9, lambda x, y, g: g),
    "saturated": (lambda x: np.tanh(30 * x), lambda x, y, g: 30 * g / np.cosh(30 * x) ** 2),
    "beside a large number": (lambda x: 1e4 + 1e-3 * x, lambda x, y, g: 1e-3 * g),
    "half of the numbers": (lambda x: np.maximum(x, 0), lambda x, y, g: g * (x > 0)),
    "steps and a slope": (lambda x: x + np.round(x, 2), lambda x, y, g: g),
    "a flat minimum": (lambda x: 1 + (x - x.round(1)) ** 2 * 0 + (x - X) ** 2, lambda x, y, g: 2 * g * (x - X)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_slope_of_others_stays(name):
    f, vjp = SMOOTH[name]
    report = sg.check_vjp(real_only(f), vjp, X)
    assert report.ok is True, report.text()
    assert not any("constant near" in fact for fact in report.facts)
    assert sg.check_vjp(real_only(f), lambda x, y, g: -vjp(x, y, g) - g, X).ok is False


def test_where_rounding_has_steps_0_is_not_called_wrong():
    """(1e9 + x) - 1e9 is constant near x, and moves by 2^-23."""
    report = sg.check_vjp(real_only(lambda x: (1e9 + x) - 1e9), lambda x, y, g: 0 * g, X)
    assert report.ok is not True


def test_smooth_functions_cost_no_further_calls():
    calls = []
    f = lambda x: calls.append(1) or np.sin(x)  # noqa: E731
    at = point(f, X)
    calls.clear()
    assert not find_plateaus(f, X, at).any
    assert not calls
