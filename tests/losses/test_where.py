"""A loss with `where` is, row by row, the loss of the classes that take part."""

import numpy as np
import pytest

import softgrad as sg
from cases import LOSSES, taken
from tolerance import assert_within

K = 7
WEIGHT = np.array([0.5, 2.0, 1.0, 0.25, 1.5, 3.0, 0.75])
OPTIONS = {
    "none": {},
    "weight": {"weight": WEIGHT},
    "smoothing": {"label_smoothing": 0.1},
    "all smoothed away": {"label_smoothing": 1.0},
    "z-loss": {"z_loss": 0.02},
    "softcap": {"softcap": 5.0},
    "everything": {
        "weight": WEIGHT,
        "label_smoothing": 0.1,
        "z_loss": 0.01,
        "softcap": 8.0,
        "temperature": 0.7,
    },
}
losses = pytest.mark.parametrize("loss", LOSSES)
options = pytest.mark.parametrize("name", OPTIONS)
targets = pytest.mark.parametrize("target", ["classes", "probabilities"])


def problem(target, dtype="float64", N=9):
    """Logits, targets among the classes that take part, and the mask; one row has a single class."""
    rng = np.random.default_rng(5)
    mask = rng.random((N, K)) < 0.6
    mask[0] = np.arange(K) == 3
    y = rng.integers(0, K, N)
    y[0] = 3
    mask[np.arange(N), y] = True
    t = rng.random((N, K)) * mask
    z = (3 * rng.normal(size=(N, K))).astype(dtype)
    return z, y if target == "classes" else (t / t.sum(axis=1, keepdims=True)).astype(dtype), mask


def by_row(function, z, t, mask, v=None, **options):
    """Calls the function on each row with the classes that take part alone; puts its vectors back into their places."""
    rows = []
    for i, classes in enumerate(mask):
        few = options | ({"weight": options["weight"][classes]} if "weight" in options else {})
        target = t[i][classes] if t.ndim > 1 else np.flatnonzero(classes).tolist().index(t[i])
        rows.append(function(z[i][classes], target, *([] if v is None else [v[i][classes]]), **few))
    return rows


def spread(parts, mask):
    whole = np.zeros(mask.shape)
    whole[mask] = np.concatenate(parts)
    return whole


@losses
@options
@targets
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_is_the_loss_of_the_classes_that_take_part(loss, name, target, dtype):
    z, t, mask = problem(target, dtype)
    given = taken(loss, OPTIONS[name])
    rows = by_row(LOSSES[loss].with_stats, z, t, mask, reduction="none", **given)
    value, grad, stats = LOSSES[loss].with_stats(z, t, where=mask, reduction="none", **given)
    size = abs(spread([row.grad for row in rows], mask)).max(axis=1, keepdims=True) + 1e-3
    assert_within(16, value, np.array([row.loss for row in rows]), np.array([row.loss for row in rows]) + 1e-3)
    assert_within(32, grad, spread([row.grad for row in rows], mask), size)
    assert not grad[~mask].any()
    for field in ("logsumexp", "entropy"):
        wanted = np.array([getattr(row.stats, field) for row in rows])
        assert_within(16, getattr(stats, field), wanted, abs(wanted) + 1e-3)
    assert stats.correct.tolist() == [bool(row.stats.correct) for row in rows]
    assert_within(4, LOSSES[loss].value(z, t, where=mask, reduction="none", **given), value, value + 1e-3)


@losses
@options
@targets
def test_products_read_no_tangent_of_another_class(loss, name, target):
    z, t, mask = problem(target)
    given = taken(loss, OPTIONS[name])
    v = np.where(mask, np.random.default_rng(6).normal(size=z.shape), np.nan)
    change = by_row(LOSSES[loss].jvp, z, t, mask, v, reduction="none", **given)
    product = spread(by_row(LOSSES[loss].hvp, z, t, mask, v, reduction="none", **given), mask)
    got = LOSSES[loss].jvp(z, t, v, where=mask, reduction="none", **given)
    np.testing.assert_allclose(got, change, rtol=1e-12, atol=1e-13)
    got = LOSSES[loss].hvp(z, t, v, where=mask, reduction="none", **given)
    np.testing.assert_allclose(got, product, rtol=1e-12, atol=1e-13)


@losses
@targets
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_row_without_classes_and_an_ignored_row_are_left_out(loss, target, smoothing):
    z, t, mask = problem(target)
    mask[4] = False
    given = {"where": mask, "label_smoothing": smoothing} | taken(loss, {"z_loss": 0.1})
    count = len(z)
    if target == "classes":
        t[2], count = -1, count - 2
        given["ignore_index"] = -1
    else:
        t[4] = 0
    kept = np.delete(np.arange(len(z)), [2, 4] if target == "classes" else [4])
    value, grad, stats = LOSSES[loss].with_stats(z, t, reduction="none", **given)
    few = LOSSES[loss].with_stats(z[kept], t[kept], reduction="none", **(given | {"where": mask[kept]}))
    np.testing.assert_array_equal(value[kept], few.loss)
    np.testing.assert_array_equal(grad[kept], few.grad)
    left_out = np.delete(np.arange(len(z)), kept)
    for array in (value, grad, *stats):
        assert not array[left_out].any()
    product = LOSSES[loss].hvp(z, t, np.ones_like(z), **given)
    assert not product[left_out].any()
    np.testing.assert_allclose(LOSSES[loss].value(z, t, **given), few.loss.sum() / count, rtol=1e-14)


@losses
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_axis_any_layout_and_out(loss, axis, order):
    z, t, mask = problem("classes")
    whole = np.array(np.moveaxis(z, 1, axis), order=order)
    want = LOSSES[loss].with_grad(z, t, where=mask)
    got = LOSSES[loss].with_grad(whole, t, axis=axis, where=np.moveaxis(mask, 1, axis), out=whole)
    assert got.grad is whole
    np.testing.assert_array_equal(np.moveaxis(whole, axis, 1), want.grad)
    of_classes = np.arange(K) != 6
    t = np.minimum(t, 5)
    want = LOSSES[loss].with_grad(z[:, :6], t, label_smoothing=0.1)
    got = LOSSES[loss].with_grad(z, t, label_smoothing=0.1, where=of_classes)
    np.testing.assert_allclose(got.grad[:, :6], want.grad, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("function", ["cross_entropy", "squared_error_with_grad"])
def test_a_target_that_does_not_take_part_is_an_error(function):
    call = getattr(sg, function)
    z, where = np.zeros((2, 3)), [True, False, True]
    with pytest.raises(sg.LabelError) as raised:
        call(z, [0, 1], where=where)
    assert str(raised.value) == (
        f"{function}: target[1] is class 1, which where leaves out; wanted a target among the classes that take part, "
        "or ignore_index to leave the row out"
    )
    with pytest.raises(sg.LabelError, match=r"target\[1, 1\] is 0.5 for class 1, which where leaves out"):
        call(z, [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]], where=where)
    with pytest.raises(sg.LabelError, match=r"target\[1, 1\] is 0.5 for class 1, which where leaves out"):
        call(z.T, [[0.0, 0.5], [0.0, 0.5], [1.0, 0.0]], axis=0, where=[[True], [False], [True]])
    with pytest.raises(sg.DtypeError, match=r"where\.dtype is int64, wanted bool"):
        call(z, [0, 1], where=[1, 0, 1])
