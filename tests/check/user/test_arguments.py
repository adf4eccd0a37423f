"""The arrays among the inputs, however deep they are, what they are called, and how others are put in their place."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from softgrad.check.user.arguments import Arguments, copied, is_real, same
from softgrad.errors import CheckError, OptionError

A, B = np.arange(3.0), np.ones((2, 3))


class Layer(NamedTuple):
    weight: Any
    bias: Any


NESTED = {  # an input called P: (the input, the arrays in it by name)
    "an array": (A, {"P": A}),
    "a number": (2.5, {"P": np.array(2.5)}),
    "an integer": (3, {"P": np.array(3)}),
    "a list of numbers": ([1.0, 2.0], {"P": np.array([1.0, 2.0])}),
    "rows in lists": ([[1.0, 2.0], [3.0, 4.0]], {"P": np.array([[1.0, 2.0], [3.0, 4.0]])}),
    "a dict": ({"W": B, "b": A}, {"W": B, "b": A}),
    "a dict with a name in it": ({"W": B, "mode": "fast"}, {"W": B}),
    "a list of arrays": ([A, B], {"P[0]": A, "P[1]": B}),
    "a tuple of arrays": ((A, B), {"P[0]": A, "P[1]": B}),
    "a named tuple": (Layer(B, A), {"P[0]": B, "P[1]": A}),
    "a dict in a dict": ({"first": {"W": B}, "second": {"W": A}}, {"first.W": B, "second.W": A}),
    "layers in a list": ([{"W": B}, {"W": A}], {"P[0][W]": B, "P[1][W]": A}),
    "lists in a list": ([[A, B], [A]], {"P[0][0]": A, "P[0][1]": B, "P[1][0]": A}),
    "a name": ("fast", {}),
    "None": (None, {}),
    "a truth value": (True, {}),
    "a function": (np.sin, {}),
    "a generator": (np.random.default_rng(0), {}),
    "nothing in a list": ([], {"P": np.zeros(0)}),
}


def arguments(*inputs, names=None):
    return Arguments("check_vjp", inputs, names)


@pytest.mark.parametrize("case", NESTED)
def test_the_arrays_in_an_input(case):
    value, wanted = NESTED[case]
    slots = arguments(value, names=("P",)).leaves
    assert [leaf.name for leaf in slots] == list(wanted)
    for leaf in slots:
        np.testing.assert_array_equal(leaf.given, wanted[leaf.name])
        assert leaf.key[0] == 0


@pytest.mark.parametrize("case", NESTED)
def test_others_in_their_place(case):
    """The input keeps its form: a dict stays one, a named tuple too."""
    value, _ = NESTED[case]
    of = arguments(value)
    filled = of.with_arrays({leaf.key: leaf.given + 1 for leaf in of.leaves})[0]
    if isinstance(value, dict | tuple):
        assert type(filled) is type(value)
    again = arguments(filled)
    for leaf, other in zip(of.leaves, again.leaves, strict=True):
        assert leaf.key == other.key
        np.testing.assert_array_equal(other.given, leaf.given + 1)


@pytest.mark.parametrize("case", NESTED)
def test_every_array_is_a_copy(case):
    value, _ = NESTED[case]
    of = arguments(value)
    filled = of.with_arrays({leaf.key: leaf.given for leaf in of.leaves})[0]
    for leaf, other in zip(of.leaves, arguments(filled).leaves, strict=True):
        assert not np.shares_memory(leaf.given, other.given)
    assert same(of.inputs[0], arguments(filled).inputs[0])


def test_an_array_of_none_is_handed_over_as_a_number():
    of = arguments(np.array(2.5))
    handed = of.with_arrays({(0,): np.array(4.0)})[0]
    assert isinstance(handed, float)
    assert handed == 4.0


def test_the_order_of_the_memory_is_kept():
    columns = np.asfortranarray(B)
    assert arguments(columns).with_arrays({})[0].flags.f_contiguous


def test_names():
    assert arguments(A, B).names == ["input 0", "input 1"]
    assert arguments(A, B, names=("x", "w")).names == ["x", "w"]
    assert arguments(A, {"W": B}, names=("x", "P")).name_of((1, "W")) == "W"


@pytest.mark.parametrize("names", [("x",), ("x", "y", "z")])
def test_names_of_another_number(names):
    with pytest.raises(OptionError, match=r"names has .*, wanted 2"):
        arguments(A, B, names=names)


@pytest.mark.parametrize("value", [A * 1j, np.array(["a"]), np.array([None])])
@pytest.mark.parametrize("inside", [lambda value: value, lambda value: {"W": value}, lambda value: [A, value]])
def test_no_real_numbers(value, inside):
    with pytest.raises(CheckError, match=r"inputs\[0\].* is an array of .*, wanted an array of real numbers"):
        arguments(inside(value))


REAL = {
    "floating": (A, True),
    "float32": (A.astype(np.float32), True),
    "whole": (np.array([1, 2]), False),
    "truth": (np.array([True]), False),
    "a name": ("fast", False),
    "deep": ({"a": [np.array([1]), {"W": B}]}, True),
    "deep and whole": ({"a": [np.array([1])]}, False),
}


@pytest.mark.parametrize("case", REAL)
def test_is_real(case):
    value, answer = REAL[case]
    assert is_real(value) is answer


SAME = {
    "the same": (A, A.copy(), True),
    "another entry": (A, A + np.array([0, 0, 1e-12]), False),
    "NaN in the same place": (np.array([np.nan, 1.0]), np.array([np.nan, 1.0]), True),
    "NaN in another": (np.array([np.nan, 1.0]), np.array([1.0, np.nan]), False),
    "a dict": ({"W": A}, {"W": A.copy()}, True),
    "another dict": ({"W": A}, {"W": B}, False),
    "a key more": ({"W": A}, {"W": A, "b": B}, False),
    "a list": ([A, B], [A, B.copy()], True),
    "a shorter list": ([A, B], [A], False),
    "text": ("a", "b", True),
}


@pytest.mark.parametrize("case", SAME)
def test_same(case):
    a, b, answer = SAME[case]
    assert same(a, b) is answer


def test_copies_of_generators_draw_the_same():
    rng = np.random.default_rng(0)
    assert copied(rng).random() == rng.random()
    assert copied("fast") == "fast"
