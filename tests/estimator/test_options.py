"""What each option of the classifier does."""

import math

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info, threadpool_limits

import softgrad as sg
from softgrad import nn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def problem(rows=200, classes=3):
    return make_classification(rows, 8, n_informative=5, n_classes=classes, n_redundant=0, random_state=0)


def rare(rows=600):
    """One row in seven is of class 1, and a line does not separate the classes well."""
    return make_classification(rows, 6, n_informative=4, n_redundant=0, weights=[0.9], flip_y=0.1, random_state=2)


def make(**options):
    return sg.SoftmaxClassifier(**{"hidden_layer_sizes": (12,), "random_state": 0, "max_iter": 20, **options})


def recall_of_rare(classifier):
    x, y = rare()
    return float((classifier.fit(x, y).predict(x)[y == 1] == 1).mean())


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_balanced_class_weights_find_the_rare_class(solver):
    options = {"solver": solver, "hidden_layer_sizes": (), "max_iter": 200, "learning_rate_init": 0.01}
    assert recall_of_rare(make(**options)) < 0.1
    assert recall_of_rare(make(**options, class_weight="balanced")) > 0.5


def test_class_weights_are_weights_of_rows():
    x, y = problem()
    by_class = make(class_weight={0: 2.0, 2: 0.5}).fit(x, y)
    by_row = make().fit(x, y, sample_weight=np.array([2.0, 1.0, 0.5])[y])
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])
    assert np.abs(by_class.coefs_[0] - make().fit(x, y).coefs_[0]).max() > 1e-3


def test_class_weights_and_sample_weights_multiply():
    x, y = problem()
    weight = np.random.default_rng(0).uniform(0.5, 2, len(x))
    both = make(class_weight={1: 3.0}).fit(x, y, weight)
    by_row = make().fit(x, y, weight * np.array([1.0, 3.0, 1.0])[y])
    np.testing.assert_array_equal(both.coefs_[0], by_row.coefs_[0])


def test_balanced_counts_the_weights_of_rows():
    x, y = problem()
    weight = np.where(y == 0, 4.0, 1.0)
    balanced = make(class_weight="balanced").fit(x, y, weight)
    sums = np.bincount(y, weight)
    by_row = make().fit(x, y, weight * (weight.sum() / (3 * sums))[y])
    np.testing.assert_allclose(balanced.coefs_[0], by_row.coefs_[0], rtol=1e-9)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal_loss", "kl_divergence", "squared_error"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_every_loss_trains(loss, solver):
    x, y = problem()
    classifier = make(loss=loss, solver=solver, max_iter=100, learning_rate_init=0.05).fit(x, y)
    assert classifier.score(x, y) > 0.7
    assert classifier.loss_curve_[-1] < classifier.loss_curve_[0] / 1.5
    assert classifier.check_gradients(x, y).error < 1e-6


def test_the_loss_has_its_options():
    x, y = problem()
    classifier = make(loss="focal_loss", loss_options={"gamma": 3.0}, label_smoothing=0.1).fit(x, y)
    assert classifier.network_.loss_options == {"gamma": 3.0, "label_smoothing": 0.1}
    assert abs(make(label_smoothing=0.1).fit(x, y).loss_ - make().fit(x, y).loss_) > 1e-3


def test_dropout_is_after_each_hidden_layer():
    classifier = make(hidden_layer_sizes=(6, 5), dropout=0.25).fit(*problem())
    kinds = [type(layer).__name__ for layer in classifier.network_.layers]
    assert kinds == ["Dense", "ReLU", "Dropout"] * 2 + ["Dense"]
    x, _ = problem()
    np.testing.assert_array_equal(classifier.predict_proba(x), classifier.predict_proba(x))


def test_weight_decay_is_that_of_the_optimizer():
    x, y = problem()
    decayed = make(weight_decay=2.0, learning_rate_init=0.01).fit(x, y)
    assert np.linalg.norm(decayed.coefs_[0]) < 0.8 * np.linalg.norm(make(learning_rate_init=0.01).fit(x, y).coefs_[0])


