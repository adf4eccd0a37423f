"""A softcap of any size, on logits of any size: cap tanh(z / cap)."""

import numpy as np
import pytest

import judge
import softgrad as sg
from cases import DTYPES, LOSSES
from judge.arithmetic import Mpmath
from tolerance import assert_within

inf, nan = np.inf, np.nan
EXACT = Mpmath(60)  # near the cap of 1e30, long double has no digits left
CAPS = [1e-30, 0.1, 5.0, 1e7, 1e15, 1e18, 1e30]
ROWS = {  # name: (cap, random generator) -> logits
    "far below the cap": lambda cap, rng: np.stack([rng.normal(size=5), [1, 2, 3.5, 0, 0]]),
    "of the size of the cap": lambda cap, rng: cap * rng.normal(size=(2, 5)),
    "beyond the cap": lambda cap, rng: cap * (4 + 2 * rng.random((2, 5))),
    "saturated": lambda cap, rng: -cap * (18 + rng.random((2, 5))),
    "neighbours": lambda cap, rng: np.float32(3 * cap) * (1 + 2.0**-23 * rng.integers(-9, 9, (2, 5))),
}
losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
dtypes = pytest.mark.parametrize("dtype", DTYPES)
MEMORY = {"whole rows": 2**20, "tiles of classes": 5 * 8}  # of the linear loss


def drawn(row, cap, dtype):
    rng = np.random.default_rng(1)
    z = ROWS[row](cap, rng).astype(dtype)
    return z, z.argmin(axis=1), rng.normal(size=z.shape).astype(dtype)


def least(dtype):
    """The size of a sum of subnormal numbers."""
    return np.finfo(dtype).tiny


@dtypes
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("cap", CAPS)
def test_cross_entropy_of_capped_logits(cap, row, dtype):
    z, y, _ = drawn(row, cap, dtype)
    exact = judge.rows("cross_entropy", z, y, softcap=cap, a=EXACT)
    loss, grad, stats = sg.cross_entropy_with_stats(z, y, softcap=cap, reduction="none")
    assert_within(4, loss, exact.loss.value, np.maximum(exact.loss.size, least(dtype)))
    assert_within(4, grad, exact.grad.value, np.maximum(exact.grad.size, least(dtype)))
    assert_within(4, stats.logsumexp, *exact.logsumexp)


@losses
@dtypes
@pytest.mark.parametrize("cap", [1e-30, 5.0, 1e18])
def test_every_loss_of_capped_logits(cap, dtype, loss):
    for row in ("far below the cap", "of the size of the cap"):
        z, y, v = drawn(row, cap, dtype)
        exact = loss.judge(z, y, softcap=cap, a=EXACT)
        got = loss.with_grad(z, y, softcap=cap, reduction="none")
        assert_within(4, got.loss, exact.loss.value, np.maximum(exact.loss.size, least(dtype)))
        assert_within(loss.grad_ulps[0], got.grad, exact.grad.value, np.maximum(exact.grad.size, least(dtype)))
        if row == "far below the cap":
            name = loss.value.__name__
            product = judge.hessian_times(name, z, y, v, softcap=cap, a=EXACT)
            got = loss.hvp(z, y, v, softcap=cap, reduction="none")
            assert_within(32, got, product.value, np.maximum(product.size, least(dtype)))


@dtypes
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("cap", CAPS)
def test_the_linear_loss_of_capped_logits(cap, memory, dtype):
    for row in ROWS:
        z, y, _ = drawn(row, cap, dtype)
        exact = judge.rows("cross_entropy", z, y, softcap=cap, a=EXACT)
        got = sg.linear_cross_entropy_with_grad(
            z, np.eye(5, dtype=dtype), y, softcap=cap, reduction="none", max_memory=MEMORY[memory]
        )
        assert_within(32, got.loss, exact.loss.value, np.maximum(exact.loss.size, least(dtype)))
        if row in ("far below the cap", "of the size of the cap"):
            assert_within(32, got.grad.dx, exact.grad.value, np.maximum(exact.grad.size, least(dtype)))


