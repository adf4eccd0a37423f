"""The line that shows progress: on a terminal, while calls are slow; Ctrl-C ends a check at once."""

import io
import sys
import time

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.user import progress

X = np.array([0.3, -1.2, 2.0])


def slow(x):
    time.sleep(0.002)
    return np.sin(x)


def slow_backward(x, y, g):
    return g * np.cos(x)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    monkeypatch.setattr(progress, "SLOW", 0.001)


def shown(monkeypatch, stream, **options):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        report = sg.check_vjp(slow, slow_backward, X, **options)
    assert report.ok is True
    return stream.getvalue()


def test_with_rich(impatient, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = shown(monkeypatch, Terminal(), max_calls=300)
    assert "check_vjp: 0.0" in text
    assert "s a call, at most" in text
    assert "/300" in text


def test_without_rich(impatient, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    text = shown(monkeypatch, Terminal(), max_calls=300)
    assert text.count("\n") == 1
    assert text.startswith("check_vjp: a call takes 0.0")
    assert text.endswith(" seconds\n")


def test_nothing_where_nobody_looks(impatient, monkeypatch):
    assert shown(monkeypatch, io.StringIO()) == ""


def test_nothing_while_calls_are_quick(monkeypatch):
    assert shown(monkeypatch, Terminal()) == ""


def test_a_first_call_that_takes_long(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    seen, stream = [], Terminal()

    def forward(x):
        deadline = time.monotonic() + 60
        while not (seen or "first call" in stream.getvalue()) and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.append(1)
        return np.sin(x)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        assert sg.check_vjp(forward, slow_backward, X).ok is True
    assert stream.getvalue().startswith("check_vjp: the first call has not returned yet; Ctrl-C ends the check\n")


def test_the_report_is_the_same(impatient, monkeypatch):
    with_line = Terminal()
    monkeypatch.setattr(sys, "stderr", with_line)
    first = sg.check_vjp(slow, slow_backward, X)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert with_line.getvalue()
    assert sg.check_vjp(slow, slow_backward, X).to_dict() == first.to_dict()


@pytest.mark.parametrize("at", [1, 5, 20, 50])
def test_ctrl_c_ends_a_check_at_once(impatient, monkeypatch, at):
    """Wherever it comes; the progress bar is gone, and the generators are as they were."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    calls, before = io.StringIO(), np.random.get_state()[1].copy()  # noqa: NPY002

    def interrupted(x):
        calls.write(".")
        if len(calls.getvalue()) == at:
            raise KeyboardInterrupt
        return slow(x)

    with pytest.raises(KeyboardInterrupt):
        sg.check_vjp(interrupted, slow_backward, X)
    assert len(calls.getvalue()) == at
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 seconds"), (42, "42 seconds"), (119, "119 seconds"), (2500, "42 minutes"), (9000, "2 hours")],
)
def test_how_long_it_takes(seconds, said):
    assert progress._duration(seconds) == said
