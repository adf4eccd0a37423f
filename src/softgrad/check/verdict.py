"""One derivative held against the numerical one.

The derivative of <grad_output, f(x)> along a direction is right where

    |got - wanted| <= max(rtol size, slack),    slack = 4 error + floor

size is that of the larger of the two; error is what numerical.py says of its own; floor is what the rounding of the
user's arithmetic may come to: p - t of a saturated row is 0 where 1e-20 is exact. As one number, above rtol where the
derivative is wrong, and at most 2 if it is finite:

    |got - wanted| / max(size, slack / rtol)

On a kink (ReLU at 0) the slopes from the left and from the right differ, and anything between them is right: between
them for each entry of the output, so that the intervals add up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from softgrad.check.numerical import Array, Function, Numerical, allows_complex_step, along, evaluate, point, slopes

TRUSTED = 0.1  # a slack above this part of the derivative's size says nothing of it
LOOSE = 1e-3  # above this part, the slopes from both sides may say more
MILLION = 1e6
STEPS_TO_INFINITY = 2.0 ** (-8 * np.arange(1, 16))
CONFIRMED = 4  # wrong derivatives by the complex step that are confirmed; then it is believed


class Verdict(NamedTuple):
    """What is found of one derivative."""

    error: float  # the one number above; infinite where `got` is not finite, 0 where nothing can be said
    got: float
    wanted: float  # on a kink, what is nearest to `got` between the slopes
    estimate: float  # of the error of `wanted`
    kink: bool = False  # the slopes from both sides were seen to differ
    resolved: bool = True  # some step gave a derivative to be trusted


class Witness:
    """The numerical derivatives of <grad_output, f(x)> at one x, and what they say of others' derivatives."""

    def __init__(
        self, f: Function, x: Array, grad_output: Array, *, rng: np.random.Generator, rtol: float, eps: float
    ) -> None:
        self.f, self.x, self.grad_output, self.rtol, self.eps = f, x, grad_output, rtol, eps
        self.at = point(f, x, eps=eps)
        self.terms = _size_of_terms(f, x, self.at.value, grad_output)
        self.complex_step = x.size > 0 and allows_complex_step(f, x, rng, eps=eps, at=self.at)
        self.confirmed = 0

    def verdict(self, v: Array, got: float, size: float) -> Verdict:
        """`got`, of that size, as the derivative along v."""
        if np.isinf(got) and self._is_infinite(v, got):
            return Verdict(0.0, got, got, 0.0)
        terms = self.terms * float(np.linalg.norm(v))
        wanted = self._weighted(along(self.f, self.x, v, eps=self.eps, complex_step=self.complex_step, at=self.at))
        verdict = self._compare(got, size, wanted, terms)
        if not np.isfinite(got):
            return verdict
        if self.complex_step and verdict.resolved:
            if verdict.error <= self.rtol or self.confirmed >= CONFIRMED:
                return verdict
            return self._confirm(verdict, v, size, terms)
        loose = 4 * verdict.estimate > max(LOOSE * max(size, abs(verdict.wanted)), 1e5 * self.eps * terms)
        if not loose or (verdict.resolved and verdict.error > self.rtol):
            return verdict
        on_kink = self._on_kink(v, got, size, terms)
        return on_kink if on_kink.kink or on_kink.estimate < verdict.estimate else verdict

    def _confirm(self, verdict: Verdict, v: Array, size: float, terms: float) -> Verdict:
        """A derivative is wrong by the complex step only if differences agree with that, and x is on no kink."""
        differences = self._weighted(along(self.f, self.x, v, eps=self.eps, at=self.at))
        agree = self._compare(verdict.wanted, abs(verdict.wanted), differences, terms)
        if agree.error <= self.rtol and agree.resolved:  # on a kink differences take the mean of two slopes
            self.confirmed += 1
            return verdict
        on_kink = self._on_kink(v, verdict.got, size, terms)
        if agree.error <= self.rtol and not on_kink.kink:
            self.confirmed += 1
            return verdict
        second = self._compare(verdict.got, size, differences, terms)
        return second if second.resolved and not on_kink.kink else on_kink

    def _is_infinite(self, v: Array, got: float) -> bool:
        """Whether slopes of <grad_output, f> grow without end, in the sign of `got`, as steps shrink on one side."""
        used = self.grad_output != 0
        weight = self.grad_output[used] * np.sign(got)
        rounding = float((np.abs(weight) * self.at.rounding[used]).sum())
        for side in (1.0, -1.0):
            seen = []
            for step in side * STEPS_TO_INFINITY:
                rise = float(
                    ((evaluate(self.f, self.x + step * v, self.at.value) - self.at.value)[used] * weight).sum()
                )
                if not abs(rise) > 16 * rounding:
                    break
                seen.append(rise / step)
            growth = np.diff(seen)
            if len(growth) >= 4 and (growth > 0).all() and (growth[1:] > 0.5 * growth[:-1]).all():
                return True
        return False

    def _on_kink(self, v: Array, got: float, size: float, terms: float) -> Verdict:
        left, right = slopes(self.f, self.x, v, eps=self.eps, at=self.at)
        used = self.grad_output != 0
        kink = np.abs(left.value - right.value) > 4 * (left.error + right.error)
        # At the border of f's domain only one side has a slope.
        left, right = _where_there_is_none(left, right), _where_there_is_none(right, left)
        weight = self.grad_output[used]
        ends = np.stack([left.value[used], right.value[used]]) * weight
        error = np.maximum(left.error, right.error)[used] * np.abs(weight)
        interval = _Interval(float(ends.min(axis=0).sum()), float(ends.max(axis=0).sum()), float(error.sum()))
        return self._compare(got, size, interval, terms)._replace(kink=bool(kink[used].any()))

    def _weighted(self, derivative: Numerical) -> _Interval:
        used = self.grad_output != 0  # an entry of no weight may be infinite
        weight = self.grad_output[used]
        value = float((derivative.value[used] * weight).sum())
        return _Interval(value, value, float((derivative.error[used] * np.abs(weight)).sum()))

    def _compare(self, got: float, size: float, wanted: _Interval, terms: float) -> Verdict:
        nearest = min(max(got, wanted.low), wanted.high)
        if not np.isfinite(got):
            return Verdict(np.inf, got, wanted.low, wanted.error)
        size = max(size, abs(wanted.low), abs(wanted.high))
        slack = 4 * wanted.error + 128 * self.eps * terms
        # However small the derivative, an error that is nothing beside the terms it is made of is no lack of trust.
        if not 4 * wanted.error <= max(TRUSTED * size, 1e5 * self.eps * terms):
            return Verdict(0.0, got, nearest, wanted.error, resolved=False)
        difference = abs(got - nearest)
        error = difference / max(size, slack / self.rtol) if difference else 0.0
        return Verdict(error, got, nearest, wanted.error)


