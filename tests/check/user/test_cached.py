"""forward returns (output, cache), and backward takes (grad_output, cache)."""

import re

import numpy as np
import pytest

import softgrad as sg

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=3)


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def wrong_backward(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw, db / len(dout)


def conv_forward(x, w, conv_param):
    s = conv_param["stride"]
    out = np.zeros((1 + (len(x) - len(w)) // s,))
    for i in range(len(out)):
        out[i] = x[i * s : i * s + len(w)] @ w
    return out, (x, w, conv_param)


def conv_backward(dout, cache):
    x, w, conv_param = cache
    s = conv_param["stride"]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, d in enumerate(dout):
        dx[i * s : i * s + len(w)] += d * w
        dw += d * x[i * s : i * s + len(w)]
    return dx, dw


def test_a_right_one_is_right():
    report = sg.check_vjp(affine_forward, affine_backward, X, W, B)
    assert report.ok is True
    assert list(report.checked) == ["x", "w", "b"]


def test_a_dict_of_settings_is_passed_on():
    report = sg.check_vjp(conv_forward, conv_backward, RNG.normal(size=7), RNG.normal(size=3), {"stride": 2})
    assert report.ok is True
    assert list(report.checked) == ["x", "w"]


def test_a_mistake_is_named():
    report = sg.check_vjp(affine_forward, wrong_backward, X, W, B)
    assert report.mistake.name == "bias-averaged"
    assert report.where.name == "b"


def test_forward_must_return_a_cache():
    message = "check_vjp: forward returned an array of float64, wanted (output, cache), since vjp takes a cache"
    with pytest.raises(sg.CheckError, match=re.escape(message)):
        sg.check_vjp(lambda x, w, b: x @ w + b, affine_backward, X, W, B)
