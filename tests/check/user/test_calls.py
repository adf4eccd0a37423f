"""A check makes at most `max_calls` calls, says so when they run out, and what was judged by then stands."""

import io

import numpy as np
import pytest

import softgrad as sg
from check.corpus import MISTAKES
from check.several_checks import (
    CHECKS,
    network,
    network_grad,
    parameters,
    softmax,
    softmax_backward,
    waves,
    waves_backward,
)

LIMITS = [100, 101, 130, 200, 400, 1000]
Z = np.random.default_rng(0).normal(size=(4, 3))


class Counted:
    """A function that counts its calls, in a file: a check puts back whatever its functions hold."""

    def __init__(self, f):
        self.f, self.log = f, io.StringIO()

    def __call__(self, *inputs):
        self.log.write(".")
        return self.f(*inputs)

    @property
    def calls(self):
        return len(self.log.getvalue())


def stopped(report):
    return any(fact.startswith("stopped at max_calls") for fact in report.facts)


def network_inputs():
    rng = np.random.default_rng(0)
    return parameters(4, 5, 3), rng.normal(size=(6, 4)), rng.integers(0, 3, 6)


RNG = np.random.default_rng(3)
FUNCTIONS = {
    "softmax": (sg.check_vjp, softmax, softmax_backward, (Z,)),
    "network": (sg.check_grad, network, network_grad, network_inputs()),
    "unknown": (sg.check_vjp, waves, waves_backward, (RNG.normal(size=(6, 4)), RNG.normal(size=(4, 3)))),
    "real numbers only": (sg.check_vjp, lambda x: np.abs(x) ** 3, lambda x, y, g: 3 * g * x * np.abs(x), (Z,)),
    "many entries": (sg.check_vjp, np.sin, lambda x, y, g: g * np.cos(x), (RNG.normal(size=3000),)),
    "hard": (sg.check_vjp, lambda x: np.maximum(x, 0), lambda x, y, g: g * (x > 0), (np.zeros((5, 4)),)),
}


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_more_calls_than_that(name, limit):
    check, f, df, inputs = FUNCTIONS[name]
    f, df = Counted(f), Counted(df)
    report = check(f, df, *inputs, max_calls=limit)
    assert report.calls == f.calls + df.calls == report.to_dict()["calls"] <= limit
    assert stopped(report) == (report.calls == limit)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_calls_are_shown(name):
    check, f, df, inputs = FUNCTIONS[name]
    report = check(f, df, *inputs)
    assert not stopped(report)
    assert report.text().replace("\n", " ").endswith(f"; {report.calls:,} calls")
    assert f"{report.calls:,} calls" in report._repr_html_()


@pytest.mark.thorough
@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_verdict_is_that_of_all_calls_or_there_is_none(name, limit):
    check, f, df, inputs = FUNCTIONS[name]
    whole, part = check(f, df, *inputs), check(f, df, *inputs, max_calls=limit)
    assert part.ok in (whole.ok, None)
    if part.ok is None:
        assert any("judged" in fact for fact in part.facts)


@pytest.mark.parametrize("limit", [100, 150])
@pytest.mark.parametrize("case", MISTAKES[::9], ids=lambda case: case.name)
def test_a_wrong_gradient_is_never_right(case, limit):
    """Wrong at the inputs given, or not judged."""
    check = sg.check_vjp if case.kind == "vjp" else sg.check_grad
    f, df, inputs = case.make(np.random.default_rng(0))
    report = check(f, df, *inputs, **case.options, max_calls=limit)
    assert report.ok in (False, None)


def test_what_was_judged_stands():
    report = CHECKS["stopped"]()
    assert report.ok is False
    assert report.where.name == "W1"
    assert report.facts == ("stopped at max_calls = 100: not judged: W2, b2",)


def test_nothing_was_judged():
    P = {f"W{i}": np.random.default_rng(i).normal(size=(3, 3)) for i in range(30)}
    report = sg.check_grad(
        lambda P: sum(np.abs(W).sum() for W in P.values()),
        lambda P: {k: np.sign(W) for k, W in P.items()},
        P,
        max_calls=100,
    )
    assert report.ok is None
    assert report.text().startswith("check_grad: cannot be checked")


@pytest.mark.parametrize("limit", [0, -1, 99, 1e4, "many", None])
def test_a_limit_that_is_none(limit):
    with pytest.raises(sg.OptionError, match=r"check_vjp: max_calls is .*, wanted an integer of at least 100"):
        sg.check_vjp(softmax, softmax_backward, Z, max_calls=limit)


def test_a_plot_calls_the_functions_again():
    """After the check the limit is lifted, and the report keeps its count."""
    f = Counted(softmax)
    report = sg.check_vjp(f, softmax_backward, Z, max_calls=100)
    calls = f.calls
    assert report.curves()["input 0"][0].size
    assert f.calls > calls
    assert report.calls <= 100
