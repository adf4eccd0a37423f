"""Arguments that `explain` cannot use raise an error that says what is wrong; others are read as float64."""

import numpy as np
import pytest

import softgrad as sg

CASES = {
    "class too large": (([2, 1], 2), {}, sg.LabelError, r"target is 2, but logits have 2 classes.*wanted 0\.\.1"),
    "class below 0": (
        ([[2, 1]], [-1]),
        {},
        sg.LabelError,
        r"target\[0\] is -1, .*wanted 0\.\.1; leave such a row out$",
    ),
    "NaN": (([2, np.nan], 0), {}, sg.OptionError, r"logits\[1\] is nan, wanted a finite number"),
    "infinite": (([[2, 1], [-np.inf, 0]], [0, 0]), {}, sg.OptionError, r"logits\[1, 0\] is -inf.*leave a class out"),
    "infinite, in columns": (
        (np.array([[2, 1], [-np.inf, 0]]).T, [0, 0]),
        {"layout": "columns"},
        sg.OptionError,
        r"logits\[0, 1\] is -inf",
    ),
    "a temperature of 0": (([2, 1], 0), {"temperature": 0}, sg.OptionError, "temperature is 0"),
    "a smoothing above 1": (([2, 1], 0), {"label_smoothing": 1.5}, sg.OptionError, "label_smoothing is 1.5"),
    "two weights for three classes": (
        ([2, 1, 0], 0),
        {"weight": [1, 2]},
        sg.ShapeError,
        r"weight.shape is \(2,\), wanted \(3,\), one number per class",
    ),
    "a weight below 0": (
        ([2, 1], 0),
        {"weight": [1, -2]},
        sg.OptionError,
        r"weight\[1\] is -2, wanted a finite number",
    ),
    "weights of 0 alone": (([2, 1], 0), {"weight": [0, 2]}, sg.OptionError, "weight is 0 for the class of every row"),
    "a gradient of another shape": (
        ([2, 1, 0], 0),
        {"mine": [1, 2]},
        sg.ShapeError,
        r"mine.shape is \(2,\), wanted \(3,\), the shape of logits",
    ),
    "a scalar": ((3.0, 0), {}, sg.AxisError, "axis"),
    "three axes": (
        (np.zeros((2, 2, 2)), np.zeros((2, 2), int)),
        {},
        sg.ShapeError,
        r"wanted a vector \(K,\) or a batch",
    ),
    "no classes": (([], 0), {}, sg.ShapeError, "no classes"),
    "no rows": ((np.zeros((0, 3)), np.zeros(0, int)), {}, sg.ShapeError, "no row"),
    "ragged": (([[1, 2], [3]], [0, 0]), {}, sg.ShapeError, "differ in length"),
    "target of another shape": (([2, 1], [0, 1, 0]), {}, sg.ShapeError, r"target.shape is \(3,\)"),
    "words": ((["a", "b"], 0), {}, sg.DtypeError, "wanted floating numbers"),
    "unknown loss": (([2, 1], 0), {"loss": "hinge"}, sg.OptionError, r"loss is 'hinge', wanted 'cross_entropy', "),
    "unknown layout": (([2, 1], 0), {"layout": "C"}, sg.OptionError, r"layout is 'C', wanted 'rows' or 'columns'"),
    "a sum below 1": (([2, 1], [0.5, 0.4]), {}, sg.OptionError, r"target sums to 0.9, wanted a distribution"),
    "a sum above 1, in a row": (
        (np.zeros((2, 2)), [[1, 0], [1, 1.0]]),
        {},
        sg.OptionError,
        r"target\[1, .\] is|row 1 of target sums to 2",
    ),
    "a probability above 1": (([2, 1], [1.5, -0.5]), {}, sg.OptionError, r"target\[0\] is 1.5, wanted a probability"),
    "a probability that is NaN": (
        ([2, 1], [np.nan, 1]),
        {},
        sg.OptionError,
        r"target\[0\] is nan, wanted a probability",
    ),
    "no rows shown": (([2, 1], 0), {"rows": 0}, sg.OptionError, "rows is 0, wanted an integer of at least 1"),
    "rows as a word": (([2, 1], 0), {"rows": "2"}, sg.OptionError, "rows is '2', wanted an integer of at least 1"),
    "half a row": (([2, 1], 0), {"rows": 2.5}, sg.OptionError, "rows is 2.5, wanted an integer of at least 1"),
    "classes is None": (([2, 1], 0), {"classes": None}, sg.OptionError, "classes is None, wanted an integer"),
    "no classes shown": (
        ([2, 1], 0),
        {"classes": 0},
        sg.OptionError,
        "classes is 0, wanted an integer of at least 1",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_says_what_is_wrong(case):
    arguments, options, error, message = CASES[case]
    with pytest.raises(error, match=f"^explain: .*({message})"):
        sg.explain(*arguments, **options)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64", ">f8"])
def test_any_dtype_is_read_as_float64(dtype):
    logits = np.array([2, 1, 0], dtype)
    before = logits.copy()
    assert str(sg.explain(logits, 0)) == str(sg.explain([2.0, 1.0, 0.0], 0))
    assert np.array_equal(logits, before)


def test_columns_in_any_memory_order():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(3, 4)), np.array([0, 3, 1])
    found = {
        str(sg.explain(array, target, layout="columns"))
        for array in (logits.T, np.ascontiguousarray(logits.T), np.asfortranarray(logits.T))
    }
    assert len(found) == 1


def test_a_float32_target_may_sum_to_1_up_to_rounding():
    target = np.array([[0.1, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3]], np.float32)
    sg.explain(np.zeros((2, 3), np.float32), target)
