"""The Jacobian of softmax as a linear operator.

    J_ij = dp_i/dz_j = p_i (delta_ij - p_j),    J = diag(p) - p p^T

J is symmetric. It is positive semi-definite, because v^T J v is the variance of v under p. Its rows and columns sum to
0, so the vector of ones is in its null space: adding a constant to all logits does not change p. If p > 0 for all K
classes, this vector spans the null space. With P = I - 1 1^T / K, the projection onto the vectors of sum 0, the
pseudo-inverse is

    J^+ = P diag(1 / p) P            (and 0 on the classes with p = 0)

because J P diag(1/p) P v = J (P v / p) = P v - p sum(P v) = P v, and J^+ J is symmetric too.

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3; the variance form is Boyd and Vandenberghe, Convex
Optimization (2004), 3.1.5; the four conditions of a pseudo-inverse are Penrose, Proc. Camb. Phil. Soc. 51 (1955).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from softgrad import _kernels
from softgrad._arrays import Array, numbers, to_rows
from softgrad._calls import explained
from softgrad._rows import bits, is_bfloat16
from softgrad._scores import refuse
from softgrad.errors import ShapeError
from softgrad.softmax import softmax_jvp

__all__ = ["SoftmaxJacobian"]


class Operator(ABC):
    """A K x K matrix for each row of the probabilities. It is not stored; it is given by its products with vectors.

    `A + B`, `A - B`, `2.0 * A`, `-A` and `A.T` are operators again. `A @ v` is an array of products. `to_dense` forms
    the matrices.
    """

    __array_ufunc__ = None  # so that `array @ J` and `array * J` raise TypeError: NumPy would multiply entry by entry

    def __init__(self, probs: Array, axis: int) -> None:
        self.probs = probs
        self.axis = axis

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `to_dense()`, which is (..., K, K)."""
        K = self.probs.shape[self.axis]
        return (*self.probs.shape[: self.axis], *self.probs.shape[self.axis + 1 :], K, K)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The dtype of the probabilities and of every result."""
        return self.probs.dtype

    @property
    def T(self) -> Operator:
        """The transpose. It is the operator itself, because J and every operator formed from J are symmetric."""
        return self

    def __matmul__(self, v: npt.ArrayLike) -> Array:
        """The product of the matrix of each row of p with one vector or with several.

        Args:
            v: one vector for each row of p, in the shape of p; or n vectors for each row, in the shape (*p.shape, n).

        Returns:
            The products, in the shape of v. For J itself the error is within 5 ulp of p_i times |v_i| (1 - p_i) + the
            sum of the other p_j |v_j|, where 1 - p_i is the sum of the other p_j.

        Raises:
            ShapeError: v has another shape.
            DtypeError: the entries of v are not numbers.
        """
        vectors = numbers(f"{type(self).__name__} @ v", "v", v)
        if vectors.shape == self.probs.shape:
            return self._times(self.probs, vectors)
        if vectors.shape[:-1] == self.probs.shape:
            return self._times(np.broadcast_to(self.probs[..., None], vectors.shape), vectors)
        raise ShapeError(
            f"{type(self).__name__} @ v: v.shape is {vectors.shape}, but probs.shape is {self.probs.shape}; wanted "
            f"{self.probs.shape} for one vector per row, or ({', '.join(map(str, self.probs.shape))}, n) for n vectors "
            "per row"
        )

    def __add__(self, other: Operator) -> Operator:
        if other.shape != self.shape or other.axis != self.axis:
            raise ShapeError(
                f"{self} + {other}: wanted operators of the same shape, with the classes on the same axis of probs"
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
        """The sum of the diagonal: one number for each row of p."""
        trace: Array = self.diagonal().sum(axis=self.axis)
        return trace

    @abstractmethod
    def to_dense(self) -> Array:
        """The matrices, of shape (..., K, K). The classes are on the last two axes, whatever `axis` is."""

    def eigvalsh(self) -> Array:
        """The eigenvalues in ascending order, of shape (..., K). This forms the matrices.

        Example:
            >>> sg.SoftmaxJacobian([0.5, 0.5]).eigvalsh()
            array([0. , 0.5])
        """
        eigenvalues: Array = np.linalg.eigvalsh(self.to_dense())
        return eigenvalues

    @abstractmethod
    def _times(self, probs: Array, vectors: Array) -> Array:
        """The products with `vectors` along the class axis. `probs` and `vectors` have the same shape."""


class SoftmaxJacobian(Operator):
    """J = diag(p) - p p^T for given probabilities, one matrix for each row of p. Only `to_dense` forms the matrices.

    Args:
        probs: the output of softmax, of shape (..., K): rows of probabilities whose sum is 1. A few rows are checked.
        axis: the axis of the classes.

    Raises:
        AxisError, ShapeError, DtypeError: as in `softgrad.softmax`.
        DataError: a row does not hold probabilities.

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

    @explained
    def __init__(self, probs: npt.ArrayLike, *, axis: int = -1) -> None:
        self._rows = rows = to_rows("SoftmaxJacobian", "probs", probs, axis)
        stored, is_half = rows.stored, rows.stored.dtype.itemsize == 2
        wrong = _kernels.find_no_probabilities(bits(stored) if is_half else stored, is_bfloat16(stored))
        if wrong >= 0:
            refuse("SoftmaxJacobian", "probs", rows, wrong)
        super().__init__(self._rows.in_original_shape(self._rows.stored), self._rows.axis)

    def _times(self, probs: Array, vectors: Array) -> Array:
        return softmax_jvp(probs, vectors, axis=self.axis)

    def diagonal(self) -> Array:
        """The diagonal p_i (1 - p_i), with the sum of the other p for 1 - p_i; in the shape of p, within 2 ulp."""
        return self._rows.in_original_shape(self._variances())

    def trace(self) -> Array:
        """The trace sum_i p_i (1 - p_i), one number for each row of p; within 2 ulp."""
        return self._rows.one_per_row(self._variances().sum(axis=1, dtype=np.longdouble).astype(self.dtype))

    def _variances(self) -> Array:
        """The diagonal, arranged as rows, in the dtype in which it is computed."""
        p = self._rows.values
        if not p.size:  # there is no largest entry
            return p
        top, others = np.expand_dims(p.argmax(axis=1), 1), p.copy()
        np.put_along_axis(others, top, 0, axis=1)
        of_top = others.sum(axis=1, keepdims=True, dtype=np.longdouble)  # 1 - p would cancel where p is near 1
        beyond_1 = of_top + np.take_along_axis(p, top, axis=1) - 1
        np.subtract(1, p, out=others)
        others += beyond_1.astype(p.dtype)
        np.put_along_axis(others, top, of_top.astype(p.dtype), axis=1)
        others *= p
        return others

    def to_dense(self) -> Array:
        """The matrices, of shape (..., K, K), within 2 ulp. The classes are on the last two axes for any `axis`."""
        p = np.moveaxis(self.probs, self.axis, -1)
        dense: Array = -p[..., :, None] * p[..., None, :]
        i = np.arange(p.shape[-1])
        dense[..., i, i] = np.moveaxis(self.diagonal(), self.axis, -1)
        return dense

    def pinv(self) -> Operator:
        """The pseudo-inverse J^+, as an operator.

        It maps a small change of p to the change of the logits with sum 0 that causes it.

        Example:
            >>> J = sg.SoftmaxJacobian([0.5, 0.25, 0.25])
            >>> J.pinv() @ (J @ [3.0, -1.0, -2.0])
            array([ 3., -1., -2.])
        """
        return _PseudoInverse(self.probs, self.axis)


