"""The check of a network's gradient before it is trained."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from softgrad import nn
from softgrad.check import GradientError, compare_gradients
from softgrad.check.derivatives.network import entries_compared
from softgrad.cli.console import progress
from softgrad.cli.problem import Problem
from softgrad.nn.threads import one_blas_thread
from softgrad.nn.workspace import Workspace

GRADIENT_LIMIT = 1e-6
ROWS_CHECKED = 16


class CheckedGradient(NamedTuple):
    """The entry of the gradient with the largest error, and what was compared."""

    worst: GradientError
    extent: str

    @property
    def error(self) -> float:
        """The largest relative error."""
        return self.worst.error

    def summary(self) -> str:
        """What was compared, and the largest error."""
        limit = f"limit {GRADIENT_LIMIT:.0e}"
        return f"gradient check: {self.extent}, largest relative error {self.error:.1e} ({limit})"

    def failure(self) -> str:
        """Which entry is wrong."""
        return f"the gradient of {self.worst.name} is wrong: {self.worst}"


def check_gradient(network: nn.Network, problem: Problem, seed: int) -> CheckedGradient:
    """Compares the gradient with central differences, in float64.

    The gradient is that of the pass that training runs; the losses are those of the network's own, plain pass.
    The matrices are so small that BLAS is faster with one thread, on a busy machine by a factor of 100. The parameters
    are moved a little first: with the initial biases of 0, a row of zeros is at the kink of ReLU.
    """
    network = network.astype(np.float64)
    rng = np.random.default_rng(seed)
    for parameter in network.parameters.values():
        parameter += 0.05 * rng.standard_normal(parameter.shape)
    x, labels = problem.subset(problem.rows.train[:ROWS_CHECKED])
    workspace = Workspace(network)
    workspace.loss_with_grads(x, labels, None, None)
    entries = entries_compared(network.parameters)
    with one_blas_thread(), progress("checking the gradient", entries) as bar:
        worst = compare_gradients(
            lambda: float(network.loss(x, labels)),
            network.parameters,
            workspace.grad_of,
            limit=GRADIENT_LIMIT,
            on_entry=bar.advance,
        )
    everything = sum(parameter.size for parameter in network.parameters.values())
    if worst.entries == everything:
        return CheckedGradient(worst, f"{everything:,} parameters")
    return CheckedGradient(
        worst,
        f"{worst.entries:,} of {everything:,} parameters one by one, all in {worst.projections} random projections",
    )
