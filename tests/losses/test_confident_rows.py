"""Rows whose largest p rounds to 1 keep their digits in every entry of every derivative, for every form of target.

An entry of the gradient has two terms of opposite sign, p_k (sum of the other a_j) and (1 - p_k) a_k. A one-hot target
leaves one of them: errors then count in ulps of the entry itself, elsewhere in ulps of the two terms.
"""

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 by it
import numpy as np
import pytest

import judge
import softgrad as sg
from calls import assert_rounded_once
from cases import LOSSES, taken
from together import together
from tolerance import assert_within

DTYPES = ["float32", "float64"]
GAPS = [17.0, 40.0, 300.0]  # of the largest logit above 0
LAYOUTS = {"two classes": (2, -1), "short rows": (5, -1), "long rows": (150, -1), "columns": (5, 0)}  # K and axis
SCORES = {"plain": {}, "cold": {"temperature": 0.5}, "capped": {"softcap": 30.0}}
ULPS = {"cross_entropy": 6, "kl_divergence": 6, "squared_error": 10, "focal_loss": 8}


def logits(K, gap, dtype):
    """Rows whose largest logit is the first, and the last. The others are between -1 and 1."""
    z = np.tile(np.linspace(-1, 1, K), (2, 1))
    z[0, 0] = z[1, -1] = gap
    return z.astype(dtype)


def one_hot(z, y):
    return np.eye(z.shape[1], dtype=z.dtype)[y]


def near_one_hot(z, y):
    """A little at the first and the last class, and the rest at y."""
    t = np.zeros(z.shape)
    t[:, 0] = t[:, -1] = 2**-13
    t[np.arange(len(z)), y] = 0
    t[np.arange(len(z)), y] = 1 - t.sum(axis=1)
    return t.astype(z.dtype)


TARGETS = {  # name: (the target for logits and classes, options)
    "class index": (lambda z, y: y, {}),
    "one-hot": (one_hot, {}),
    "one-hot, weighted": (one_hot, {"weight": 3.0}),
    "class index, z_loss": (lambda z, y: y, {"z_loss": 1e-12}),
    "class index, smoothing": (lambda z, y: y, {"label_smoothing": 1e-12}),
    "one-hot, smoothing": (one_hot, {"label_smoothing": 1e-12}),
    "near one-hot": (near_one_hot, {}),
    "near one-hot, weighted, z_loss": (near_one_hot, {"weight": 0.3, "z_loss": 1e-12}),
}
ONE_HOT = ["class index", "one-hot", "one-hot, weighted"]
targets = pytest.mark.parametrize("target", TARGETS)
losses = pytest.mark.parametrize("name", LOSSES)


class Rows:
    """Rows of logits of every dtype and gap with their targets and options."""

    def __init__(self, name, target, layout, scores, *, right):
        (self.K, self.axis), (self.of, options) = LAYOUTS[layout], TARGETS[target]
        self.y = np.array([0, self.K - 1] if right else [self.K - 1, 0])
        self.options = taken(name, options | SCORES[scores])
        if "weight" in options:
            self.options["weight"] = np.linspace(1, options["weight"], self.K)

    def each(self, dtypes=DTYPES):
        for dtype in dtypes:
            for gap in GAPS:
                z = logits(self.K, gap, dtype)
                yield z, self.of(z, self.y)

    def turned(self, array):
        """Between rows and the layout."""
        return np.array(array.T, order="C") if self.axis == 0 and np.ndim(array) == 2 else array


def counted(size, dtype):
    """A size, at least that of the error of a subnormal p."""
    return np.maximum(size, 8 * np.longdouble(np.finfo(dtype).tiny))


@pytest.mark.parametrize("dtype", DTYPES)
@targets
@losses
@together(layout=LAYOUTS, scores=SCORES, right=[True, False])
def test_loss_and_gradient(name, target, layout, scores, right, dtype):
    rows = Rows(name, target, layout, scores, right=right)
    for z, t in rows.each([dtype]):
        loss, grad = LOSSES[name].with_grad(
            rows.turned(z), rows.turned(t), axis=rows.axis, reduction="none", **rows.options
        )
        exact = judge.rows(name, z, t, **rows.options)
        value, size = exact.grad
        if target in ONE_HOT and name != "squared_error":
            size = abs(value)
        assert_within(ULPS[name], rows.turned(grad), value, counted(size, z.dtype))
        assert_within(4, loss, exact.loss.value, counted(exact.loss.size, z.dtype))


@targets
@losses
@together(layout=LAYOUTS)
def test_a_masked_class_costs_no_digits(name, target, layout):
    """The judge sees the classes that take part. Smoothing spreads over them alone."""
    rows = Rows(name, target, layout, "plain", right=True)
    given = dict(rows.options)
    if "weight" in given:
        given["weight"] = np.append(given["weight"], 7.0)
    where = np.arange(rows.K + 1) < rows.K
    for z, t in rows.each():
        exact = judge.rows(name, z, t, **rows.options)
        wide = np.c_[z, np.full(2, 5, z.dtype)]
        t = t if t.ndim == 1 else np.c_[t, np.zeros(2, z.dtype)]
        mask = where[:, None] if rows.axis == 0 else where
        got = LOSSES[name].with_grad(
            rows.turned(wide), rows.turned(t), axis=rows.axis, where=mask, reduction="none", **given
        )
        grad = rows.turned(got.grad)
        value, size = exact.grad
        assert not grad[:, -1].any()
        assert_within(ULPS[name], grad[:, :-1], value, counted(size, z.dtype))
        assert_within(4, got.loss, exact.loss.value, counted(exact.loss.size, z.dtype))