def rates(classifier, epochs):
    """The learning rate of each epoch."""
    seen, original = [], nn.Trainer.run_epoch

    def spy(self, *args, **options):
        epoch = original(self, *args, **options)
        seen.append(epoch.learning_rate)
        return epoch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Trainer, "run_epoch", spy)
        classifier.set_params(max_iter=epochs).fit(*problem())
    return seen


def test_the_cosine_falls_over_all_epochs():
    seen = rates(make(learning_rate="cosine", learning_rate_init=0.1), 10)
    np.testing.assert_allclose(seen, [0.1 * (1 + math.cos(math.pi * n / 10)) / 2 for n in range(10)], rtol=1e-12)


def test_partial_fit_goes_on_in_the_schedule():
    x, y = problem()
    classifier, seen = make(learning_rate="cosine", learning_rate_init=0.1, max_iter=4), []
    original = nn.Trainer.run_epoch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Trainer, "run_epoch", lambda s, *a: [e := original(s, *a), seen.append(e.learning_rate)][0])
        for _ in range(4):
            classifier.partial_fit(x, y, classes=[0, 1, 2])
    np.testing.assert_allclose(seen, [0.1 * (1 + math.cos(math.pi * n / 4)) / 2 for n in range(4)], rtol=1e-12)


def test_a_plateau_divides_the_rate():
    seen = rates(make(learning_rate="plateau", tol=10.0, n_iter_no_change=4), 20)
    np.testing.assert_allclose(seen, [1e-3] * 3 + [2e-4] * 2 + [4e-5])  # the first epoch is an improvement


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_training_stops_without_an_improvement():
    classifier = make(tol=10.0, n_iter_no_change=3, max_iter=50).fit(*problem())
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 5


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_training_to_its_end_warns():
    with pytest.warns(ConvergenceWarning, match=r"max_iter=5 epochs, before it had converged; raise max_iter"):
        make(max_iter=5).fit(*problem())
    with pytest.warns(ConvergenceWarning, match=r"ended at max_iter=2, before"):
        make(max_iter=2, solver="lbfgs").fit(*problem())
    with pytest.warns(ConvergenceWarning, match=r"ended at max_fun=3, before"):
        make(max_fun=3, solver="lbfgs").fit(*problem())


def test_early_stopping_keeps_the_best_epoch_of_a_stratified_validation_set():
    x, y = rare()
    classifier = make(early_stopping=True, validation_fraction=0.25, max_iter=40)
    seen = []
    original = nn.Trainer.__init__

    def spy(self, *args, **options):
        seen.append(options["validation"])
        original(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Trainer, "__init__", spy)
        classifier.fit(x, y)
    held_x, held_y, _ = seen[0]
    assert len(held_y) == 150
    assert abs(held_y.mean() - y.mean()) < 0.01
    assert len(classifier.validation_scores_) == len(classifier.validation_loss_curve_) == classifier.n_iter_
    assert classifier.best_validation_score_ == max(classifier.validation_scores_)
    assert classifier.score(held_x, held_y) == classifier.best_validation_score_
    assert classifier.best_loss_ is None
    best = classifier.validation_scores_.index(classifier.best_validation_score_)
    loss = classifier.network_.loss(held_x, held_y)
    np.testing.assert_allclose(loss, classifier.validation_loss_curve_[best], rtol=1e-12)


def test_without_early_stopping_there_are_no_validation_curves():
    classifier = make().fit(*problem())
    assert (
        classifier.validation_scores_ is classifier.validation_loss_curve_ is classifier.best_validation_score_ is None
    )
    assert classifier.best_loss_ == min(classifier.loss_curve_)


