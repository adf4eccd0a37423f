"""Some rows and some classes at a time, for bfloat16: a first pass for the losses, a second one for the gradients.

For every row, the first pass keeps the largest score m and the sum of the other exponentials,

    others = sum of exp(s_j - m), without the term 1 of the maximum        log p_y = s_y - m - log1p(others)
    L      = -a log p_y + c lse^2                                          with the class weight a of y, and z_loss c

and the second one computes each tile of logits again and replaces it by the gradient

    dL/ds_j = (a + 2 c lse) p_j        dL/ds_y = a (p_y - 1) + 2 c lse p_y,    p_y - 1 = expm1(log p_y)

These are four products instead of three, except for the tiles whose logits the first pass keeps. The classes are the
outer loop of the second pass: the rows of dw that belong to a tile are summed in float32 and rounded once, and no array
as large as dw is needed in float32. The tiles fit into a cache, where the products of the processor's bfloat16
instructions are fastest.

Source: Milakov and Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from softgrad import _kernels
from softgrad._arrays import Array
from softgrad._rows import bits
from softgrad.losses import _softcap
from softgrad.torch.cpu_linear.problem import Problem
from softgrad.torch.memory import to_array

SMALLEST, LARGEST = 2 * 2**20, 8 * 2**20  # bytes of a tile; of few logits one 24th, if that is in between
KEPT = 7  # tiles whose logits are kept between the passes, within max_memory: in most calls a quarter of them
ROUND = 16  # products are slower if the number of rows is not a multiple of this


class Tile(NamedTuple):
    """Some rows and some classes; `rows` counts the rows that are not ignored."""

    rows: slice
    classes: slice


def are_better(problem: Problem) -> bool:
    """Whether a call takes tiles: bfloat16, class indices without smoothing, and more logits than one tile holds."""
    batch = problem.batch
    if problem.dtype != torch.bfloat16 or batch.target.ndim > 1 or batch.label_smoothing:
        return False
    return logits_bytes(problem) > min(LARGEST, problem.max_memory)


def logits_bytes(problem: Problem) -> int:
    """The bytes of all logits."""
    return problem.rows * problem.classes * problem.dtype.itemsize


def run(problem: Problem, needs: list[bool], upstream: Tensor | None) -> tuple[Array, Tensor, Tensor, Tensor]:
    """The losses of the rows, and the gradients that are needed, times the upstream gradients of the rows."""
    tiles = Tiles(problem)
    rows = first_pass(problem, tiles, keep=any(needs))
    loss = np.zeros(len(problem.x), problem.dtype_of_loss)
    loss[... if problem.kept is None else problem.kept.numpy()] = rows.loss()
    if not any(needs):
        return loss, *(torch.empty(0, dtype=problem.dtype, device="cpu") for _ in range(3))
    each = None if upstream is None else upstream.double().numpy()
    if each is not None and problem.kept is not None:
        each = each[problem.kept.numpy()]
    return loss, *second_pass(problem, tiles, rows, needs, each)


class Tiles:
    """The split into tiles, the buffer for one of them, and the rows of x that are not ignored."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        size = min(LARGEST, max(SMALLEST, logits_bytes(problem) // 24), problem.max_memory)
        entries = max(1, size // problem.dtype.itemsize)
        self.height = min(problem.rows, math.isqrt(entries))
        if ROUND <= self.height < problem.rows:
            self.height -= self.height % ROUND
        self.width = min(problem.classes, entries // self.height)
        self.buffer = self.new_buffer()
        self.most_kept = min(KEPT, problem.max_memory // self.buffer.nbytes - 1)
        self.kept: dict[tuple[int, int], Tensor] = {}  # logits, by the first row and the first class of their tile
        self.x = problem.x if problem.kept is None else problem.x[problem.kept]

    def row_chunks(self) -> Iterator[slice]:
        """The rows, some at a time."""
        return _split(self.problem.rows, self.height)

    def class_chunks(self) -> Iterator[slice]:
        """The classes, some at a time."""
        return _split(self.problem.classes, self.width)

    def new_buffer(self) -> Tensor:
        """Memory for one tile."""
        return torch.empty(self.height * self.width, dtype=self.problem.dtype, device="cpu")

    def logits(self, tile: Tile, *, keep: bool = False) -> Tensor:
        """The logits of a tile. With `keep`, those of the first tiles are kept until they are asked for again."""
        at = tile.rows.start, tile.classes.start
        if at in self.kept:
            return self.kept.pop(at)
        keep = keep and len(self.kept) < self.most_kept
        buffer = self.new_buffer() if keep else self.buffer
        x, width = self.x[tile.rows], tile.classes.stop - tile.classes.start
        logits = self.problem.logits(x, tile.classes, buffer[: len(x) * width].view(len(x), width))
        if keep:
            self.kept[at] = logits
        return logits


class RowSums:
    """What the first pass finds of each row: float64, one number per row."""

    def __init__(self, problem: Problem) -> None:
        self.batch = problem.batch
        self.target = self.batch.target if problem.kept is None else self.batch.target[problem.kept.numpy()]
        self.max = np.full(problem.rows, -np.inf, np.float32)  # the largest logit
        self.others = np.full(problem.rows, -1.0)  # a sum of 0, less the term of the maximum
        self.of_target = np.zeros(problem.rows)  # the logit of the target

    def see(self, tile: Tile, logits: Array) -> None:
        """Adds the classes of a tile."""
        max, others = np.empty(len(logits), np.float32), np.empty(len(logits))
        _kernels.partial_sums(
            bits(logits)[:, :, None], max, others, self.batch.temperature, self.batch.softcap, bfloat16=True
        )
        old, old_others = self.max[tile.rows], self.others[tile.rows]
        rises = max > old
        lower, higher = np.where(rises, old, max), np.where(rises, max, old)
        # The term of the lower maximum is no longer left out: its sum is 1 + others.
        sum_below = 1 + np.where(rises, old_others, others)
        with np.errstate(invalid="ignore"):  # no class seen so far, or an infinite logit
            shrunk = sum_below * np.exp(self._below(lower.astype(float), higher.astype(float)))
        shrunk = np.where(sum_below == 0, 0, shrunk)
        self.others[tile.rows] = np.where(rises, others, old_others) + shrunk
        self.max[tile.rows] = higher
        row, column = self.targets(tile)
        self.of_target[tile.rows.start + row] = logits[row, column]

    def targets(self, tile: Tile) -> tuple[Array, Array]:
        """The rows of a tile whose target is in it, and the places of the targets; both count within the tile."""
        y = self.target[tile.rows] - tile.classes.start
        row = np.flatnonzero((y >= 0) & (y < tile.classes.stop - tile.classes.start))
        return row, y[row]

    def end(self) -> None:
        """Ends the first pass. A row whose classes are all masked is NaN."""
        self.others[self.others == -1] = np.nan
        softcap, temperature = self.batch.softcap, self.batch.temperature
        max = self.max.astype(float)
        score = _softcap.capped(max, softcap) if softcap else max
        log_sum = np.log1p(self.others)
        self.lse = score / temperature + log_sum
        with np.errstate(invalid="ignore"):
            self.log_p = self._below(self.of_target, max) - log_sum
        weight = self.batch.weight
        self.weight = np.ones(len(max)) if weight is None else weight[self.target].astype(float)

    def loss(self) -> Array:
        """The losses."""
        with np.errstate(invalid="ignore"):
            loss: Array = np.where(self.weight == 0, 0, -self.weight * self.log_p) + self.batch.z_loss * self.lse**2
        return loss

    def factors(self, upstream: Array | None) -> tuple[Array, Array]:
        """What the exponentials of a row are multiplied by in the gradient, and the gradient at the target."""
        scale = self.batch.scale / self.batch.temperature * (1.0 if upstream is None else upstream)
        pull = 2 * self.batch.z_loss * self.lse
        at_target = scale * (self.weight * np.expm1(self.log_p) + pull * np.exp(self.log_p))
        if self.batch.softcap:
            at_target *= _softcap.slope(self.of_target, self.batch.softcap)
        return scale * (self.weight + pull) / (1 + self.others), at_target

    def _below(self, logits: Array, largest: Array) -> Array:
        softcap = self.batch.softcap
        difference = _softcap.below(logits, largest, softcap) if softcap else logits - largest
        scores: Array = difference / self.batch.temperature
        return scores


def first_pass(problem: Problem, tiles: Tiles, *, keep: bool) -> RowSums:
    """The sums of the rows. `keep` says whether a second pass follows, for which some logits are kept."""
    sums = RowSums(problem)
    for classes in tiles.class_chunks():
        for rows in tiles.row_chunks():
            tile = Tile(rows, classes)
            sums.see(tile, to_array(tiles.logits(tile, keep=keep)))
    sums.end()
    return sums


def second_pass(
    problem: Problem, tiles: Tiles, sums: RowSums, needs: list[bool], upstream: Array | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients at x, w and the bias; an empty tensor where one is not needed."""
    factor, at_target = sums.factors(upstream)
    at_target = torch.from_numpy(at_target).to(problem.dtype)
    batch, wide = problem.batch, torch.float32
    dx = torch.zeros(tiles.x.shape if needs[0] else 0, dtype=wide, device="cpu")
    dw = torch.empty(problem.w.shape if needs[1] else 0, dtype=problem.dtype, device="cpu")
    db = torch.zeros(problem.classes if needs[2] else 0, dtype=wide, device="cpu")
    in_one = tiles.height >= problem.rows
    x_columns = tiles.x.T.contiguous() if needs[1] else None
    for classes in tiles.class_chunks():
        w = problem.w[classes]
        dw_columns = None
        for rows in tiles.row_chunks():
            tile = Tile(rows, classes)
            g = tiles.logits(tile)
            stored = bits(to_array(g))[:, :, None]
            _kernels.scaled_exponentials(
                stored, sums.max[rows], factor[rows], batch.temperature, batch.softcap, bfloat16=True
            )
            row, column = (torch.from_numpy(at) for at in sums.targets(tile))
            g[row, column] = at_target[rows][row]
            if needs[0]:
                dx[rows] += torch.mm(g, w)
            if x_columns is not None:
                product = torch.mm(x_columns[:, rows], g)
                dw_columns = product if in_one else product.float() if dw_columns is None else dw_columns.add_(product)
            if needs[2]:
                db[classes] += g.sum(dim=0, dtype=wide)
        if dw_columns is not None:
            dw[classes] = dw_columns.T
    if needs[0] and problem.kept is not None:
        all_rows = torch.zeros(problem.x.shape, dtype=problem.dtype, device="cpu")
        all_rows[problem.kept] = dx.to(problem.dtype)
        dx = all_rows
    dx = dx.to(problem.dtype)
    return dx.reshape(problem.shape) if needs[0] else dx, dw, db.to(problem.dtype)


def _split(count: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
