"""A length that is read outside of a derivative is a fact; one that is written there is hard-coded."""

import functools

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(7)
SCALES, X = RNG.normal(size=3), RNG.normal(size=(4, 3))


def sines(x):
    return (np.sin(x) * np.cos(SCALES) * x).sum(axis=1).mean()


def slope(x):
    return (np.cos(x) * x + np.sin(x)) * np.cos(SCALES)


class Settings:
    def __init__(self, rows):
        self.rows = rows


class MeanOfSines:
    def __init__(self, rows):
        self.rows = rows

    def forward(self, x):
        self.x, self.cached = x, len(x)
        return np.sin(x).mean(axis=0)

    def backward(self, g):
        return g * np.cos(self.x) / self.rows


class MeanOfSinesOver4(MeanOfSines):
    def backward(self, g):
        return g * np.cos(self.x) / 4


def cross_entropy(z, t):
    return (np.log(np.exp(z).sum(axis=1)) - (z * t).sum(axis=1)).mean()


ROWS, SHAPE, INVERSE, SETTINGS = len(X), X.shape, 1 / len(X), Settings(len(X))
FOUR = 4
HELD = {  # name: (the number of rows, as the derivative has it; what the report says of it)
    "a number": (lambda: ROWS, "ROWS = 4"),
    "one over a number": (lambda: 1 / INVERSE, "INVERSE = 0.25"),
    "a shape": (lambda: SHAPE[0], "SHAPE = 4"),
    "an attribute": (lambda: SETTINGS.rows, "rows = 4"),
    "data": (lambda: len(X), "X of shape (4, 3)"),
}


@pytest.mark.parametrize("case", HELD)
def test_a_length_that_is_read_outside_of_the_derivative_is_a_fact(case):
    rows, said = HELD[case]
    report = sg.check_grad(sines, lambda x: slope(x) / rows(), X)
    assert report.ok is True
    assert any(f"grad uses {said}, from outside of it, and may be meant for length 4 alone" in f for f in report.facts)


def over(x, rows):
    return slope(x) / rows


def over_default(x, count=ROWS):
    return slope(x) / count


def over_literal_default(x, literal=4):
    return slope(x) / literal


def test_a_length_that_is_an_argument_set_before_is_a_fact():
    assert sg.check_grad(sines, functools.partial(over, rows=len(X)), X).ok is True
    assert sg.check_grad(sines, over_default, X).ok is True
    assert sg.check_grad(sines, over_literal_default, X).ok is False


def test_a_number_that_is_a_literal_in_the_file_is_hard_coded():
    report = sg.check_grad(sines, lambda x: slope(x) / FOUR, X)
    assert report.mistake.name == "size-hard-coded"


N = 4


def test_a_variable_of_the_same_name_inside_of_a_function_is_another_one():
    def rows_and_columns(x):
        N, D = x.shape
        return N * D

    assert rows_and_columns(X) == 12
    report = sg.check_grad(sines, lambda x: slope(x) / N, X)
    assert report.mistake.name == "size-hard-coded"


def test_a_length_is_read_outside_of_the_derivative_of_a_known_loss():
    def back(z, t):
        return (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - t) / ROWS

    report = sg.check_grad(cross_entropy, back, RNG.normal(size=(4, 5)), np.eye(5)[[0, 2, 1, 3]])
    assert report.ok is True
    assert any("grad uses ROWS = 4" in fact for fact in report.facts)


def test_a_layer_may_be_made_for_a_number_of_rows():
    assert sg.check_layer(MeanOfSines(4), X).ok is True
    assert sg.check_layer(MeanOfSinesOver4(None), X).mistake.name == "size-hard-coded"
