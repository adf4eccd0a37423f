"""assert_vjp, assert_grad and assert_layer: what passes, what fails, and what a failing test shows."""

import sys

import numpy as np
import pytest

import softgrad as sg
from check.report_examples import ALL, RIGHT

ASSERTIONS = {
    "check_vjp": sg.testing.assert_vjp,
    "check_grad": sg.testing.assert_grad,
    "check_layer": sg.testing.assert_layer,
}


@pytest.fixture
def answers(monkeypatch):
    """Has the checker answer with a given report, and keeps what it was asked."""

    def answer(report):
        asked = []

        def checker(*arguments, **options):
            asked.append((arguments, options))
            return report

        for name in ASSERTIONS:
            monkeypatch.setattr(sg.check, name, checker, raising=False)
        return asked

    return answer


@pytest.mark.parametrize("name", ASSERTIONS)
def test_a_right_gradient_passes_and_gives_the_report(name, answers):
    asked = answers(RIGHT)
    z = np.zeros((2, 3))
    assert ASSERTIONS[name](np.sin, np.cos, z, 1, seed=3, rtol=1e-5) is RIGHT
    assert asked == [((np.sin, np.cos, z, 1), {"seed": 3, "rtol": 1e-5})]


@pytest.mark.parametrize("name", ASSERTIONS)
@pytest.mark.parametrize("report", [name for name in ALL if name != "right"])
def test_anything_else_fails_with_the_report(name, report, answers):
    answers(ALL[report])
    with pytest.raises(AssertionError) as failure:
        ASSERTIONS[name](np.sin, np.cos, 1.0)
    assert str(failure.value) == ALL[report].text()


@pytest.mark.parametrize("name", ASSERTIONS)
def test_the_text_is_never_coloured(name, answers, monkeypatch):
    answers(ALL["wrong"])
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(AssertionError) as failure:
        ASSERTIONS[name](np.sin, np.cos, 1.0)
    assert "\033" not in str(failure.value)


@pytest.mark.parametrize("name", ASSERTIONS)
def test_a_failing_test_points_at_its_own_line(name, answers):
    """pytest shows no frame of softgrad's."""
    answers(ALL["wrong"])
    with pytest.raises(AssertionError) as failure:
        ASSERTIONS[name](np.sin, np.cos, 1.0)
    shown = [str(entry.path) for entry in failure.traceback.filter(failure)]
    assert shown == [__file__]
