"""linear_cross_entropy agrees with the judge for every option, target, dtype and amount of memory."""

import itertools
import tracemalloc

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 by it
import numpy as np
import pytest

import judge
import softgrad as sg
from layouts import LAYOUTS
from losses.linear_cases import MEMORY, OPTIONS, V, assert_close, assert_right, case, exact, exact_hvp
from tolerance import assert_within

APPLICABLE = [
    (name, target)
    for name, target in itertools.product(OPTIONS, ["classes", "probabilities"])
    if target == "classes" or "ignore_index" not in OPTIONS[name]
]
everything = pytest.mark.parametrize(("name", "target"), APPLICABLE)
memory = pytest.mark.parametrize("buffer", MEMORY)


@everything
@memory
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_agrees_with_the_judge(dtype, buffer, name, target):
    one, in_tiles = case(name, dtype, target), buffer.startswith("tiles")
    loss, grad, stats = one.ask(sg.linear_cross_entropy_with_stats, max_memory=MEMORY[buffer])
    assert_right(sg.LinearLossAndGrad(loss, grad), one, in_tiles=in_tiles)
    want, ulps = exact(one).rows, 32 if in_tiles else 4
    assert_close(ulps, stats.loss, *want.loss)
    assert_close(ulps, stats.logsumexp, *want.logsumexp)
    assert_close(2 * ulps + 8, stats.entropy, want.entropy, np.maximum(want.entropy, 1e-30))
    np.testing.assert_array_equal(stats.correct, want.correct)


@everything
@memory
def test_the_family_agrees(buffer, name, target):
    one, memory = case(name, "float64", target), MEMORY[buffer]
    loss, grad, _ = one.ask(sg.linear_cross_entropy_with_stats, max_memory=memory)
    again = one.ask(sg.linear_cross_entropy_with_grad, max_memory=memory)
    for same in (again.loss, one.ask(sg.linear_cross_entropy, max_memory=memory)):
        assert_within(4, same, loss)
    for value, same in zip(again.grad, grad, strict=True):
        np.testing.assert_array_equal(value, same)


@everything
def test_products_with_the_hessian(name, target):
    one = case(name, "float64", target, rows=20)
    rng = np.random.default_rng(3)
    v = tuple(rng.normal(size=array.shape) for array in (one.x, one.w, one.bias))
    exact = exact_hvp(one, v)
    for buffer in (MEMORY["all rows at once"], 2 * V * 8):
        got = sg.linear_cross_entropy_hvp(
            one.x, one.w, one.target, v, one.bias, max_memory=buffer + 8 * V * (target != "classes"), **one.options
        )
        for value, want in zip(got, exact, strict=True):
            assert_close(16, value, *want)


@memory
@pytest.mark.parametrize(
    "slip", ["sign of dx", "dw of sums", "db of one row", "rows shifted", "loss", "classes swapped"]
)
def test_a_planted_slip_is_caught(slip, buffer):
    one = case("smoothing", "float32")
    loss, (dx, dw, db) = one.ask(sg.linear_cross_entropy_with_grad, max_memory=MEMORY[buffer])
    dx, dw, db = {
        "sign of dx": (-dx, dw, db),
        "dw of sums": (dx, dw * len(one.x), db),
        "db of one row": (dx, dw, db / len(one.x)),
        "rows shifted": (np.roll(dx, 1, axis=0), dw, db),
        "classes swapped": (dx, dw[::-1], db),
    }.get(slip, (dx, dw, db))
    loss = loss * np.float32(1.0001) if slip == "loss" else loss
    with pytest.raises(AssertionError, match="ulp off"):
        assert_right(sg.LinearLossAndGrad(loss, sg.LinearGrad(dx, dw, db)), one, in_tiles=buffer.startswith("tiles"))


@pytest.mark.parametrize("buffer", [64 * 2**20, 130 * V * 4, V * 4, V * 40])
def test_rows_and_tiles_make_no_difference_but_rounding(buffer):
    one = case("everything", "float32")
    want, got = exact(one), one.ask(sg.linear_cross_entropy_with_grad, max_memory=buffer)
    assert_close(8, got.loss, *want.loss)
    for value, right in zip(got.grad, (want.dx, want.dw, want.db), strict=True):
        assert_close(16, value, *right)


