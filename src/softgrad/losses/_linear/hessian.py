"""The Hessian of the loss times (vx, vw, vb), some rows at a time.

Along that direction the logits z = x w^T + b change by dz = vx w^T + x vw^T + vb, and their gradient g by h = H_z dz:

    of x    h w + g vw          of w    h^T x + g^T vx          of b    the sum of the rows of h

Source: Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994).
"""

from __future__ import annotations

import numpy as np

from softgrad._arrays import Array
from softgrad._blas import multiply
from softgrad.losses._batch import Batch
from softgrad.losses._linear.gradients import Gradients, LinearGrad
from softgrad.losses._linear.problem import Problem, as_matrix
from softgrad.losses.cross_entropy import LOSS

BUFFERS = 2  # logits and their change, (n, V) each
WORKED_ON = 2**17  # entries of the two that are in float64 at a time, beside a dozen temporaries


def times_hessian(problem: Problem, v: Problem, gradients: Gradients) -> LinearGrad:
    """The products with v, a problem of the same shapes whose x, w and bias are the direction."""
    classes = slice(0, len(problem.w))
    buffers = np.empty((BUFFERS, problem.rows * classes.stop), problem.dtype)
    for rows in problem.chunks():
        x, vx = problem.features(rows), as_matrix(v.x[rows], problem.dtype)
        logits, change = (buffer[: len(x) * classes.stop].reshape(len(x), -1) for buffer in buffers)
        problem.fill(logits, x, classes)
        v.fill(change, x, classes)
        for block, w in problem.blocks(classes):
            multiply(vx, w.T, change[:, block], add=True)
        batch = problem.batch_of(rows, logits)
        _replace_by_product(batch, change)
        batch.run(loss := np.empty(len(x), problem.dtype), batch.z.stored, None, fresh=False)
        problem.explain_nan(loss)
        gradients.begin(rows, x)
        gradients.add(change, classes)
        gradients.add_products(logits, classes, vx, v)
        gradients.end()
    return gradients.result()


def _replace_by_product(batch: Batch, change: Array) -> None:
    """Makes dz into H_z dz, a few rows at a time."""
    step = max(1, WORKED_ON // change.shape[1])
    for start in range(0, len(change), step):
        some = slice(start, start + step)
        stored, target = batch.z.stored[some], batch.target[some]
        few = batch._replace(z=batch.z._replace(stored=stored, shape=stored.shape[:2]), target=target)
        change[some] = LOSS.times_hessian(few, change[some])