class _PseudoInverse(Operator):
    """P diag(1/p) P on the classes with p > 0, and 0 on the others."""

    def _times(self, probs: Array, vectors: Array) -> Array:
        support = probs > 0
        centred = self._subtract_mean(vectors.astype(self.dtype, copy=False), support)
        scaled = np.divide(centred, probs, out=np.zeros_like(centred), where=support)
        return self._subtract_mean(scaled, support).astype(self.dtype, copy=False)

    def _subtract_mean(self, v: Array, support: Array) -> Array:
        if not v.size:  # NumPy's mean warns of it
            return v
        mean = np.mean(v, axis=self.axis, keepdims=True, where=support)
        return np.where(support, v - mean, 0)

    def diagonal(self) -> Array:
        """The diagonal, in the shape of the probabilities. This forms the matrices."""
        return np.moveaxis(np.diagonal(self.to_dense(), axis1=-2, axis2=-1), -1, self.axis)

    def to_dense(self) -> Array:
        """The matrices, of shape (..., K, K). The classes are on the last two axes, whatever `axis` is."""
        p = np.moveaxis(self.probs, self.axis, -1)
        columns = np.broadcast_to(np.eye(p.shape[-1], dtype=p.dtype), (*p.shape, p.shape[-1]))
        return _PseudoInverse(p, p.ndim - 1) @ columns


class _Sum(Operator):
    """A linear combination of operators of the same shape."""

    def __init__(self, terms: list[tuple[float, Operator]]) -> None:
        super().__init__(terms[0][1].probs, terms[0][1].axis)
        self.terms = terms

    def _times(self, probs: Array, vectors: Array) -> Array:
        return self._sum([factor * (operator @ vectors) for factor, operator in self.terms])

    def diagonal(self) -> Array:
        """The diagonal, in the shape of the probabilities."""
        return self._sum([factor * operator.diagonal() for factor, operator in self.terms])

    def to_dense(self) -> Array:
        """The matrices, of shape (..., K, K). The classes are on the last two axes, whatever `axis` is."""
        return self._sum([factor * operator.to_dense() for factor, operator in self.terms])

    def _sum(self, arrays: list[Array]) -> Array:
        total: Array = np.sum(arrays, axis=0)
        return total