@pytest.mark.parametrize("dtype", ["float16", *DTYPES])
def test_a_large_cap_changes_nothing(dtype):
    z = np.array([[1, 2, 3.5]], dtype)
    for cap in (1e15, 1e18, 1e30):
        for loss in LOSSES.values():
            capped, plain = loss.with_grad(z, [0], softcap=cap), loss.with_grad(z, [0])
            assert_within(4, capped.loss, plain.loss)
            assert_within(10, capped.grad, plain.grad, abs(plain.grad).max())


@losses
@pytest.mark.parametrize("target", [[0], [[0.25, 0.75, 0.0]]], ids=["class", "probabilities"])
@pytest.mark.parametrize("dtype", ["float16", *DTYPES])
def test_a_masked_class_stays_out(dtype, target, loss):
    """As if the class were not there: probability 0 and gradient 0. A logit of +inf is the cap."""
    z, v = np.array([[1.0, 2.0, -inf]], dtype), np.array([[1.0, -1.0, 3.0]], dtype)
    target, seen = np.array(target), np.array(target)[..., :2] if np.ndim(target) > 1 else target
    value, grad = loss.with_grad(z, target, softcap=5.0)
    assert value == loss.value(z, target, softcap=5.0) == loss.value(z[:, :2], seen, softcap=5.0)
    assert grad.tolist() == [[*loss.with_grad(z[:, :2], seen, softcap=5.0).grad[0].tolist(), 0.0]]
    product = loss.hvp(z, target, v, softcap=5.0)
    assert product[0, 2] == 0
    np.testing.assert_allclose(product[:, :2], loss.hvp(z[:, :2], seen, v[:, :2], softcap=5.0), rtol=1e-3)

    infinite, large = np.array([[1.0, inf, inf]], dtype), np.array([[1.0, 6e4, 6e4]], dtype)
    value, grad = loss.with_grad(infinite, target, softcap=5.0)
    assert value == loss.value(large, target, softcap=5.0)
    assert grad.tolist() == loss.with_grad(large, target, softcap=5.0).grad.tolist()
    assert np.isfinite(loss.hvp(infinite, target, v, softcap=5.0)).all()


@losses
def test_a_row_without_probabilities_is_nan_with_a_softcap(loss):
    for row in ([-inf] * 3, [0, nan, 0], [nan] * 3, [nan, inf, 0]):
        for target in ([0], [[0.5, 0.5, 0.0]]):
            value, grad = loss.with_grad(np.array([row]), np.array(target), softcap=3.0)
            assert np.isnan(value)
            assert np.isnan(grad).all()


@pytest.mark.parametrize("memory", MEMORY)
def test_infinite_logits_of_the_linear_loss_with_a_softcap(memory):
    x, bias = np.zeros((2, 1)), np.array([1.0, inf, -inf, inf, 2.0])
    logits = np.broadcast_to(bias, (2, 5))
    got = sg.linear_cross_entropy_with_stats(
        x, np.zeros((5, 1)), [1, 0], bias, softcap=5.0, reduction="none", max_memory=MEMORY[memory]
    )
    want = sg.cross_entropy_with_stats(logits, [1, 0], softcap=5.0, reduction="none")
    assert_within(32, got.loss, want.loss)
    assert_within(32, got.grad.db, want.grad.sum(axis=0), abs(want.grad).sum(axis=0))
    assert_within(32, got.stats.entropy, want.stats.entropy)
    assert got.grad.db[2] == 0


@pytest.mark.parametrize("cap", [1e290, 1e-300, 0.0, inf, nan, -1.0, 10**400])
def test_a_cap_out_of_range_is_refused(cap):
    with pytest.raises(sg.OptionError, match=r"softcap is .*, wanted a positive number from 1e-30 to 1e30"):
        sg.cross_entropy([[1.0, 2.0]], [0], softcap=cap)
