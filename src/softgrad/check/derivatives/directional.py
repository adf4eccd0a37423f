"""One directional derivative of a gradient, held against the numerical one; verdict.py says where it is right.

Nothing that overflows is ever right: f and the gradient are scaled (scaling.py), and a comparison that is not finite
counts as not resolved. Where neither the gradient nor the numerical derivative is finite, there is nothing to compare.

Without the complex step, the numerical derivative takes 6 calls of f or more. Most entries and projections of a right
gradient need only 2: see `first_look`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from softgrad.check.derivatives.evaluate import EPS, Function, evaluate, norm, point, size_of_terms
from softgrad.check.derivatives.extrapolation import Numerical
from softgrad.check.derivatives.numerical import allows_complex_step, along, slopes
from softgrad.check.derivatives.plateaus import MOVES, find_plateaus, still_along
from softgrad.check.derivatives.scaling import SMALLEST, exponent_of, scaled, scaled_point
from softgrad.check.derivatives.verdict import LARGE_TERMS, Comparison, Interval, Verdict
from softgrad.formulas.numbers import Array

LOOSE = 1e-3  # where the error is above this part of the derivative's size, the slopes from both sides may say more
SMALL_ENTRY = 1e-3  # of x, beside its largest: the terms by smaller ones are not taken to be larger
SHORT_STEP = 4 * float(np.cbrt(np.finfo(np.float64).eps))  # of the first look, relative to x or to 1
LONG_STEP = 2.0**-7  # the same where the derivative is to be 0
STEPS_TO_INFINITY = 2.0 ** (-8 * np.arange(1, 16))
ACROSS = 0.25  # the relative error within which a gradient is the slope across the steps of f
CONFIRMED = 4  # so many wrong derivatives by the complex step are confirmed by differences; then it is trusted


class _Differences(NamedTuple):
    """Derivatives by central differences, for each output."""

    derivative: Numerical
    plateau: bool  # whether one is 0 because the output is constant near x
    fine: Array  # a mask of the outputs that move in steps as fine as rounding


class DerivativeTest:
    """Compares derivatives with the numerical derivatives of <grad_output, f(x)> at one x.

    f is scaled by 2^-exponent. The derivatives handed to `first_look` and `verdict`, and those in a Verdict, are too.

    Args:
        f: the function of one array.
        x: float64.
        grad_output: in the shape of f's output.
        rng: for a random direction and a random step.
        rtol: the relative error that passes.
        eps: the machine epsilon of the type in which f computes.
        takes_complex: whether f may be called with a complex x.
        got: the gradient to be judged; the complex step is then tried where its small entries count, too.
    """

    def __init__(
        self,
        f: Function,
        x: Array,
        grad_output: Array,
        *,
        rng: np.random.Generator,
        rtol: float,
        eps: float = EPS,
        takes_complex: bool = True,
        got: Array | None = None,
    ) -> None:
        self.x, self.grad_output, self.rtol, self.eps = x, grad_output, rtol, eps
        self.at = point(f, x, eps=eps)
        self.exponent = exponent_of(self.at.value, got)
        if self.exponent:
            f, self.at = scaled(f, -self.exponent), scaled_point(self.at, -self.exponent)
        self.f = f
        self.least = 16 * float(np.ldexp(SMALLEST, -self.exponent))
        self._comparison = Comparison(rtol, eps, self.least)
        self.terms = size_of_terms(f, x, self.at.value, grad_output)
        may_be_complex = takes_complex and x.size > 0
        self.complex_step = may_be_complex and allows_complex_step(f, x, rng, eps=eps, at=self.at, got=got)
        self.plateaus = find_plateaus(f, x, self.at if eps == EPS else self.at._replace(even=True), self.least)
        self.stretches = (1.0, 1.0) if self.complex_step else _unequal(rng)  # of the steps of the first look
        self.confirmed = 0
        self._far = (float(np.abs(x).max(initial=0.0)) or 1.0) / 4
        self._used = grad_output != 0  # an output of weight 0 may be infinite
        self._grad_output = grad_output
        self._weight = grad_output[self._used]
        self._rounding = float((np.abs(self._weight) * self.at.rounding[self._used]).sum())

    def first_look(self, j: int, got: float) -> Verdict | None:
        """Accepts `got` as the derivative in the j-th entry by 2 calls of f in float64; None if they do not confirm it.

        The calls give the slopes above and below x, a step to each side. Their mean D, weighted so that f'' cancels, is
        the derivative up to s^2 f''' / 6. No slack is given: `got` is accepted if, relative to the larger of the two,

        - it is within rtol / 2 of D,
        - the rounding error of D is at most rtol / 4,
        - the two slopes are at most sqrt(rtol) apart: x is on no kink that counts, and the step is short for f.

        D may still be off, by a weak kink beside x or at the inflection of a steep curve. A wrong gradient would have
        to agree with that number to rtol / 2. One that was itself made by differences could, if it had the same steps;
        so the steps are random, and unequal: D is not the mean of two slopes that equal steps give.

        A derivative of 0 has no relative error. It is accepted if f does not move at all within a long step, which is
        all that the full estimate could say of it.
        """
        if self.complex_step or self.eps > EPS or not np.isfinite(got) or (got and self.plateaus.exact.any()):
            return None
        scale = (SHORT_STEP if got else LONG_STEP) * max(1.0, abs(float(self.x.flat[j])))

        def at(step: float) -> Array:
            moved = self.x.copy()
            moved.flat[j] += step
            return moved

        return self._look(at, scale, got, abs(got))

    def first_look_along(self, v: Array, got: float, size: float) -> Verdict | None:
        """The same for the derivative along v, a sum of terms of this size; None if it is 0."""
        reach = float(np.abs(v).max(initial=0.0))
        if self.complex_step or self.eps > EPS or not np.isfinite(got) or not size or not reach or self.plateaus.any:
            return None
        scale = SHORT_STEP * max(1.0, float(np.abs(self.x).max(initial=0.0))) / reach
        return self._look(lambda step: self.x + step * v, scale, got, size)

    def _look(self, at: Callable[[float], Array], scale: float, got: float, size: float) -> Verdict | None:
        y, (up, down) = self.at.value[self._used], (scale * stretch for stretch in self.stretches)
        rise = evaluate(self.f, at(up), self.at.value)[self._used] - y
        fall = y - evaluate(self.f, at(-down), self.at.value)[self._used]
        noise = 2 * self._rounding / min(up, down)
        if not size:
            return None if rise.any() or fall.any() else Verdict(0.0, got, 0.0, noise)
        wanted = float(((rise * (down / up) + fall * (up / down)) * self._weight).sum()) / (up + down)
        if not np.isfinite(wanted):
            return None
        bend = float(np.abs((rise / up - fall / down) * self._weight).sum())
        size = max(size, abs(wanted))
        off = abs(got - wanted)
        if off <= self.rtol / 2 * size and noise <= self.rtol / 4 * size and bend <= self.rtol**0.5 * size:
            return Verdict(off / size, got, wanted, self.rtol / 2 * size, step=(up * down) ** 0.5)
        return None

    def verdict(self, v: Array, got: float, size: float) -> Verdict:
        """Judges `got` as the derivative along v; `size` is that of the terms that add up to `got`."""
        verdict = self._verdict(v, got, size)
        if verdict.error > self.rtol and verdict.wanted == 0 and self.plateaus.exact.any() and self._is_across(v, got):
            return verdict._replace(plateau=True, across=True)
        if verdict.error > self.rtol and verdict.wanted == 0 and self._is_rounding_of_zero(v, got):
            return verdict._replace(distance=0.0)
        return verdict

    def _is_rounding_of_zero(self, v: Array, got: float) -> bool:
        """Whether f is 0 also far away, and `got` is a rounding error, as of 1 - exp(x) exp(-x)."""
        reach = float(np.abs(self.x).max(initial=0.0)) or 1.0
        if abs(np.ldexp(got, self.exponent)) * reach > 8 * self.eps * np.abs(self._weight).sum():
            return False
        points = (self.x + step * reach * v for step in (0.0, -3.0, 0.7, 2.0))
        return not any(np.any(evaluate(self.f, x, self.at.value)[self._used]) for x in points)

    def _verdict(self, v: Array, got: float, size: float) -> Verdict:
        if not np.isfinite(got):
            return self._of_infinite(v, got, size)
        if self.complex_step:
            derivative = along(self.f, self.x, v, eps=self.eps, complex_step=True, at=self.at)
            verdict, terms = self._compare_with(derivative, v, got, size)
            if verdict.resolved:
                if verdict.error <= self.rtol or self.confirmed >= CONFIRMED:
                    return verdict
                return self._confirm(verdict, v, size, terms)
        else:
            verdict, terms = self._by_differences(self._differences(v), v, got, size)
        if verdict.plateau:
            return verdict
        if not self._is_loose(verdict, size, terms) or (verdict.resolved and verdict.error > self.rtol):
            return verdict
        on_kink = self._on_kink(v, got, size, terms)
        return on_kink if on_kink.kink or on_kink.estimate < verdict.estimate else verdict

    def _is_loose(self, verdict: Verdict, size: float, terms: float) -> bool:
        """Whether the derivative is known so roughly that x may be on a kink, of all outputs or of a few."""
        known = LOOSE * max(size, abs(verdict.wanted))
        return 4 * verdict.estimate > max(known, LARGE_TERMS * self.eps * terms)

    def _confirm(self, verdict: Verdict, v: Array, size: float, terms: float) -> Verdict:
        """A derivative is wrong by the complex step only if differences say so too, and x is not on a kink."""
        differences = self._differences(v)
        agree, _ = self._by_differences(differences, v, verdict.wanted, abs(verdict.wanted))
        second, _ = self._by_differences(differences, v, verdict.got, size)
        if second.plateau and second.error > self.rtol:
            return second
        # Differences of many outputs agree with both numbers if only a few of the outputs are on a kink.
        if agree.error <= self.rtol < second.error and not self._is_loose(agree, size, terms):
            self.confirmed += 1
            return verdict
        on_kink = self._on_kink(v, verdict.got, size, terms)
        if agree.error <= self.rtol and not on_kink.kink:
            self.confirmed += 1
            return verdict
        return second if second.resolved and not on_kink.kink else on_kink

    def _differences(self, v: Array) -> _Differences:
        """Central differences along v, with the derivative 0 for outputs that are constant near x."""
        derivative = along(self.f, self.x, v, eps=self.eps, at=self.at)
        none = np.zeros(self.at.value.shape, dtype=bool)
        if not self.plateaus.any:
            return _Differences(derivative, False, none)
        distance = still_along(self.f, self.x, v, self.at.value)
        slope = np.where(np.isfinite(derivative.error), np.abs(derivative.value) + derivative.error, np.inf)
        # Not where the slope is so small that it would not show at this distance.
        jumps = self._used & (slope * distance > MOVES * EPS * np.abs(self.at.value))
        exact, fine = jumps & self.plateaus.exact, jumps & self.plateaus.fine
        zero = exact | (self.plateaus.exact & (distance > 0) & (derivative.value == 0))
        value, error = np.where(zero, 0.0, derivative.value), np.where(zero, 0.0, derivative.error)
        changed = derivative._replace(value=value, error=error)
        return _Differences(changed, bool(exact.any()), fine)

    def _by_differences(self, differences: _Differences, v: Array, got: float, size: float) -> tuple[Verdict, float]:
        """Judges by central differences. Also the size of the terms."""
        derivative = differences.derivative
        if not got:  # where f moves as rounding does, 0 may be right, and so may the slope
            derivative = derivative._replace(error=np.where(differences.fine, np.inf, derivative.error))
        verdict, terms = self._compare_with(derivative, v, got, size)
        return verdict._replace(plateau=differences.plateau, step=self._step(derivative)), terms

    def _step(self, derivative: Numerical) -> float:
        """The step that gave the largest term of a weighted derivative."""
        if derivative.step is None or not self._weight.size:
            return 0.0
        largest = np.argmax(np.nan_to_num(np.abs(derivative.value[self._used] * self._weight), nan=-1.0))
        return float(derivative.step[self._used].flat[largest])

    def _compare_with(self, derivative: Numerical, v: Array, got: float, size: float) -> tuple[Verdict, float]:
        """Judges by a derivative. Also the size of the terms.

        What passes only by the rounding of large outputs is judged again without those that do not depend on v.
        """
        terms = norm(self.terms) * norm(v)
        verdict = self._comparison.verdict(got, size, self._weighted(derivative), terms)
        off = abs(got - verdict.wanted) > self.rtol * max(size, abs(verdict.wanted))
        still = self._used & (derivative.value == 0)
        if off and verdict.error <= self.rtol and still.any() and (still != self._used).any():
            still &= self._is_independent(v)
            terms = norm(self.terms[~still]) * norm(v)
            error = np.where(still, 0.0, derivative.error)
            verdict = self._comparison.verdict(got, size, self._weighted(derivative._replace(error=error)), terms)
        if verdict.error > self.rtol:
            outputs, size_in_eps = self._used, max(abs(got), abs(verdict.wanted)) / (128 * self.eps)
            if size_in_eps <= terms + self._terms_of_small(v, outputs):  # few are: the rest takes calls of f
                larger = terms + self._terms_of_small(v, outputs & ~self._is_independent(v))
                if size_in_eps <= larger:
                    verdict = self._comparison.verdict(got, size, self._weighted(derivative), larger)
        return verdict, terms

    def _terms_of_small(self, v: Array, outputs: Array) -> float:
        """The size y / x of the terms of a derivative of some outputs by small entries of x, which may cancel.

        The derivatives of x / |x| are such differences: 1 / |x| - x^2 / |x|^3 is rounding about 0.
        """
        moved = np.abs(self.x[v != 0])
        size = float(np.abs(self.x).max(initial=0.0))
        nearest = max(float(moved.min(initial=np.inf)), SMALL_ENTRY * size)
        total = float((np.abs(self.at.value) * np.abs(self._grad_output))[outputs].sum())
        return norm(v) * total / nearest if 0 < nearest < np.inf else 0.0

    def _is_independent(self, v: Array) -> Array:
        """A mask of the outputs that do not move far along v: not from x, and not from 0 or an x of size 1.

        A saturated output does not move at x either, though it depends on v: its rounding counts. It moves near 0.
        """
        longest, size = float(np.abs(v).max(initial=0.0)) or 1.0, 4 * self._far
        still = np.ones(self.at.value.shape, dtype=bool)
        for base, step in ((self.x, self._far), (self.x / size, 0.25), (np.zeros(self.x.shape), 0.25)):
            y = evaluate(self.f, base, self.at.value)
            for side in (step, -step):
                still &= np.isfinite(y) & (evaluate(self.f, base + side / longest * v, y) == y)
        return still

    def _is_across(self, v: Array, got: float) -> bool:
        """Whether `got` is the slope of f over many of its steps."""
        step = min(self._far, 32 * self.plateaus.width) / (float(np.abs(v).max(initial=0.0)) or 1.0)
        rise = evaluate(self.f, self.x + step * v, self.at.value) - evaluate(self.f, self.x - step * v, self.at.value)
        slope = float((rise[self._used] * self._weight).sum()) / (2 * step)
        return abs(got - slope) <= ACROSS * abs(slope)

    def _of_infinite(self, v: Array, got: float, size: float) -> Verdict:
        """Judges a `got` that is not finite.

        It is right where f is infinitely steep in its direction, and wrong where there is a derivative. Where f is
        not finite, or has no derivative either, nothing can be compared.
        """
        if np.isinf(got):
            for slope in (got, -got):
                if self._is_infinite(v, slope):
                    return Verdict(0.0 if slope == got else np.inf, got, slope, 0.0)
        if not np.isfinite(self.at.value).all():
            return Verdict(np.inf, got, np.nan, np.inf, resolved=False)
        derivative = along(self.f, self.x, v, eps=self.eps, complex_step=self.complex_step, at=self.at)
        wanted = self._weighted(derivative)
        if not np.isfinite(wanted.low):  # at the border of the domain there may be a slope to one side
            one_sided = self._on_kink(v, 0.0, size, 0.0)
            if not np.isfinite(one_sided.wanted):
                return Verdict(np.inf, got, np.nan, np.inf, resolved=False)
            return Verdict(np.inf, got, one_sided.wanted, one_sided.estimate)
        return Verdict(np.inf, got, wanted.low, wanted.error)

    def _is_infinite(self, v: Array, got: float) -> bool:
        """Whether slopes of <grad_output, f> on one side grow without end as steps shrink, with the sign of `got`."""
        weight = self._weight * np.sign(got)
        for side in (1.0, -1.0):
            seen = []
            for step in side * STEPS_TO_INFINITY:
                change = evaluate(self.f, self.x + step * v, self.at.value) - self.at.value
                rise = float((change[self._used] * weight).sum())
                if not abs(rise) > 16 * self._rounding:
                    break
                seen.append(rise / step)
            growth = np.diff(seen)
            if len(growth) >= 4 and (growth > 0).all() and (growth[1:] > 0.5 * growth[:-1]).all():
                return True
        return False

    def _on_kink(self, v: Array, got: float, size: float, terms: float) -> Verdict:
        """Judges by the slopes from both sides."""
        left, right = slopes(self.f, self.x, v, eps=self.eps, at=self.at)
        kink = np.abs(left.value - right.value) > 4 * (left.error + right.error)
        # At the border of f's domain only one side has a slope.
        left, right = _filled(left, right), _filled(right, left)
        used = self._used
        ends = np.stack([left.value[used], right.value[used]]) * self._weight
        error = np.maximum(left.error, right.error)[used] * np.abs(self._weight)
        interval = Interval(float(ends.min(axis=0).sum()), float(ends.max(axis=0).sum()), float(error.sum()))
        return self._comparison.verdict(got, size, interval, terms)._replace(kink=bool(kink[used].any()))

    def _weighted(self, derivative: Numerical) -> Interval:
        value = float((derivative.value[self._used] * self._weight).sum())
        return Interval(value, value, float((derivative.error[self._used] * np.abs(self._weight)).sum()))


def _unequal(rng: np.random.Generator) -> tuple[float, float]:
    """Two factors near 1, of which one is at least 1.4 times the other."""
    stretch = rng.uniform(1.2, 1.6)
    return (stretch, 1 / stretch) if rng.random() < 0.5 else (1 / stretch, stretch)


def _filled(side: Numerical, other: Numerical) -> Numerical:
    """The slopes of one side; those of the other side where this one has none."""
    missing = ~np.isfinite(side.error) & np.isfinite(other.error)
    return Numerical(np.where(missing, other.value, side.value), np.where(missing, other.error, side.error))
