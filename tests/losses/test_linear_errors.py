"""The error messages of linear_cross_entropy."""

import numpy as np
import pytest

import softgrad as sg
from tolerance import assert_within


def of(**changed):
    return {"x": np.ones((2, 3)), "w": np.ones((5, 3)), "target": [0, 4], "bias": None, **changed}


NAN_IN_X = np.ones((2, 3))
NAN_IN_X[1, 2] = np.nan
NAN_IN_W = np.ones((5, 3))
NAN_IN_W[4, 0] = np.nan
MINUS_INF_IN_W = np.ones((5, 3))
MINUS_INF_IN_W[3, 1] = -np.inf  # masks the class, but times 0 is NaN
BAD = {
    "features that differ": (
        of(w=np.ones((5, 4))),
        sg.ShapeError,
        r"x.shape is \(2, 3\), but w.shape is \(5, 4\); wanted x \(..., D\) and w \(V, D\)$",
    ),
    "w turned": (of(w=np.ones((3, 5))), sg.ShapeError, r".*w.shape is \(3, 5\); wanted .*, so give w.T"),
    "w of one axis": (of(w=np.ones(3)), sg.ShapeError, r"w.shape is \(3,\), wanted \(V, D\)"),
    "no class": (of(w=np.ones((0, 3))), sg.ShapeError, r"w.shape is \(0, 3\), wanted \(V, D\)"),
    "a number for x": (of(x=1.0), sg.ShapeError, r"x.shape is \(\), but w.shape is \(5, 3\)"),
    "complex x": (of(x=np.ones((2, 3), complex)), sg.DtypeError, "x.dtype is complex128, wanted floating"),
    "bias of another length": (
        of(bias=[1.0]),
        sg.ShapeError,
        r"bias.shape is \(1,\), wanted \(5,\), one number per class",
    ),
    "a target too short": (of(target=[0]), sg.ShapeError, r"target.shape is \(1,\), but logits.shape is \(2, 5\)"),
    "a label too large": (of(target=[0, 5]), sg.LabelError, r"target\[1\] is 5, but logits have 5 classes on axis -1"),
    "a negative label": (of(target=[-1, 0]), sg.LabelError, r"target\[0\] is -1, .* or ignore_index=-1 to leave"),
    "a fractional label": (of(target=[0.0, 1.0]), sg.DtypeError, "target.dtype is float64 in the shape of class"),
    "weight of another length": (of(weight=[1.0]), sg.ShapeError, r"weight.shape is \(1,\), wanted \(5,\)"),
    "too few bytes for a row": (
        of(max_memory=39),
        sg.OptionError,
        "max_memory is 39, .* 5 classes; wanted at least 40",
    ),
    "words for a memory": (of(max_memory="64MB"), sg.OptionError, "max_memory is '64MB', wanted a number of bytes"),
    "no memory": (of(max_memory=None), sg.OptionError, "max_memory is None, wanted a number of bytes"),
    "NaN bytes": (of(max_memory=np.nan), sg.OptionError, "max_memory is nan, wanted a number of bytes"),
    "smoothing above 1": (of(label_smoothing=2.0), sg.OptionError, "label_smoothing is 2.0, wanted a number from 0"),
    "NaN in x": (
        of(x=NAN_IN_X),
        sg.DataError,
        r"x\[1, 2\] is nan, wanted finite numbers; rows marked by ignore_index",
    ),
    "infinity in x": (of(x=[[1, 2, 3], [np.inf, 0, 0]]), sg.DataError, r"x\[1, 0\] is inf, wanted finite numbers"),
    "NaN in w": (of(w=NAN_IN_W), sg.DataError, r"w\[4, 0\] is nan, wanted finite numbers"),
    "NaN in the bias": (
        of(bias=[0, 1, np.nan, 0, 0]),
        sg.DataError,
        r"bias\[2\] is nan, wanted a finite number, or -inf",
    ),
}
OF_GRADIENT = {
    "out of one array": (of(out=np.ones(3)), sg.OptionError, r"out is a ndarray, wanted \(dx, dw, db\)"),
    "out of another shape": (
        of(out=(None, np.ones(3), None)),
        sg.ShapeError,
        r"out\[1\] is an array of float64 of shape",
    ),
    "out of another dtype": (
        of(out=(np.ones((2, 3), "f"), None, None)),
        sg.ShapeError,
        r"out\[0\] is an array of float32",
    ),
    "out of no bias": (of(out=(None, None, np.ones(5))), sg.OptionError, r"out\[2\] is given, but there is no bias"),
    "-inf in w": (of(w=MINUS_INF_IN_W), sg.DataError, r"w\[3, 1\] is -inf, wanted finite numbers"),
    "a negative filter": (of(filter_eps=-1.0), sg.OptionError, "filter_eps is -1.0, wanted 0 or a positive number"),
}
V = (np.ones((2, 3)), np.ones((5, 3)), None)
OF_HESSIAN = {
    "v of another shape": (
        of(v=(V[0], np.ones(3), None)),
        sg.ShapeError,
        r"v\[1\].shape is \(3,\), wanted \(5, 3\), that of w",
    ),
    "v without a bias": (
        of(v=V, bias=np.ones(5)),
        sg.ShapeError,
        r"one of v\[2\] and bias is None; wanted both or neither",
    ),
    "v of two": (of(v=V[:2]), sg.OptionError, r"v is a tuple of 2, wanted \(vx, vw, vb\), with None for vb without"),
    "v of one array": (of(v=V[0]), sg.OptionError, r"v is a ndarray, wanted \(vx, vw, vb\)"),
    "no v": (of(v=None), sg.OptionError, r"v is a NoneType, wanted \(vx, vw, vb\)"),
    "too few bytes for a row of each": (
        of(v=V, max_memory=79),
        sg.OptionError,
        "max_memory is 79, .* wanted at least 80",
    ),
}


