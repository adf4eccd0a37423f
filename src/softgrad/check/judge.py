"""A gradient judged by numerical derivatives.

The gradient of <grad_output, f(x)> is wanted = J^T grad_output. An entry is right where

    |got - wanted| <= max(rtol max(|got|, |wanted|), slack),    slack = 4 error + floor

error is what numerical.py says of its derivatives, and floor what the rounding of the user's own arithmetic may come
to: p - t of a saturated row is 0 where 1e-20 is exact. As one number, which is above rtol where the entry is wrong:

    |got - wanted| / max(|got|, |wanted|, slack / rtol)         at most 2, but for NaN and infinity

Where the entries are many, or f is slow, <got, v> is held against <grad_output, J v> for random v instead; along each,
the entries' sizes are those of ||got * v||, which an error of rtol in every entry would come to.

On a kink (ReLU at 0) the derivatives from the left and from the right differ, and anything between them is right.
"""

from __future__ import annotations

import time
import warnings
from typing import NamedTuple

import numpy as np

from softgrad.check.numerical import (
    EPS,
    Array,
    Function,
    Numerical,
    allows_complex_step,
    along,
    direction,
    point,
    slopes,
    unit,
)

BUDGET = 1.5  # seconds for the calls of f
PROJECTIONS = 8
CALLS = 8  # of f, that central differences along one direction take where nothing is hard
NOTHING = 1e-9  # an error below this part of the largest entry is no lack of trust, however small the entry
TRUSTED = 0.1  # a slack above this part of an entry's size says nothing of the entry


class Place(NamedTuple):
    """One entry of a gradient."""

    entry: tuple[int, ...]
    got: float
    wanted: float


class Judgement(NamedTuple):
    """What the numerical derivatives say of a gradient."""

    ok: bool
    error: float  # the largest of |got - wanted| / max(|got|, |wanted|, slack / rtol); infinite for NaN
    where: Place | None  # the entry of that error; None where no single entry was looked at
    wanted: Array | None  # the gradient by the numerical derivatives; None where projections were used
    estimate: Array | None  # of the error of each entry of `wanted`
    method: str  # "complex step" or "central differences"
    extent: str  # "every entry" or "8 random projections"
    kinks: int  # entries found to sit on a kink
    unresolved: int  # entries, or projections, of which no step gave a derivative to be trusted


class _Derivative(NamedTuple):
    """The derivative of <grad_output, f> along one direction: a number, or an interval on a kink."""

    low: float
    high: float
    error: float

    def nearest(self, got: float) -> float:
        return min(max(got, self.low), self.high)


class _Verdict(NamedTuple):
    """One entry, or one projection, held against its derivative."""

    error: float
    got: float
    wanted: float
    estimate: float
    kink: bool
    resolved: bool


