"""L-BFGS: first in float32, then in float64; the rows in chunks, on threads."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

import softgrad as sg
from softgrad.estimator import all_rows, lbfgs
from softgrad.estimator.all_rows import LossOfAllRows

X, Y = make_classification(600, 12, n_informative=8, n_classes=3, random_state=0)


def make(hidden=(), **options):
    return sg.SoftmaxClassifier(hidden, **{"solver": "lbfgs", "random_state": 0, "max_iter": 500, **options})


@pytest.fixture
def dtypes(monkeypatch):
    """The dtype of each evaluation of the loss."""
    seen, compute = [], LossOfAllRows._compute

    def spy(self, vector):
        seen.append(self.network.dtype.name)
        return compute(self, vector)

    monkeypatch.setattr(LossOfAllRows, "_compute", spy)
    return seen


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(all_rows, "NUMBERS_AT_ONCE", 12 * 70)
    monkeypatch.setattr(all_rows, "FEWEST_ROWS", 1)


@pytest.mark.parametrize("tol", [1e-9, 1e-4])
def test_a_float32_network_begins_in_float32_and_ends_in_float64(dtypes, tol):
    classifier = make(dtype="float32", tol=tol).fit(X, Y)
    before = dtypes.count("float32")
    assert dtypes == ["float32"] * before + ["float64"] * (len(dtypes) - before)
    assert 10 < before < len(dtypes)
    assert classifier.t_ == len(dtypes) * 600
    decrease = -np.diff(classifier.loss_curve_) / classifier.loss_curve_[1:]
    assert before <= 10 + (decrease < lbfgs.COARSE).argmax()  # a line search may take some evaluations
    exact = make(dtype="float64", tol=tol).fit(X, Y)
    np.testing.assert_allclose(classifier.loss_, exact.loss_, rtol=max(1e-12, tol**2))
    assert classifier.n_iter_ == len(classifier.loss_curve_) <= 1.5 * exact.n_iter_


def test_a_float64_network_is_trained_in_float64_alone(dtypes):
    make(dtype="float64").fit(X, Y)
    assert set(dtypes) == {"float64"}


def test_an_optimum_found_in_float32_is_where_float64_begins(dtypes):
    rows = np.repeat(np.eye(3), 20, axis=0)
    loss = make(dtype="float32", tol=1e-2).fit(rows, rows.argmax(axis=1)).loss_curve_
    assert set(dtypes) == {"float32", "float64"}
    assert (np.diff(loss) < 0).all()


@pytest.mark.parametrize("coarse", [lbfgs.COARSE, -1.0], ids=["one search", "a search in float32 until it is stuck"])
@pytest.mark.parametrize("limit", ["max_iter", "max_fun"])
def test_a_limit_counts_both_parts(dtypes, limit, coarse, monkeypatch):
    monkeypatch.setattr(lbfgs, "COARSE", coarse)
    full = make(dtype="float32", tol=1e-9).fit(X, Y)
    first = dtypes.count("float32")
    value = first + 3
    with pytest.warns(ConvergenceWarning, match=f"ended at {limit}={value}, before") as caught:
        classifier = make(dtype="float32", tol=1e-9, **{limit: value}).fit(X, Y)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(classifier.loss_curve_, full.loss_curve_[: classifier.n_iter_])
    assert {"max_iter": classifier.n_iter_, "max_fun": classifier.t_ // 600 - 1}[limit] == value


@pytest.mark.parametrize("factor", [1e38, 1e150])
def test_numbers_too_large_for_float32_are_trained_on_in_float64(dtypes, factor):
    with pytest.warns(ConvergenceWarning, match="stuck after 0"):
        classifier = make(dtype="float32", alpha=0.0, tol=1e-12).fit(X * factor, Y)
    assert dtypes[:3] == ["float32", "float64", "float64"]
    assert np.isfinite(classifier.loss_)


@pytest.mark.parametrize("hidden", [(), (5,)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
def test_chunks_change_the_loss_and_its_gradient_by_rounding_alone(small_chunks, hidden, dtype, weighted):
    weight = np.random.default_rng(1).uniform(0, 2, 600) if weighted else None
    if weighted:
        weight[70:140] = 0.0  # a whole chunk
    with pytest.warns(ConvergenceWarning):
        network = make(hidden, max_iter=1, dtype=dtype).fit(X, Y).network_
    with LossOfAllRows(network, X, Y, weight, alpha=2.0) as loss:
        assert len(loss.chunks) == 9
        value, grad = loss(all_rows.read(network))
    wide = network.astype(np.float64)
    whole = wide.loss_with_grads(X, Y, sample_weight=weight)
    weights = [name for name in wide.parameters if name.endswith("weight")]
    count = 600 if weight is None else weight.sum()
    for name in weights:
        whole.grads[name] += 2.0 / count * wide.parameters[name]
    l2 = sum(float((wide.parameters[name] ** 2).sum()) for name in weights) / count
    tolerance = {"float32": 1e-6, "float64": 1e-13}[dtype]
    np.testing.assert_allclose(value, whole.loss + l2, rtol=tolerance)
    wanted = np.concatenate([whole.grads[name].ravel() for name in wide.parameters])
    np.testing.assert_allclose(grad, wanted, atol=tolerance * np.abs(wanted).max(), rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_threads_changes_no_bit(small_chunks, dtype):
    before, results = sg.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            sg.set_num_threads(threads)
            with pytest.warns(ConvergenceWarning):
                results.append(make((5,), dtype=dtype, max_iter=60, tol=0.0).fit(X, Y).coefs_[0])
    finally:
        sg.set_num_threads(before)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def test_a_row_that_fails_on_a_thread_is_an_error(small_chunks, monkeypatch):
    def fail(self, rows):
        raise MemoryError if rows.start else ValueError("the first row")

    monkeypatch.setattr(LossOfAllRows, "_evaluate", fail)
    with pytest.raises(ValueError, match="the first row"):
        make().fit(X, Y)


def test_sparse_rows_are_dense_one_chunk_at_a_time(small_chunks, monkeypatch):
    sizes = []
    monkeypatch.setattr(all_rows, "dense", lambda x: sizes.append(x.shape[0]) or x.toarray())
    classifier = make().fit(sparse.csr_array(X), Y)
    assert set(sizes) == {70, 40}
    monkeypatch.undo()
    np.testing.assert_allclose(classifier.coefs_[0], make().fit(X, Y).coefs_[0], atol=1e-3)


def test_softmax_regression_begins_at_zero_like_logistic_regression():
    for seed in (0, 1):
        with pytest.warns(ConvergenceWarning):
            ours = make(max_iter=7, alpha=1.0, dtype="float64", random_state=seed).fit(X, Y)
        with pytest.warns(ConvergenceWarning):
            theirs = LogisticRegression(max_iter=7).fit(X, Y)
        np.testing.assert_allclose(ours.coefs_[0].T, theirs.coef_, atol=1e-8)
    again = make(max_iter=7, warm_start=True, dtype="float64")
    for _ in range(2):
        with pytest.warns(ConvergenceWarning):
            again.fit(X, Y)
    assert again.loss_curve_[7] < again.loss_curve_[6]


def test_a_search_that_is_stuck_is_a_warning_and_keeps_the_loss_of_its_parameters():
    with pytest.warns(ConvergenceWarning, match="stuck after 0 iterations: .* tol=0.0001; raise tol") as caught:
        classifier = make(max_iter=20).fit(X * 1e40, Y)
    assert caught[0].filename == __file__
    assert classifier.loss_ == pytest.approx(np.log(3))
    np.testing.assert_array_equal(classifier.coefs_[0], 0)


def test_numbers_are_as_large_as_for_logistic_regression():
    factor = 1e20
    ours, theirs = make(max_iter=200).fit(X * factor, Y), LogisticRegression(max_iter=200).fit(X * factor, Y)
    np.testing.assert_allclose(ours.score(X * factor, Y), theirs.score(X * factor, Y), atol=0.02)
