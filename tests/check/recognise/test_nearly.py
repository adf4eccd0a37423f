"""Forward passes that are nearly known: what is said of a right gradient, and what a wrong gradient is called."""

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import log_softmax, one_hot, sigmoid, softmax
from softgrad.check.catalogue import ENTRIES
from softgrad.check.catalogue.forward_passes import NEAR_LINES

N, K, D = 5, 3, 4


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def without_keepdims(z):
    e = np.exp(z - z.max())
    return e / e.sum(axis=1)


def without_both_keepdims(z):
    e = np.exp(z - z.max(axis=1))
    return e / e.sum(axis=1)


def maximum_with_sum_without_keepdims(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1)


def maximum_without_keepdims(z):
    e = np.exp(z - z.max(axis=1))
    return e / e.sum(axis=1, keepdims=True)


def maximum_of_columns(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=1, keepdims=True)


def sum_of_all(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def sum_of_all_after_maximum_of_rows(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / np.sum(e)


def maximum_of_rows_sum_of_columns(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=0)


def by_the_mean(z):
    e = np.exp(z)
    return e / e.mean(axis=1, keepdims=True)


def by_the_mean_of_all(z):
    e = np.exp(z)
    return e / e.mean()


def twice(z):
    return softmax(softmax(z))


def along_columns(z):
    return softmax(z.T).T


SOFTMAXES = {  # forward: (what its mistake is called, the shape of the logits)
    without_keepdims: ("forward-axis-dropped", (4, 4)),
    without_both_keepdims: ("forward-axis-dropped", (4, 4)),
    maximum_with_sum_without_keepdims: ("forward-axis-dropped", (4, 4)),
    maximum_without_keepdims: ("forward-maximum-axis-dropped", (4, 4)),
    maximum_of_columns: ("forward-maximum-wrong-axis", (N, K)),
    sum_of_all: ("forward-sum-over-batch", (N, K)),
    sum_of_all_after_maximum_of_rows: ("forward-sum-over-batch", (N, K)),
    maximum_of_rows_sum_of_columns: ("forward-wrong-axis", (N, K)),
    by_the_mean: ("forward-mean-for-sum", (N, K)),
    by_the_mean_of_all: ("forward-mean-for-sum", (N, K)),
    twice: ("forward-softmax-twice", (N, K)),
}


def softmax_backward(z, p, dp):
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def own_softmax_backward(z, p, dp):
    return softmax_backward(z, softmax(z), dp)


def log_softmax_backward(z, logp, dp):
    return dp - np.exp(logp) * dp.sum(axis=-1, keepdims=True)


def loss_of(probabilities):
    return lambda z, y: -np.mean(np.log(probabilities(z)[np.arange(len(y)), y]))


def loss_gradient(z, y):
    return (softmax(z) - one_hot(y, z.shape[1])) / len(y)


def binary_gradient(z, t):
    return (sigmoid(z) - t) / len(t)


LOSSES = {  # name: (loss of z and y, what its mistake is called)
    "p[:, y]": (lambda z, y: -np.mean(np.log(softmax(z)[:, y])), "forward-every-label"),
    "the sum over p[:, y], divided by m": (
        lambda z, y: -np.sum(log_softmax(z)[:, y]) / len(y), "forward-every-label"),
    "the log of a sum over all": (
        lambda z, y: -np.log(np.sum(one_hot(y, K) * softmax(z))) / len(y), "forward-log-of-sum"),
    "the log of the mean of the labels' probabilities": (
        lambda z, y: -np.log(softmax(z)[np.arange(len(y)), y].mean()), "forward-log-of-sum"),
    "the log of a sum along the samples": (
        lambda z, y: -np.sum(np.log(np.sum(one_hot(y, K) * softmax(z), axis=0))) / len(y), "forward-log-of-sum"),
    "the mean along the samples is a sum": (
        lambda z, y: -np.sum(np.mean(one_hot(y, K) * log_softmax(z), axis=1)), "forward-mean-over-classes"),
    "softmax along the samples": (loss_of(along_columns), "forward-wrong-axis"),
    "softmax over the whole array": (loss_of(sum_of_all), "forward-sum-over-batch"),
    "softmax twice": (loss_of(twice), "forward-softmax-twice"),
    "the maximum is not added back": (
        lambda z, y: -np.mean(
            (z - np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)))[np.arange(len(y)), y]),
        "forward-maximum-in-one-place"),
}  # fmt: skip


