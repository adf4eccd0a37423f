"""Each mistake is told in one sentence."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

import softgrad as sg

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)

PARAMETERS = [  # name, value, message
    ("alpha", -1.0, "alpha is -1.0, wanted 0 or a positive number"),
    ("alpha", "much", "alpha is 'much', wanted 0 or a positive number"),
    ("activation", "gelu", "activation is 'gelu', wanted one of 'identity', 'logistic', 'tanh', 'relu'"),
    ("solver", "newton", "solver is 'newton', wanted one of 'adam', 'sgd', 'lbfgs'"),
    ("batch_size", 0, "batch_size is 0, wanted an integer of at least 1 or 'auto'"),
    ("max_iter", 2.5, "max_iter is 2.5, wanted an integer of at least 1"),
    ("hidden_layer_sizes", (5, 0), "hidden_layer_sizes is (5, 0), wanted positive integers such as (100,), or () for "),
    ("hidden_layer_sizes", None, "hidden_layer_sizes is None, wanted positive integers"),
    ("learning_rate", "fast", "learning_rate is 'fast', wanted one of 'constant', 'invscaling', 'adaptive', 'cosine'"),
    ("learning_rate_init", 0, "learning_rate_init is 0, wanted a positive number"),
    ("momentum", 1, "momentum is 1, wanted at least 0 and less than 1"),
    ("shuffle", "yes", "shuffle is 'yes', wanted True or False"),
    ("n_iter_no_change", 0, "n_iter_no_change is 0, wanted an integer of at least 1 or inf"),
    ("class_weight", "fair", "class_weight is 'fair', wanted None, 'balanced' or a dict of classes to weights"),
    ("class_weight", {0: -1}, "class_weight[0] is -1, wanted 0 or a positive number"),
    ("class_weight", {7: 1.0}, "class_weight has 7, which is none of the classes 0, 1, 2; leave it out"),
    ("loss", "hinge", "loss is 'hinge', wanted one of 'cross_entropy'"),
    ("loss_options", {"axis": 0}, "loss_options has 'axis', which a classifier sets itself; leave it out"),
    ("loss_options", {"weight": [1]}, "loss_options has 'weight', which a classifier sets itself; use class_weight "),
    ("loss_options", 3, "loss_options is 3, wanted None or a dict such as {'gamma': 2.0}"),
    ("label_smoothing", 1.5, "label_smoothing is 1.5, wanted a number from 0 to 1"),
    ("dropout", 1.0, "dropout is 1.0, wanted at least 0 and less than 1"),
    ("dtype", "float16", "dtype is 'float16', wanted one of 'auto', 'float32', 'float64'"),
    ("verbose", "loud", "verbose is 'loud', wanted True, False or an integer of at least 0"),
]


@pytest.mark.parametrize(("name", "value", "wanted"), PARAMETERS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_wrong_parameter(name, value, wanted, method):
    classifier = sg.SoftmaxClassifier(**{name: value})
    classes = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
    with pytest.raises(sg.SoftgradError, match=r"^SoftmaxClassifier(\.\w+)?: " + re.escape(wanted)) as raised:
        getattr(classifier, method)(X, Y, **classes)
    assert isinstance(raised.value, ValueError)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["dropout", "weight_decay"])
def test_lbfgs_takes_no(name):
    with pytest.raises(sg.OptionError, match=f"{name} is 0.5, wanted 0 with solver='lbfgs'; use "):
        sg.SoftmaxClassifier(solver="lbfgs", **{name: 0.5}).fit(X, Y)


def test_a_misspelt_parameter():
    with pytest.raises(TypeError, match=r"unexpected option 'dropuot'; did you mean dropout\?"):
        sg.SoftmaxClassifier(dropuot=0.1)


def test_before_fit():
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function", "check_gradients"):
        with pytest.raises(NotFittedError, match="not fitted"):
            getattr(sg.SoftmaxClassifier(), method)(*[X] * (method != "check_gradients"))
    with pytest.raises(NotFittedError):
        sg.SoftmaxClassifier().calibrate(X, Y)
    assert not hasattr(sg.SoftmaxClassifier(), "coefs_")


def test_partial_fit():
    fitted = sg.SoftmaxClassifier(max_iter=1).fit(X, Y)
    with pytest.raises(sg.OptionError, match="classes is missing; the first call needs the classes of all calls"):
        sg.SoftmaxClassifier().partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"partial_fit: y\[2\] is 3, wanted one of 0, 1, 2"):
        fitted.partial_fit(X[:3], [0, 1, 3])
    with pytest.raises(sg.OptionError, match="classes differ from those of the first call"):
        fitted.partial_fit(X, Y, classes=[0, 1, 2, 3])
    with pytest.raises(sg.OptionError, match="early_stopping is True, which only fit can do"):
        sg.SoftmaxClassifier(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(sg.OptionError, match="class_weight is 'balanced', but the classes of later calls"):
        sg.SoftmaxClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(AttributeError, match="partial_fit"):
        sg.SoftmaxClassifier(solver="lbfgs").partial_fit(X, Y)
    assert not hasattr(sg.SoftmaxClassifier(solver="lbfgs"), "partial_fit")


def test_weights_of_rows():
    for weight, wanted in {
        "short": (np.ones(3), r"sample_weight.shape is \(3,\), wanted \(150,\)"),
        "negative": (np.where(Y == 2, -1.0, 1.0), r"sample_weight\[100\] is -1.0, wanted 0 or a positive number"),
        "zero": (np.zeros(150), "every sample_weight is zero"),
    }.values():
        with pytest.raises(ValueError, match=rf"SoftmaxClassifier.fit: {wanted}"):
            sg.SoftmaxClassifier().fit(X, Y, weight)


def test_warm_start():
    classifier = sg.SoftmaxClassifier((5,), warm_start=True, max_iter=1).fit(X, Y)
    with pytest.raises(
        sg.OptionError, match=r"hidden_layer_sizes is \(6,\), but the classifier was fitted with \(5,\)"
    ):
        classifier.set_params(hidden_layer_sizes=(6,)).fit(X, Y)
    with pytest.raises(sg.DataError, match=r"y has no row of class 2, wanted the classes of the last fit"):
        classifier.set_params(hidden_layer_sizes=(5,)).fit(X[Y < 2], Y[Y < 2])


def test_early_stopping_without_rows():
    y = np.where(np.arange(150) == 7, "rare", "common")
    with pytest.raises(
        sg.DataError, match=r"the class 'rare' has one row, wanted 2 or more, one of them to validate on"
    ):
        sg.SoftmaxClassifier(early_stopping=True).fit(X, y)
    with pytest.raises(
        sg.DataError, match=r"validation_fraction is 0.01 of 150 rows of 3 classes, wanted at least one"
    ):
        sg.SoftmaxClassifier(early_stopping=True, validation_fraction=0.01).fit(X, Y)


def test_early_stopping_on_few_rows_says_so():
    few = sg.SoftmaxClassifier(early_stopping=True, max_iter=1, random_state=0)
    with pytest.warns(UserWarning) as seen:
        few.fit(X, Y)
    messages = [str(each.message) for each in seen if "early_stopping" in str(each.message)]
    assert messages == [
        "SoftmaxClassifier: early_stopping validates on 15 rows, on which the accuracy moves in steps of 0.07, so that "
        "it stops by chance; raise validation_fraction, or set early_stopping=False"
    ]
    assert next(each for each in seen if "early_stopping" in str(each.message)).filename == __file__
    with pytest.warns(UserWarning) as seen:
        few.set_params(validation_fraction=0.2).fit(X, Y)
    assert not [each for each in seen if "early_stopping" in str(each.message)]


def test_labels_that_calibrate_does_not_know():
    classifier = sg.SoftmaxClassifier(max_iter=1).fit(X, Y)
    with pytest.raises(sg.LabelError, match=r"calibrate: y\[0\] is 'a', wanted one of 0, 1, 2"):
        classifier.calibrate(X[:1], ["a"])
    with pytest.raises(sg.DataError, match="X has 2 rows, but y has 3"):
        classifier.calibrate(X[:2], [0, 1, 2])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_training_that_diverges_names_the_method_that_was_called(method):
    classifier = sg.SoftmaxClassifier(solver="sgd", learning_rate_init=1e30, batch_size=5)
    options = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
    message = (
        rf"^SoftmaxClassifier\.{method}: the loss is (nan|inf) in step \d+, epoch 1, wanted a finite number; .*the "
        "training has diverged, use a lower learning_rate_init; the classifier has the parameters from before this "
        "call$"
    )
    with pytest.raises(sg.TrainingError, match=message):
        getattr(classifier, method)(X, Y, **options)
