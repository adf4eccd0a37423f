"""A chunk of rows whose classes do not fit into the buffer: two passes over tiles, each of which computes the logits.

For every row, the first pass keeps these quantities of the scores s seen so far:

    m = max s                        others = sum exp(s_j - m), without the term 1 of the maximum
    entropy = sum exp(s_j - m) (m - s_j)         pulled = sum a_j (m - s_j)
    a_max = a_j at the maximum                   a_others = sum of the other a_j         total = a_max + a_others

where a is the target, smoothed and weighted. When m rises by d, others + 1 and entropy are multiplied by exp(-d), after
entropy has grown by d (others + 1); pulled grows by d total. No term is negative, so nothing cancels. At the end

    lse = m + log1p(others)          L = total log1p(others) + pulled + c lse^2

and the second pass replaces each tile of scores by dL/ds_j = p_j (total + 2 c lse) - a_j with p_j = exp(s_j - m) /
(1 + others). At the maximum, where p_j may be near 1, this is p_j (a_others + 2 c lse) - others / (1 + others) a_j.

Source: Milakov and Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad.losses import _softcap
from softgrad.losses._batch import Batch
from softgrad.losses._linear.gradients import Gradients
from softgrad.losses._linear.problem import Index, Problem
from softgrad.losses._linear.results import RowResults

CACHED = 2**16  # entries of a group of rows, small enough that its temporaries stay in the cache


def two_passes(
    problem: Problem, rows: Index, x: Array, buffer: Array, results: RowResults, gradients: Gradients | None
) -> None:
    """Computes the loss, the statistics and the gradients of a chunk of rows."""
    with np.errstate(invalid="ignore", over="ignore"):  # infinite logits give the same as in the kernels
        _two_passes(problem, rows, x, buffer, results, gradients)


def _two_passes(
    problem: Problem, rows: Index, x: Array, buffer: Array, results: RowResults, gradients: Gradients | None
) -> None:
    scores = _Scores(problem, rows)
    for tile, logits in _tiles(problem, x, buffer):
        for group in _groups(logits):
            scores.see(logits[group], group, tile)
    scores.end()
    loss = scores.loss()
    problem.explain_nan(loss)
    results.put(rows, loss, scores.stats() if results.new_stats(0) else None)
    if gradients is None:
        return
    for tile, logits in _tiles(problem, x, buffer):
        for group in _groups(logits):
            logits[group] = scores.gradient(logits[group], group, tile)
        gradients.add(logits, tile)


def _tiles(problem: Problem, x: Array, buffer: Array) -> Iterator[tuple[slice, Array]]:
    classes = len(problem.w)
    for start in range(0, classes, problem.classes):
        tile = slice(start, min(start + problem.classes, classes))
        width = tile.stop - tile.start
        logits = buffer[: len(x) * width].reshape(len(x), width)
        problem.fill(logits, x, tile)
        yield tile, logits


def _groups(logits: Array) -> Iterator[slice]:
    step = max(1, CACHED // logits.shape[1])
    return (slice(start, start + step) for start in range(0, len(logits), step))


class _Target(NamedTuple):
    """The targets of a group of rows, within one tile."""

    dense: Array | float  # a_j without the terms of class indices: (n, classes), (classes), or 0
    rows: Array  # the rows whose class index is in the tile
    at: Array  # that index, within the tile


class _Scores:
    """The running quantities of n rows. One number per row is a column (n, 1) in float64."""

    def __init__(self, problem: Problem, rows: Index) -> None:
        self.batch: Batch = problem.batch
        self.classes, self.dtype = len(problem.w), problem.dtype
        self.target = self.batch.target[rows]
        n = len(self.target)
        self.max, self.largest = np.full((n, 1), -np.inf), np.full((n, 1), -np.inf)  # score and logit
        self.others, self.entropy, self.pulled, self.a_max, self.a_others = (np.zeros((n, 1)) for _ in range(5))
        self.at, self.of_target = np.zeros((n, 1), np.int64), np.zeros((n, 1), np.int64)
        self.largest_target = np.full((n, 1), -np.inf)
        if self.target.ndim == 1:
            self.of_target = self.target[:, None]
            of_class = 1.0 if self.batch.weight is None else self.batch.weight[self.of_target].astype(float)
            self.of_class = of_class * np.full((n, 1), 1 - self.batch.label_smoothing)  # added to a_j at the class

    @property
    def total(self) -> Array:
        """The sum of a so far."""
        total: Array = self.a_max + self.a_others
        return total

    def see(self, logits: Array, group: slice, tile: slice) -> None:
        """The first pass, for a group of rows and one tile."""
        target, line = self._target_of(group, tile), np.arange(len(logits))[:, None]
        first = logits.argmax(axis=1)[:, None]
        largest, old, seen = logits[line, first], self.largest[group].copy(), self.max[group] > -np.inf
        rises = (largest > old) | (self.max[group] == -np.inf)
        # 0, or NaN for an infinite maximum that no cap makes finite; a whole tile may be masked
        no_number = np.where(np.isinf(largest) if self.batch.softcap else largest == -np.inf, 0, largest - largest)
        self.max[group] = np.where(rises, self._capped(largest), self.max[group]) + no_number
        self.largest[group] = np.where(rises, largest, old)
        gap = np.where(rises & seen, -self._below(old, self.largest[group]) / self.batch.temperature, 0)
        shrink = np.exp(-gap)
        d, e = self._below_max(logits, group)
        e[line[rises[:, 0]], first[rises[:, 0]]] = 0
        self.entropy[group] = (self.entropy[group] + (self.others[group] + seen) * gap) * shrink
        self.entropy[group] -= np.where(e == 0, 0, e * d).sum(axis=1, keepdims=True)
        self.others[group] = (self.others[group] + (rises & seen)) * shrink + e.sum(axis=1, keepdims=True)
        self.at[group] = np.where(rises, first + tile.start, self.at[group])

        self.pulled[group] += self.total[group] * gap
        risen = rises[:, 0]
        self.a_others[group] += np.where(rises, self.a_max[group], 0)
        self.a_max[group] = np.where(rises, 0, self.a_max[group])
        if isinstance(target.dense, np.ndarray):
            a = np.array(np.broadcast_to(target.dense, d.shape))
            self.pulled[group] -= np.where(a == 0, 0, a * d).sum(axis=1, keepdims=True)
            self.a_max[group][risen] = a[line[risen], first[risen]]
            a[line[risen], first[risen]] = 0
            self.a_others[group] += a.sum(axis=1, keepdims=True, dtype=float)
        if self.target.ndim == 1:
            a = self.of_class[group][target.rows, 0]
            self.pulled[group][target.rows, 0] -= np.where(a == 0, 0, a * d[target.rows, target.at])
            is_max = risen[target.rows] & (first[target.rows, 0] == target.at)
            self.a_max[group][target.rows, 0] += np.where(is_max, a, 0)
            self.a_others[group][target.rows, 0] += np.where(is_max, 0, a)
        else:
            t = self.target[group, tile, 0]
            likeliest = t.argmax(axis=1)[:, None]
            larger = t[line, likeliest] > self.largest_target[group]
            self.of_target[group] = np.where(larger, likeliest + tile.start, self.of_target[group])
            self.largest_target[group] = np.maximum(self.largest_target[group], t[line, likeliest])

    def end(self) -> None:
        """Ends the first pass. In a row whose classes are all masked, every result is NaN."""
        self.others[self.largest == -np.inf] = np.nan

    def loss(self) -> Array:
        """The loss of each row."""
        log_sum = np.log1p(self.others)
        loss = np.where(self.total == 0, 0, self.total * log_sum) + self.pulled + self.batch.z_loss * self._lse() ** 2
        rows: Array = loss[:, 0].astype(self.dtype)
        return rows

    def stats(self) -> tuple[Array, Array, Array]:
        """logsumexp, entropy and whether the first largest score is that of the target."""
        entropy = np.log1p(self.others) + self.entropy / (1 + self.others)
        correct = (self.at == self.of_target)[:, 0]
        return self._lse()[:, 0].astype(self.dtype), entropy[:, 0].astype(self.dtype), correct

    def gradient(self, logits: Array, group: slice, tile: slice) -> Array:
        """The second pass, for a group of rows and one tile: the gradient at the logits."""
        target, (_, e) = self._target_of(group, tile), self._below_max(logits, group)
        scale, sums = self.batch.scale / self.batch.temperature, 1 + self.others[group]
        pull = 2 * self.batch.z_loss * self._lse()[group]
        factor = scale * (self.total[group] + pull) / sums
        g = e * factor.astype(self.dtype)
        if isinstance(target.dense, np.ndarray):
            g -= self.dtype.type(scale) * target.dense
        if self.target.ndim == 1:
            a = scale * self.of_class[group][target.rows, 0]
            g[target.rows, target.at] -= a.astype(self.dtype)
        at_max = (self.a_others[group] + pull - self.others[group] * self.a_max[group]) / sums
        row = np.flatnonzero((self.at[group] >= tile.start) & (self.at[group] < tile.stop))
        g[row, self.at[group][row, 0] - tile.start] = scale * at_max[row, 0]
        if self.batch.softcap:
            g *= _softcap.slope(logits.astype(float), self.batch.softcap)
        grad: Array = g
        return grad

    def _lse(self) -> Array:
        lse: Array = self.max / self.batch.temperature + np.log1p(self.others)
        return lse

    def _capped(self, logits: Array) -> Array:
        """Scores before the temperature."""
        return _softcap.capped(logits.astype(float), self.batch.softcap) if self.batch.softcap else logits

    def _below(self, logits: Array, largest: Array) -> Array:
        """The scores before the temperature, less the largest; in float64 if capped, too close for float32."""
        if self.batch.softcap:
            return _softcap.below(logits.astype(float), largest, self.batch.softcap)
        difference: Array = logits - np.where(largest == -np.inf, 0, largest).astype(logits.dtype)
        return difference

    def _below_max(self, logits: Array, group: slice) -> tuple[Array, Array]:
        """(s - m) / temperature, and its exponential."""
        d = self._below(logits, self.largest[group])
        if self.batch.temperature != 1:
            d /= d.dtype.type(self.batch.temperature)
        d = d.astype(self.dtype, copy=False)
        return d, np.exp(d)

    def _target_of(self, group: slice, tile: slice) -> _Target:
        smoothing, weight = self.batch.label_smoothing, self.batch.weight
        in_tile = np.ones(1, self.dtype) if weight is None else weight[tile]
        everywhere = self.dtype.type(smoothing / self.classes)
        if self.target.ndim == 3:
            kept = self.dtype.type(1 - smoothing)
            dense = in_tile * (kept * self.target[group, tile, 0].astype(self.dtype) + everywhere)
            return _Target(dense, np.arange(0), np.arange(0))
        y = self.target[group]
        inside = np.flatnonzero((y >= tile.start) & (y < tile.stop))
        return _Target(in_tile * everywhere if smoothing else 0.0, inside, y[inside] - tile.start)
