"""The log-probabilities of tokens, the entropies, and their gradient."""

import ml_dtypes  # noqa: F401  it registers bfloat16 with NumPy
import numpy as np
import pytest
from hypothesis import given, settings

import judge
import softgrad as sg
from cases import CASES, DTYPES, classes, logits
from drawn import stable
from functions.any_tokens import IGNORED, check_forward, check_gradient, token_calls
from planted import assert_caught
from tolerance import assert_within

inf, nan = np.inf, np.nan
cases = pytest.mark.parametrize("case", CASES)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def upstream(case, dtype):
    rng = np.random.default_rng(len(case))
    return rng.normal(size=(2, len(logits(case, dtype)))).astype(dtype)


@cases
@dtypes
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_agrees_with_the_judge(case, dtype, temperature):
    z, y, (g, h) = logits(case, dtype), classes(case), upstream(case, dtype)
    for got, exact in zip(
        sg.token_log_probs(z, y, temperature=temperature),
        judge.token_log_probs(z, y, temperature=temperature),
        strict=True,
    ):
        assert_within(4, got, exact)
    for parts in ((g, h), (g, None), (None, h)):
        got = sg.token_log_probs_vjp(z, y, *parts, temperature=temperature)
        given = (0 * g if part is None else part for part in parts)
        exact = judge.token_log_probs_vjp(z, y, *given, temperature=temperature)
        assert_within(5, got, exact.value, np.maximum(exact.size, np.finfo(dtype).tiny * 1e3))


@settings(stable, max_examples=200)
@given(call=token_calls())
def test_any_array(call):
    check_forward(sg.token_log_probs, call)
    check_gradient(sg.token_log_probs_vjp, call)


def without_centring(z, y, g, h, **options):
    """The entropy's gradient without its mean: -h p log p."""
    p = sg.softmax(z, axis=options["axis"], temperature=options["temperature"])
    right = sg.token_log_probs_vjp(z, y, g, h, **options)
    H = np.expand_dims(sg.token_log_probs(z, y, **options).entropy, options["axis"])
    return right if h is None else right + p * np.expand_dims(h, options["axis"]) * H


GRADIENT_SLIPS = {
    "sign": lambda *arrays, **options: -sg.token_log_probs_vjp(*arrays, **options),
    "the other upstream": lambda z, y, g, h, **options: sg.token_log_probs_vjp(z, y, h, g, **options),
    "the entropy ignored": lambda z, y, g, h, **options: sg.token_log_probs_vjp(
        z, y, y * 0.0 if g is None else g, None, **options
    ),
    "temperature ignored": lambda *arrays, temperature, **options: sg.token_log_probs_vjp(*arrays, **options),
    "not divided by the temperature": lambda *arrays, temperature, **options: (
        sg.token_log_probs_vjp(*arrays, temperature=temperature, **options) * temperature
    ),
    "the entropy without its mean": without_centring,
    "zeros": lambda z, *arrays, **options: 0 * sg.token_log_probs_vjp(z, *arrays, **options),
}
FORWARD_SLIPS = {
    "exchanged": lambda *arrays, **options: sg.token_log_probs(*arrays, **options)[::-1],
    "the next token": lambda z, y, axis, ignore_index, **options: sg.token_log_probs(
        z, np.where(y == ignore_index, y, (y + 1) % z.shape[axis]), axis=axis, ignore_index=ignore_index, **options
    ),
    "temperature ignored": lambda *arrays, temperature, **options: sg.token_log_probs(*arrays, **options),
    "of rounded probabilities": lambda z, y, axis, temperature, ignore_index: (
        sg.token_log_probs(z, y, axis=axis, temperature=temperature, ignore_index=ignore_index)[0],
        -np.where(
            y == ignore_index,
            0,
            ((p := sg.softmax(z, axis=axis, temperature=temperature)) * np.log(p)).sum(axis=axis),
        ).astype(p.dtype),
    ),
}


@pytest.mark.parametrize("slip", GRADIENT_SLIPS)
def test_a_slip_in_the_gradient_is_caught(slip):
    def function(*arrays, out=None, **options):
        wrong = np.asarray(GRADIENT_SLIPS[slip](*arrays, **options))
        wrong = wrong.astype(sg.token_log_probs_vjp(*arrays, **options).dtype)
        if out is None:
            return wrong
        out[...] = wrong
        return out

    assert_caught(lambda call: check_gradient(function, call), token_calls())


@pytest.mark.parametrize("slip", FORWARD_SLIPS)
def test_a_slip_in_an_output_is_caught(slip):
    assert_caught(lambda call: check_forward(FORWARD_SLIPS[slip], call), token_calls())


