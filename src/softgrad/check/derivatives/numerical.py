"""The derivative of a function along a direction, with an estimate of its error.

There are two ways to the derivative of f along v at x:

    complex step          imag f(x + i t v) / t        nothing is subtracted, so t may be as small as one likes
    central differences   (f(x + s v) - f(x - s v)) / 2s, extrapolated to s = 0 (extrapolation.py)

No step s suits every function: a logit at 1e8 varies on a scale of 1, x^2 there on a scale of 1e8, log x at 1e-8 on a
scale of 1e-8. So several steps are tried, and each entry of the output keeps the derivative with the least error.

Source: Squire and Trapp, Using Complex Variables to Estimate Derivatives of Real Functions, SIAM Review 40 (1998).
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from softgrad.check.derivatives.evaluate import EPS, Function, Point, balanced, direction, point
from softgrad.check.derivatives.extrapolation import Numerical, central, least_error, one_sided
from softgrad.formulas.numbers import Array

VANISHING = 2.0**-300  # of the values of f
TINY = 2.0**-200  # the complex step: its square vanishes beside any number in use
HUGE = 2.0**100
SMALL = 2.0**-20
SHORTER = (-6, -12, -18, -26, -36)  # powers of 2: shorter steps, for functions that are steep or have a kink nearby


def along(
    f: Function, x: Array, v: Array, *, eps: float = EPS, complex_step: bool = False, at: Point | None = None
) -> Numerical:
    """The derivative of f(x + s v) in s at 0, in the shape of f's output.

    Args:
        f: the function of one array. Where it raises or is not finite, it counts as not defined.
        x: float64.
        v: the direction, in the shape of x.
        eps: the machine epsilon of the type in which f computes; steps grow with it.
        complex_step: take the complex step. `allows_complex_step` says whether f allows it.
        at: point(f, x), where the caller has it.
    """
    at = point(f, x, eps=eps) if at is None else at
    if complex_step:
        return _complex_step(f, x, v, at)
    return least_error(lambda s: central(f, x, v, s, at), at.value.shape, _steps(x, v, eps, 7))


def slopes(
    f: Function, x: Array, v: Array, *, eps: float = EPS, at: Point | None = None
) -> tuple[Numerical, Numerical]:
    """The derivatives of f(x + s v) in s at 0 from the left and from the right. The options are those of `along`."""
    at = point(f, x, eps=eps) if at is None else at
    steps = _steps(x, v, eps, 4)
    left = least_error(lambda s: one_sided(f, x, v, -s, at), at.value.shape, steps)
    right = least_error(lambda s: one_sided(f, x, v, s, at), at.value.shape, steps)
    return left, right


def allows_complex_step(
    f: Function,
    x: Array,
    rng: np.random.Generator,
    *,
    eps: float = EPS,
    at: Point | None = None,
    got: Array | None = None,
) -> bool:
    """Whether the complex step of f agrees with its differences, tried along a random direction.

    It does not where f raises for complex input, drops the imaginary part (np.abs, .real, float(), a float64 buffer),
    or conjugates. If the entries of the gradient `got` differ much in size, a second direction is tried, in which the
    small ones count as much as the large ones: f may drop the imaginary part of those alone.
    """
    v = direction(x, rng)
    if not _complex_step_agrees(f, x, v, eps, at):
        return False
    other = None if got is None else balanced(v, got)
    return other is None or _complex_step_agrees(f, x, other, eps, at)


def _complex_step_agrees(f: Function, x: Array, v: Array, eps: float, at: Point | None) -> bool:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            if not np.iscomplexobj(f(x + 1j * _complex_step_length(x) * v)):
                return False
            at = point(f, x, eps=eps) if at is None else at
            by_complex_step = along(f, x, v, eps=eps, complex_step=True, at=at)
    except Exception:  # the user's function may raise anything
        return False
    by_differences = along(f, x, v, eps=eps, at=at)
    apart = np.abs(by_complex_step.value - by_differences.value)
    allowed = 1e-6 * np.abs(by_differences.value) + 3 * by_differences.error
    # The imaginary part of a tiny f underflows: the complex step then knows less than the differences do.
    known = (by_complex_step.error <= allowed) | (apart == 0)
    return bool(np.all((apart <= allowed) & known))  # NaN does not agree


def _steps(x: Array, v: Array, eps: float, order: int) -> list[float]:
    """Steps to try, each a power of 2, so that x + s v is exact where possible.

    The first suits a function that varies on a scale of 1, the second one that varies on the scale of x; then shorter.
    Where x is tiny its scale comes first: of a polynomial, a step of 1 would show nothing but its rounding far away.
    """
    moved = v != 0
    longest = float(np.abs(v).max(initial=0.0))
    if longest == 0:
        return [1.0]
    size = float(np.abs(x[moved]).max())
    scales = [1.0]
    if size and not 1 / 8 < size < 8:
        scales.insert(0 if size < SMALL else 1, size)
    shortest = min(scales)
    scales += [shortest * 2.0**power for power in SHORTER]
    relative = eps ** (1 / order)
    finest = 4 * eps * size  # a quarter of it is the least by which x can be moved
    return [2.0 ** round(math.log2(relative * scale / longest)) for scale in scales if relative * scale > finest]


def _complex_step_length(x: Array) -> float:
    """TINY; times the size of x where that is huge, or the imaginary part of f would underflow."""
    size = float(np.abs(x).max(initial=0.0))
    return TINY if not HUGE < size < np.inf else TINY * 2.0 ** math.frexp(size)[1]


def _complex_step(f: Function, x: Array, v: Array, at: Point) -> Numerical:
    with np.errstate(all="ignore"):
        step = _complex_step_length(x)
        value = np.asarray(f(x + 1j * step * v)).imag / step
        longest = float(np.abs(v).max(initial=0.0))
        size = max(1.0, float(np.abs(x).max(initial=0.0)))
        vanishing = (value != 0) & (np.abs(value) < VANISHING * np.abs(at.value).max(initial=0.0))
        if vanishing.any():  # perhaps the square of the step, as for x**3 at 0: it shrinks with the step
            shorter = np.asarray(f(x + 1j * step / 16 * v)).imag / (step / 16)
            value = np.where(vanishing & (np.abs(shorter) < np.abs(value) / 16), 0.0, value)
        error = 8 * at.eps * (np.abs(value) + np.abs(at.value) * longest / size) + at.least / step
    finite = np.isfinite(value)
    return Numerical(np.where(finite, value, np.nan), np.where(finite, error, np.inf))
