"""`softgrad check` from the file to the exit code, with the real checker."""

import json

import pytest

from softgrad.check.catalogue import ENTRIES

HEAD = """
import numpy as np

def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""
PAIR = """
forward = softmax

def vjp(z, p, dp):
    return {line}
"""
LOSS = """
def loss(z, y):
    return -np.log(softmax(z)[np.arange(len(y)), y]).mean()

def grad(z, y):
    return {line}
"""
INPUTS = """
def inputs(rng):
    return rng.normal(size=(4, 3)), rng.integers(0, 3, 4)
"""
SHAPE = ("--shape", "4x3")
CASES = {  # name: (the file, further arguments, exit code, name of the mistake)
    "right vjp": (PAIR.format(line="p * (dp - (p * dp).sum(axis=-1, keepdims=True))"), SHAPE, 0, None),
    "wrong vjp": (PAIR.format(line="p * (1 - p) * dp"), SHAPE, 1, "diagonal-only"),
    "right grad": (LOSS.format(line="(softmax(z) - np.eye(3)[y]) / len(y)") + INPUTS, (), 0, None),
    "wrong grad": (LOSS.format(line="softmax(z) - np.eye(3)[y]") + INPUTS, (), 1, "mean-missing"),
    "class indices": (
        LOSS.format(line="(np.eye(3)[y] - softmax(z)) / len(y)"), (*SHAPE, "--target", "classes"), 1, "sign"
    ),
}  # fmt: skip
NOT_REPEATABLE = "forward = lambda z: z + np.random.default_rng().normal(size=z.shape)\nvjp = lambda z, y, g: g"


@pytest.fixture
def check(softgrad, tmp_path):
    def run(source, *arguments):
        (tmp_path / "mine.py").write_text(HEAD + source)
        return softgrad("check", "mine.py", *arguments)

    return run


@pytest.mark.parametrize("case", CASES)
def test_the_text_and_the_exit_code_fit_the_verdict(case, check):
    source, arguments, code, name = CASES[case]
    result = check(source, *arguments)
    assert (result.code, result.err) == (code, "")
    if name is None:
        assert "right" in result.out.splitlines()[0]
    else:
        assert ENTRIES[name].title.format(m="the number of samples") in result.out
        assert "got" in result.out


@pytest.mark.parametrize("case", CASES)
def test_the_json_fits_the_verdict(case, check):
    source, arguments, code, name = CASES[case]
    result = check(source, *arguments, "--json")
    report = json.loads(result.out)
    assert (result.code, result.err) == (code, "")
    assert report["ok"] is (code == 0)
    assert [mistake["name"] for mistake in report["mistakes"]][:1] == ([] if name is None else [name])
    assert all(mistake["fix"].startswith("dz = ") or mistake["name"] == "sign" for mistake in report["mistakes"])


def test_a_function_that_cannot_be_checked_gives_exit_code_2_and_the_reason(check):
    result = check(NOT_REPEATABLE, *SHAPE)
    assert result.code == 2
    assert "not repeatable" in result.out


def test_an_error_in_a_function_is_reported_in_one_line(check):
    result = check(PAIR.format(line="z @ z"), *SHAPE)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("softgrad: check")
    assert result.err.count("\n") == 1


RIGHT_PAIR = "def f(x):\n    return x ** 2\ndef df(x):\n    return 2 * x\n"
WRONG_PAIR = "def g(x):\n    return x ** 3\ndef dg(x):\n    return x ** 2\n"
UNCHECKED_PAIR = (
    "def h(x):\n    return x + np.random.default_rng().normal(size=x.shape)\ndef dh(x):\n    return x * 0 + 1\n"
)
SEVERAL = {  # name: (the file, exit code, what each gradient is)
    "all right": (RIGHT_PAIR + RIGHT_PAIR.replace("f(", "k("), 0, [True, True]),
    "one wrong": (RIGHT_PAIR + WRONG_PAIR, 1, [True, False]),
    "one wrong and one that cannot be checked": (WRONG_PAIR + UNCHECKED_PAIR, 1, [False, None]),
    "one right and one that cannot be checked": (RIGHT_PAIR + UNCHECKED_PAIR, 2, [True, None]),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_several_gradients_are_checked_and_the_worst_gives_the_exit_code(case, check):
    source, code, oks = SEVERAL[case]
    result = check(source, "--json")
    reports = json.loads(result.out)
    assert (result.code, [report["ok"] for report in reports]) == (code, oks)
    text = check(source).out
    assert [line for line in text.splitlines() if line.endswith(":") and " and " in line] == [
        f"{report['functions']}:" for report in reports
    ]


ALONE = {  # the option: what is checked
    "--forward=g": "g and dg",
    "--loss=both": "both",
    "--forward=Layer": "Layer.forward and Layer.backward",
}


@pytest.mark.parametrize("option", ALONE)
def test_one_of_several_is_chosen_by_its_name(option, check):
    both = "def both(x):\n    return (x ** 2).sum(), 3 * x\n"
    layer = (
        "class Layer:\n    def forward(self, x):\n        return 2 * x\n    def backward(self, g):\n        return g\n"
    )
    result = check(RIGHT_PAIR + WRONG_PAIR + both + layer, option)
    assert result.out.startswith(f"{ALONE[option]}:\n")
    assert (result.code, result.out.count("check_")) == (1, 1)


def test_a_gradient_that_cannot_be_checked_is_told_beside_the_others(check):
    result = check(RIGHT_PAIR + "def tanh_grad(x):\n    return x\n")
    assert result.code == 2
    assert result.err == (
        "softgrad: tanh_grad was not checked: there is no function that it is the gradient of\n"
        "softgrad: not checked: 1 of 2 gradients\n"
    )


def test_inputs_that_show_a_mistake_are_not_hidden_by_others(check):
    """The gradient is right for one output; the text says for which inputs it is wrong."""
    source = (
        "def loss(W, X, y):\n    return ((X @ W - y) ** 2).mean()\n"
        "def loss_grad(W, X, y):\n    return 2 * X.T @ (X @ W - y) / len(y)\n"
    )
    result = check(source)
    assert "wrong with other inputs, W drawn as 7x3" in result.out
    assert result.code == 0


def test_a_file_that_takes_long_can_be_stopped_and_is_then_checked(check, monkeypatch):
    source = RIGHT_PAIR + "import time\ntime.sleep(0.05)\nraise KeyboardInterrupt\n" + WRONG_PAIR
    stopped = "softgrad: stopped at mine.py, line 13; what it has by then is checked\n"
    result = check(source)
    assert (result.code, result.err) == (1, stopped)
    assert "dg" in result.out  # the functions below are checked too
    monkeypatch.setattr("softgrad.cli.interrupt.SLOW", 0.0)
    slow = "softgrad: mine.py is still running; Ctrl-C checks what it has by then\n"
    assert check(source).err == slow + stopped


def test_a_file_that_is_stopped_before_it_has_anything_is_only_stopped(softgrad, tmp_path):
    (tmp_path / "mine.py").write_text("raise KeyboardInterrupt")
    run = softgrad("check", "mine.py")
    assert (run.code, run.err) == (130, "softgrad: stopped\n")


@pytest.mark.parametrize("line", ["data = open('data.csv').read()", "import no_such_module", "raise SystemExit"])
def test_what_stands_around_a_line_that_fails_is_checked(line, check):
    result = check(RIGHT_PAIR + line + "\n" + WRONG_PAIR + "class Below(data): pass")
    assert (result.code, "f and df:" in result.out, "dg" in result.out) == (1, True, True)
    assert "softgrad: left where it failed: mine.py, line 11: " in result.err


def test_a_file_that_fails_is_told_beside_what_cannot_be_checked(check):
    result = check("def f(x):\n    raise ValueError('five entries')\ndef df(x):\n    return x\nassert f is df")
    first, second = result.err.splitlines()
    assert first == "softgrad: left where it failed: mine.py, line 11: AssertionError"
    assert "no inputs were found for f(x): ValueError: five entries (mine.py, line 8, in f); give --shape" in second


def test_no_inputs_are_asked_for_where_the_code_is_wrong(check):
    result = check("def f(x):\n    return undefined(x)\ndef df(x):\n    return x")
    assert result.code == 2
    assert result.err == (
        "softgrad: check: mine.py: df cannot be checked: f raises NameError: name 'undefined' is not defined "
        "(mine.py, line 8, in f)\n"
    )


def test_a_file_that_is_not_utf8_is_read_as_latin1(softgrad, tmp_path):
    source = HEAD + "# r\xe9sum\xe9\n" + WRONG_PAIR
    (tmp_path / "mine.py").write_bytes(source.encode("latin-1"))
    run = softgrad("check", "mine.py")
    assert run.err == "softgrad: mine.py is not UTF-8, which Python wants; it is read as Latin-1\n"
    assert "`return x ** 3`" in run.out


@pytest.mark.parametrize("marked", [True, False])
def test_a_relative_import_is_from_the_package_of_the_file(marked, softgrad, tmp_path):
    folder = tmp_path / "home work" / f"of_softgrad_{marked}"
    folder.mkdir(parents=True)
    (folder / "helpers.py").write_text("def twice(x):\n    return 2 * x\n")
    if marked:
        (folder / "__init__.py").write_text("")
    (folder / "model.py").write_text("from .helpers import twice\n" + RIGHT_PAIR.replace("2 * x", "twice(x)"))
    run = softgrad("check", str(folder / "model.py"))
    assert (run.code, run.err) == (0, "")


def test_what_cannot_be_checked_stands_behind_the_reports_and_in_json(check):
    source = RIGHT_PAIR + "def loss(table, x):\n    return table['x'], x\n"
    assert check(source).err.startswith("softgrad: loss was not checked: no inputs were found for loss(table, x): ")
    listed = json.loads(check(source, "--json").out)
    assert [set(one) >= {"functions", "not_checked"} for one in listed] == [False, True]


def test_an_error_is_json_too(check):
    run = check("x = (", "--json")
    assert run.code == 2
    assert "this is not valid Python" in json.loads(run.out)["error"]


def test_plots_are_not_shown(check):
    matplotlib = pytest.importorskip("matplotlib")
    before = matplotlib.get_backend()
    source = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
    try:
        assert check(source + RIGHT_PAIR)[::2] == (0, "")
    finally:
        matplotlib.pyplot.close("all")
        matplotlib.use(before)


PARTS = """
def linear_forward(A, W, b):
    return W @ A + b, (A, W, b)

def linear_backward(dZ, cache):
    A, W, b = cache
    m = A.shape[1]
    return W.T @ dZ, dZ @ A.T / m, dZ.sum(axis=1, keepdims=True) / m

def loss(W, b, A):
    Z, cache = linear_forward(A, W, b)
    return (Z ** 2).sum() / (2 * A.shape[1])

def loss_gradient(W, b, A):
    Z, cache = linear_forward(A, W, b)
    return linear_backward(Z, cache)[1:]
"""


def test_a_wrong_part_of_a_right_whole_is_told_to_be_one(check):
    result = check(PARTS)
    assert "alone it is wrong; loss_gradient, which calls it, is right" in result.out
    assert result.code == 0
    assert check(PARTS.replace("2 * A", "3 * A")).code == 1