NOT_FINITE = {  # name: (logits, token, its log-probability, the entropy)
    "one -inf": ([0, 0, -inf], 0, -np.log(2), np.log(2)),
    "the token at -inf": ([0, 0, -inf], 2, -inf, np.log(2)),
    "all but the token -inf": ([-inf, 3, -inf], 1, 0, 0),
    "all -inf": ([-inf, -inf, -inf], 0, nan, nan),
    "+inf": ([0, inf, 0], 1, nan, nan),
    "NaN": ([0, nan, 0], 0, nan, nan),
}


@pytest.mark.parametrize("row", NOT_FINITE)
@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_logits_that_are_not_finite(row, dtype, temperature):
    z, y, *right = NOT_FINITE[row]
    rows, tokens = np.array([z, [1, 2, 3]], dtype), [y, 0]
    with np.errstate(all="raise"):
        outputs = sg.token_log_probs(rows, tokens, temperature=temperature)
        grad = sg.token_log_probs_vjp(rows, tokens, [1.0, 1.0], [-2.0, 1.0], temperature=temperature)
    np.testing.assert_allclose([got[0] for got in outputs], right, rtol=1e-6)
    assert np.isfinite(grad[1]).all()
    if np.isnan(right[0]):
        assert np.isnan(grad[0]).all()
    else:
        masked = np.array(z) == -inf
        at_token = np.arange(3) == y
        assert not grad[0][masked & ~at_token].any()
        assert np.isfinite(grad[0]).all()
        if masked[y]:
            assert grad[0, y] == np.dtype(dtype).type(1 / temperature)  # as log_softmax and cross_entropy have it


def test_ignored_rows_are_0_and_are_not_read():
    z = np.array([[nan, inf], [1.0, 2.0]])
    log_probs, entropy = sg.token_log_probs(z, [-100, 1], ignore_index=-100)
    grad = sg.token_log_probs_vjp(z, [-100, 1], [nan, 1.0], [inf, 1.0], ignore_index=-100)
    assert log_probs[0] == entropy[0] == 0
    assert not grad[0].any()
    np.testing.assert_array_equal(grad[1], sg.token_log_probs_vjp(z[1], 1, 1.0, 1.0))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
def test_a_vocabulary_of_151936(dtype):
    rng = np.random.default_rng(5)
    z = (3 * rng.normal(size=(3, 151_936))).astype(dtype)
    z[1, 150_000] = 60
    y, g, h = np.array([151_935, 150_000, 0]), np.array([1.0, -2.0, 0.5]), np.array([0.5, 1.0, 0.0])
    wide = z.astype(np.float64 if dtype == "float64" else np.float32)
    for got, exact in zip(sg.token_log_probs(z, y), judge.token_log_probs(wide, y), strict=True):
        assert got.dtype == wide.dtype
        assert_within(4, got, exact)
    grad = sg.token_log_probs_vjp(wide, y, g, h)
    assert_within(5, grad, *judge.token_log_probs_vjp(wide, y, g, h))
    np.testing.assert_array_equal(
        sg.token_log_probs_vjp(z, y, g, h).astype(np.float64), grad.astype(dtype).astype(np.float64)
    )


def rows_of(kind, rng, shape, dtype):
    z = 3 * rng.normal(size=shape)
    if kind == "far":
        z += 3e4
    elif kind == "equal logits":
        z = z.round()
    elif kind == "not finite":
        z[rng.random(shape) < 0.2] = -inf
        z[rng.random(shape) < 0.02] = rng.choice([inf, nan])
    return z.astype(dtype)