@losses
@together(target=TARGETS)
def test_a_row_of_the_gradient_sums_to_0_within_ulps_of_its_entries_off_the_target(name, target):
    rows = Rows(name, target, "short rows", "plain", right=True)
    rows.options.pop("z_loss", None)
    for z, t in rows.each():
        grad = judge.wide(LOSSES[name].with_grad(z, t, reduction="none", **rows.options).grad)
        off_target = abs(grad).sum(axis=1) - abs(grad[[0, 1], rows.y])
        sums = grad.sum(axis=1).astype(z.dtype)
        assert_within(ULPS[name], sums, 0 * sums, counted(off_target, z.dtype))


@losses
@together(target=TARGETS, dtype=["float16", "bfloat16"])
def test_16_bits_are_computed_in_float32(name, target, dtype):
    rows = Rows(name, target, "short rows", "plain", right=True)
    for z, t in rows.each([dtype]):
        t = t if t.ndim == 1 else t.astype("float32")
        got, want = (
            LOSSES[name].with_grad(array, t, reduction="none", **rows.options) for array in (z, z.astype("float32"))
        )
        np.testing.assert_array_equal(got.loss, want.loss)
        assert_rounded_once(got.grad, want.grad)


@losses
@targets
@together(right=[True, False])
def test_products_with_the_hessian(name, target, right):
    rows = Rows(name, target, "short rows", "plain", right=right)
    v = np.array([[0.5, -1, 2, 0.25, 3], [1, 1, -2, 0, 0.7]])
    for z, t in rows.each(["float64"]):
        value, size = judge.hessian_times(name, z, t, v, **rows.options)
        for mask in ({}, {"where": True}):
            got = LOSSES[name].hvp(z, t, v, reduction="none", **rows.options, **mask)
            assert_within(16, got, value, counted(size, z.dtype))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["vjp", "jvp"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_products_with_the_jacobian(name, kind, layout):
    """Against the exact output: its rounding, a few ulp, is an error of as many ulps of the product's terms."""
    K, axis = LAYOUTS[layout]
    rng = np.random.default_rng(1)
    for dtype in ("float32", "float64"):
        for gap in GAPS:
            z, v = logits(K, gap, dtype), rng.normal(size=(2, K)).astype(dtype)
            if axis == 0:
                output = getattr(sg, name)(z.T, axis=0)
                got = getattr(sg, f"{name}_{kind}")(output, v.T, axis=0).T
            else:
                got = getattr(sg, f"{name}_{kind}")(getattr(sg, name)(z), v)
            value, size = getattr(judge, f"{name}_{kind}")(getattr(judge, name)(z), v)
            assert_within(8, got, value, counted(size, dtype))


@pytest.mark.parametrize("K", [2, 5, 150])
def test_the_jacobian_as_an_operator(K):
    for dtype in ("float32", "float64"):
        for gap in GAPS:
            p = sg.softmax(logits(K, gap, dtype))
            J = sg.SoftmaxJacobian(p)
            exact = judge.jacobian(p).value
            diagonal = np.diagonal(exact, axis1=1, axis2=2)
            least = np.finfo(dtype).tiny
            assert_within(2, J.diagonal(), diagonal, np.maximum(diagonal, least))
            assert_within(2, J.to_dense(), exact, np.maximum(abs(exact), least))
            assert_within(2, J.trace(), diagonal.sum(axis=1), np.maximum(diagonal.sum(axis=1), least))
            sums = judge.wide(J @ np.ones(p.shape, dtype))
            assert_within(4, sums.astype(dtype), 0 * sums, np.maximum(2 * diagonal, least))


@pytest.mark.parametrize("K", [2, 5, 150])
def test_entropy(K):
    for dtype in ("float32", "float64"):
        for gap in GAPS:
            z = logits(K, gap, dtype)
            stats = sg.cross_entropy_with_stats(z, [0, K - 1]).stats
            exact = judge.rows("cross_entropy", z, np.array([0, K - 1])).entropy
            assert_within(16, stats.entropy, exact, np.maximum(exact, 400 * np.longdouble(np.finfo(dtype).tiny)))


@targets
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("memory", [3 * 300, 64 * 300], ids=["tiles of classes", "whole rows"])
def test_linear_cross_entropy(target, right, memory):
    """With w the identity, x are the logits, and dx is the gradient at them."""
    K, options = 300, TARGETS[target][1]
    options = options | ({"weight": np.linspace(1, options["weight"], K)} if "weight" in options else {})
    for dtype in ("float32", "float64"):
        for gap in GAPS[:2]:
            z = np.tile(logits(K, gap, dtype), (10, 1))
            y = np.tile([0, K - 1] if right else [K - 1, 0], 10)
            t, w = TARGETS[target][0](z, y), np.eye(K, dtype=dtype)
            max_memory = (memory + K * (t.ndim == 2)) * z.itemsize
            got = sg.linear_cross_entropy_with_grad(z, w, t, reduction="none", max_memory=max_memory, **options)
            exact = judge.rows("cross_entropy", z, t, **options)
            value, size = exact.grad
            size = abs(value) if target in ONE_HOT else size
            ulps = 8 if memory == 64 * K else 112  # in tiles, exp(-40) is taken of a rounded difference
            assert_within(ulps, got.grad.dx, value, counted(size, dtype))
            assert_within(32, got.loss, exact.loss.value, exact.loss.size)