def judge(
    f: Function,
    x: Array,
    grad_output: Array,
    got: Array,
    *,
    rng: np.random.Generator,
    rtol: float = 1e-6,
    eps: float = EPS,
    max_entries: int = 2000,
    budget: float = BUDGET,
) -> Judgement:
    """Judge `got` as the gradient of <grad_output, f(x)> with respect to x.

    Args:
        f: the function of one array, everything else fixed.
        x: float64.
        grad_output: in the shape of f's output.
        got: the gradient to judge, in the shape of x.
        rng: for the random directions.
        rtol: the relative error that passes.
        eps: of the arithmetic that f computes in.
        max_entries: beyond so many entries, random projections are judged.
        budget: seconds that the calls of f may take, about; beyond it, random projections too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at a step away from x the user's function may overflow, or leave its domain
        return _Judge(f, x, grad_output, got, rng, max(rtol, 64 * eps), eps).judge(max_entries, budget)


class _Judge:
    """One judgement: the function, the gradient, and what they were found to be."""

    def __init__(
        self,
        f: Function,
        x: Array,
        grad_output: Array,
        got: Array,
        rng: np.random.Generator,
        rtol: float,
        eps: float,
    ) -> None:
        self.f, self.x, self.rng, self.rtol, self.eps = f, x, rng, rtol, eps
        self.grad_output = np.asarray(grad_output, dtype=np.float64)
        self.got = np.asarray(got, dtype=np.float64)
        self.largest = float(np.abs(self.got[np.isfinite(self.got)]).max(initial=0.0))
        start = time.perf_counter()
        self.at = point(f, x, eps=eps)
        self.seconds = (time.perf_counter() - start) / 7
        self.floor = _floor(f, x, self.at.value, self.grad_output, eps)
        self.complex_step = x.size > 0 and allows_complex_step(f, x, rng, eps=eps, at=self.at)

    def judge(self, max_entries: int, budget: float) -> Judgement:
        self.deadline = time.perf_counter() + budget
        cost = self.x.size * (1 if self.complex_step else CALLS) * self.seconds
        if self.x.size <= max_entries and cost <= budget:
            return self.every_entry()
        return self.projections()

    def every_entry(self) -> Judgement:
        shape = self.x.shape
        verdicts = [self.entry(j) for j in range(self.x.size)]
        errors = np.array([verdict.error for verdict in verdicts])
        where = None
        if verdicts:
            worst = int(errors.argmax())
            where = self.place(worst, verdicts[worst])
        return self.judgement(
            errors.max(initial=0.0),
            where,
            verdicts,
            "every entry",
            wanted=np.array([verdict.wanted for verdict in verdicts]).reshape(shape),
            estimate=np.array([verdict.estimate for verdict in verdicts]).reshape(shape),
        )

    def projections(self) -> Judgement:
        verdicts, where = [], None
        directions = [direction(self.x, self.rng) for _ in range(PROJECTIONS)]
        if not np.isfinite(self.got).all():  # it would spoil every projection
            worst = int(np.isfinite(self.got).argmin())
            where = self.place(worst, self.entry(worst))
            return self.judgement(np.inf, where, [], f"{PROJECTIONS} random projections")
        verdicts = [self.along(v) for v in directions]
        errors = np.array([verdict.error for verdict in verdicts])
        error = errors.max()
        if error > self.rtol:
            found = self.locate(directions[int(errors.argmax())])
            if found is not None:
                verdict = self.entry(found)
                if verdict.error > self.rtol:
                    where, error = self.place(found, verdict), verdict.error
        return self.judgement(error, where, verdicts, f"{PROJECTIONS} random projections")

    def locate(self, v: Array) -> int | None:
        """An entry that is wrong, found by halving the support of a direction along which the gradient is wrong."""
        support = np.arange(self.x.size)
        while len(support) > 1:
            if time.perf_counter() > self.deadline:
                return None
            halves = support[: len(support) // 2], support[len(support) // 2 :]
            parts = [np.zeros(self.x.shape) for _ in halves]
            for part, half in zip(parts, halves, strict=True):
                part.flat[half] = v.flat[half]
            verdicts = [self.along(part) for part in parts]
            if max(verdict.error for verdict in verdicts) <= self.rtol:
                return None
            support = halves[int(np.argmax([verdict.error for verdict in verdicts]))]
        return int(support[0])

    def entry(self, j: int) -> _Verdict:
        return self.verdict(unit(self.x, j), float(self.got.flat[j]), abs(float(self.got.flat[j])))

    def along(self, v: Array) -> _Verdict:
        return self.verdict(v, float((self.got * v).sum()), float(np.linalg.norm(self.got * v)))

    def verdict(self, v: Array, got: float, size: float) -> _Verdict:
        """`got` against the derivative along v. Wrong only if differences, with every step, say so too."""
        floor = self.floor * float(np.linalg.norm(v))
        wanted = self.weighted(along(self.f, self.x, v, eps=self.eps, complex_step=self.complex_step, at=self.at))
        verdict = self.compare(got, size, wanted, floor)
        if (verdict.error <= self.rtol and verdict.resolved) or not np.isfinite(got):
            return verdict
        if self.complex_step:
            wanted = self.weighted(along(self.f, self.x, v, eps=self.eps, at=self.at))
            by_differences = self.compare(got, size, wanted, floor)
            if by_differences.resolved and by_differences.error > self.rtol:
                return verdict if verdict.resolved else by_differences
        elif verdict.resolved:
            return verdict
        return self.on_kink(v, got, size, floor)

    def on_kink(self, v: Array, got: float, size: float, floor: float) -> _Verdict:
        """`got` against the one-sided slopes: an interval for each entry of the output, and these summed."""
        left, right = slopes(self.f, self.x, v, eps=self.eps, at=self.at)
        kinks = np.abs(left.value - right.value) > 4 * (left.error + right.error)
        # At the border of f's domain only one side has a slope.
        left, right = _one_where_the_other_is_not(left, right), _one_where_the_other_is_not(right, left)
        used = self.grad_output != 0
        ends = np.stack([left.value[used], right.value[used]]) * self.grad_output[used]
        error = float((np.maximum(left.error, right.error)[used] * np.abs(self.grad_output[used])).sum())
        interval = _Derivative(float(ends.min(axis=0).sum()), float(ends.max(axis=0).sum()), error)
        return self.compare(got, size, interval, floor)._replace(kink=bool(kinks[used].any()))

    def weighted(self, derivative: Numerical) -> _Derivative:
        used = self.grad_output != 0  # an entry of no weight may be infinite
        weight = self.grad_output[used]
        value = float((derivative.value[used] * weight).sum())
        return _Derivative(value, value, float((derivative.error[used] * np.abs(weight)).sum()))

    def compare(self, got: float, size: float, wanted: _Derivative, floor: float) -> _Verdict:
        nearest = wanted.nearest(got)
        if not np.isfinite(got):
            return _Verdict(np.inf, got, wanted.low, wanted.error, False, True)
        size = max(size, abs(nearest))
        slack = 4 * wanted.error + floor
        resolved = 4 * wanted.error <= max(TRUSTED * size, NOTHING * self.largest, floor)
        if not resolved:
            return _Verdict(0.0, got, nearest, wanted.error, False, False)
        difference = abs(got - nearest)
        error = difference / max(size, slack / self.rtol) if difference else 0.0
        return _Verdict(error, got, nearest, wanted.error, False, True)

    def place(self, j: int, verdict: _Verdict) -> Place:
        index = tuple(int(i) for i in np.unravel_index(j, self.x.shape))
        return Place(index, verdict.got, verdict.wanted)

    def judgement(
        self,
        error: float,
        where: Place | None,
        verdicts: list[_Verdict],
        extent: str,
        wanted: Array | None = None,
        estimate: Array | None = None,
    ) -> Judgement:
        return Judgement(
            ok=bool(error <= self.rtol),
            error=float(error),
            where=where,
            wanted=wanted,
            estimate=estimate,
            method="complex step" if self.complex_step else "central differences",
            extent=extent,
            kinks=sum(verdict.kink for verdict in verdicts),
            unresolved=sum(not verdict.resolved for verdict in verdicts),
        )


def step_curve(f: Function, x: Array, grad_output: Array, got: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """How far plain central differences are from `got`, for each of many steps, along one random direction.

    A right gradient makes a V: steps too long do not see the curve, steps too short only rounding. A wrong one makes a
    plateau, at the size of its mistake. Steps are relative to the largest entry of x, or to 1; errors are relative to
    the larger of the two derivatives.
    """
    steps = np.logspace(-1, -12, 34)
    v = direction(x, rng)
    v /= np.abs(v).max(initial=1.0)
    projected = float((got * v).sum())
    size = max(1.0, float(np.abs(x).max(initial=0.0)))
    errors = np.full(steps.shape, np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for i, h in enumerate(steps * size):
            rise = np.asarray(f(x + h * v), dtype=np.float64) - np.asarray(f(x - h * v), dtype=np.float64)
            difference = float((grad_output * rise).sum()) / (2 * h)
            larger = max(abs(difference), abs(projected))
            errors[i] = abs(difference - projected) / larger if larger else 0.0
    return steps, errors


def _floor(f: Function, x: Array, y: Array, grad_output: Array, eps: float) -> float:
    """What the rounding of the user's own arithmetic may come to in one entry of the gradient.

    It is as large as the terms that meet there, of which two are a measure: f at 0 (for a cross-entropy log K, whatever
    the logits), and how far f moves from there to x, over how far x is from 0.
    """
    size = float(np.abs(x).max(initial=0.0))
    try:
        with np.errstate(all="ignore"):
            at_zero = np.asarray(f(np.zeros(x.shape)), dtype=np.float64)
    except Exception:  # the user's function may raise anything
        at_zero = np.full(y.shape, np.nan)
    if at_zero.shape != y.shape or not np.isfinite(at_zero).all():
        terms = np.abs(y) / min(size or 1.0, 1.0)
    else:
        terms = np.maximum(np.abs(at_zero), np.abs(y - at_zero) / (size or 1.0))
    terms = np.where(np.isfinite(terms), terms, 0.0)
    return 128 * eps * float(np.linalg.norm(grad_output * terms))


def _one_where_the_other_is_not(side: Numerical, other: Numerical) -> Numerical:
    missing = ~np.isfinite(side.error) & np.isfinite(other.error)
    return Numerical(np.where(missing, other.value, side.value), np.where(missing, other.error, side.error))
