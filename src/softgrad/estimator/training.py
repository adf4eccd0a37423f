"""Training by Adam or SGD: a `softgrad.nn.Trainer` with the rules of MLPClassifier for stopping."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from softgrad import nn
from softgrad._arrays import Array
from softgrad.errors import DataError
from softgrad.estimator.parameters import NAME
from softgrad.estimator.progress import Progress
from softgrad.estimator.rows import dense
from softgrad.estimator.schedules import Adaptive, Continued, schedule_of
from softgrad.nn.words import Words

if TYPE_CHECKING:
    from softgrad.estimator.classifier import SoftmaxClassifier


FEW_ROWS = 20  # of a validation set, whose accuracy then moves in steps of more than 0.05


def fit(classifier: SoftmaxClassifier, x: Any, target: Array, weight: Array | None, progress: Progress) -> None:
    """Trains `network_` until it has converged, or for max_iter epochs."""
    classifier._optimizer = optimizer_of(classifier)
    validation = None
    if classifier.early_stopping:
        x, target, weight, validation = _hold_out(classifier, x, target, weight)
    classifier._schedule, classifier._epochs = schedule_of(classifier, x.shape[0]), 0
    schedule, patience = classifier._schedule, classifier.n_iter_no_change
    never = math.isinf(patience) or isinstance(schedule, Adaptive)
    trainer, feed = _trainer(
        classifier, x, target, weight, schedule, validation, method="fit", patience=None if never else int(patience) + 1
    )
    stopped = False
    try:
        while not (stopped or trainer.finished or getattr(schedule, "finished", False)):
            progress.begin()
            _record(classifier, trainer.run_epoch(feed()), x.shape[0])
            stopped = progress.end()
    except KeyboardInterrupt:
        warnings.warn(f"{NAME}: the training was interrupted; the classifier can be used as it is now", stacklevel=4)
        stopped = True
    classifier.n_iter_ = len(trainer.history)
    trainer.keep_best()
    converged = trainer.stopping.wants_to_stop or getattr(schedule, "finished", False)
    if not stopped and not converged:
        warnings.warn(
            f"{NAME}: the training ended after max_iter={classifier.max_iter} epochs, before it had converged; raise "
            "max_iter, learning_rate_init or tol",
            ConvergenceWarning,
            stacklevel=4,
        )


def partial_fit(classifier: SoftmaxClassifier, x: Any, target: Array, weight: Array | None) -> None:
    """Trains `network_` for one epoch. The optimizer and the schedule go on from the last call."""
    if not hasattr(classifier, "_optimizer"):
        classifier._optimizer = optimizer_of(classifier)
        classifier._schedule, classifier._epochs = schedule_of(classifier, x.shape[0]), 0
    schedule = Continued(classifier._schedule, classifier._epochs, classifier.max_iter)
    trainer, feed = _trainer(classifier, x, target, weight, schedule, None, method="partial_fit", patience=None)
    _record(classifier, trainer.run_epoch(feed()), x.shape[0])
    classifier._epochs += 1
    classifier.n_iter_ = 1


def optimizer_of(classifier: SoftmaxClassifier) -> nn.Optimizer:
    """The optimizer that the parameters describe."""
    if classifier.solver == "sgd":
        return nn.SGD(
            classifier.learning_rate_init,
            momentum=classifier.momentum,
            nesterov=classifier.nesterovs_momentum,
            weight_decay=classifier.weight_decay,
        )
    return nn.Adam(
        classifier.learning_rate_init,
        beta1=classifier.beta_1,
        beta2=classifier.beta_2,
        epsilon=classifier.epsilon,
        weight_decay=classifier.weight_decay,
    )


def batch_size_of(classifier: SoftmaxClassifier, rows: int) -> int:
    """The number of rows in a step."""
    return min(200 if classifier.batch_size == "auto" else int(classifier.batch_size), rows)


def start_curves(classifier: SoftmaxClassifier) -> None:
    """Empties what is recorded of each epoch."""
    early = classifier.early_stopping and classifier.solver != "lbfgs"
    classifier.loss_curve_ = []
    classifier.validation_loss_curve_ = [] if early else None
    classifier.validation_scores_ = [] if early else None
    classifier.best_loss_ = classifier.best_validation_score_ = None
    classifier.n_iter_ = classifier.t_ = 0


def _trainer(
    classifier: SoftmaxClassifier,
    x: Any,
    target: Array,
    weight: Array | None,
    schedule: nn.Schedule,
    validation: tuple[Any, ...] | None,
    *,
    method: str,
    patience: int | None,
) -> tuple[nn.Trainer, Any]:
    """The trainer, and a function that returns the batches of an epoch: None if the trainer has the rows itself.

    `method` is the one that the user called, for messages.
    """
    rng, rows = classifier._rng, x.shape[0]
    size = batch_size_of(classifier, rows)
    if classifier.batch_size != "auto" and classifier.batch_size > rows:
        warnings.warn(
            f"{NAME}: batch_size is {classifier.batch_size}, but there are {rows} rows to train on; each batch has all "
            "of them",
            stacklevel=5,
        )

    def batches() -> Iterator[tuple[Any, ...]]:
        order = rng.permutation(rows) if classifier.shuffle else np.arange(rows)
        for start in range(0, rows, size):
            some = order[start : start + size]
            yield dense(x[some]), target[some], None if weight is None else weight[some]

    def accuracy(network: nn.Network, x: Array, target: Array) -> float:
        return float(np.average(network.predict(x) == target, weights=validation[2] if validation else None))

    is_sparse = issparse(x)
    trainer = nn.Trainer(
        classifier.network_,
        None if is_sparse else x,
        None if is_sparse else target,
        sample_weight=None if is_sparse else weight,
        optimizer=classifier._optimizer,
        epochs=classifier.max_iter,
        batch_size=size,
        shuffle=classifier.shuffle,
        alpha=classifier.alpha,
        schedule=schedule,
        validation=validation,
        score=accuracy if validation else None,
        monitor="score" if validation else "loss",
        patience=patience,
        tol=classifier.tol,
        seed=rng,
    )
    trainer.words = Words(f"{NAME}.{method}", "learning_rate_init", _classifier_has)
    return trainer, batches if is_sparse else lambda: None


def _classifier_has(epoch: int) -> str:
    return f"the classifier has the parameters {f'after epoch {epoch}' if epoch else 'from before this call'}"


def _record(classifier: SoftmaxClassifier, epoch: nn.Epoch, rows: int) -> None:
    classifier.loss_ = epoch.loss
    classifier.t_ += rows
    classifier.loss_curve_.append(epoch.loss)
    text = f"Iteration {len(classifier.loss_curve_)}: loss {epoch.loss:.6f}"
    scores, losses = classifier.validation_scores_, classifier.validation_loss_curve_
    if epoch.score is not None and epoch.validation_loss is not None and scores is not None and losses is not None:
        scores.append(epoch.score)
        losses.append(epoch.validation_loss)
        classifier.best_validation_score_ = max(scores)
        text += f", validation loss {epoch.validation_loss:.6f}, validation score {epoch.score:.4f}"
    else:
        classifier.best_loss_ = min(classifier.loss_curve_)
    if classifier.verbose:
        print(text)


def _hold_out(classifier: SoftmaxClassifier, x: Any, target: Array, weight: Array | None) -> tuple[Any, ...]:
    """The rows to train on, and the validation set. Each class has the same share in both."""
    counts = np.bincount(target)
    if (counts == 1).any():
        label = classifier.classes_[int(np.argmax(counts == 1))]
        raise DataError(
            f"{NAME}.fit: the class {label.tolist()!r} has one row, wanted 2 or more, one of them to validate on; "
            "add rows of it, or set early_stopping=False"
        )
    try:
        kept, held_out = train_test_split(
            np.arange(len(target)),
            test_size=classifier.validation_fraction,
            stratify=target,
            random_state=int(classifier._rng.integers(2**31)),
        )
    except ValueError as error:
        raise DataError(
            f"{NAME}.fit: validation_fraction is {classifier.validation_fraction} of {len(target)} rows of "
            f"{len(classifier.classes_)} classes, wanted at least one row of each class in both parts; change it, or "
            "set early_stopping=False"
        ) from error
    if len(held_out) < FEW_ROWS:
        warnings.warn(
            f"{NAME}: early_stopping validates on {len(held_out)} rows, on which the accuracy moves in steps of "
            f"{1 / len(held_out):.2f}, so that it stops by chance; raise validation_fraction, or set "
            "early_stopping=False",
            stacklevel=5,
        )
    of = (None, None) if weight is None else (weight[kept], weight[held_out])
    if any(part is not None and not part.any() for part in of):
        raise DataError(
            f"{NAME}.fit: the weight of every row in one part of the split is zero; set early_stopping=False"
        )
    return x[kept], target[kept], of[0], (dense(x[held_out]), target[held_out], of[1])
