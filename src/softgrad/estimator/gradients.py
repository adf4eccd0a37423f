"""The gradient of a classifier's network, compared with central differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from softgrad import nn
from softgrad._arrays import Array
from softgrad.check import GradientError, compare_gradients
from softgrad.estimator.rows import dense
from softgrad.nn.threads import one_blas_thread

ROWS_CHECKED = 16


def check(network: nn.Network, x: Any, target: Array | None, limit: float) -> GradientError:
    """The entry with the largest error. The network is copied.

    The parameters are moved a little first: with biases of 0, a row of zeros is at the kink of ReLU. The matrices are
    so small that BLAS is faster with one thread.
    """
    network = network.astype(np.float64)
    rng = np.random.default_rng(0)
    for parameter in network.parameters.values():
        parameter += 0.05 * rng.standard_normal(parameter.shape)
    if x is None or target is None:
        x = rng.standard_normal((ROWS_CHECKED, network.in_features))
        target = np.arange(ROWS_CHECKED) % len(network.layers[-1].parameters["bias"])
    x, target = dense(x[:ROWS_CHECKED]), target[:ROWS_CHECKED]
    with one_blas_thread():
        return compare_gradients(
            lambda: float(network.loss(x, target)),
            network.parameters,
            network.loss_with_grads(x, target).grads,
            limit=limit,
        )