def labels(rng, classes=K):
    return rng.permutation(np.append(np.arange(classes), rng.integers(0, classes, N - classes)))


def assert_named(report, name):
    assert (report.ok, report.mistake.name) == (False, name)
    assert report.mistake.title == ENTRIES[name].title
    assert report.facts[0].startswith("forward is nearly ")
    assert len(report.mistakes) == 1


@pytest.mark.parametrize("backward", [softmax_backward, own_softmax_backward])
@pytest.mark.parametrize("forward", SOFTMAXES, ids=lambda forward: forward.__name__)
def test_the_gradient_of_softmax_is_wrong_for_what_is_nearly_softmax(forward, backward, rng):
    name, shape = SOFTMAXES[forward]
    assert_named(sg.check_vjp(forward, backward, rng.normal(size=shape)), name)


OF_COLUMNS = [forward for forward, (name, _) in SOFTMAXES.items() if "dropped" not in name]


@pytest.mark.parametrize("forward", OF_COLUMNS, ids=lambda forward: forward.__name__)
def test_the_same_with_the_samples_as_columns(forward, rng):
    report = sg.check_vjp(
        lambda z: forward(z.T).T,
        lambda z, p, dp: softmax_backward(z.T, p.T, dp.T).T,
        rng.normal(size=(K, N)),
    )
    assert_named(report, SOFTMAXES[forward][0])
    assert "row" not in report.facts[0]


@pytest.mark.parametrize("forward", [sum_of_all, twice], ids=lambda forward: forward.__name__)
def test_the_logarithm_of_what_is_nearly_softmax(forward, rng):
    report = sg.check_vjp(lambda z: np.log(forward(z)), log_softmax_backward, rng.normal(size=(N, K)))
    assert_named(report, SOFTMAXES[forward][0])


def test_the_maximum_in_one_place(rng):
    def forward(z):
        return z - np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))

    def backward(z, logp, dp):
        return dp - softmax(z) * dp.sum(axis=1, keepdims=True)

    z = rng.normal(size=(N, K))
    assert_named(sg.check_vjp(forward, backward, z), "forward-maximum-in-one-place")
    assert_named(
        sg.check_vjp(
            lambda z: np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)),
            lambda z, output, g: g[:, None] * softmax(z),
            z,
        ),
        "forward-maximum-in-one-place",
    )


@pytest.mark.parametrize("case", LOSSES)
def test_the_gradient_of_the_cross_entropy_is_wrong_for_what_is_nearly_one(case, rng):
    loss, name = LOSSES[case]
    assert_named(sg.check_grad(loss, loss_gradient, rng.normal(size=(N, K)), labels(rng)), name)


@pytest.mark.parametrize("case", ["p[:, y]", "softmax twice", "softmax over the whole array"])
def test_behind_a_dense_layer(case, rng):
    loss, name = LOSSES[case]

    def gradient(W, b, X, y):
        dz = loss_gradient(X @ W + b, y)
        return X.T @ dz, dz.sum(axis=0)

    arrays = rng.normal(size=(D, K)), rng.normal(size=K), rng.normal(size=(N, D)), labels(rng)
    assert_named(sg.check_grad(lambda W, b, X, y: loss(X @ W + b, y), gradient, *arrays, wrt=(0, 1)), name)


BINARY = {
    "the second term is missing": (lambda z, t: -np.mean(t * np.log(sigmoid(z))), "forward-term-missing"),
    "the second term has the other sign": (
        lambda z, t: -np.mean(t * np.log(sigmoid(z)) - (1 - t) * np.log(1 - sigmoid(z))), "forward-term-sign"),
}  # fmt: skip


@pytest.mark.parametrize("case", BINARY)
def test_the_binary_cross_entropy(case, rng):
    loss, name = BINARY[case]
    t = rng.permutation([0.0, 1, 1, 0, 1])
    assert_named(sg.check_grad(loss, binary_gradient, rng.normal(size=N), t), name)


