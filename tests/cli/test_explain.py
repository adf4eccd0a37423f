"""`softgrad explain` and `softgrad explore`: what they hand on and write, and what is wrong in what is given."""

import sys

import numpy as np
import pytest

import softgrad as sg
from softgrad.cli import explore

ISSUE = ("explain", "2", "1", "0.1", "--target", "0")


def test_prints_the_text(softgrad):
    run = softgrad(*ISSUE)
    assert (run.code, run.err) == (0, "")
    assert run.out == str(sg.explain([2, 1, 0.1], 0))


CALLS = {
    "a negative logit": ("2 -1 .1 --target 2", ([2, -1, 0.1], 2), {}),
    "a loss": ("2 1 --target 0 --loss squared-error", ([2, 1], 0), {"loss": "squared_error"}),
    "a distribution": ("2 1 --target 0.7,0.3 --loss kl-divergence", ([2, 1], [0.7, 0.3]), {"loss": "kl_divergence"}),
    "rows": ("2,-1 -3,1 --target 0 --target 1", ([[2, -1], [-3, 1]], [0, 1]), {}),
    "one row with commas": ("2,1,0 --target 0", ([[2, 1, 0]], [0]), {}),
    "soft rows": ("2,1 3,1 --target 0.5,0.5 --target 1,0", ([[2, 1], [3, 1]], [[0.5, 0.5], [1, 0]]), {}),
    "columns": ("2,1,0 3,1,0 --target 0 --target 1 --layout columns", (np.array([[2, 1, 0], [3, 1, 0]]).T, [0, 1]),
                {"layout": "columns"}),
    "fewer rows and classes": ("2,1 3,1 --target 0 --target 1 --rows 1 --classes 1", ([[2, 1], [3, 1]], [0, 1]),
                               {"rows": 1, "classes": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_hands_on_what_is_given(softgrad, case):
    line, arguments, options = CALLS[case]
    run = softgrad("explain", *line.split())
    assert (run.code, run.err) == (0, "")
    assert run.out == str(sg.explain(*arguments, **options))


def test_writes_each_form(softgrad, tmp_path):
    run = softgrad(*ISSUE, "--html", "a.html", "--latex", "a.tex", "--markdown", "deep/a.md")
    assert tuple(run) == (0, "", "")
    explanation = sg.explain([2, 1, 0.1], 0)
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == explanation.to_html()
    assert (tmp_path / "a.tex").read_text(encoding="utf-8") == explanation.to_latex()
    assert (tmp_path / "deep" / "a.md").read_text(encoding="utf-8") == explanation.to_markdown()


WRONG = {
    "no target": ("2 1", "Missing option '--target'"),
    "a word": ("2 x --target 0", "LOGITS has 'x', wanted numbers"),
    "an option that is not there": ("2 1 --foo --target 0", "LOGITS has '--foo'"),
    "a class that is not there": ("2 1 --target 2", r"target is 2, but logits have 2 classes"),
    "a target that is no class": ("2 1 --target first", "--target is 'first', wanted a class number"),
    "half a class": ("2 1 --target 0.5", "--target is '0.5', wanted a class number"),
    "no distribution": ("2 1 --target 0.5,0.4", "target sums to 0.9"),
    "a space behind each comma": (
        "2, 1, 0.1 --target 0",
        "LOGITS has '2,', with no number beside the comma; write 2 1 0.1, or 2,1,0.1",
    ),
    "rows of other lengths": ("2,1 1 --target 0 --target 0", "LOGITS differ in length, 2, 1"),
    "too few targets": ("2,1 1,2 --target 0", "--target is given 1 times for 2 rows"),
    "too many targets": ("2 1 --target 0 --target 1", "--target is given 2 times for 1 rows"),
    "nan": ("2 nan --target 0", "logits[1] is nan"),
    "an unknown loss": ("2 1 --target 0 --loss hinge", "hinge"),
    "a folder that cannot be made": ("2 1 --target 0 --html /dev/null/a.html", "cannot be written"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(softgrad, case):
    line, message = WRONG[case]
    run = softgrad("explain", *line.split())
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("softgrad: ") and run.err.count("\n") == 1
    assert message in run.err


def test_explore_without_marimo_says_how_to_get_it(softgrad, monkeypatch):
    monkeypatch.setitem(sys.modules, "marimo", None)
    monkeypatch.setattr(explore, "find_spec", lambda name: None)
    run = softgrad("explore")
    assert (run.code, run.out) == (2, "")
    assert run.err == "softgrad: explore: marimo is not installed; python -m pip install 'softgrad[explore]'\n"


def test_explore_runs_the_page(softgrad, monkeypatch):
    asked = []

    monkeypatch.setattr(explore, "find_spec", lambda name: True)
    monkeypatch.setattr(explore.os, "execv", lambda program, command: asked.append(command))
    assert softgrad("explore", "--port", "2718", "--headless").code == 0
    (command,) = asked
    assert command[:3] == [sys.executable, "-m", "marimo"]
    assert command[-3:] == ["--port", "2718", "--headless"]
    assert any(part.endswith("explore.py") for part in command)