@memory
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bits_are_computed_in_float32(dtype, buffer):
    one = case("everything", "float32")
    narrow = one._replace(x=one.x.astype(dtype), w=one.w.astype(dtype))
    wide = one._replace(x=narrow.x.astype("float32"), w=narrow.w.astype("float32"))
    got, want = (each.ask(sg.linear_cross_entropy_with_grad, max_memory=MEMORY[buffer]) for each in (narrow, wide))
    assert got.loss.dtype == got.grad.db.dtype == "float32"
    assert got.grad.dx.dtype == got.grad.dw.dtype == dtype
    assert got.loss == want.loss
    for value, right in zip(got.grad[:2], want.grad[:2], strict=True):
        np.testing.assert_array_equal(value.astype("float32"), right.astype(dtype).astype("float32"))


def test_dtypes_that_differ_are_computed_in_the_wider():
    one = case("none", "float32")
    got = one._replace(w=one.w.astype("float64")).ask(sg.linear_cross_entropy_with_grad)
    assert (got.loss.dtype, got.grad.dx.dtype, got.grad.dw.dtype) == ("float64", "float32", "float64")
    assert_within(4, got.loss, exact(one._replace(x=one.x.astype("float64"))).loss.value)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout):
    one = case("everything", "float64")
    moved = one._replace(**{name: LAYOUTS[layout](getattr(one, name)) for name in ("x", "w", "target", "bias")})
    before = [array.tobytes() for array in moved[:4]]
    want, got = exact(one), moved.ask(sg.linear_cross_entropy_with_grad)
    assert [array.tobytes() for array in moved[:4]] == before
    for value, right in zip((got.loss, *got.grad), want[1:], strict=True):
        assert_close(16, value, *right)


@pytest.mark.parametrize("layout", ["C", "Fortran", "negative strides", "every other entry", "unaligned"])
def test_out(layout):
    one = case("everything", "float32")
    out = tuple(LAYOUTS[layout](np.full(a.shape, 7, a.dtype)) for a in (one.x, one.w, one.bias))
    want, got = one.ask(sg.linear_cross_entropy_with_grad), one.ask(sg.linear_cross_entropy_with_grad, out=out)
    for value, buffer, right, (_, size) in zip(got.grad, out, want.grad, exact(one)[2:], strict=True):
        assert value is buffer
        assert_close(8, value, right, size)  # another layout sums the rows in another order


def test_out_may_be_the_arguments():
    one = case("none", "float32")
    want = one.ask(sg.linear_cross_entropy_with_grad)
    x, w, bias = one.x.copy(), one.w.copy(), one.bias.copy()
    got = sg.linear_cross_entropy_with_grad(x, w, one.target, bias, out=(x, w, bias))
    assert got.loss == want.loss
    for value, right in zip((x, w, bias), want.grad, strict=True):
        np.testing.assert_array_equal(value, right)


def test_out_of_some():
    one = case("none", "float32")
    dw = np.empty_like(one.w)
    got = sg.linear_cross_entropy_with_grad(one.x, one.w, one.target, out=(None, dw, None))
    assert got.grad.dw is dw
    assert got.grad.db is None


@memory
def test_an_ignored_row_may_hold_anything(buffer):
    one = case("ignored rows")
    x = one.x.copy()
    x[one.target == 3] = np.nan
    want, got = (
        sg.linear_cross_entropy_with_stats(
            array, one.w, one.target, one.bias, ignore_index=3, max_memory=MEMORY[buffer]
        )
        for array in (one.x, x)
    )
    for value, right in zip((got.loss, *got.grad, *got.stats), (want.loss, *want.grad, *want.stats), strict=True):
        np.testing.assert_array_equal(value, right)
    assert not got.grad.dx[one.target == 3].any()


def test_all_rows_ignored():
    got = sg.linear_cross_entropy_with_grad(np.ones((3, 2)), np.ones((4, 2)), [9, 9, 9], ignore_index=9)
    assert got.loss == 0
    assert not got.grad.dx.any()
    assert not got.grad.dw.any()
    with pytest.raises(sg.LabelError, match="all 3 rows are ignored or have zero weight"):
        sg.linear_cross_entropy(np.ones((3, 2)), np.ones((4, 2)), [9] * 3, ignore_index=9, if_all_ignored="raise")