def test_a_column_of_predictions_against_a_vector_of_targets(rng):
    report = sg.check_grad(
        lambda z, y: np.mean((z - y) ** 2),
        lambda z, y: 2 * (z - y[:, None]) / len(y),
        rng.normal(size=(N, 1)),
        rng.normal(size=N),
    )
    assert_named(report, "forward-every-pair")


# A right gradient of such a function is right, and what is true of the function is said first.

RIGHT = {  # name: (forward, its right gradient, what is said)
    "the whole array": (
        sum_of_all, lambda z, p, dp: p * (dp - (p * dp).sum()),
        "forward is nearly softmax: the entries sum to 1 over the whole array, not in each row"),
    "without keepdims": (
        without_keepdims,
        lambda z, p, dp: p * dp - (p * dp).sum(axis=0)[:, None] * softmax(z),
        "forward is nearly softmax: the sum without keepdims=True divides column j by the sum of row j, so the rows do "
        "not sum to 1"),
    "twice": (
        twice, lambda z, p, dp: softmax_backward(z, softmax(z), softmax_backward(z, p, dp)),
        "forward is nearly softmax: softmax is applied to what is a probability already"),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_gradient_gets_a_remark(case, rng):
    forward, backward, said = RIGHT[case]
    report = sg.check_vjp(forward, backward, rng.normal(size=(4, 4)))
    assert (report.ok, report.mistakes, report.facts) == (True, (), (said,))


def test_a_mean_over_all_entries_gets_a_remark(rng):
    report = sg.check_grad(
        lambda z, y: -np.mean(one_hot(y, K) * log_softmax(z)),
        lambda z, y: (softmax(z) - one_hot(y, K)) / z.size,
        rng.normal(size=(N, K)),
        labels(rng),
    )
    assert report.ok
    assert report.facts == (
        "the loss is divided by m * K, the number of entries, since its mean runs over the classes too; the mean over "
        "the samples divides by m",
    )


SILENT = {  # name: (forward, its right gradient, inputs)
    "along the columns": (along_columns, lambda z, p, dp: softmax_backward(z.T, p.T, dp.T).T, (N, K)),
    "a vector": (sum_of_all, softmax_backward, (K,)),
    "one row": (sum_of_all, softmax_backward, (1, K)),
    "rows": (softmax, softmax_backward, (4, 4)),
    "exp": (np.exp, lambda z, y, dy: y * dy, (N, K)),
    "an average of rows": (lambda z: z / z.sum(), lambda z, y, dy: (dy - (y * dy).sum()) / z.sum(), (N, K)),
    "a mean over the classes": (
        lambda z: (z**2).mean(axis=1), lambda z, y, g: 2 * z * g[:, None] / z.shape[1], (N, K)),
}  # fmt: skip


@pytest.mark.parametrize("case", SILENT)
def test_nothing_is_said_of_other_functions(case, rng):
    forward, backward, shape = SILENT[case]
    report = sg.check_vjp(forward, backward, rng.normal(size=shape))
    assert (report.ok, report.facts) == (True, ())


def test_a_gradient_that_is_wrong_otherwise_is_not_named_so(rng):
    report = sg.check_vjp(sum_of_all, lambda z, p, dp: p * dp * 3, rng.normal(size=(N, K)))
    assert report.ok is False
    assert report.facts[0].startswith("forward is nearly softmax")
    assert not [one for one in report.mistakes if one.name.startswith("forward-")]


def test_classes_on_axis_0_are_told_where_the_backward_pass_sums_along_axis_1(rng):
    report = sg.check_vjp(along_columns, softmax_backward, rng.normal(size=(N, K)))
    assert report.mistake.name == "wrong-axis"
    assert (
        "forward has the classes on axis 0; if they are on axis 1, the mistake is in the forward pass" in report.facts
    )


def test_every_line_is_planted_here():
    planted = {name for name, _ in SOFTMAXES.values()} | {name for _, name in LOSSES.values()}
    planted |= {name for _, name in BINARY.values()} | {"forward-every-pair"}
    assert {line.name for line in NEAR_LINES} == planted
