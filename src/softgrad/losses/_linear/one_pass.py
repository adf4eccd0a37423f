"""A chunk of rows with all classes: a product into the buffer, the fused kernel in place, two more products.

z = x w^T + b        g = dL/dz, in place of z        dx = g w        dw += g^T x        db += sum of the rows of g
"""

from __future__ import annotations

import numpy as np

from softgrad._arrays import Array
from softgrad.losses._linear.gradients import Gradients
from softgrad.losses._linear.problem import Index, Problem
from softgrad.losses._linear.results import RowResults


def one_pass(
    problem: Problem, rows: Index, x: Array, buffer: Array, results: RowResults, gradients: Gradients | None
) -> None:
    """Computes the loss, the statistics and the gradients of a chunk of rows."""
    classes = slice(0, len(problem.w))
    logits = buffer[: len(x) * classes.stop].reshape(len(x), classes.stop)
    problem.fill(logits, x, classes)
    loss, stats = np.empty(len(x), problem.dtype), results.new_stats(len(x))
    batch = problem.batch_of(rows, logits)
    batch.run(loss, None if gradients is None else batch.z.stored, stats, fresh=False)
    problem.explain_nan(loss)
    results.put(rows, loss, stats)
    if gradients is not None:
        gradients.add(logits, classes)
