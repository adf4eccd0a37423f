"""What is not finite is never right. Where forward has no derivative either, it is left out and the rest is judged."""

import numpy as np
import pytest

import softgrad as sg

X = np.array([0.3, -1.2, 2.0])
MIDDLE = np.array([False, True, False])
LOG = (np.log, lambda x, y, g: g / x, np.array([0.0, 1.0, 2.0]))
LEFT_OUT = {  # name: (forward, its vjp, x, whether entries of the gradient are left out)
    "log at 0": (*LOG, True),
    "a root of a negative number": (np.sqrt, lambda x, y, g: g / (2 * y), np.array([-1.0, 1.0, 4.0]), True),
    "masked by -inf": (lambda x: np.where(MIDDLE, -np.inf, x), lambda x, y, g: np.where(MIDDLE, 0, g), X, False),
    "NaN for NaN": (
        lambda x: np.where(MIDDLE, np.nan, x), lambda x, y, g: np.where(MIDDLE, np.nan, g), X, True
    ),
    "a finite gradient for NaN": (lambda x: np.where(MIDDLE, np.nan, x), lambda x, y, g: g, X, False),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT_OUT)
def test_the_finite_entries_are_judged(case):
    forward, vjp, x, left_out = LEFT_OUT[case]
    report = sg.check_vjp(forward, vjp, x)
    assert report.ok is True, report.text()
    said = "forward is not finite in 1 of its 3 outputs: they were left out, with a grad_output of 0"
    entry = "1 entry of the gradient of x is not finite, and neither is a numerical derivative: left out"
    for text in (report.facts, report.to_dict()["facts"]):
        assert said in text
        assert (entry in text) is left_out
    assert said in report._repr_html_()
    assert said in " ".join(report.text().split())
    for by in (-1.0, 2.0, 1.001):
        wrong = sg.check_vjp(forward, lambda *inputs, by=by: by * vjp(*inputs), x)
        assert wrong.ok is False
        assert np.isfinite(wrong.where.got)
        assert np.isfinite(wrong.where.wanted)
        assert not any("all ones" in fact for fact in wrong.facts)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_alone_is_wrong(value):
    report = sg.check_vjp(np.sin, lambda x, y, g: np.where(MIDDLE, value, g * np.cos(x)), X)
    assert report.ok is False
    assert report.mistake.name == "not-finite"
    assert np.isfinite(report.where.wanted)


def test_where_every_entry_is_left_out_nothing_is_right():
    """A product with NaN in it, which spreads to every entry of the gradient."""
    a = np.array([[np.nan, np.nan], [2.0, 3.0]])
    report = sg.check_vjp(lambda x: a @ x, lambda x, y, g: a.T @ g, np.array([1.0, 2.0]))
    assert report.ok is None
    assert "2 entries of the gradient of x are not finite" in " ".join(report.facts)


def test_the_border_of_a_domain_has_a_slope_to_one_side():
    power = lambda x: x * np.sqrt(x)  # noqa: E731
    x = np.array([0.0, 1.0])
    assert sg.check_vjp(power, lambda x, y, g: 1.5 * g * np.sqrt(x), x).ok is True
    with np.errstate(all="ignore"):
        report = sg.check_vjp(power, lambda x, y, g: 1.5 * g * x / np.sqrt(x), x)
    assert report.ok is False
    assert report.where.index == (0,)
    assert abs(report.where.wanted) < 1e-6


def test_a_slope_of_the_other_sign_is_told():
    report = sg.check_vjp(np.sqrt, lambda x, y, g: np.abs(g) / (2 * y) * -np.sign(g), np.array([0.0, 4.0]))
    assert report.ok is False
    assert np.isinf(report.where.got)
    assert report.where.wanted == -report.where.got


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_an_empty_input_is_not_right(shape):
    x = np.zeros(shape)
    for vjp in (lambda x, y, g: g * np.cos(x), lambda x, y, g: 7 * g):
        report = sg.check_vjp(np.sin, vjp, x)
        assert report.ok is None
        assert report.facts == (f"cannot be checked: there are no entries in x {shape}; give arrays with some",)
    assert sg.check_grad(lambda x: np.sin(x).sum(), np.cos, x).ok is None
    assert sg.check_vjp(np.sin, lambda x, y, g: np.ones(4), x).mistake.name == "wrong-shape"
    assert sg.check_vjp(np.sin, lambda x, y, g: g.astype(np.float32), x).mistake.name == "float32-result"


def test_an_empty_input_beside_another():
    add = lambda x, w: 2 * w + x.sum()  # noqa: E731
    report = sg.check_vjp(add, lambda x, w, y, g: (g.sum() + x, 2 * g), np.zeros((0, 3)), np.ones(3))
    assert report.ok is True
    assert "only the shape and the type were checked, as there are no entries: x (0, 3)" in report.facts
    assert sg.check_vjp(add, lambda x, w, y, g: (g.sum() + x, g), np.zeros((0, 3)), np.ones(3)).ok is False


def test_an_empty_output_has_a_derivative_of_0():
    assert sg.check_vjp(lambda x: x[:0], lambda x, y, g: 0 * x, X).ok is True
    assert sg.check_vjp(lambda x: x[:0], lambda x, y, g: 5 * x, X).ok is False
