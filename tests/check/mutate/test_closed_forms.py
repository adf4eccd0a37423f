"""Derivatives that people write as a formula of their own, with a mistake: where they are wrong, and what they are."""

import numpy as np
import pytest

import softgrad as sg

special = pytest.importorskip("scipy.special")
expit, ndtr = special.expit, special.ndtr
RNG = np.random.default_rng(8)
X = RNG.normal(size=(6, 4))
W = RNG.normal(size=(3, 4))
LAMBDA, ALPHA, DELTA, TAU = 1.0507, 1.6733, 0.8, 0.3


def density(z):
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def selu(z):
    return LAMBDA * np.where(z > 0, z, ALPHA * (np.exp(z) - 1))


def selu_slope(z):
    return LAMBDA * np.where(z > 0, 1.0, ALPHA * np.exp(z))


def mish(z):
    return z * np.tanh(np.log1p(np.exp(z)))


def mish_slope(z):
    t = np.tanh(np.log1p(np.exp(z)))
    return t + z * (1 - t * t) * expit(z)


def softplus(z):
    return np.log1p(np.exp(z))


def huber(z):
    return np.where(np.abs(z) <= DELTA, 0.5 * z * z, DELTA * (np.abs(z) - 0.5 * DELTA))


def quantile(z):
    return np.where(z > 0, TAU * z, (TAU - 1) * z)


def silu(z):
    return z / (1 + np.exp(-z))


def softsign(z):
    return z / (1 + np.abs(z))


def gelu(z):
    return z * ndtr(z)


CASES = {  # what is wrong: (function, wrong slope, names that are true of it, words that are said)
    "selu without lambda where z > 0": (
        selu,
        lambda z: np.where(z > 0, 1.0, selu_slope(z)),
        {"wrong-factor", "closed-form"},
        "LAMBDA",
    ),
    "selu without alpha where z < 0": (
        selu,
        lambda z: np.where(z > 0, LAMBDA, LAMBDA * np.exp(z)),
        {"left-out", "wrong-factor", "closed-form"},
        "ALPHA",
    ),
    "softplus with 1 - sigmoid": (
        softplus,
        lambda z: expit(-z),
        {"closed-form", "instead-sigmoid-z-1-sigmoid-z"},
        None,
    ),
    "softplus with exp": (softplus, lambda z: np.exp(z), {"closed-form", "left-out", "skipped"}, None),
    "huber's slope is 1 outside": (
        huber,
        lambda z: np.where(np.abs(z) <= DELTA, z, np.sign(z)),
        {"closed-form", "left-out", "wrong-factor"},
        None,
    ),
    "huber's slope is 2 z inside": (
        huber,
        lambda z: np.where(np.abs(z) <= DELTA, 2 * z, DELTA * np.sign(z)),
        {"closed-form", "wrong-factor"},
        None,
    ),
    "quantile with the same slope on both sides": (
        quantile,
        lambda z: np.full_like(z, TAU),
        {"wrong-factor", "closed-form"},
        "TAU / (TAU - 1)",
    ),
    "mish without its second term": (
        mish,
        lambda z: np.tanh(softplus(z)),
        {"left-out", "closed-form", "stopped"},
        None,
    ),
    "mish without the sigmoid": (
        mish,
        lambda z: np.tanh(softplus(z)) + z * (1 - np.tanh(softplus(z)) ** 2),
        {"skipped", "left-out", "closed-form"},
        None,
    ),
    "silu as a sigmoid": (silu, lambda z: expit(z), {"left-out", "without-a-1-s"}, None),
    "softsign not squared": (softsign, lambda z: 1 / (1 + np.abs(z)), {"closed-form", "left-out"}, None),
    "gelu's second term without z": (gelu, lambda z: ndtr(z) + density(z), {"left-out", "closed-form"}, None),
    "elu's slope is 1 everywhere": (
        lambda z: np.where(z > 0, z, np.exp(z) - 1),
        lambda z: np.ones_like(z),
        {"skipped", "activation-derivative-missing"},
        None,
    ),
}
RIGHT = {"selu": (selu, selu_slope), "mish": (mish, mish_slope), "softplus": (softplus, expit)}


def alone(function, slope):
    return sg.check_vjp(function, lambda z, y, g: g * slope(z), X)


def in_a_layer(function, slope):
    def back(x, w, y, g):
        dz = g * slope(x @ w.T)
        return dz @ w, dz.T @ x

    return sg.check_vjp(lambda x, w: function(x @ w.T), back, X, W)


@pytest.mark.parametrize("check", [alone, in_a_layer])
@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_with_a_slope(case, check):
    function, slope, names, words = CASES[case]
    report = check(function, slope)
    assert report.ok is False
    assert report.mistake is not None
    assert report.mistake.name in names
    assert words is None or words in report.mistake.explanation


@pytest.mark.parametrize("check", [alone, in_a_layer])
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_slope_passes(name, check):
    assert check(*RIGHT[name]).ok
