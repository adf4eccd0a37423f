"""Outputs that are constant near x and change further away, as those of np.round, np.sign and np.searchsorted do.

Their derivative is 0. Central differences do not show that: a step longer than a plateau measures the slope across
many of them. So an output counts as constant near x where

    f(x + s v) = f(x) = f(x - s v), to the bit, for a short s,
    it changes for a longer s, by so much that a slope without jumps would have shown at the short one.

Rounding has plateaus too: (1e9 + x) - 1e9 moves by 2^-23, and float32 by 2^-24 of its size. The derivative that is
meant there is the slope across them. What tells the two apart is the size of the first change, a jump of more than
2^-14 of f, or that all values are multiples of a power of 10, as np.round has it. For any other output neither
derivative is called wrong.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from softgrad.check.derivatives.evaluate import EPS, Function, Point, direction, evaluate
from softgrad.formulas.numbers import Array

NEAR = (2.0**-32, 2.0**-40)  # relative to x: steps of 1e-8 are wider than these
FURTHER = tuple(2.0**power for power in (-20, -17, -14, -11, -8, -5, -2))
JUMP = 2.0**-14  # a change above this part of f is no rounding
MOVES = 16  # a change of so many eps of f would be seen
MOST_DECIMALS = 9
MOST_STEPS = 3  # the first change that is seen is of 10^3 steps at most


class Plateaus(NamedTuple):
    """Which outputs are constant near x."""

    exact: Array  # a mask of the outputs whose derivative is 0
    fine: Array  # a mask of those that move in steps as rounding does: 0, or the slope across the steps
    width: float  # about that of the widest step

    @property
    def any(self) -> bool:
        """Whether there are such outputs."""
        return bool(self.exact.any() or self.fine.any())


def find_plateaus(f: Function, x: Array, at: Point, least: float = 0.0) -> Plateaus:
    """The outputs of f that are constant near x and change further away, by more than `least`."""
    y = at.value
    none = np.zeros(y.shape, dtype=bool)
    if at.even or not x.size:
        return Plateaus(none, none, 0.0)
    v = direction(x, np.random.default_rng(1))
    size = (float(np.abs(x).max(initial=0.0)) or 1.0) / (float(np.abs(v).max(initial=0.0)) or 1.0)
    near = still_along(f, x, v, y)
    if not (near > 0).any():
        return Plateaus(none, none, 0.0)
    first, distance, seen = np.full(y.shape, np.nan), np.full(y.shape, np.inf), [y]
    for step in (part * size for part in FURTHER):
        for side in (step, -step):
            value = evaluate(f, x + side * v, y)
            change = np.abs(value - y)
            now = (change > 0) & (distance >= step)
            first = np.where(now, np.fmin(first, change), first)
            distance = np.where(now, step, distance)
            seen.append(value)
    with np.errstate(all="ignore"):
        jumps = (near > 0) & (first > least) & (first / distance * near > MOVES * EPS * np.abs(y))
        large = first > JUMP * np.abs(y)
    exact = jumps & (large | _are_decimal(np.stack(seen), first))
    width = float(distance[exact].max(initial=0.0))
    return Plateaus(exact, jumps & ~exact, width)


def still_along(f: Function, x: Array, v: Array, y: Array) -> Array:
    """For each output, how far from x it is constant along v, in units of v; 0 where it is not."""
    size = (float(np.abs(x).max(initial=0.0)) or 1.0) / (float(np.abs(v).max(initial=0.0)) or 1.0)
    distance = np.zeros(y.shape)
    for part in NEAR:
        if not (distance > 0).all():
            still = (evaluate(f, x + part * size * v, y) == y) & (evaluate(f, x - part * size * v, y) == y)
            distance = np.where((distance == 0) & still, part * size, distance)
    return distance


def _are_decimal(seen: Array, first: Array) -> Array:
    """A mask of the outputs whose values are all multiples of a power of 10 that is not much less than a step."""
    decimal = np.zeros(first.shape, dtype=bool)
    finite = np.isfinite(seen)
    for index in np.argwhere(np.isfinite(first) & (first > 0)):
        at = tuple(index)
        values = np.unique(seen[(slice(None), *at)][finite[(slice(None), *at)]])
        least = max(0, math.floor(-math.log10(float(first[at]))))  # the first change may be many steps
        for power in range(least, min(least + MOST_STEPS, MOST_DECIMALS) + 1):
            counts = values * 10.0**power
            rounding = 4 * EPS * np.abs(counts)
            whole = (rounding < 0.01).all() and (np.abs(counts - np.rint(counts)) <= rounding).all()
            decimal[at] |= len(values) > 2 and whole
    return decimal