class _Interval(NamedTuple):
    """The wanted derivative: a number, or on a kink all that lies between two."""

    low: float
    high: float
    error: float


def _where_there_is_none(side: Numerical, other: Numerical) -> Numerical:
    """The slopes of one side, or of the other where this one has none."""
    missing = ~np.isfinite(side.error) & np.isfinite(other.error)
    return Numerical(np.where(missing, other.value, side.value), np.where(missing, other.error, side.error))


def _size_of_terms(f: Function, x: Array, y: Array, grad_output: Array) -> float:
    """How large the terms are that meet in one entry of the gradient; its rounding is eps of them.

    Two measures that have that size: f at 0 (for a cross-entropy log K, however saturated its logits are), and how far
    f moves from there to x, over how far x is from 0; the same at -x where that is less, as 0 may be a pole. Where f is
    not defined at 0, f over x; where x is 0, f at 1 is the other place. A millionfold of f is no size of its terms.
    """
    size = float(np.abs(x).max(initial=0.0)) or 1.0

    def seen_from(other: Array) -> Array:
        at = evaluate(f, other, y)
        return np.asarray(np.maximum(np.abs(at), np.abs(y - at) / size))

    terms = seen_from(np.zeros(x.shape) if x.any() else np.ones(x.shape))
    if not np.isfinite(terms).all():
        terms = np.abs(y) / size
    terms = np.fmin(np.fmin(terms, seen_from(-x) if x.any() else np.inf), MILLION * np.maximum(np.abs(y), 1.0))
    return float(np.linalg.norm((grad_output * np.where(np.isfinite(terms), terms, 0.0)).ravel()))