@pytest.mark.parametrize("max_memory", [2**26, 40])
@pytest.mark.parametrize("case", BAD)
def test_of_every_function(case, max_memory):
    given, error, message = BAD[case]
    for name in ("", "_with_grad", "_with_stats"):
        with pytest.raises(error, match=f"linear_cross_entropy{name}: {message}"):
            getattr(sg, f"linear_cross_entropy{name}")(**{"max_memory": max_memory, **given})


@pytest.mark.parametrize("case", OF_GRADIENT)
def test_of_the_gradient(case):
    given, error, message = OF_GRADIENT[case]
    with pytest.raises(error, match=f"linear_cross_entropy_with_grad: {message}"):
        sg.linear_cross_entropy_with_grad(**given)


@pytest.mark.parametrize("case", OF_HESSIAN)
def test_of_the_hessian(case):
    given, error, message = OF_HESSIAN[case]
    with pytest.raises(error, match=f"linear_cross_entropy_hvp: {message}"):
        sg.linear_cross_entropy_hvp(**given)


def test_the_place_of_a_nan_is_that_in_the_callers_array():
    x = np.ones((2, 3, 4))
    x[1, 0, 2] = np.nan
    with pytest.raises(sg.DataError, match=r"x\[1, 0, 2\] is nan"):
        sg.linear_cross_entropy(x, np.ones((5, 4)), np.ones((2, 3), int))
    target = np.ones((2, 3), int)
    target[0] = -100  # the rows of NaN are ignored
    with pytest.raises(sg.DataError, match=r"x\[1, 0, 2\] is nan"):
        sg.linear_cross_entropy(x, np.ones((5, 4)), target, ignore_index=-100)


def test_a_large_row_says_how_much_it_needs():
    x, w = np.ones((1, 1), "float32"), np.ones((50_257, 1), "float32")
    with pytest.raises(
        sg.OptionError,
        match="max_memory is 1000, too few bytes for one row of logits of 4096 classes; wanted at least 16384",
    ):
        sg.linear_cross_entropy(x, w, [0], max_memory=1000)
    assert_within(8, sg.linear_cross_entropy(x, w, [0], max_memory=16_384), np.log(50_257))


@pytest.mark.parametrize("name", ["axis", "buffers", "whole_rows", "lable_smoothing"])
@pytest.mark.parametrize("function", ["with_grad", "with_stats", "hvp"])
def test_an_option_that_there_is_not(function, name):
    """An option of cross_entropy alone, a name that is used only internally, and a misspelt option."""
    with pytest.raises(
        TypeError, match=f"linear_cross_entropy_{function}: unexpected option '{name}'; .*wanted one of weight, "
    ):
        getattr(sg, f"linear_cross_entropy_{function}")(**of(**{name: 0}, **({"v": V} if function == "hvp" else {})))


@pytest.mark.parametrize("name", ["out", "filter_eps"])
def test_an_option_of_gradients_is_none_of_products_with_the_hessian(name):
    with pytest.raises(TypeError, match=f"linear_cross_entropy_hvp: unexpected option '{name}'"):
        sg.linear_cross_entropy_hvp(**of(v=V, **{name: None}))
