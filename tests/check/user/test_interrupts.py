"""A step that puts something back is done to its end, also when it is interrupted."""

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.trace import replacements
from softgrad.check.user.interrupts import surely

ORIGINALS = {name: getattr(np, name) for name in ("zeros", "exp", "array", "matmul")}


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_step_is_taken_again(times):
    done, left = [], [KeyboardInterrupt] * times

    def step():
        if left:
            raise left.pop()
        done.append(True)

    if times:
        with pytest.raises(KeyboardInterrupt):
            surely(step)
    else:
        surely(step)
    assert done == [True]


def test_a_step_that_always_fails_raises():
    def step():
        raise ValueError("again")

    with pytest.raises(ValueError, match="again"):
        surely(step)


@pytest.mark.parametrize("at", [0, 1, 40])
def test_numpy_is_itself_after_an_interruption_while_it_is_replaced(monkeypatch, at):
    everything = list(replacements._all())

    def interrupted():
        yield from everything[:at]
        raise KeyboardInterrupt

    monkeypatch.setattr(replacements, "_all", interrupted)
    with pytest.raises(KeyboardInterrupt), replacements.replaced():
        pass
    monkeypatch.undo()
    assert {name: getattr(np, name) for name in ORIGINALS} == ORIGINALS
    report = sg.check_vjp(lambda x: np.tanh(x) * x, lambda x, y, g: g * np.tanh(x), np.arange(1.0, 4.0))
    assert report.mistakes
    assert {name: getattr(np, name) for name in ORIGINALS} == ORIGINALS
