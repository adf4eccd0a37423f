"""The short way to the log-probabilities of tokens: the bits of the long way, and the calls that it leaves to it."""

import numpy as np
import pytest

import softgrad as sg
from softgrad import _kernels

RNG = np.random.default_rng(0)
SHORT, SHORT_VJP = _kernels.short_token_log_probs(sg.TokenLogProbs), _kernels.short_token_log_probs_vjp
SHAPES = {"rows": ((6, 5), -1), "one row": ((5,), 0), "classes first": ((5, 6), 0), "images": ((2, 5, 3, 4), 1)}
Z, Y = RNG.standard_normal((4, 3)), np.array([0, 2, 1, 1])


def strided(array):
    return np.stack([array, array], -1)[..., 0]


def same(a, b):
    return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_ways_give_the_same_bits(dtype, shape):
    shape, axis = SHAPES[shape]
    z = (3 * RNG.standard_normal(shape)).astype(dtype)
    rows = np.delete(shape, axis % z.ndim)
    y = np.asarray(RNG.integers(0, shape[axis], rows))
    options = {"axis": axis, "temperature": 0.5, "ignore_index": -1}
    short, long = SHORT((z, y), options), sg.token_log_probs(strided(z), y, **options)
    assert type(short) is sg.TokenLogProbs and all(map(same, short, long))
    g, h = (np.asarray(RNG.standard_normal(rows)).astype(dtype) for _ in range(2))
    for upstream in ((g, h), (g,), (None, h)):
        assert same(SHORT_VJP((z, y, *upstream), options), sg.token_log_probs_vjp(strided(z), y, *upstream, **options))
    out = np.empty_like(z)
    assert sg.token_log_probs_vjp(z, y, g, h, out=out, **options) is out
    assert same(out, sg.token_log_probs_vjp(z, y, g, h, **options))


LONG = {
    "gaps": (strided(Z), Y, {}),
    "16 bits": (Z.astype(np.float16), Y, {}),
    "tokens of 32 bits": (Z, Y.astype(np.int32), {}),
    "a list": (Z.tolist(), Y, {}),
    "a token that is left out": (Z, np.array([0, 2, -1, 1]), {"ignore_index": -1}),
    "a class is left out": (Z, Y, {"ignore_index": 1}),
    "no rows": (Z[:0], Y[:0], {}),
}


@pytest.mark.parametrize("case", LONG)
def test_the_other_calls_go_the_long_way(case):
    z, y, options = LONG[case]
    g = np.ones(np.shape(y))
    assert SHORT((z, y), options) is None and SHORT_VJP((z, y, g), options) is None
    assert sg.token_log_probs(z, y, **options).entropy.shape == np.shape(y)
    assert SHORT_VJP((Z, Y), {}) is None and SHORT_VJP((Z, Y, None), {}) is None
    assert SHORT_VJP((Z, Y, g[1:]), {}) is None and SHORT_VJP((Z, Y, np.ones(4, np.float32)), {}) is None


def test_errors_are_those_of_the_long_way():
    for tokens, error in [(Y + 1, sg.LabelError), (Y[:3], sg.ShapeError), (Y - 1, sg.LabelError)]:
        with pytest.raises(error):
            sg.token_log_probs(Z, tokens)
        with pytest.raises(error):
            sg.token_log_probs_vjp(Z, tokens, np.ones(4))
    with pytest.raises(sg.OptionError, match="grad_log_probs and grad_entropy are None"):
        sg.token_log_probs_vjp(Z, Y, None)
    with pytest.raises(TypeError, match="token_log_probs: unexpected option 'where'"):
        sg.token_log_probs(Z, Y, where=None)
