"""The Hessian of the loss times (vx, vw, vb), one chunk of rows after another.

Along that direction the logits z = x w^T + b change by dz = vx w^T + x vw^T + vb, and their gradient g by h = H_z dz.
The products are:

    for x    h w + g vw          for w    h^T x + g^T vx          for b    the sum of the rows of h

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
IN_FLOAT64 = 2**17  # entries of a group of rows, which is computed in float64 with a dozen temporaries


def times_hessian(problem: Problem, v: Problem, gradients: Gradients) -> LinearGrad:
    """The product with v: a problem of the same shapes, with the direction as x, w and bias."""
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
    """Replaces dz by H_z dz, one group of rows after another."""
    step = max(1, IN_FLOAT64 // change.shape[1])
    for start in range(0, len(change), step):
        some = slice(start, start + step)
        stored, target = batch.z.stored[some], batch.target[some]
        few = batch._replace(z=batch.z._replace(stored=stored, shape=stored.shape[:2]), target=target)
        change[some] = LOSS.times_hessian(few, change[some])
