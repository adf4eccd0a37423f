"""Training by L-BFGS: SciPy's L-BFGS-B on the loss of all rows and its gradient.

The loss is the one that Adam and SGD see in a batch of all rows: L + alpha / (2 n) times the sum of the squared
weights, where n is the number of rows, or the sum of their weights.

Everything is computed in float64, whatever the dtype of the network: near the optimum, rounding to float32 changes the
loss by more than a step does, and the search ends in the third digit of the parameters. At the end, and after each
iteration for callbacks, the parameters are rounded to the network's dtype.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from softgrad._arrays import Array
from softgrad.errors import TrainingError
from softgrad.estimator.parameters import NAME
from softgrad.estimator.progress import Progress
from softgrad.estimator.rows import chunks

if TYPE_CHECKING:
    from softgrad import nn
    from softgrad.estimator.classifier import SoftmaxClassifier

SMALLEST_DECREASE = 64 * np.finfo(np.float64).eps  # of the loss in an iteration, relative: no progress
LIMIT_REACHED = 1  # the status of SciPy's result


def fit(classifier: SoftmaxClassifier, x: Any, target: Array, weight: Array | None, progress: Progress) -> None:
    """Trains `network_` until the gradient is as small as `tol`, or for max_iter iterations."""
    from scipy.optimize import minimize

    done = 0
    objective = Objective(classifier.network_, x, target, weight, classifier.alpha)

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal done
        done += 1
        write(classifier.network_, intermediate_result.x)
        classifier.loss_curve_.append(float(intermediate_result.fun))
        if classifier.verbose:
            print(f"Iteration {len(classifier.loss_curve_)}: loss {intermediate_result.fun:.6f}")
        if progress.end():
            raise StopIteration
        if done < classifier.max_iter:
            progress.begin()

    progress.begin()
    result = minimize(
        objective,
        read(classifier.network_),
        method="L-BFGS-B",
        jac=True,
        callback=after_iteration,
        options={
            "maxiter": classifier.max_iter,
            "maxfun": classifier.max_fun,
            "gtol": classifier.tol,
            "ftol": SMALLEST_DECREASE,
        },
    )
    if not np.isfinite(result.x).all() or not np.isfinite(result.fun):
        raise TrainingError(
            f"{NAME}.fit: the loss is {result.fun} after {result.nit} iterations, wanted a finite number; scale the "
            "columns of X, for example with StandardScaler"
        )
    write(classifier.network_, result.x)
    classifier.loss_ = classifier.best_loss_ = float(result.fun)
    classifier.n_iter_, classifier.t_ = int(result.nit), int(result.nfev) * x.shape[0]
    if result.status == LIMIT_REACHED:
        reached = "max_iter" if result.nit >= classifier.max_iter else "max_fun"
        warnings.warn(
            f"{NAME}: the training ended at {reached}={getattr(classifier, reached)}, before it had converged; raise "
            f"{reached} or tol, or scale the columns of X, for example with StandardScaler",
            ConvergenceWarning,
            stacklevel=4,
        )


class Objective:
    """The loss of all rows and its gradient, as functions of one vector of all parameters, in float64."""

    def __init__(self, network: nn.Network, x: Any, target: Array, weight: Array | None, alpha: float) -> None:
        self.network, self.x, self.target, self.weight = network.astype(np.float64), x, target, weight
        self.count = float(x.shape[0] if weight is None else weight.sum())
        self.l2 = alpha / self.count

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """The loss and its gradient."""
        write(self.network, vector)
        parameters = self.network.parameters
        loss, grads = 0.0, {name: np.zeros(value.shape) for name, value in parameters.items()}
        for rows, x in chunks(self.x):
            weight = None if self.weight is None else self.weight[rows]
            share = (len(x) if weight is None else float(weight.sum())) / self.count
            if not share:
                continue
            of_rows = self.network.loss_with_grads(x, self.target[rows], sample_weight=weight)
            loss += share * float(of_rows.loss)
            for name, grad in of_rows.grads.items():
                grads[name] += share * grad
        for name, value in parameters.items():
            if name.endswith("weight"):
                loss += self.l2 / 2 * float(np.vdot(value, value))
                grads[name] += self.l2 * value
        return loss, np.concatenate([grads[name].ravel() for name in parameters])


def read(network: nn.Network) -> Array:
    """All parameters of a network as one vector, in float64."""
    return np.concatenate([value.ravel() for value in network.parameters.values()]).astype(np.float64)


def write(network: nn.Network, vector: Array) -> None:
    """Gives the network these parameters."""
    start = 0
    for value in network.parameters.values():
        value[...] = vector[start : start + value.size].reshape(value.shape)
        start += value.size
