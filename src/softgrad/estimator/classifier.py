"""SoftmaxClassifier: a network of `softgrad.nn` as a classifier of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from softgrad import nn
from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad.check import GradientError
from softgrad.errors import DataError, OptionError
from softgrad.estimator import calibration, gradients, lbfgs, networks, parameters, rows, training
from softgrad.estimator.parameters import NAME
from softgrad.estimator.progress import CallbackSupportMixin, Progress, with_callbacks
from softgrad.nn.threads import blas_threads
from softgrad.softmax import log_softmax, softmax


def _is_stochastic(classifier: SoftmaxClassifier) -> bool:
    if classifier.solver == "lbfgs":
        raise AttributeError(f"{NAME}: partial_fit needs solver='adam' or 'sgd', but solver is 'lbfgs'")
    return True


class SoftmaxClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """A softmax classifier: softmax regression, or a network with hidden layers, as an estimator of scikit-learn.

    The parameters that scikit-learn's MLPClassifier has too have its names, defaults and meaning, so that an import can
    be exchanged. With equal initial parameters and batches, and three classes or more, the training is that of
    MLPClassifier up to rounding. It differs in four points: two classes have two outputs instead of one; Adam adds
    epsilon after the correction of the means; initial intercepts are 0; in the loss of an epoch, a batch counts as much
    as the weights of its rows.

    The loss of n rows is the mean of `loss` over the rows, plus alpha / (2 n) times the sum of the squared weights;
    with weights of rows, it is the weighted mean, and n is their sum. With hidden_layer_sizes=() and solver="lbfgs"
    this is the loss of LogisticRegression with C = 1 / alpha, and for two classes, which have two columns of weights,
    with C = 2 / alpha. Both searches begin with weights of 0.

    Args:
        hidden_layer_sizes: the number of units in each hidden layer; () for softmax regression.
        activation: of the hidden layers: "identity", "logistic", "tanh" or "relu".
        solver: "adam", "sgd" or "lbfgs".
        alpha: the factor of the L2 term of the loss.
        batch_size: the number of rows in a step; "auto" for 200, or all if there are fewer. Not for lbfgs.
        learning_rate: "constant"; "cosine", which falls to 0 in max_iter epochs; "plateau", which is divided by 5 after
            n_iter_no_change / 2 epochs without an improvement; or for sgd "invscaling" or "adaptive", as in
            MLPClassifier. "adaptive" divides it by 5 where the training would stop, until it is 1e-6.
        learning_rate_init: the learning rate at the beginning.
        power_t: the exponent of "invscaling".
        max_iter: the maximum number of epochs, or of iterations of lbfgs.
        shuffle: whether the rows are shuffled before each epoch.
        random_state: an integer, a RandomState or None, for the initial weights, the split, the shuffling and dropout.
        tol: an epoch is an improvement if the loss falls, or the validation score rises, by more than this. For lbfgs
            the largest entry of the gradient at the end.
        verbose: whether to print each epoch.
        warm_start: whether `fit` goes on from the parameters of the last call.
        momentum: of sgd, 0 <= momentum < 1.
        nesterovs_momentum: whether sgd uses Nesterov's momentum.
        early_stopping: whether training stops on the accuracy on a validation set, whose best epoch is kept. Classes
            have the same share in it as in the table. Fewer than 20 rows in it give a warning. Not for lbfgs.
        validation_fraction: the size of the validation set.
        beta_1: the decay rate of Adam's mean of the gradient.
        beta_2: the decay rate of Adam's mean of the squared gradient.
        epsilon: Adam adds this to the denominator.
        n_iter_no_change: training stops when more epochs than this in a row are no improvement.
        max_fun: the maximum number of evaluations of the loss by lbfgs.
        class_weight: None, "balanced", or a dict of classes to weights, 1 for those left out. The weight of a row is
            multiplied by that of its class; "balanced" gives every class the same sum of weights.
        loss: the name of a loss in softgrad.losses: "cross_entropy", "focal_loss", "kl_divergence" or "squared_error".
        loss_options: other options of the loss, such as {"gamma": 2.0} for "focal_loss".
        label_smoothing: the share of the target that is spread over all classes.
        dropout: the fraction of the outputs of each hidden layer that is set to 0 in a training step.
        weight_decay: before a step, each weight is multiplied by 1 - learning rate * weight_decay.
        dtype: the dtype of the network: "float32", "float64" or "auto". This is float64 for tables of at most 65,536
            numbers (rows times columns), where float32 saves little time, and float32 for larger ones.
            lbfgs ends in float64, whatever the dtype, and rounds the parameters at the end.

    Attributes:
        classes_: the classes in ascending order.
        coefs_: the weights of each layer, (D, units).
        intercepts_: the biases of each layer, (units,).
        loss_curve_: the loss of each epoch or iteration.
        validation_loss_curve_: the validation loss after each epoch, with early_stopping; else None.
        validation_scores_: the accuracy on the validation set after each epoch, with early_stopping; else None.
        best_validation_score_: the largest of them.
        best_loss_: the smallest training loss; None with early_stopping.
        loss_: the last training loss.
        n_iter_: the number of epochs or iterations of the last fit.
        temperature_: what the logits are divided by: 1, or what `calibrate` found.
        network_: the `softgrad.nn.Network`.

    Raises:
        OptionError: from `fit`: a parameter has a value that it cannot have.
        DataError: from `fit`: X or y cannot be used for training.
        TrainingError: from `fit`: the training has diverged.
        MissingPackageError: scikit-learn is not installed.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> x, y = load_iris(return_X_y=True)
        >>> clf = sg.SoftmaxClassifier(hidden_layer_sizes=(), solver="lbfgs", max_iter=500).fit(x, y)
        >>> bool(clf.score(x, y) > 0.95)
        True
        >>> clf.check_gradients().error < 1e-6
        True

    Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3 and 6.5.
    """

    classes_: Array
    network_: nn.Network
    temperature_: float
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    _rng: np.random.Generator
    _optimizer: nn.Optimizer
    _schedule: nn.Schedule
    _epochs: int

    @explained
    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int | float = 10,
        max_fun: int = 15000,
        class_weight: str | Mapping[Any, float] | None = None,
        loss: str = "cross_entropy",
        loss_options: Mapping[str, Any] | None = None,
        label_smoothing: float = 0.0,
        dropout: float = 0.0,
        weight_decay: float = 0.0,
        dtype: str = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.class_weight = class_weight
        self.loss = loss
        self.loss_options = loss_options
        self.label_smoothing = label_smoothing
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.dtype = dtype

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains the classifier.

        Args:
            X: (N, D), an array, a frame of numbers or a sparse matrix. Batches of sparse rows are made dense.
            y: (N,), the class of each row: integers, strings or booleans.
            sample_weight: (N,), the weight of each row, 0 or positive; None: all 1.

        Returns:
            The classifier itself.
        """
        parameters.check(self)
        goes_on = self.warm_start and hasattr(self, "network_")
        X, labels, target, weight = self._read(X, y, sample_weight, goes_on, "fit")
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        old = self.network_ if goes_on else None
        dtype = networks.dtype_for(self, X.shape) if old is None else old.dtype
        new = networks.build(self, X.shape[1], len(self.classes_), dtype, rng)
        if old is not None:
            networks.copy_parameters(old, new)
        self._start(new, rng, keep_curves=goes_on)
        progress = Progress(self, self.max_iter, X, labels)
        if self.solver == "lbfgs":
            lbfgs.fit(self, X, target, weight, progress)
        else:
            with blas_threads(new, training.batch_size_of(self, X.shape[0])):
                training.fit(self, X, target, weight, progress)
        progress.close()
        return self

    @available_if(_is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Trains the classifier for one epoch on these rows, and goes on from its parameters if it is fitted.

        Args:
            X: (N, D), as for `fit`.
            y: (N,), as for `fit`.
            sample_weight: (N,), as for `fit`.
            classes: all classes that will ever be in y. The first call needs them.

        Returns:
            The classifier itself.
        """
        parameters.check(self)
        if self.early_stopping:
            raise OptionError(f"{NAME}.partial_fit: early_stopping is True, which only fit can do; set it to False")
        if isinstance(self.class_weight, str):
            raise OptionError(
                f"{NAME}.partial_fit: class_weight is 'balanced', but the classes of later calls are not known; give a "
                "dict, or sample_weight"
            )
        goes_on = hasattr(self, "network_")
        if not goes_on and classes is None:
            raise OptionError(f"{NAME}.partial_fit: classes is missing; the first call needs the classes of all calls")
        X, _, target, weight = self._read(X, y, sample_weight, goes_on, "partial_fit", classes)
        if not goes_on:
            rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
            dtype = networks.dtype_for(self, X.shape)
            self._start(networks.build(self, X.shape[1], len(self.classes_), dtype, rng), rng, keep_curves=False)
        training.partial_fit(self, X, target, weight)
        return self

    def predict(self, X: Any) -> Array:
        """The most probable class of each row, (N,)."""
        logits = self._logits(X)
        predicted: Array = self.classes_[logits.argmax(axis=1)]
        return predicted

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (N, K)."""
        return softmax(self._logits(X), temperature=self.temperature_)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of the probability of each class, (N, K), finite where the probability rounds to 0."""
        return log_softmax(self._logits(X), temperature=self.temperature_)

    def decision_function(self, X: Any) -> Array:
        """The logits over the temperature, (N, K); for two classes the second minus the first, (N,)."""
        logits = self._logits(X)
        logits /= logits.dtype.type(self.temperature_)
        decisions: Array = logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits
        return decisions

    def calibrate(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Sets `temperature_` so that the probabilities fit rows that were not trained on.

        The temperature minimises the mean of -log p of the labels. It changes probabilities, but no prediction.

        Args:
            X: (N, D), held-out rows.
            y: (N,), their classes.
            sample_weight: (N,), the weight of each row; None: all 1.

        Returns:
            The classifier itself.

        Source: Guo et al., ICML 2017.
        """
        logits = self._logits(X)
        target = rows.class_indices(rows.read_labels(y), self.classes_, f"{NAME}.calibrate")
        weight = rows.row_weights(target, self.classes_, sample_weight, None, f"{NAME}.calibrate")
        if len(target) != len(logits):
            raise DataError(f"{NAME}.calibrate: X has {len(logits)} rows, but y has {len(target)}; wanted as many")
        self.temperature_ = calibration.temperature(logits, target, weight)
        return self

    def check_gradients(self, X: Any = None, y: Any = None, *, limit: float = 1e-6) -> GradientError:
        """Compares the gradient of the loss with central differences, in float64, after `fit` or `partial_fit`.

        Of up to 10,000 parameters, every entry is compared; of more, a sample and random projections.

        Args:
            X: up to 16 rows to use; None: random rows. Each class of y is known.
            y: their classes; None: random ones.
            limit: a relative error up to this passes.

        Returns:
            The entry with the largest error: `.error` is relative, and more than `limit` only if the gradient is wrong.
        """
        check_is_fitted(self)
        if (X is None) != (y is None):
            raise OptionError(f"{NAME}.check_gradients: only one of X and y is given, wanted both or none")
        target = None
        if X is not None:
            X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
            target = rows.class_indices(rows.read_labels(y), self.classes_, f"{NAME}.check_gradients")
        return gradients.check(self.network_, X, target, limit)

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (D, units). They are no copies."""
        return [layer.parameters["weight"] for layer in networks.dense_layers(self.network_)]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer, (units,). They are no copies."""
        return [layer.parameters["bias"] for layer in networks.dense_layers(self.network_)]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _read(
        self, X: Any, y: Any, sample_weight: Any, goes_on: bool, method: str, classes: Any = None
    ) -> tuple[Any, Array, Array, Array | None]:
        """X, the labels, their class indices and the weights of the rows. Sets `classes_`."""
        function = f"{NAME}.{method}"
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], multi_output=True, reset=not goes_on
        )
        labels = rows.read_labels(y)
        known = self.classes_ if goes_on else rows.read_classes(labels, classes)
        target = rows.class_indices(labels, known, function)
        if goes_on and classes is not None and not np.array_equal(rows.read_classes(labels, classes), known):
            raise OptionError(f"{function}: classes differ from those of the first call; leave them out")
        if goes_on and method == "fit" and len(np.unique(target)) < len(known):
            missing = known[np.setdiff1d(np.arange(len(known)), target)[0] :][:1].tolist()[0]
            raise DataError(
                f"{function}: y has no row of class {missing!r}, wanted the classes of the last fit, since warm_start "
                "is True; set it to False"
            )
        weight = rows.row_weights(target, known, sample_weight, self.class_weight, function)
        self.classes_ = known
        return X, labels, target, weight

    def _start(self, network: Any, rng: np.random.Generator, *, keep_curves: bool) -> None:
        """Sets what a new training needs."""
        self.network_, self._rng, self.temperature_ = network, rng, 1.0
        self.n_layers_, self.n_outputs_ = len(networks.dense_layers(network)) + 1, len(self.classes_)
        self.out_activation_ = "softmax"
        if not keep_curves:
            training.start_curves(self)

    def _logits(self, X: Any) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        parts = [self.network_.logits(some) for _, some in rows.chunks(X)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