def test_blas_has_one_thread_where_products_are_small():
    threads, original = [], nn.Trainer.run_epoch

    def spy(self, *args, **options):
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return original(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch, threadpool_limits(2, user_api="blas"):
        patch.setattr(nn.Trainer, "run_epoch", spy)
        make(max_iter=1).fit(*problem())
        assert set(threads) == {1}
        threads.clear()
        make(max_iter=1, hidden_layer_sizes=(3000,)).fit(*problem())
        assert set(threads) == {2}


def test_random_state_determines_the_result():
    x, y = problem()
    options = {"early_stopping": True, "dropout": 0.2}
    one, same, other = (make(**options, random_state=seed).fit(x, y) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.coefs_[0], same.coefs_[0])
    assert not np.array_equal(one.coefs_[0], other.coefs_[0])
    make(random_state=np.random.RandomState(0)).fit(x, y)


def test_warm_start_goes_on():
    x, y = problem()
    classifier = make(warm_start=True, max_iter=1)
    losses = [classifier.fit(x, y).loss_ for _ in range(15)]
    assert losses[-1] < losses[0]
    assert classifier.loss_curve_ == losses
    assert classifier.set_params(warm_start=False).fit(x, y).loss_curve_ == losses[:1]


def test_partial_fit_goes_on_as_one_training():
    x, y = problem()
    classifier = make(batch_size=200, shuffle=False)
    for _ in range(20):
        classifier.partial_fit(x, y, classes=[0, 1, 2])
    np.testing.assert_array_equal(classifier.coefs_[0], make(batch_size=200, shuffle=False).fit(x, y).coefs_[0])
    assert classifier.t_ == 20 * len(x)


def test_partial_fit_after_fit_goes_on():
    x, y = problem()
    classifier = make().fit(x, y)
    before = classifier.loss_
    assert classifier.partial_fit(x, y).loss_ < before


@pytest.mark.parametrize(("dtype", "rows", "wanted"), [
    ("auto", 200, "float64"),
    ("auto", 8193, "float32"),
    ("float32", 200, "float32"),
    ("float64", 8193, "float64"),
])  # fmt: skip
def test_dtype(dtype, rows, wanted):
    classifier = make(dtype=dtype, max_iter=1).fit(*problem(rows))
    assert classifier.coefs_[0].dtype == classifier.predict_proba(problem()[0]).dtype == wanted


def test_calibration_makes_probabilities_right():
    x, y = problem(3000)
    classifier = make(max_iter=400, hidden_layer_sizes=(100,), alpha=0.0, learning_rate_init=0.01).fit(x[:200], y[:200])

    def log_loss():
        return -float(classifier.predict_log_proba(x[1500:])[np.arange(1500), y[1500:]].mean())

    before, predicted, decisions = log_loss(), classifier.predict(x), classifier.decision_function(x)
    assert classifier.calibrate(x[200:1500], y[200:1500]) is classifier
    assert classifier.temperature_ > 1.3
    assert log_loss() < 0.8 * before
    np.testing.assert_array_equal(classifier.predict(x), predicted)
    np.testing.assert_allclose(classifier.decision_function(x), decisions / classifier.temperature_, rtol=1e-6)
    np.testing.assert_allclose(np.exp(classifier.predict_log_proba(x)), classifier.predict_proba(x), rtol=1e-6)
    losses = []
    for factor in (1 / 1.01, 1, 1.01):  # the temperature is at the minimum
        logits = classifier.network_.logits(x[200:1500]) / (classifier.temperature_ * factor)
        losses.append(float(sg.cross_entropy(logits, y[200:1500])))
    assert min(losses) == losses[1]
    assert classifier.fit(x[:200], y[:200]).temperature_ == 1.0


@pytest.mark.parametrize("options", [{}, {"hidden_layer_sizes": ()}, {"activation": "tanh"}, {"dropout": 0.5}])
def test_check_gradients_passes_and_sees_a_slip(options, monkeypatch):
    classifier = make(**options, dtype="float32").fit(*problem())
    before = [coef.copy() for coef in classifier.coefs_]
    error = classifier.check_gradients()
    assert error.error < 1e-6
    assert error.entries == sum(value.size for value in classifier.network_.parameters.values())
    for coef, old in zip(classifier.coefs_, before, strict=True):
        np.testing.assert_array_equal(coef, old)
    right = nn.Dense.parameter_grads
    monkeypatch.setattr(nn.Dense, "parameter_grads", lambda s, x, g: {**right(s, x, g), "bias": g.mean(axis=0)})
    wrong = classifier.check_gradients(*problem())
    assert wrong.error > 0.5
    assert wrong.name.endswith("bias")
