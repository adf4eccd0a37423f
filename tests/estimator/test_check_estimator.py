"""scikit-learn's own checks of an estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import softgrad as sg

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",  # some checks set max_iter to 2
)


@parametrize_with_checks(
    [
        sg.SoftmaxClassifier(),
        sg.SoftmaxClassifier(solver="sgd", learning_rate="cosine"),
        sg.SoftmaxClassifier(hidden_layer_sizes=(), solver="lbfgs", class_weight="balanced"),
        sg.SoftmaxClassifier(loss="focal_loss", weight_decay=1e-3, label_smoothing=0.05, learning_rate="plateau"),
    ]
)
def test_check_estimator(estimator, check):
    check(estimator)
