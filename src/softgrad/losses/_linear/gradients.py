"""dx = g w, dw = g^T x and db = sum of the rows of g, added up over the chunks. g is the gradient at the logits.

With filter_eps, a class is left out of both products if |g| is below filter_eps in all rows of the chunk. The error of
a sum is then at most filter_eps times the sum of the sizes of the other factor:

    |error of dx_id| <= eps sum_j |w_jd|        |error of dw_jd| <= eps sum_i |x_id|

In db nothing is left out.

For class indices the entry of the target, p_y - 1, can be 1e4 times as large as the others. Every term that a sum adds
after it would be rounded as if it were that large. Therefore it is taken out of g, and its terms are added last.

Source: Wijmans et al., Cut your losses in large-vocabulary language models, arXiv:2411.09009, 4.3, for the filter.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from softgrad._arrays import Array, to_out
from softgrad._blas import fits, multiply
from softgrad.errors import OptionError
from softgrad.losses._linear.problem import Index, Problem

GATHERED = 512  # classes that are copied together
TARGETS = 64  # rows whose targets are added together
MOST_GATHERED = 0.7  # of the classes of a block; if more are kept, the block is multiplied without a copy


Out: TypeAlias = tuple[Array | None, Array | None, Array | None]  # the arrays to write dx, dw, db to


class LinearGrad(NamedTuple):
    """The gradient of a loss of x w^T + b.

    Example:
        >>> sg.linear_cross_entropy_with_grad([[1.0]], [[0.0], [0.0]], [0]).grad.dw
        array([[-0.5],
               [ 0.5]])
    """

    dx: Array  # in the shape and dtype of x
    dw: Array  # in the shape and dtype of w
    db: Array | None  # (V), or None without a bias


class Gradients:
    """Adds up the gradients. For each chunk of rows: begin, add for each tile of classes, end."""

    def __init__(self, problem: Problem, out: Out, bias_dtype: np.dtype[Any] | None, filter_eps: float = 0.0) -> None:
        x, w = problem.x, problem.w
        read = [x, w, problem.bias, problem.batch.target, problem.batch.weight]
        self._problem, self._out, self._bias_dtype = problem, out, bias_dtype
        self._dx = _zeros_to_add_to(out[0], x.shape, x.dtype, [*read, out[1], out[2]])
        self._dw = _zeros_to_add_to(out[1], w.shape, problem.dtype, [*read, out[0], out[2]])
        self._db = np.zeros(0 if bias_dtype is None else len(w))
        self._piece = np.empty((problem.rows, x.shape[1]), problem.dtype)
        self._least = filter_eps * problem.batch.scale

    def begin(self, rows: Index, x: Array) -> None:
        """Starts a chunk of rows with the features x."""
        self._rows, self._x = rows, x
        target = self._problem.batch.target
        self._target = target[rows] if target.ndim == 1 else np.arange(0)
        there = isinstance(rows, slice) and self._dx.dtype == x.dtype and fits(self._dx)
        self._dx_rows = self._dx[rows] if there else self._piece[: len(x)]
        self._dx_rows[...] = 0

    def add(self, g: Array, classes: slice) -> None:
        """Adds g w, g^T x and the sum of the rows of g, the gradient (n, classes) at the logits. Overwrites g."""
        row = np.flatnonzero((self._target >= classes.start) & (self._target < classes.stop))
        row = row[np.argsort(self._target[row], kind="stable")]
        y = self._target[row]
        at_target = g[row, y - classes.start]
        g[row, y - classes.start] = 0
        if self._bias_dtype is not None:
            self._db[classes] += g.sum(axis=0)
        self.add_products(g, classes, self._x, self._problem)
        for start in range(0, len(row), TARGETS):
            some = slice(start, start + TARGETS)
            self._add_targets(row[some], y[some], at_target[some])

    def add_products(self, g: Array, classes: slice, x: Array, of_w: Problem) -> None:
        """Adds only g w and g^T x, with another x or w."""
        for block, w in of_w.blocks(classes):
            part = g[:, block.start - classes.start : block.stop - classes.start]
            chosen = np.flatnonzero(self._is_kept(part)) if self._least else np.arange(0)
            if not self._least or len(chosen) > MOST_GATHERED * len(w):
                multiply(part, w, self._dx_rows, add=True)
                multiply(part.T, x, self._dw[block], add=True)
                continue
            for start in range(0, len(chosen), GATHERED):
                some = chosen[start : start + GATHERED]
                gathered = np.take(part, some, axis=1)
                multiply(gathered, w[some], self._dx_rows, add=True)
                dw = np.empty((len(some), x.shape[1]), x.dtype)
                multiply(gathered.T, x, dw)
                self._dw[block.start + some] += dw

    def end(self) -> Array:
        """Ends a chunk, and returns its dx. An infinite w can make dx NaN although no loss is NaN: that is an error."""
        self._problem.explain_nan(self._dx_rows)
        if self._dx_rows.base is self._piece:
            self._dx[self._rows] = self._dx_rows
        return self._dx_rows

    def result(self) -> LinearGrad:
        """The gradients, in the arrays of `out` where given."""
        x_shape = (*self._problem.batch.z.shape[:-1], self._dx.shape[1])
        db = None if self._bias_dtype is None else _deliver(self._db, self._out[2], self._db.shape, self._bias_dtype)
        return LinearGrad(
            _deliver(self._dx, self._out[0], x_shape, self._problem.x.dtype),
            _deliver(self._dw, self._out[1], self._dw.shape, self._problem.w.dtype),
            db,
        )

    def _add_targets(self, row: Array, y: Array, g: Array) -> None:
        """Adds the terms of g at the targets: g[i] belongs to row[i] and class y[i]. y is sorted."""
        classes, first = np.unique(y, return_index=True)
        if self._bias_dtype is not None:
            self._db[classes] += np.add.reduceat(g, first)
        times_x = self._x[row]
        times_x *= g[:, None]
        self._dw[classes] += np.add.reduceat(times_x, first, axis=0)
        times_w = self._problem.w[y].astype(g.dtype, copy=False)
        times_w *= g[:, None]
        self._dx_rows[row] += times_w

    def _is_kept(self, g: Array) -> Array:
        """For each class, whether the filter keeps it. It keeps NaN."""
        kept: Array = ~((g.max(axis=0) < self._least) & (g.min(axis=0) > -self._least))
        return kept


def read_out(function: str, out: object, problem: Problem, bias_dtype: np.dtype[Any] | None) -> Out:
    """Checks the arrays of `out`."""
    if out is None:
        return None, None, None
    if not isinstance(out, tuple) or len(out) != 3:
        raise OptionError(f"{function}: out is a {type(out).__name__}, wanted (dx, dw, db), with None for a new array")
    dx, dw, db = out
    if bias_dtype is None and db is not None:
        raise OptionError(f"{function}: out[2] is given, but there is no bias; wanted None")
    x, w = problem.x, problem.w
    to_out(function, dx, (*problem.batch.z.shape[:-1], x.shape[1]), x.dtype, "out[0]")
    to_out(function, dw, w.shape, w.dtype, "out[1]")
    to_out(function, db, w.shape[:1], bias_dtype or w.dtype, "out[2]")
    return dx, dw, db


def _zeros_to_add_to(
    given: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any], taken: list[Array | None]
) -> Array:
    """Zeros in the given array, or in a new one if gemm cannot write to it or if it shares memory with `taken`."""
    if given is None or given.shape != shape or given.dtype != dtype or not fits(given):
        return np.zeros(shape, dtype)
    if any(other is not None and np.may_share_memory(given, other) for other in taken):
        return np.zeros(shape, dtype)
    given[...] = 0
    return given


def _deliver(values: Array, given: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if given is None:
        return values.astype(dtype, copy=False).reshape(shape)
    if values is not given:
        given[...] = values.reshape(shape)
    return given
