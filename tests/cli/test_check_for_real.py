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
