"""The loss of each row and, if requested, its statistics. In ignored rows they are 0."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from softgrad._arrays import Array
from softgrad.losses._linear.problem import Index, Problem
from softgrad.losses._results import RowStats

Stats: TypeAlias = tuple[Array, Array, Array]  # logsumexp, entropy, correct


class RowResults:
    """Arrays of one number per row, filled chunk by chunk."""

    def __init__(self, problem: Problem, *, with_stats: bool) -> None:
        rows, self._dtype, self._z = len(problem.x), problem.dtype, problem.batch.z
        self._batch = problem.batch
        self._loss = np.zeros(rows, self._dtype)
        self._stats = None
        if with_stats:
            self._stats = np.zeros(rows, self._dtype), np.zeros(rows, self._dtype), np.zeros(rows, np.bool_)

    def new_stats(self, rows: int) -> Stats | None:
        """Uninitialised statistics of a chunk of this many rows; None if they are not requested."""
        if self._stats is None:
            return None
        return np.empty(rows, self._dtype), np.empty(rows, self._dtype), np.empty(rows, np.bool_)

    def put(self, rows: Index, loss: Array, stats: Stats | None) -> None:
        """Stores the results of a chunk of rows."""
        self._loss[rows] = loss
        for values, found in zip(self._stats or (), stats or (), strict=True):
            values[rows] = found

    def loss(self) -> Array:
        """The reduced loss."""
        return self._batch.reduced(self._loss, self._loss.sum(dtype=np.longdouble) / (self._batch.denominator or 1))

    def stats(self) -> RowStats:
        """The statistics, in the shape of the rows."""
        assert self._stats is not None
        own = self._batch.of_given_weights(self._loss)
        return RowStats(*(self._z.one_per_row(values) for values in (own, *self._stats)))
