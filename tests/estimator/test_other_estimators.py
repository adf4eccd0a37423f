"""The same training as in scikit-learn's MLPClassifier, and the optimum of its LogisticRegression."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

import softgrad as sg

CASES = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd, much alpha": {"solver": "sgd", "learning_rate_init": 0.05, "alpha": 0.5},
    "sgd, momentum of Polyak": {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False},
    "sgd, invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    "sgd, adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.05,
        "n_iter_no_change": 2,
        "tol": 0.01,
        "max_iter": 200,
    },
    "sgd, tanh": {"solver": "sgd", "activation": "tanh"},
    "adam": {},
    "adam, two layers": {"hidden_layer_sizes": (20, 10), "alpha": 0.1},
    "adam, logistic": {"activation": "logistic", "beta_1": 0.5, "beta_2": 0.9},
    "adam, identity": {"activation": "identity"},
    "adam, stops": {"tol": 0.02, "n_iter_no_change": 3, "max_iter": 300},
}
EPSILON = 1e-30  # the two add it in different places


def problem():
    return make_classification(n_samples=157, n_features=10, n_informative=6, n_classes=4, random_state=1)


def pair(**options):
    """Our classifier and MLPClassifier with the same parameters after one epoch, in float64."""
    common = {
        "warm_start": True,
        "shuffle": False,
        "max_iter": 1,
        "batch_size": 20,
        "epsilon": EPSILON,
        "random_state": 0,
    }
    common |= options
    ours, theirs = sg.SoftmaxClassifier(dtype="float64", **common | {"max_iter": 1}), MLPClassifier(**common)
    theirs.set_params(max_iter=1)
    for classifier in (ours, theirs):
        with pytest.warns(ConvergenceWarning):
            classifier.fit(*problem())
    for i in range(len(theirs.coefs_)):
        ours.coefs_[i][...] = theirs.coefs_[i]
        ours.intercepts_[i][...] = theirs.intercepts_[i]
    for classifier in (ours, theirs):
        classifier.set_params(max_iter=options.get("max_iter", 20))
    theirs._no_improvement_count, theirs.best_loss_ = 0, np.inf  # ours begins each fit with them
    return ours, theirs


def largest_difference(ours, theirs):
    found, wanted = ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_
    return max(float(np.abs(a - b).max()) for a, b in zip(found, wanted, strict=True))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_training_is_that_of_mlp_classifier(case, weighted):
    if weighted and case in ("sgd, adaptive", "adam, stops"):
        return  # the losses of epochs, by which these stop, count batches in other proportions
    ours, theirs = pair(**CASES[case])
    weight = np.random.default_rng(0).uniform(0.1, 3, 157) if weighted else None
    for classifier in (ours, theirs):
        classifier.fit(*problem(), sample_weight=weight)
    assert ours.n_iter_ == theirs.n_iter_
    assert largest_difference(ours, theirs) < 1e-12
    x, _ = problem()
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-10)
    if not weighted:
        np.testing.assert_allclose(ours.loss_curve_[1:], theirs.loss_curve_[1:], rtol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "slip", [{"alpha": 0.11}, {"momentum": 0.899}, {"nesterovs_momentum": False}, {"learning_rate_init": 0.00101}]
)
def test_a_slip_is_seen(slip):
    ours, theirs = pair(solver="sgd", alpha=0.1)
    for classifier in (ours.set_params(**slip), theirs):
        classifier.fit(*problem())
    assert largest_difference(ours, theirs) > 1e-9


def binary():
    x, y = load_iris(return_X_y=True)
    return x, np.minimum(y, 1)


@pytest.mark.parametrize(
    ("data", "per_alpha"),
    [(lambda: load_iris(return_X_y=True), 1), (problem, 1), (binary, 2)],
    ids=["iris", "4 classes", "2 classes"],
)
@pytest.mark.parametrize("alpha", [0.1, 1.0])
@pytest.mark.parametrize("balanced", [None, "balanced"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_softmax_regression_is_at_the_optimum_of_logistic_regression(data, per_alpha, alpha, balanced, dtype):
    x, y = data()
    x = x.astype(dtype).astype(np.float64)
    options = {"class_weight": balanced, "max_iter": 10_000}
    ours = sg.SoftmaxClassifier((), solver="lbfgs", alpha=alpha, tol=1e-9, dtype=dtype, random_state=0, **options)
    ours.fit(x.astype(dtype), y)
    assert ours.coefs_[0].dtype == dtype
    # Newton's method, which is closer to the optimum than another L-BFGS
    theirs = LogisticRegression(C=per_alpha / alpha, solver="newton-cholesky", tol=1e-12, **options).fit(x, y)
    coef, intercept = ours.coefs_[0].T, ours.intercepts_[0]
    if len(theirs.classes_) == 2:
        coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    np.testing.assert_allclose(coef, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(intercept, theirs.intercept_, rtol=1e-4)  # up to 17, without an L2 term
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(x), atol=1e-3)
