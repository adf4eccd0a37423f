"""The Jacobian of softmax, as the operator that it is.

    J_ij = dp_i/dz_j = p_i (delta_ij - p_j),    J = diag(p) - p p^T

J is symmetric and positive semi-definite, v^T J v being the variance of v under p; its rows and columns sum to 0, so
the vector of ones is in its null space: adding a constant to all logits changes nothing.

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3; the variance form is Boyd and Vandenberghe, Convex
Optimization (2004), 3.1.5.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, numbers, to_rows
from softgrad.errors import ShapeError
from softgrad.softmax import softmax_jvp


class SoftmaxJacobian:
    """J = diag(p) - p p^T for given probabilities, one matrix for each row of p; formed by `to_dense` alone.

    Args:
        probs: the output of softmax, (..., K).
        axis: where the classes are.

    Raises:
        AxisError, ShapeError, DtypeError: as `softgrad.softmax`.

    Example:
        >>> J = sg.SoftmaxJacobian([0.5, 0.25, 0.25])
        >>> J @ [1.0, 0.0, 0.0]
        array([ 0.25 , -0.125, -0.125])
        >>> J @ np.ones(3)
        array([0., 0., 0.])
        >>> J.to_dense()
        array([[ 0.25  , -0.125 , -0.125 ],
               [-0.125 ,  0.1875, -0.0625],
               [-0.125 , -0.0625,  0.1875]])
    """

    __array_ufunc__ = None  # `array @ J` is a TypeError, not NumPy's attempt at it

    def __init__(self, probs: npt.ArrayLike, *, axis: int = -1) -> None:
        rows = to_rows("SoftmaxJacobian", "probs", probs, axis)
        self.probs: Array = rows.restore(rows.values)
        self.axis = rows.axis

    def __repr__(self) -> str:
        return f"SoftmaxJacobian(shape={self.shape}, dtype={self.dtype})"

    @property
    def shape(self) -> tuple[int, ...]:
        """(..., K, K): the shape of `to_dense()`."""
        K = self.probs.shape[self.axis]
        return (*self.probs.shape[: self.axis], *self.probs.shape[self.axis + 1 :], K, K)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The dtype of the probabilities, and of every result."""
        return self.probs.dtype

    @property
    def T(self) -> SoftmaxJacobian:
        """The transpose: J itself, since J is symmetric."""
        return self

    def __matmul__(self, v: npt.ArrayLike) -> Array:
        """J v, as p * (v - sum(p * v)).

        Args:
            v: one vector for each row of p, in the shape of p; or n of them as columns, in p's shape with n after it.

        Returns:
            The products, in the shape of v; within 5 ulp of p_i (|v_i| + sum_j p_j |v_j|).

        Raises:
            ShapeError: v has another shape.
            DtypeError: v is not numbers.
        """
        vectors = numbers("SoftmaxJacobian @ v", "v", v)
        if vectors.shape == self.probs.shape:
            return softmax_jvp(self.probs, vectors, axis=self.axis)
        if vectors.shape[:-1] == self.probs.shape:
            columns = np.broadcast_to(self.probs[..., None], vectors.shape)
            return softmax_jvp(columns, vectors, axis=self.axis)
        raise ShapeError(
            f"SoftmaxJacobian @ v: v has shape {vectors.shape}, but probs have {self.probs.shape}; "
            f"wanted that shape for one vector a row, or {(*self.probs.shape, 'n')} for n columns"
        )

    def diagonal(self) -> Array:
        """p_i (1 - p_i), in the shape of the probabilities; within 2 ulp."""
        p = to_rows("SoftmaxJacobian", "probs", self.probs, self.axis)
        return p.restore(p.values * (1 - p.values))

    def trace(self) -> Array:
        """sum_i p_i (1 - p_i), one number for each row of p; within 2 ulp."""
        p = to_rows("SoftmaxJacobian", "probs", self.probs, self.axis)
        return p.restore_outer((p.values * (1 - p.values)).sum(axis=-1, dtype=np.longdouble).astype(self.dtype))

    def to_dense(self) -> Array:
        """The matrices themselves, (..., K, K), classes on the last two axes whatever `axis` is; within 2 ulp."""
        p = np.moveaxis(self.probs, self.axis, -1)
        dense: Array = -p[..., :, None] * p[..., None, :]
        i = np.arange(p.shape[-1])
        dense[..., i, i] = np.moveaxis(self.diagonal(), self.axis, -1)
        return dense
