"""The classifier inside scikit-learn's own tools, and on the kinds of tables that these take."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import softgrad as sg

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def make(**options):
    return sg.SoftmaxClassifier(**{"random_state": 0, "max_iter": 60, "learning_rate_init": 0.01, **options})


def test_string_labels():
    classifier = make().fit(X, NAMES)
    assert classifier.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert classifier.score(X, NAMES) > 0.95
    assert set(classifier.predict(X)) == set(NAMES)
    assert make(class_weight={"setosa": 2.0}).fit(X, NAMES.astype(object)).score(X, NAMES) > 0.9


@pytest.mark.parametrize(
    "labels", [Y == 0, Y.astype(float), (Y * 10 - 10).astype(np.int8)], ids=["bool", "float", "int8"]
)
def test_other_labels(labels):
    classifier = make().fit(X, labels)
    assert classifier.classes_.dtype == labels.dtype
    assert classifier.score(X, labels) > 0.95


def test_two_classes_have_one_decision():
    classifier = make().fit(X, Y == 2)
    decisions, probs = classifier.decision_function(X), classifier.predict_proba(X)
    assert decisions.shape == (150,)
    np.testing.assert_allclose(1 / (1 + np.exp(-decisions)), probs[:, 1], rtol=1e-9)
    np.testing.assert_array_equal(classifier.predict(X), decisions > 0)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library):
    frames = pytest.importorskip(library)
    names = ["a", "b", "c", "d"]
    table = frames.DataFrame({name: X[:, i] for i, name in enumerate(names)})
    labels = frames.Series(NAMES.tolist())
    classifier = make().fit(table, labels)
    assert classifier.feature_names_in_.tolist() == names
    np.testing.assert_array_equal(classifier.coefs_[0], make().fit(X, NAMES).coefs_[0])
    np.testing.assert_array_equal(classifier.predict(table), classifier.predict(table[["a", "b", "c", "d"]]))
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(table[["b", "a", "c", "d"]])
    mixed = table.assign(kind=NAMES) if library == "pandas" else table.with_columns(kind=frames.Series(NAMES))
    columns = make_column_transformer((StandardScaler(), names), (OneHotEncoder(sparse_output=False), ["kind"]))
    pipeline = make_pipeline(columns, make()).set_output(transform=library)
    assert pipeline.fit(mixed, labels).score(mixed, labels) == 1.0


@pytest.mark.parametrize("make_sparse", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.coo_array])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_tables(make_sparse, solver):
    x = np.where(X > 1.5, X, 0.0)
    options = {"solver": solver, "shuffle": False, "batch_size": 40}
    weight = np.random.default_rng(0).uniform(0.5, 2, 150)
    dense = make(**options).fit(x, Y, weight)
    classifier = make(**options).fit(make_sparse(x), Y, weight)
    np.testing.assert_allclose(classifier.predict_proba(make_sparse(x)), dense.predict_proba(x), rtol=1e-7, atol=1e-12)
    assert classifier.score(make_sparse(x), Y) > 0.9
    early = make(early_stopping=True, validation_fraction=0.2, class_weight="balanced").fit(make_sparse(x), Y)
    assert len(early.validation_scores_) > 1 or solver == "lbfgs"
    assert make().partial_fit(make_sparse(x), Y, classes=[0, 1, 2]).calibrate(make_sparse(x), Y).temperature_ > 0


def test_rows_of_sparse_tables_are_dense_some_at_a_time(monkeypatch):
    from softgrad.estimator import rows

    monkeypatch.setattr(rows.chunks, "__defaults__", (7,))
    x = sparse.csr_array(X)
    classifier = make(solver="lbfgs").fit(x, Y)
    np.testing.assert_allclose(classifier.predict_proba(x), make(solver="lbfgs").fit(X, Y).predict_proba(X), rtol=1e-4)
    assert len(classifier.predict(x)) == 150


def test_pipelines_searches_and_scores():
    pipeline = make_pipeline(StandardScaler(), make())
    assert cross_val_score(pipeline, X, NAMES, cv=3).mean() > 0.9
    assert cross_val_score(pipeline, X, NAMES, cv=3, scoring="neg_log_loss").mean() > -0.3
    grid = {
        "softmaxclassifier__hidden_layer_sizes": [(), (8,)],
        "softmaxclassifier__loss": ["cross_entropy", "focal_loss"],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, NAMES)
    assert search.best_score_ > 0.9
    assert permutation_importance(search, X, NAMES, n_repeats=2, random_state=0).importances_mean.max() > 0.1
    assert (
        VotingClassifier([("a", make()), ("b", make(hidden_layer_sizes=()))], voting="soft").fit(X, Y).score(X, Y) > 0.9
    )
    assert OneVsRestClassifier(make()).fit(X, Y).score(X, Y) > 0.9


def test_clone_and_repr():
    classifier = make(dropout=0.1, class_weight={0: 2.0}).fit(X, Y)
    copy = clone(classifier)
    assert copy.get_params() == classifier.get_params()
    assert not hasattr(copy, "network_")
    assert repr(copy).startswith("SoftmaxClassifier(class_weight={0: 2.0}, dropout=0.1, learning_rate_init=0.01")


@pytest.mark.parametrize("options", [{}, {"solver": "sgd"}, {"solver": "lbfgs"}, {"dropout": 0.5}])
def test_pickles_go_on_as_the_original(options):
    classifier = make(**options).fit(X, Y).calibrate(X, Y)
    same = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(same.predict_proba(X), classifier.predict_proba(X))
    if options.get("solver") != "lbfgs":
        for each in (classifier, same):
            each.partial_fit(X, Y)
        np.testing.assert_array_equal(same.coefs_[0], classifier.coefs_[0])


def test_metadata_routing():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        classifier = make().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_val_score(classifier, X, Y, cv=3, params={"sample_weight": np.ones(150)})
    assert scores.mean() > 0.9


def test_score_takes_weights():
    classifier = make(hidden_layer_sizes=()).fit(X, Y)
    right = classifier.predict(X) == Y
    assert classifier.score(X, Y, sample_weight=np.where(right, 0.0, 1.0)) == 0.0


def test_verbose_prints_each_epoch(capsys):
    make(verbose=True, max_iter=2, early_stopping=True, validation_fraction=0.2).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["Iteration 1", "Iteration 2"]
    assert "validation score" in lines[0]
    make(verbose=1, max_iter=2, solver="lbfgs").fit(X, Y)
    assert capsys.readouterr().out.startswith("Iteration 1: loss ")


class Recorder:
    """A callback that records what it is told, and stops after some iterations."""

    def __init__(self, last=None):
        self.told, self.scores, self.last = [], [], last

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.told.append(f"end {context.task_name}")
        if fitted_estimator is not None:
            self.scores.append((fitted_estimator, fitted_estimator.score(X, y)))
        return self.last is not None and len(self.scores) >= self.last


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks(solver):
    pytest.importorskip("sklearn.callback")
    callback = Recorder()
    classifier = make(solver=solver, max_iter=5, tol=1e-9).set_callbacks(callback).fit(X, NAMES)
    n = classifier.n_iter_
    begun = [told for told in callback.told if told == "begin iteration"]
    assert callback.told[:3] == ["setup", "begin fit", "begin iteration"]
    assert callback.told[-2:] == ["end fit", "teardown"]
    assert len(begun) == callback.told.count("end iteration")
    assert len(callback.scores) == n == 5
    models = [model for model, _ in callback.scores]
    assert not np.array_equal(models[0].coefs_[0], models[-1].coefs_[0])
    np.testing.assert_array_equal(models[-1].coefs_[0], classifier.coefs_[0])
    assert [model.score(X, NAMES) for model in models] == [score for _, score in callback.scores]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_stops_the_training(solver):
    pytest.importorskip("sklearn.callback")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no warning that the training has not converged
        classifier = make(solver=solver).set_callbacks(Recorder(last=3)).fit(X, Y)
    assert classifier.n_iter_ == 3


def test_the_progress_bar_and_the_monitor_of_scikit_learn():
    callbacks = pytest.importorskip("sklearn.callback")
    monitor = callbacks.ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(StandardScaler(), make(max_iter=4).set_callbacks(monitor))
    pipeline.set_callbacks(callbacks.ProgressBar()).fit(X, Y)


def test_an_interrupted_training_can_be_used(monkeypatch):
    from softgrad import nn

    original = nn.Trainer.run_epoch

    def interrupted(self, *args, **options):
        if len(self.history) == 3:
            raise KeyboardInterrupt
        return original(self, *args, **options)

    monkeypatch.setattr(nn.Trainer, "run_epoch", interrupted)
    with pytest.warns(UserWarning, match="the training was interrupted; the classifier can be used as it is now"):
        classifier = make().fit(X, Y)
    assert classifier.n_iter_ == 3
    assert classifier.predict(X).shape == (150,)


def test_one_class_is_always_predicted():
    classifier = make(max_iter=2).fit(X[:50], NAMES[:50])
    assert set(classifier.predict(X)) == {"setosa"}
    np.testing.assert_array_equal(classifier.predict_proba(X), np.ones((150, 1)))
    assert classifier.calibrate(X[:50], NAMES[:50]).temperature_ == 1.0