@memory
def test_a_bias_of_minus_infinity_masks_a_class(buffer):
    one = case("none")
    bias = one.bias.copy()
    bias[::2] = -np.inf
    one = one._replace(bias=bias, target=one.target // 2 * 2 + 1)
    got = one.ask(sg.linear_cross_entropy_with_grad, max_memory=MEMORY[buffer])
    assert_right(got, one, in_tiles=buffer.startswith("tiles"))
    assert not got.grad.dw[::2].any()


@pytest.mark.parametrize("name", ["none", "softcap", "cold", "everything"])
@pytest.mark.parametrize("masked", [slice(0, 150), slice(150, V), slice(100, 200), slice(1, V)])
@pytest.mark.parametrize("buffer", [2 * V * 8, 20 * V * 8])
def test_a_tile_may_be_masked_as_a_whole(buffer, masked, name):
    one = case(name, rows=40)
    bias, kept = one.bias.copy(), np.delete(np.arange(V), masked)
    bias[masked] = -np.inf
    target = np.where(one.target == 3, 3, kept[one.target % len(kept)])
    one = one._replace(bias=bias, target=target)
    want = exact(one)
    loss, grad, stats = one.ask(sg.linear_cross_entropy_with_stats, max_memory=buffer)
    np.testing.assert_array_equal(stats.correct, want.rows.correct)
    entropy = judge.Judged(want.rows.entropy, np.maximum(want.rows.entropy, 1e-30))
    wanted = (*want[1:], want.rows.loss, want.rows.logsumexp, entropy)
    for value, right in zip((loss, *grad, *stats[:3]), wanted, strict=True):
        assert_close(32, value, *right)


@memory
@pytest.mark.parametrize("name", ["none", "softcap"])
def test_a_row_without_a_class_is_nan(buffer, name):
    one = case(name)._replace(bias=np.full(V, -np.inf))
    loss, grad, stats = one.ask(sg.linear_cross_entropy_with_stats, max_memory=MEMORY[buffer])
    for value in (loss, grad.dx, stats.loss, stats.logsumexp, stats.entropy):
        assert np.isnan(value).all()


@pytest.mark.parametrize("buffer", [8 * V, 2**26])
def test_no_rows_or_none_that_counts_whatever_the_memory(buffer):
    one = case("none", rows=4)
    for x, target in ((one.x[:0], one.target[:0]), (one.x, np.full(4, -1))):
        got = sg.linear_cross_entropy_with_grad(x, one.w, target, one.bias, ignore_index=-1, max_memory=buffer)
        assert got.loss == 0
        assert got.grad.dx.shape == x.shape
        assert not any(value.any() for value in got.grad)


def test_no_rows_one_row_and_more_axes():
    w = np.ones((4, 2))
    got = sg.linear_cross_entropy_with_grad(np.ones((0, 2)), w, np.zeros(0, int), np.zeros(4))
    assert (got.loss, got.grad.dx.shape) == (0, (0, 2))
    assert not got.grad.dw.any()
    assert np.ndim(sg.linear_cross_entropy([1.0, 2.0], w, 3, reduction="none")) == 0
    one = case("none")
    x, target = one.x.reshape(4, 40, -1), one.target.reshape(4, 40)
    got = sg.linear_cross_entropy_with_stats(x, one.w, target, one.bias, reduction="none")
    assert got.loss.shape == got.stats.correct.shape == (4, 40)
    assert got.grad.dx.shape == x.shape
    out = (np.empty_like(x), None, None)
    assert sg.linear_cross_entropy_with_grad(x, one.w, target, one.bias, out=out).grad.dx is out[0]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("rows", "classes"), [(2000, 1000), (64, 200_000)])
def test_memory_does_not_grow_with_the_logits(rows, classes, dtype):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(rows, 4)).astype(dtype), rng.normal(size=(classes, 4)).astype(dtype)
    target, buffer = rng.integers(0, classes, rows), 2**20
    sg.linear_cross_entropy_with_grad(x[:2], w[:2], [0, 1])  # loads SciPy's BLAS, which is then in memory
    tracemalloc.start()
    sg.linear_cross_entropy_with_grad(x, w, target, max_memory=buffer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gradients = x.nbytes + w.nbytes + (w.size * 4 if dtype == "bfloat16" else 0)
    assert peak < gradients + 8 * classes + 2 * buffer < rows * classes * 4


@pytest.mark.parametrize("rows", [9, 16, 20, 64])
def test_a_million_classes_stay_within_the_default_memory(rows):
    """Few rows, whose tiles could be as wide as a row."""
    rng = np.random.default_rng(0)
    x, w, target = np.ones((rows, 1), "float32"), rng.normal(size=(1_000_000, 1)).astype("float32"), np.arange(rows)
    sg.linear_cross_entropy_with_grad(x[:2], w[:2], [0, 1])  # loads SciPy's BLAS, which is then in memory
    tracemalloc.start()
    loss, (dx, dw, _) = sg.linear_cross_entropy_with_grad(x, w, target)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - dx.nbytes - dw.nbytes < 72 * 2**20
    in_float64 = sg.cross_entropy(x[:1].astype("float64") @ w.T, target[:1]) + (w[0] - w[:rows]).mean()
    assert_within(8, loss, in_float64)
