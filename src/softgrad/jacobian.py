"""The Jacobian of softmax, as the operator that it is.

    J_ij = dp_i/dz_j = p_i (delta_ij - p_j),    J = diag(p) - p p^T

J is symmetric and positive semi-definite, v^T J v being the variance of v under p; its rows and columns sum to 0, so
the vector of ones is in its null space: adding a constant to all logits changes nothing. On the classes with p > 0 that
is all of its null space, and with P = I - 1 1^T / K the projection off it

    J^+ = P diag(1 / p) P            (and 0 on the classes with p = 0)

since J P diag(1/p) P v = J (P v / p) = P v - p sum(P v) = P v, and J^+ J is symmetric too.

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3; the variance form is Boyd and Vandenberghe, Convex
Optimization (2004), 3.1.5; the four conditions of a pseudo-inverse are Penrose, Proc. Camb. Phil. Soc. 51 (1955).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, numbers, to_rows
from softgrad.errors import ShapeError
from softgrad.softmax import softmax_jvp


class Operator(ABC):
    """A matrix for each row of the probabilities, (..., K, K), known by its products.

    `A @ v`, `A + B`, `2.0 * A`, `-A`, `A - B` and `A.T` are operators or products again; `to_dense` forms the matrices.
    """

    __array_ufunc__ = None  # `array @ J` and `array * J` are TypeErrors, not NumPy's attempts at them

    def __init__(self, probs: Array, axis: int) -> None:
        self.probs = probs
        self.axis = axis

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"

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
    def T(self) -> Operator:
        """The transpose: the operator itself, since all that are made of J are symmetric."""
        return self

    def __matmul__(self, v: npt.ArrayLike) -> Array:
        """The product with a vector for each row of p.

        Args:
            v: one vector for each row of p, in the shape of p; or n of them as columns, in p's shape with n after it.

        Returns:
            The products, in the shape of v; for J itself within 5 ulp of p_i (|v_i| + sum_j p_j |v_j|).

        Raises:
            ShapeError: v has another shape.
            DtypeError: v is not numbers.
        """
        vectors = numbers(f"{type(self).__name__} @ v", "v", v)
        if vectors.shape == self.probs.shape:
            return self._times(self.probs, vectors)
        if vectors.shape[:-1] == self.probs.shape:
            return self._times(np.broadcast_to(self.probs[..., None], vectors.shape), vectors)
        raise ShapeError(
            f"{type(self).__name__} @ v: v.shape is {vectors.shape}, but probs.shape is {self.probs.shape}; wanted "
            f"that for one vector a row, or ({', '.join(map(str, self.probs.shape))}, n) for n columns"
        )

    def __add__(self, other: Operator) -> Operator:
        if other.shape != self.shape or other.axis != self.axis:
            raise ShapeError(
                f"{self} + {other}: wanted operators of one shape, with the classes on the same axis of their probs"
            )
        return _Sum([(1.0, self), (1.0, other)])

    def __mul__(self, factor: float) -> Operator:
        return _Sum([(float(factor), self)])

    __rmul__ = __mul__

    def __neg__(self) -> Operator:
        return -1.0 * self

    def __sub__(self, other: Operator) -> Operator:
        return self + -other

    @abstractmethod
    def diagonal(self) -> Array:
        """The diagonal, in the shape of the probabilities."""

    def trace(self) -> Array:
        """The sum of the diagonal, one number for each row of p."""
        trace: Array = self.diagonal().sum(axis=self.axis)
        return trace

    @abstractmethod
    def to_dense(self) -> Array:
        """The matrices, (..., K, K), with the classes on the last two axes whatever `axis` is."""

    def eigvalsh(self) -> Array:
        """The eigenvalues, ascending, (..., K); of the matrices, formed for the purpose.

        Example:
            >>> sg.SoftmaxJacobian([0.5, 0.5]).eigvalsh()
            array([0. , 0.5])
        """
        eigenvalues: Array = np.linalg.eigvalsh(self.to_dense())
        return eigenvalues

    @abstractmethod
    def _times(self, probs: Array, vectors: Array) -> Array:
        """The product with vectors along the class axis, for probabilities in their shape."""


class SoftmaxJacobian(Operator):
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

    def __init__(self, probs: npt.ArrayLike, *, axis: int = -1) -> None:
        self._rows = to_rows("SoftmaxJacobian", "probs", probs, axis)
        super().__init__(self._rows.restore(self._rows.stored), self._rows.axis)

    def _times(self, probs: Array, vectors: Array) -> Array:
        return softmax_jvp(probs, vectors, axis=self.axis)

    def diagonal(self) -> Array:
        """p_i (1 - p_i), in the shape of the probabilities; within 2 ulp."""
        return self._rows.restore(self._variances())

    def trace(self) -> Array:
        """sum_i p_i (1 - p_i), one number for each row of p; within 2 ulp."""
        return self._rows.restore_outer(self._variances().sum(axis=1, dtype=np.longdouble).astype(self.dtype))

    def _variances(self) -> Array:
        """The diagonal, laid out as rows in the dtype that they are computed in."""
        p = self._rows.values
        variances: Array = p * (1 - p)
        return variances

    def to_dense(self) -> Array:
        """The matrices, (..., K, K), classes on the last two axes whatever `axis` is; within 2 ulp."""
        p = np.moveaxis(self.probs, self.axis, -1)
        dense: Array = -p[..., :, None] * p[..., None, :]
        i = np.arange(p.shape[-1])
        dense[..., i, i] = np.moveaxis(self.diagonal(), self.axis, -1)
        return dense

    def pinv(self) -> Operator:
        """The pseudo-inverse J^+, an operator too: the change of the logits, of sum 0, behind a change of p.

        Example:
            >>> J = sg.SoftmaxJacobian([0.5, 0.25, 0.25])
            >>> J.pinv() @ (J @ [3.0, -1.0, -2.0])
            array([ 3., -1., -2.])
        """
        return _PseudoInverse(self.probs, self.axis)


class _PseudoInverse(Operator):
    """P diag(1/p) P over the classes with p > 0, and 0 elsewhere."""

    def _times(self, probs: Array, vectors: Array) -> Array:
        support = probs > 0
        off_mean = self._off_mean(vectors.astype(self.dtype, copy=False), support)
        scaled = np.divide(off_mean, probs, out=np.zeros_like(off_mean), where=support)
        return self._off_mean(scaled, support).astype(self.dtype, copy=False)

    def _off_mean(self, v: Array, support: Array) -> Array:
        mean = np.mean(v, axis=self.axis, keepdims=True, where=support)
        return np.where(support, v - mean, 0)

    def diagonal(self) -> Array:
        """In the shape of the probabilities; formed from the matrices."""
        return np.moveaxis(np.diagonal(self.to_dense(), axis1=-2, axis2=-1), -1, self.axis)

    def to_dense(self) -> Array:
        """The matrices, (..., K, K), with the classes on the last two axes whatever `axis` is."""
        p = np.moveaxis(self.probs, self.axis, -1)
        columns = np.broadcast_to(np.eye(p.shape[-1], dtype=p.dtype), (*p.shape, p.shape[-1]))
        return _PseudoInverse(p, p.ndim - 1) @ columns


class _Sum(Operator):
    """A sum of multiples of operators of one shape."""

    def __init__(self, terms: list[tuple[float, Operator]]) -> None:
        super().__init__(terms[0][1].probs, terms[0][1].axis)
        self.terms = terms

    def _times(self, probs: Array, vectors: Array) -> Array:
        return self._sum([factor * (operator @ vectors) for factor, operator in self.terms])

    def diagonal(self) -> Array:
        """In the shape of the probabilities."""
        return self._sum([factor * operator.diagonal() for factor, operator in self.terms])

    def to_dense(self) -> Array:
        """The matrices, (..., K, K), with the classes on the last two axes whatever `axis` is."""
        return self._sum([factor * operator.to_dense() for factor, operator in self.terms])

    def _sum(self, arrays: list[Array]) -> Array:
        total: Array = np.sum(arrays, axis=0)
        return total
