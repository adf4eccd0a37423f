"""Every option of every loss, alone and together, against the judge."""

import itertools

import numpy as np
import pytest

import judge
import softgrad as sg
from cases import LOSSES, taken
from tolerance import assert_within

WEIGHT = np.array([0.5, 2.0, 1.0, 0.0, 1.5, 3.0, 0.25])
OPTIONS = {
    "none": {},
    "weight": {"weight": WEIGHT},
    "ignored rows": {"ignore_index": 2},
    "smoothing": {"label_smoothing": 0.1},
    "all smoothed away": {"label_smoothing": 1.0},
    "z-loss": {"z_loss": 0.02},
    "softcap": {"softcap": 5.0},
    "hot": {"temperature": 2.5},
    "cold": {"temperature": 0.3},
    "weight and smoothing": {"weight": WEIGHT, "label_smoothing": 0.2},
    "everything": {
        "weight": WEIGHT,
        "ignore_index": 2,
        "label_smoothing": 0.1,
        "z_loss": 0.01,
        "softcap": 8.0,
        "temperature": 0.7,
    },
}
TARGETS = ["classes", "probabilities"]
APPLICABLE = [
    (name, target)
    for name, target in itertools.product(OPTIONS, TARGETS)
    if target == "classes" or "ignore_index" not in OPTIONS[name]
]


def problem(dtype, target, spread=3.0):
    rng = np.random.default_rng(7)
    z = (spread * rng.normal(size=(9, 7))).astype(dtype)
    z[0, 4] = 40  # a confident row
    y = np.array([4, 1, 2, 3, 2, 5, 6, 0, 1])
    return z, y if target == "classes" else rng.dirichlet(np.ones(7), 9).astype(dtype)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "target"), APPLICABLE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
def test_agrees_with_the_judge(loss, dtype, name, target, reduction):
    z, t = problem(dtype, target)
    options = taken(loss, OPTIONS[name])
    exact = LOSSES[loss].judge(z, t, **options).reduced(reduction)
    got = LOSSES[loss].with_grad(z, t, reduction=reduction, **options)
    assert_within(4, got.loss, *exact.loss)
    assert_within(LOSSES[loss].grad_ulps[0], got.grad, *exact.grad)  # soft targets are within this bound too
    assert_within(4, LOSSES[loss].value(z, t, reduction=reduction, **options), got.loss)


@pytest.mark.parametrize(("name", "target"), APPLICABLE)
@pytest.mark.parametrize("loss", LOSSES)
def test_products_with_the_gradient_and_the_hessian(loss, name, target):
    z, t = problem("float64", target, spread=1.0)
    v = np.random.default_rng(8).normal(size=z.shape)
    options = taken(loss, OPTIONS[name])
    rows = LOSSES[loss].judge(z, t, **options)
    exact = judge.hessian_times(loss, z, t, v, **options)
    got, mean = (LOSSES[loss].hvp(z, t, v, reduction=reduction, **options) for reduction in ("none", "mean"))
    assert_within(16, got, *exact)
    assert_within(2, mean, got / rows.count)
    assert_within(16, LOSSES[loss].jvp(z, t, v, reduction="none", **options), *(rows.grad * v).sum())


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("K", [7, 300])  # rows in tiles, and rows one by one
@pytest.mark.parametrize("loss", LOSSES)
def test_statistics_come_from_the_same_pass(loss, name, K):
    z, y = problem("float64", "classes")
    z = np.hstack([z, np.full((9, K - 7), -30.0)])
    options = taken(loss, OPTIONS[name])
    if "weight" in options:
        options["weight"] = np.resize(WEIGHT, K)
    exact = LOSSES[loss].judge(z, y, **options)
    value, grad, stats = LOSSES[loss].with_stats(z, y, **options)
    assert_within(1, value, LOSSES[loss].value(z, y, **options))
    assert_within(LOSSES[loss].ulps(None), grad, *exact.reduced().grad)
    assert_within(4, stats.loss, *exact.loss)
    assert_within(4, stats.logsumexp, *exact.logsumexp)
    assert_within(16, stats.entropy, exact.entropy)
    assert stats.correct.tolist() == exact.correct.tolist()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("K", [7, 300])
def test_an_ignored_row_is_0_whatever_its_logits(loss, K):
    z = np.zeros((3, K))
    z[1] = [np.nan, np.inf, -np.inf, *range(K - 3)]
    got = LOSSES[loss].with_grad(z, [0, -100, 1], ignore_index=-100)
    without = LOSSES[loss].with_grad(z[[0, 2]], [0, 1])
    assert got.loss == without.loss
    np.testing.assert_array_equal(got.grad[[0, 2]], without.grad)
    assert not got.grad[1].any()


@pytest.mark.parametrize("loss", LOSSES)
def test_nothing_to_average_is_0_nan_or_an_error(loss):
    z, y = np.ones((2, 3)), [7, 7]
    f = LOSSES[loss].with_grad
    assert f(z, y, ignore_index=7).loss == 0
    assert np.isnan(f(z, y, ignore_index=7, if_all_ignored="nan").loss)
    assert not f(z, y, ignore_index=7, if_all_ignored="nan").grad.any()
    with pytest.raises(sg.LabelError, match="all 2 rows are ignored or have zero weight"):
        f(z, y, ignore_index=7, if_all_ignored="raise")


