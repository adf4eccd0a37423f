"""Training by L-BFGS: SciPy's L-BFGS-B on the loss of all rows and its gradient.

The loss is the one that Adam and SGD see in a batch of all rows: L + alpha / (2 n) times the sum of the squared
weights, where n is the number of rows, or the sum of their weights.

The iterations begin in the dtype of the network. From the one that lowers the loss by less than COARSE on, everything
is computed in float64: near the optimum, rounding to float32 changes the loss by more than a step does, and the search
would end in the third digit of the parameters. Far from it, rounding changes the loss by about 1e-8 of its value, and
float64 would take twice to three times as long. An optimum that is found in float32 is only where the search in float64
begins. At the end, and after each iteration for callbacks, the parameters are rounded to the network's dtype.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from softgrad._arrays import Array
from softgrad.errors import TrainingError
from softgrad.estimator.all_rows import LossOfAllRows, read, write
from softgrad.estimator.parameters import NAME
from softgrad.estimator.progress import Progress

if TYPE_CHECKING:
    from softgrad.estimator.classifier import SoftmaxClassifier

COARSE = 1e-5  # decrease of the loss in an iteration, relative: a thousand times what float32 changes it by
SMALLEST_DECREASE = 64 * np.finfo(np.float64).eps  # in float64: no progress
LIMIT_REACHED, STUCK = 1, 2  # the status of SciPy's result
MOST_STEPS = 50  # that a line search tries: as many as LogisticRegression's


def fit(classifier: SoftmaxClassifier, x: Any, target: Array, weight: Array | None, progress: Progress) -> None:
    """Trains `network_` until the gradient is as small as `tol`, or for max_iter iterations."""
    with LossOfAllRows(classifier.network_, x, target, weight, classifier.alpha) as loss:
        _fit(classifier, loss, progress)


def _fit(classifier: SoftmaxClassifier, loss: LossOfAllRows, progress: Progress) -> None:
    from scipy.optimize import minimize

    iterations = evaluations = 0
    last, stopped = np.inf, False

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal iterations, last, stopped
        iterations += 1
        value = float(intermediate_result.fun)
        if last - value < COARSE * abs(value) and not loss.is_exact:
            loss.refine()
        last = value
        write(classifier.network_, intermediate_result.x)
        classifier.loss_curve_.append(value)
        if classifier.verbose:
            print(f"Iteration {len(classifier.loss_curve_)}: loss {value:.6f}")
        if stopped := progress.end():
            raise StopIteration
        if iterations < classifier.max_iter:
            progress.begin()

    progress.begin()
    vector, was_exact = read(classifier.network_), False
    while not was_exact:
        was_exact = loss.is_exact
        result = minimize(
            loss,
            vector,
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration,
            options={
                "maxiter": classifier.max_iter - iterations,
                "maxfun": classifier.max_fun - evaluations,
                "gtol": classifier.tol,
                "ftol": SMALLEST_DECREASE,
                "maxls": MOST_STEPS,
            },
        )
        vector, evaluations = result.x, evaluations + int(result.nfev)
        if stopped or result.status == LIMIT_REACHED:
            break
        if not loss.is_exact:
            loss.refine()
    if not np.isfinite(vector).all() or not np.isfinite(result.fun):
        raise TrainingError(
            f"{NAME}.fit: the loss is {result.fun} after {iterations} iterations, wanted a finite number; scale the "
            "columns of X, for example with StandardScaler"
        )
    value = float(result.fun)
    if result.status == STUCK:  # SciPy gives the loss of the last step that it tried, and the vector before it
        value, evaluations = loss(vector)[0], evaluations + 1
    write(classifier.network_, vector)
    classifier.loss_ = classifier.best_loss_ = value
    classifier.n_iter_, classifier.t_ = iterations, evaluations * loss.x.shape[0]
    if result.status == LIMIT_REACHED:
        reached = "max_iter" if iterations >= classifier.max_iter else "max_fun"
        _warn(f"ended at {reached}={getattr(classifier, reached)}, before it had converged; raise {reached} or tol")
    elif result.status == STUCK:
        _warn(
            f"is stuck after {iterations} iterations: no step lowers the loss, but the gradient is not as small as "
            f"tol={classifier.tol}; raise tol"
        )


def _warn(what: str) -> None:
    remedy = "or scale the columns of X, for example with StandardScaler"
    warnings.warn(f"{NAME}: the training {what}, {remedy}", ConvergenceWarning, stacklevel=6)
