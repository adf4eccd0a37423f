"""Values and exceptions in one line, the same in every run."""

import numpy as np
import pytest

import softgrad as sg
from softgrad.check.user.descriptions import LONGEST, describe_error, kind_of, one_line, shown


class Nameless:
    def __repr__(self):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError


def function():
    pass


KINDS = {
    "None": None,
    "an array of int64": np.array([1]),
    "a list": [1],
    "a dict": {},
    "'fast' of type str": "fast",
    "1.5 of type float": 1.5,
    "<function function> of type function": function,
    "<object object> of type object": object(),
    "<Nameless> of type Nameless": Nameless(),
}


@pytest.mark.parametrize("words", KINDS)
def test_kinds_in_words(words):
    assert kind_of(KINDS[words]) == words


def test_long_values_are_cut():
    assert len(shown("x" * 1000)) == LONGEST
    assert one_line("a\n  b") == "a b"


def test_an_exception_is_its_type_and_its_first_line():
    assert describe_error(ValueError("too few\nrows")) == "ValueError: too few"
    assert describe_error(KeyError()) == "KeyError"
    assert describe_error(RuntimeError(f"no {object()!r}")) == "RuntimeError: no <object object>"
    assert describe_error(RuntimeError(Nameless())) == "RuntimeError"


def test_no_fact_holds_an_address():
    def forward(x):
        if x[0] < 0:
            raise ValueError(f"{object()!r} takes no negative numbers")
        return x**2

    def vjp(x, y, g):
        if x[1] != 2:
            raise ValueError(f"{object()!r} takes 2 alone")
        return 2 * g * x

    report = sg.check_vjp(forward, vjp, np.array([1.0, 2.0]), context={"layer": object(), "loss": function})
    assert report.ok is True
    assert "layer: <object object>" in report.facts
    assert any("vjp raised ValueError: <object object> takes 2 alone" in fact for fact in report.facts)
    assert "0x" not in report.text()
