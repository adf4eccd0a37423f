"""The options temperature, where and out of the softmax family, and axes that are read without a copy."""

import numpy as np
import pytest

import judge
import softgrad as sg
from tolerance import assert_within

SHAPES = {  # name: a shape; every axis is used as the class axis
    "short rows": (70, 10),
    "long rows": (5, 300),
    "columns": (20, 5, 40),  # the inner axis is long enough to be vectorised across
    "few columns": (20, 5, 3),  # the inner axis is too short
    "odd columns": (3, 70, 33),
    "one row": (9,),
}
FAMILY = {"softmax": judge.softmax, "log_softmax": judge.log_softmax}


@pytest.mark.parametrize("temperature", [1.0, 0.3, 4.0])
@pytest.mark.parametrize("order", ["C", "F", "strided"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", FAMILY)
def test_any_axis_of_any_layout(function, dtype, shape, order, temperature):
    z = (8 * np.random.default_rng(1).normal(size=SHAPES[shape])).astype(dtype)
    z = z[::-1] if order == "strided" else np.asarray(z, order=order)
    for axis in range(z.ndim):
        s = np.moveaxis(z, axis, -1)
        want = np.moveaxis(FAMILY[function](s, temperature=temperature), -1, axis)
        got = getattr(sg, function)(z, axis=axis, temperature=temperature)
        assert_within(4, got, want)
        out = np.empty_like(z)
        assert getattr(sg, function)(z, axis=axis, temperature=temperature, out=out) is out
        np.testing.assert_array_equal(out, got)
        lse = sg.logsumexp(z, axis=axis, temperature=temperature)
        assert_within(4, lse, *judge.logsumexp(s, temperature=temperature))


@pytest.mark.parametrize("function", FAMILY)
@pytest.mark.parametrize("shape", [(70, 10), (5, 300), (4, 6, 20)])
def test_out_may_be_the_logits(function, shape):
    for axis in range(len(shape)):
        z = np.random.default_rng(2).normal(size=shape)
        want = getattr(sg, function)(z, axis=axis)
        assert getattr(sg, function)(z, axis=axis, out=z) is z
        np.testing.assert_array_equal(z, want)


def test_out_that_overlaps_the_logits_elsewhere():
    buffer = np.random.default_rng(2).normal(size=(11, 10))
    want = sg.softmax(buffer[:10])
    np.testing.assert_array_equal(sg.softmax(buffer[:10], out=buffer[1:]), want)


@pytest.mark.parametrize("K", [5, 300])
def test_where_leaves_classes_out(K):
    rng = np.random.default_rng(3)
    z, where = rng.normal(size=(6, K)), rng.random((6, K)) < 0.5
    where[:, 0], where[3] = True, False
    z[~where] = np.nan  # must not be read
    p, log_p, lse = (f(z, where=where) for f in (sg.softmax, sg.log_softmax, sg.logsumexp))
    for row in range(6):
        kept = where[row]
        assert not p[row][~kept].any()
        assert np.isneginf(log_p[row][~kept]).all()
        if kept.any():
            assert_within(2, p[row][kept], sg.softmax(z[row][kept]))
            assert_within(2, log_p[row][kept], sg.log_softmax(z[row][kept]))
            assert_within(2, lse[row], sg.logsumexp(z[row][kept]))
    assert np.isneginf(lse[3])


def test_where_broadcasts():
    z = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(
        sg.softmax(z, where=[True, False, True, True]),
        sg.softmax(z, where=np.tile([True, False, True, True], (3, 1))),
    )


@pytest.mark.parametrize("function", ["softmax_vjp", "softmax_jvp", "log_softmax_vjp", "log_softmax_jvp"])
@pytest.mark.parametrize("shape", [(70, 10), (5, 300), (4, 6, 20)])
def test_a_derivative_is_divided_by_the_temperature(function, shape):
    rng = np.random.default_rng(4)
    z, v = rng.normal(size=shape), rng.normal(size=shape)
    for axis in range(len(shape)):
        y = (sg.softmax if function.startswith("softmax") else sg.log_softmax)(z, axis=axis, temperature=0.5)
        f = getattr(sg, function)
        assert_within(1, f(y, v, axis=axis, temperature=0.5), 2 * f(y, v, axis=axis))
        want = f(y, v, axis=axis)
        assert f(y, v, axis=axis, out=v) is v
        np.testing.assert_array_equal(v, want)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"temperature": -1.0}, sg.OptionError, "temperature is -1.0, wanted a positive number"),
        ({"where": [1, 0, 1]}, sg.DtypeError, "where.dtype is int64, wanted bool"),
        ({"where": [True, False]}, sg.ShapeError, r"where.shape is \(2,\), wanted a shape that broadcasts to \(2, 3\)"),
        ({"out": np.zeros((3, 2))}, sg.ShapeError, r"out is an array of float64 of shape \(3, 2\)"),
    ],
)
def test_says_which_option_is_wrong(options, error, message):
    with pytest.raises(error, match=f"softmax: {message}"):
        sg.softmax(np.zeros((2, 3)), **options)