def test_a_denominator_makes_accumulation_over_batches_exact():
    z, y = problem("float64", "classes")
    whole = sg.cross_entropy_with_grad(z, y, weight=WEIGHT)
    count = WEIGHT[y].sum()
    parts = [
        sg.cross_entropy_with_grad(z[i : i + 4], y[i : i + 4], weight=WEIGHT, denominator=count) for i in (0, 4, 8)
    ]
    exact = judge.rows("cross_entropy", z, y, weight=WEIGHT).reduced()
    assert_within(4, whole.loss, *exact.loss)
    assert_within(4, sum(part.loss for part in parts), *exact.loss)
    assert_within(4, np.vstack([part.grad for part in parts]), *exact.grad)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(9, 7), (9, 300)])
@pytest.mark.parametrize("name", ["none", "everything"])
@pytest.mark.parametrize("loss", LOSSES)
def test_out_may_be_the_logits(loss, name, shape, order):
    rng = np.random.default_rng(3)
    z = np.asarray(rng.normal(size=shape), order=order)
    options = taken(loss, OPTIONS[name])
    if "weight" in options:
        options["weight"] = np.resize(WEIGHT, shape[1])
    y = rng.integers(0, 7, 9)
    want = LOSSES[loss].with_grad(z.copy(), y, **options)
    got = LOSSES[loss].with_grad(z, y, out=z, **options)
    assert got.grad is z
    assert got.loss == want.loss
    np.testing.assert_array_equal(z, want.grad)


BAD = {
    "weight of the wrong length": ({"weight": [1.0, 2.0]}, sg.ShapeError, r"weight.shape is \(2,\), wanted \(3,\)"),
    "smoothing above 1": ({"label_smoothing": 1.5}, sg.OptionError, "label_smoothing is 1.5, wanted a number from 0"),
    "ignore_index that is text": (
        {"ignore_index": "1"},
        sg.OptionError,
        "ignore_index is '1', wanted one class index",
    ),
    "negative z-loss": ({"z_loss": -1.0}, sg.OptionError, "z_loss is -1.0, wanted 0 or a positive number"),
    "softcap of 0": ({"softcap": 0.0}, sg.OptionError, "softcap is 0.0, wanted a positive number"),
    "temperature of 0": ({"temperature": 0.0}, sg.OptionError, "temperature is 0.0, wanted a positive number"),
    "unknown policy": (
        {"if_all_ignored": "skip"},
        sg.OptionError,
        "if_all_ignored is 'skip', wanted 'zero', 'nan' or 'raise'",
    ),
    "denominator of a sum": (
        {"denominator": 2.0, "reduction": "sum"},
        sg.OptionError,
        "denominator is 2.0, but reduction is 'sum'; wanted 'mean'",
    ),
    "out of another dtype": (
        {"out": np.zeros((2, 3), "float32")},
        sg.ShapeError,
        r"out is an array of float32 of shape \(2, 3\), wanted one of float64",
    ),
    "smoothing in words": (
        {"label_smoothing": "some"},
        sg.OptionError,
        "label_smoothing is 'some', wanted a number from 0",
    ),
    "temperature that is text": ({"temperature": "2"}, sg.OptionError, "temperature is '2', wanted a positive number"),
    "z-loss of None": ({"z_loss": None}, sg.OptionError, "z_loss is None, wanted 0 or a positive number"),
    "softcap of two": ({"softcap": [1.0, 2.0]}, sg.OptionError, r"softcap is \[1.0, 2.0\], wanted a positive number"),
    "a misspelt option": (
        {"temprature": 2.0},
        TypeError,
        "unexpected option 'temprature'; did you mean temperature[?] wanted one of .*weight, ",
    ),
    "an option of no kind": ({"verbose": 1}, TypeError, "unexpected option 'verbose'; wanted one of "),
    "out that is a list": ({"out": [[0.0]]}, sg.DtypeError, r"out is a list, wanted an array of float64"),
}


def can_be_bad(loss, case):
    """Whether the loss takes the option. test_table.py tests the message for an option that it does not take."""
    return "z_loss" not in BAD[case][0] or taken(loss, BAD[case][0])


@pytest.mark.parametrize(("loss", "case"), [(loss, case) for loss in LOSSES for case in BAD if can_be_bad(loss, case)])
def test_says_which_option_is_wrong(loss, case):
    options, error, message = BAD[case]
    with pytest.raises(error, match=f"{loss}_with_grad: {message}"):
        LOSSES[loss].with_grad(np.zeros((2, 3)), [0, 1], **options)


def test_probabilities_have_no_ignore_index():
    with pytest.raises(sg.OptionError, match="ignore_index is 0, but target holds probabilities"):
        sg.cross_entropy(np.zeros((1, 2)), [[0.5, 0.5]], ignore_index=0)
