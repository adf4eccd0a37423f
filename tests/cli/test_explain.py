"""`softgrad explain` and `softgrad explore`: their arguments, their output, and their errors."""

import sys

import numpy as np
import pytest

import softgrad as sg
from softgrad.cli import explore

THREE_LOGITS = ("explain", "2", "1", "0.1", "--target", "0")


def test_prints_the_text(softgrad):
    run = softgrad(*THREE_LOGITS)
    assert (run.code, run.err) == (0, "")
    assert run.out == str(sg.explain([2, 1, 0.1], 0))


CALLS = {  # name: (command line, arguments of sg.explain, its options)
    "negative logit": ("2 -1 .1 --target 2", ([2, -1, 0.1], 2), {}),
    "another loss": ("2 1 --target 0 --loss squared-error", ([2, 1], 0), {"loss": "squared_error"}),
    "distribution": ("2 1 --target 0.7,0.3 --loss kl-divergence", ([2, 1], [0.7, 0.3]), {"loss": "kl_divergence"}),
    "several rows": ("2,-1 -3,1 --target 0 --target 1", ([[2, -1], [-3, 1]], [0, 1]), {}),
    "one row with commas": ("2,1,0 --target 0", ([[2, 1, 0]], [0]), {}),
    "rows with distributions": ("2,1 3,1 --target 0.5,0.5 --target 1,0", ([[2, 1], [3, 1]], [[0.5, 0.5], [1, 0]]), {}),
    "columns": ("2,1,0 3,1,0 --target 0 --target 1 --layout columns", (np.array([[2, 1, 0], [3, 1, 0]]).T, [0, 1]),
                {"layout": "columns"}),
    "fewer rows and classes": ("2,1 3,1 --target 0 --target 1 --rows 1 --classes 1", ([[2, 1], [3, 1]], [0, 1]),
                               {"rows": 1, "classes": 1}),
    "options of the loss": ("2 1 --target 0 --temperature 2 --label-smoothing 0.1 --weight 1,3", ([2, 1], 0),
                            {"temperature": 2, "label_smoothing": 0.1, "weight": [1, 3]}),
    "a gradient": ("2 1 --target 0 --mine=0.731,0.269", ([2, 1], 0), {"mine": [0.731, 0.269]}),
    "a gradient of rows": ("2,1 0,1 --target 0 --target 1 --mine=-.1,.1 --mine=.1,-.1", ([[2, 1], [0, 1]], [0, 1]),
                           {"mine": [[-0.1, 0.1], [0.1, -0.1]]}),
    "a gradient of columns": ("2,1,0 0,1,0 --target 0 --target 1 --layout columns --mine=-1,1,0 --mine=1,-1,0",
                              (np.array([[2, 1, 0], [0, 1, 0]]).T, [0, 1]),
                              {"layout": "columns", "mine": np.array([[-1, 1, 0], [1, -1, 0]]).T}),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_the_arguments_are_passed_to_explain(softgrad, case):
    line, arguments, options = CALLS[case]
    run = softgrad("explain", *line.split())
    assert (run.code, run.err) == (0, "")
    assert run.out == str(sg.explain(*arguments, **options))


def test_writes_each_output_format(softgrad, tmp_path):
    run = softgrad(*THREE_LOGITS, "--html", "a.html", "--latex", "a.tex", "--markdown", "deep/a.md")
    assert tuple(run) == (0, "", "")
    explanation = sg.explain([2, 1, 0.1], 0)
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == explanation.to_html()
    assert (tmp_path / "a.tex").read_text(encoding="utf-8") == explanation.to_latex()
    assert (tmp_path / "deep" / "a.md").read_text(encoding="utf-8") == explanation.to_markdown()


INVALID = {  # name: (command line, message)
    "no target": ("2 1", "explain: --target is missing; wanted a class index, or one probability per class"),
    "word": ("2 x --target 0", "LOGITS has 'x', wanted finite numbers such as"),
    "unknown option": ("2 1 --foo --target 0", "no such option --foo; --help lists the options\n"),
    "misspelt option": ("2 1 --lyout columns --target 0", "no such option --lyout; did you mean --layout?"),
    "misspelt target": ("2 1 --taget 0", "explain: no such option --taget; did you mean --target?"),
    "digits with a gap": ("1_000 1 --target 0", "LOGITS has '1_000', wanted finite numbers"),
    "digits of another script": ("2 \u0663 --target \u0660", "LOGITS has '\u0663', wanted finite numbers"),
    "class of another script": ("2 1 --target \u0660", "--target is '\u0660', wanted a class index"),
    "many classes in full": (
        " ".join("1" * 5000) + " --target 0 --classes 5000",
        "classes is 5,000 of 5,000, wanted at most 50",
    ),
    "many rows in full": ("1,2 " * 60 + "--target 0 " * 60 + "--rows 51", "rows is 51 of 60, wanted at most 50"),
    "unknown class": ("2 1 --target 2", r"target is 2, but logits have 2 classes"),
    "target is a word": ("2 1 --target first", "--target is 'first', wanted a class index such as 0"),
    "target is a fraction": ("2 1 --target 0.5", "--target is '0.5', wanted a class index such as 0"),
    "target does not sum to 1": ("2 1 --target 0.5,0.4", "target sums to 0.9"),
    "a space behind each comma": (
        "2, 1, 0.1 --target 0",
        "LOGITS has '2,', where a number next to a comma is missing; write 2 1 0.1 or 2,1,0.1",
    ),
    "ragged rows": ("2,1 1 --target 0 --target 0", "the rows of LOGITS have the lengths 2, 1, wanted rows of equal"),
    "too few targets": ("2,1 1,2 --target 0", "the number of targets is 1, but the number of rows is 2; give --target"),
    "too many targets": ("2 1 --target 0 --target 1", "the number of targets is 2, but the number of rows is 1; give"),
    "a gradient with spaces": (
        "2 1 --target 0 --mine -0.3 0.3",
        "--mine has 1 x 1 numbers, wanted 1 x 3, as logits; join the",
    ),
    "nan": ("2 nan --target 0", "LOGITS has 'nan', wanted finite numbers"),
    "unknown loss": ("2 1 --target 0 --loss hinge", "hinge"),
    "folder that cannot be created": ("2 1 --target 0 --html /dev/null/a.html", "cannot be written"),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_input_is_rejected_in_one_line(softgrad, case):
    line, message = INVALID[case]
    run = softgrad("explain", *line.split())
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("softgrad: ") and run.err.count("\n") == 1
    assert message in run.err


def test_explore_without_marimo_says_how_to_install_it(softgrad, monkeypatch):
    monkeypatch.setitem(sys.modules, "marimo", None)
    monkeypatch.setattr(explore, "find_spec", lambda name: None)
    run = softgrad("explore")
    assert (run.code, run.out) == (2, "")
    assert run.err == "softgrad: explore: marimo is not installed; python -m pip install 'softgrad[explore]'\n"


def test_explore_starts_the_server(softgrad, monkeypatch):
    commands = []

    monkeypatch.setattr(explore, "find_spec", lambda name: True)
    monkeypatch.setattr(explore.os, "execv", lambda program, command: commands.append(command))
    assert softgrad("explore", "--port", "2718", "--headless").code == 0
    (command,) = commands
    assert command[:3] == [sys.executable, "-m", "marimo"]
    assert command[-3:] == ["--port", "2718", "--headless"]
    assert any(argument.endswith("explore.py") for argument in command)