@pytest.mark.parametrize("kind", ["near", "far", "equal logits", "not finite"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
def test_many_short_rows_have_the_bits_of_each_row_alone(dtype, kind):
    rng = np.random.default_rng(9)
    for N, K in ((16, 1), (33, 2), (40, 7), (70, 10), (32, 17), (35, 64), (20, 65)):
        z, y = rows_of(kind, rng, (N, K), dtype), rng.integers(0, K, N)
        y[::5] = IGNORED
        g, h = rng.normal(size=(2, N)).astype(np.float64 if dtype == "float64" else np.float32)
        g[::3] *= 1e30
        options = {"temperature": rng.choice([1.0, 0.7]), "ignore_index": IGNORED}
        together = (*sg.token_log_probs(z, y, **options), sg.token_log_probs_vjp(z, y, g, h, **options))
        columns = sg.token_log_probs_vjp(z.T.copy(), y, g, h, axis=0, **options).T
        for i in range(N):
            row = [array[i : i + 1] for array in (z, y, g, h)]
            alone = (*sg.token_log_probs(*row[:2], **options), sg.token_log_probs_vjp(*row, **options))
            for some, one in zip((*together, columns), (*alone, alone[-1]), strict=True):
                np.testing.assert_array_equal(some[i].astype(np.float64), one[0].astype(np.float64))


@pytest.mark.parametrize("N", [1, 20])
def test_large_upstream_gradients_that_cancel(N):
    """g = h <p, d>: of the factors in e_j (a - b d_j) only b is large, and its product with e_j in units overflows."""
    z, y = np.tile(np.float32([0, -1, -2]), (N, 1)), np.zeros(N, int)
    h = np.full(N, 1e20, np.float32)
    g = h * (sg.softmax(z) * z).sum(axis=1)
    assert_within(5, sg.token_log_probs_vjp(z, y, g, h), *judge.token_log_probs_vjp(z, y, g, h))


def test_the_gradient_replaces_the_logits():
    rng = np.random.default_rng(6)
    z, y, (g, h) = rng.normal(size=(300, 9000)), rng.integers(0, 9000, 300), rng.normal(size=(2, 300))
    want = sg.token_log_probs_vjp(z, y, g, h)
    assert sg.token_log_probs_vjp(z, y, g, h, out=z) is z  # with streaming stores
    np.testing.assert_array_equal(z, want)


def test_over_the_upstream_gradients():
    buffer = np.random.default_rng(7).normal(size=(3, 4))
    z, g = buffer.copy(), buffer[0, :3]
    want = sg.token_log_probs_vjp(z, [0, 1, 2], g.copy(), g.copy())
    np.testing.assert_array_equal(sg.token_log_probs_vjp(z, [0, 1, 2], g, g, out=buffer), want)


@pytest.mark.parametrize("size", [1e-40, 1e-30, 1e10, 1e30])
def test_upstream_gradients_of_any_size(size):
    """p is as small as 1e-45, and the gradient times p is rounded once."""
    z = np.array([[0.0, -60.0, -100.0, -103.0, -1.0]], np.float32)
    g = np.array([size], np.float32)
    for parts in ((g, None), (None, g)):
        given = (0 * g if part is None else part for part in parts)
        exact = judge.token_log_probs_vjp(z, np.array([0]), *given)
        assert_within(5, sg.token_log_probs_vjp(z, [0], *parts), *exact)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (sg.ShapeError, r"tokens.shape is \(3,\), .* wanted one class index per row, \(2,\)", {"tokens": [0, 1, 2]}),
        (sg.ShapeError, r"tokens.shape is \(2, 3\)", {"tokens": np.zeros((2, 3), int)}),
        (sg.DtypeError, "tokens.dtype is float64", {"tokens": [0.0, 1.0]}),
        (sg.LabelError, r"tokens\[1\] is 3, but logits have 3 classes on axis -1; wanted 0..2", {"tokens": [0, 3]}),
        (sg.LabelError, r"tokens\[0\] is -1, .* or ignore_index=-1", {"tokens": [-1, 0]}),
        (sg.AxisError, r"axis is \(0, 1\), wanted one integer", {"axis": (0, 1)}),
        (sg.OptionError, "temperature is 0", {"temperature": 0}),
        (sg.OptionError, "ignore_index is 1.5, wanted one class index", {"ignore_index": 1.5}),
        (TypeError, "unexpected option 'dim'; here it is axis", {"dim": 1}),
    ],
)
def test_messages(error, message, call):
    arguments = {"logits": np.zeros((2, 3)), "tokens": [0, 1]} | call
    for function, more in ((sg.token_log_probs, {}), (sg.token_log_probs_vjp, {"grad_log_probs": [1.0, 1.0]})):
        with pytest.raises(error, match=f"^{function.__name__}: {message}"):
            function(**arguments, **more)


def test_messages_about_upstream_gradients():
    z = np.zeros((2, 3))
    with pytest.raises(sg.OptionError, match="grad_log_probs and grad_entropy are None, wanted at least one of them"):
        sg.token_log_probs_vjp(z, [0, 1])
    with pytest.raises(sg.ShapeError, match=r"grad_entropy.shape is \(3,\), but logits.shape is"):
        sg.token_log_probs_vjp(z, [0, 1], grad_entropy=np.ones(3))
    with pytest.raises(sg.ShapeError, match=r"out is an array of float32"):
        sg.token_log_probs_vjp(z, [0, 1], np.ones(2), out=np.zeros((2, 3), np.float32))
