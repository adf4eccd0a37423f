"""Products with the Jacobian of softmax take probabilities; logits given for them are refused."""

import ml_dtypes  # noqa: F401  it registers bfloat16 with NumPy
import numpy as np
import pytest

import softgrad as sg
from together import together

FROM_PROBABILITIES = {
    "softmax_vjp": sg.softmax_vjp,
    "softmax_jvp": sg.softmax_jvp,
    "SoftmaxJacobian": lambda p, v, axis=-1: sg.SoftmaxJacobian(p, axis=axis) @ v,
}
FROM_LOGARITHMS = {"log_softmax_vjp": sg.log_softmax_vjp, "log_softmax_jvp": sg.log_softmax_jvp}
PRODUCTS = FROM_PROBABILITIES | FROM_LOGARITHMS
DTYPES = ["float16", "bfloat16", "float32", "float64"]
SHAPES = [(3,), (64, 10), (5, 300), (40, 1000), (2, 70_000)]

products = pytest.mark.parametrize("name", PRODUCTS)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def given(name, logits):
    return (sg.softmax if name in FROM_PROBABILITIES else sg.log_softmax)(logits)


@products
@dtypes
@together(shape=SHAPES, spread=[0.0, 1.0, 30.0])
def test_what_softmax_returns_passes(name, dtype, shape, spread):
    """In 16 bits the entries are rounded, and most of 70,000 equal ones by as much in the same direction."""
    z = (spread * np.random.default_rng(0).normal(size=shape)).astype(dtype)
    output = given(name, z)
    PRODUCTS[name](output, z)
    PRODUCTS[name](output, z.astype(np.float64))  # for which 16-bit rows are made wider
    PRODUCTS[name](output.astype(np.float64), z)


@products
@dtypes
@together(shape=SHAPES, axis=[0, -1])
def test_logits_are_refused(name, dtype, shape, axis):
    z = np.moveaxis(3 * np.random.default_rng(1).normal(size=shape), -1, axis).astype(dtype)
    with pytest.raises(sg.DataError, match=f"{name}: .*wanted probabilities, whose sum is 1"):
        PRODUCTS[name](z, z, axis=axis)


@products
@dtypes
@together(place=[0, 63, 64, 127, 128, 255, 256, 299], axis=[0, -1])
def test_one_wrong_entry_of_the_first_row_is_refused_wherever_it_is(name, dtype, place, axis):
    """Rows are read in groups of 64 or 128 entries; of so many rows, at least one as a whole."""
    N, K = (5, 128) if axis == 0 else (160, 300)
    logarithms = name in FROM_LOGARITHMS
    p = np.full((N, K), np.log(1 / K) if logarithms else 1 / K)
    p[0, place % K] = 0.5 if logarithms else 1.5
    output = np.ascontiguousarray(np.moveaxis(p, -1, axis)).astype(dtype)
    with pytest.raises(sg.DataError, match="wanted probabilities, whose sum is 1"):
        PRODUCTS[name](output, output, axis=axis)


@pytest.mark.parametrize("name", FROM_LOGARITHMS)
@pytest.mark.parametrize("wrong", [lambda p: p, lambda p: np.log(p) + 1, lambda p: np.log(p) - 1])
def test_probabilities_and_shifted_logarithms_are_refused(name, wrong):
    p = sg.softmax(np.random.default_rng(2).normal(size=(6, 5)))
    with pytest.raises(sg.DataError, match=r"exp\(log_probs\[0\]\) sums to"):
        PRODUCTS[name](wrong(p), p)


@products
def test_masked_rows_rounded_rows_and_nan_pass(name):
    z = np.zeros((3, 4))
    forward = sg.softmax if name in FROM_PROBABILITIES else sg.log_softmax
    none = forward(z, where=np.zeros((3, 4), bool))
    assert not np.any(PRODUCTS[name](none, np.ones((3, 4)), **({"where": False} if name in FROM_LOGARITHMS else {})))
    thirds = np.full((1, 3), 0.333)
    PRODUCTS[name](thirds if name in FROM_PROBABILITIES else np.log(thirds), thirds)
    assert np.isnan(PRODUCTS[name](np.full((2, 2), np.nan), np.ones((2, 2)))).all()


def test_the_message_names_the_row_in_any_layout():
    p = np.full((2, 3, 4), 0.25)
    p[0, 0] = 0  # rows of zeros pass
    p[1, 2] = 0.5
    for array, options in ((p, {}), (np.asfortranarray(p), {}), (np.moveaxis(p, -1, 0), {"axis": 0})):
        with pytest.raises(sg.DataError, match=r"^softmax_vjp: probs\[1, 2\] sums to 2, wanted probabilities"):
            sg.softmax_vjp(array, array, **options)
    with pytest.raises(sg.DataError, match=r"^SoftmaxJacobian: probs\[1, 2\] sums to 2, wanted probabilities"):
        sg.SoftmaxJacobian(p)


def test_the_message_offers_what_to_do():
    p = np.array([[0.5, 0.25, 0.25]])
    softmax, mask = "probs is the output of softmax", np.array([True, False, True])
    for call, message in {
        (lambda: sg.softmax_vjp(p / 2, p)): (
            f"softmax_vjp: probs[0] sums to 0.5, wanted probabilities, whose sum is 1; {softmax}, so give "
            "softmax(logits) instead of logits, or divide each row by its sum"
        ),
        (lambda: sg.softmax_jvp(p - 1, p)): (
            f"softmax_jvp: probs[0] holds -0.5, wanted probabilities, whose sum is 1; {softmax}, so give "
            "softmax(logits) instead of logits"
        ),
        (lambda: sg.softmax_vjp(p, p, where=mask)): (
            "softmax_vjp: probs[0] sums to 0.75 over the classes of where, wanted probabilities, whose sum is 1; "
            f"{softmax} with the same mask, or divide each row by its sum"
        ),
        (lambda: sg.log_softmax_vjp(np.log(p) - np.log(2), p)): (
            "log_softmax_vjp: exp(log_probs[0]) sums to 0.5, wanted probabilities, whose sum is 1; log_probs is the "
            "output of log_softmax, so give log_softmax(logits) instead of logits, or subtract from each row its "
            "logsumexp"
        ),
    }.items():
        with pytest.raises(sg.DataError) as refused:
            call()
        assert str(refused.value) == message


def test_nothing_is_written_before_the_refusal():
    z = np.array([[3.0, 1.0]])
    with pytest.raises(sg.DataError):
        sg.softmax_vjp(z, z, out=z)
    assert z.tolist() == [[3.0, 1.0]]
