"""What the user says of the function is taken as it comes, and nothing of it is an error."""

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import softmax
from softgrad.check.user.context import read_context

Z = np.random.default_rng(0).normal(size=(5, 3))
Y = np.array([0, 2, 1, 1, 0])

SAID = {  # (key, value, what it is taken for)
    "a number": ("temperature", 2.0, 2.0),
    "a number of NumPy": ("temperature", np.float32(2), 2.0),
    "an array of no axis": ("temperature", np.array(2.0), 2.0),
    "text of a number": ("label_smoothing", "0.1", 0.1),
    "a class axis": ("class_axis", np.int64(1), 1),
    "an ignored class": ("ignore_index", "-100", -100),
    "weights": ("class_weight", [1, 2, 3], [1, 2, 3]),
    "weights by class": ("class_weight", {0: 2.0, 2: np.float64(5)}, [2, 1, 5]),
    "a target": ("target", [0, 1, 2], [0, 1, 2]),
    "a layout": ("layout", "columns", "columns"),
}


@pytest.mark.parametrize("case", SAID)
def test_what_is_understood(case):
    key, value, wanted = SAID[case]
    context = read_context({key: value})
    np.testing.assert_array_equal(context.known[key], wanted)
    assert context.facts == ()


A_WEIGHT = "a weight for each class"
NOT_USED = {  # (key, value, what the fact says)
    "no number": ("temperature", "warm", "temperature: warm (not used: wanted a number)"),
    "no integer": ("class_axis", 0.5, "class_axis: 0.5 (not used: wanted an integer)"),
    "rows of unlike lengths": ("target", [[1], [1, 2]], "target: [[1], [1, 2]] (not used: wanted an array of numbers)"),
    "weights in words": ("class_weight", "balanced", f"class_weight: balanced (not used: wanted {A_WEIGHT})"),
    "weights of a far class": (
        "class_weight", {10**9: 1}, f"class_weight: {{1000000000: 1}} (not used: wanted {A_WEIGHT})"
    ),
    "weights by name": ("class_weight", {"cat": 1}, f"class_weight: {{'cat': 1}} (not used: wanted {A_WEIGHT})"),
    "infinity": ("temperature", np.inf, "temperature: inf (not used: wanted a number)"),
    "a key that nobody knows": ("author", "Ada", "author: Ada"),
    "a misspelled key": ("reducton", "mean", "reducton: mean (not known; did you mean reduction?)"),
    "a misspelled number": ("temprature", 2.0, "temprature: 2.0 (not known; did you mean temperature?)"),
    "free text": ("loss", "cross-entropy, mean", "loss: cross-entropy, mean"),
    "an array": ("mine", np.array([1, 2]), "mine: array([1, 2])"),
    "a tuple": ("mine", (1, "a"), "mine: (1, 'a')"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_USED)
def test_all_else_is_a_fact(case):
    key, value, fact = NOT_USED[case]
    assert read_context({key: value}).facts == (fact,)
    report = sg.check_vjp(softmax, lambda z, p, dp: p * (dp - (p * dp).sum(1, keepdims=True)), Z, context={key: value})
    assert report.ok is True
    assert fact in report.facts


def test_long_facts_are_cut():
    (fact,) = read_context({"mine": "x" * 500}).facts
    assert len(fact) < 80


def weighted(weight):
    def loss(z, y):
        w = np.array(weight)[y]
        return -(w * np.log(softmax(z)[np.arange(len(y)), y])).sum() / w.sum()

    return loss


def unweighted(z, y):
    return (softmax(z) - np.eye(3)[y]) / len(y)


@pytest.mark.parametrize("value", [[2.0, 1.0, 5.0], {0: 2.0, 2: 5}, (2, 1, 5)], ids=["list", "dict", "tuple"])
def test_class_weights_name_the_mistake_that_needs_them(value):
    report = sg.check_grad(weighted([2.0, 1.0, 5.0]), unweighted, Z, Y, context={"class_weight": value})
    assert report.mistake.name == "class-weight-missing"


def test_a_number_of_the_context_is_what_a_ratio_is_compared_with():
    report = sg.check_vjp(lambda x: x**3 + x, lambda x, y, g: 0.37 * g * (3 * x**2 + 1), Z, context={"mine": "0.37"})
    assert any("0.37 times" in fact and "which is mine" in fact for fact in report.facts), report.facts
