"""Numerical derivatives, each with an estimate of its error.

The derivative of f along v at x, by one of two ways:

    complex step          imag f(x + i t v) / t        nothing is subtracted, t may be as small as one likes
    central differences   D(s) = (f(x + s v) - f(x - s v)) / 2s    off by c2 s^2 + c4 s^4 + ...

Differences are taken at s, s/2 and s/4, and Richardson's extrapolation removes s^2 and s^4 from them. What is left is
estimated by three quantities, added up: how far the last two extrapolations to s^4 are apart; how far the even part
f(x + s v) + f(x - s v) - 2 f(x) is from a polynomial in s^2 (a kink, a jump or the rounding of f inside the step stand
out there, even where they cancel in the odd part); and the rounding that f has at least, eps |f| / s.

No step suits every function: that of a logit at 1e8 varies on a scale of 1, x^2 there on a scale of 1e8, log x at 1e-8
on a scale of 1e-8. So several steps are tried, and each entry of the output keeps the derivative of the least estimate.

Sources: Squire and Trapp, Using Complex Variables to Estimate Derivatives of Real Functions, SIAM Review 40 (1998);
Press et al., Numerical Recipes, 3rd ed. (2007), 5.7.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Function = Callable[[Array], Any]

EPS = float(np.finfo(np.float64).eps)
TINY = 2.0**-200  # the complex step: its square is nothing beside any number that a user computes with
UNDERFLOW = float(np.finfo(np.float64).smallest_normal)
GOOD = 1e-10  # a relative estimate that no further step need improve
TRUSTED = 0.01  # an estimate above this part of the slopes seen says that the step does not resolve the function
SHORTER = (0, -6, -12, -18, -26, -36)  # powers of 2: how steps shrink where a function is steep or has a kink nearby


class Numerical(NamedTuple):
    """Derivatives, and an absolute estimate of the error of each entry."""

    value: Array
    error: Array


def along(
    f: Function, x: Array, v: Array, *, eps: float = EPS, complex_step: bool = False, at: Point | None = None
) -> Numerical:
    """The derivative of f(x + s v) in s at 0, in the shape of f's output.

    Args:
        f: the function of one array. Where it raises, or is not finite, it counts as not defined.
        x: float64.
        v: the direction, in the shape of x.
        eps: of the arithmetic that f computes in; steps grow with it.
        complex_step: take the complex step. `allows_complex_step` says where f can.
        at: point(f, x), where the caller has it.
    """
    at = point(f, x, eps=eps) if at is None else at
    if complex_step:
        return _complex_step(f, x, v, at.value, eps)
    return _least_error(lambda s: _central(f, x, v, s, at), at.value.shape, _steps(x, v, eps, 7))


def jacobian(f: Function, x: Array, *, eps: float = EPS, complex_step: bool = False) -> Numerical:
    """df/dx, in the shape of f's output followed by that of x. Options as those of `along`."""
    at = point(f, x, eps=eps)
    columns = [along(f, x, unit(x, j), eps=eps, complex_step=complex_step, at=at) for j in range(x.size)]
    shape = (*at.value.shape, *x.shape)
    if not columns:
        return Numerical(np.zeros(shape), np.zeros(shape))
    return Numerical(*(np.stack(part, axis=-1).reshape(shape) for part in zip(*columns, strict=True)))


def slopes(
    f: Function, x: Array, v: Array, *, eps: float = EPS, at: Point | None = None
) -> tuple[Numerical, Numerical]:
    """The derivatives of f(x + s v) in s at 0 from the left and from the right. Options as those of `along`."""
    at = point(f, x, eps=eps) if at is None else at
    steps = _steps(x, v, eps, 4)
    left = _least_error(lambda s: _one_sided(f, x, v, -s, at), at.value.shape, steps)
    right = _least_error(lambda s: _one_sided(f, x, v, s, at), at.value.shape, steps)
    return left, right


def allows_complex_step(
    f: Function, x: Array, rng: np.random.Generator, *, eps: float = EPS, at: Point | None = None
) -> bool:
    """Whether f's complex step agrees with its differences, tried along a random direction.

    It does not where f raises for complex input, drops the imaginary part (np.abs, .real, float(), a float64 buffer),
    or conjugates.
    """
    v = direction(x, rng)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            if not np.iscomplexobj(f(x + 1j * TINY * v)):
                return False
            at = point(f, x, eps=eps) if at is None else at
            by_complex_step = along(f, x, v, eps=eps, complex_step=True, at=at)
    except Exception:  # the user's function may raise anything
        return False
    by_differences = along(f, x, v, eps=eps, at=at)
    apart = np.abs(by_complex_step.value - by_differences.value)
    allowed = 1e-6 * np.abs(by_differences.value) + 3 * by_differences.error
    return bool(np.all(apart <= allowed))  # NaN is not


def unit(x: Array, j: int) -> Array:
    """The direction of the j-th entry of x."""
    v = np.zeros(x.shape)
    v.flat[j] = 1.0
    return v


def direction(x: Array, rng: np.random.Generator) -> Array:
    """A random direction in the shape of x: normal, of so few digits that x + s v is hardly ever rounded."""
    return np.asarray(np.rint(64 * rng.standard_normal(x.shape)) / 64)


def _steps(x: Array, v: Array, eps: float, order: int) -> list[float]:
    """Steps to try, each a power of 2 so that x + s v is exact where it can be.

    The first suits a function that varies on a scale of 1, the next one that varies on the scale of x; then shorter.
    """
    moved = v != 0
    longest = float(np.abs(v).max(initial=0.0))
    if longest == 0:
        return [1.0]
    size = float(np.abs(x[moved]).max())
    scales = [1.0]
    if size and not 1 / 8 < size < 8:
        scales.append(size)
    shortest = min(scales)
    scales += [shortest * 2.0**power for power in SHORTER[1:]]
    relative = eps ** (1 / order)
    finest = 4 * eps * size  # a quarter of it is the least by which x can be moved
    return [2.0 ** round(math.log2(relative * scale / longest)) for scale in scales if relative * scale > finest]


class Point(NamedTuple):
    """f at x, from which every derivative at x starts."""

    value: Array
    rounding: Array  # of each entry of the value
    eps: float  # of the arithmetic


def point(f: Function, x: Array, *, eps: float = EPS) -> Point:
    """f(x), and how far it is rounded: eps of it at least, more where f subtracts large terms inside.

    Rounding is what is left in the fourth differences of values so close together that f is a straight line among them.
    Source: Hamming, Introduction to Applied Numerical Analysis (1971), 6.4; More and Wild, Estimating Computational
    Noise, SIAM J. Sci. Comput. 33 (2011).
    """
    value = np.array(f(x), dtype=np.float64)
    size = np.abs(x) if x.any() else np.ones(x.shape)
    with np.errstate(divide="ignore"):  # powers of 2, at least 64 times the spacing of floats: x + apart is exact
        apart = np.exp2(np.ceil(np.log2(np.maximum(2.0**-26 * np.minimum(size, 1.0), 2.0**-46 * size))))
    apart = apart * direction(x, np.random.default_rng(0))
    nearby = np.stack([value, *(evaluate(f, x + k * apart, value) for k in range(1, 7))])
    with np.errstate(all="ignore"):
        left = np.abs(np.diff(nearby, n=4, axis=0)).max(axis=0) / math.sqrt(70)  # 70 = 1 + 16 + 36 + 16 + 1
        return Point(value, np.fmax(eps * np.abs(value), np.where(np.isfinite(left), left, 0.0)), eps)


class _AtStep(NamedTuple):
    """Derivatives as one step gives them."""

    value: Array
    error: Array
    rounding: Array  # the part of the error that is the least rounding of f
    slope: Array  # the steepest that f is seen to be within the step


def _least_error(measure: Callable[[float], _AtStep], shape: tuple[int, ...], steps: list[float]) -> Numerical:
    """For each entry the derivative of the least estimate among the steps, tried until every estimate is good.

    A step much longer than the scale of f sees a slope near 0, and takes the error from slopes near 0. An estimate as
    large as the slope gives it away: such a step counts only where no step is better. Where steps contradict each
    other, as they do at a jump of f, their distance is added to the estimate.
    """
    value, error = np.full(shape, np.nan), np.full(shape, np.inf)
    trusted, rounded = np.zeros(shape, bool), np.zeros(shape, bool)
    tried: list[tuple[_AtStep, Array]] = []
    with np.errstate(all="ignore"):
        for step in steps:
            now = measure(step)
            # Rounding is all the error there is: a shorter step has more of it.
            rounded_now = now.error <= 8 * now.rounding
            trusted_now = rounded_now | (now.error <= TRUSTED * now.slope)
            tried.append((now, trusted_now))
            better = np.where(trusted_now == trusted, now.error < error, trusted_now)
            value, error = np.where(better, now.value, value), np.where(better, now.error, error)
            trusted, rounded = trusted | trusted_now, np.where(better, rounded_now, rounded)
            good = error <= GOOD * np.abs(value)
            if np.all(good | rounded if max(steps[len(tried) :], default=0.0) <= step else good):
                break
        for other, other_trusted in tried:
            contradiction = np.nan_to_num(np.abs(other.value - value) - other.error, nan=0.0, neginf=0.0)
            error = error + np.where(other_trusted | ~trusted, np.maximum(contradiction, 0.0), 0.0)
    return Numerical(value, error)


def _complex_step(f: Function, x: Array, v: Array, y: Array, eps: float) -> Numerical:
    with np.errstate(all="ignore"):
        value = np.asarray(f(x + 1j * TINY * v)).imag / TINY
        longest = float(np.abs(v).max(initial=0.0))
        size = max(1.0, float(np.abs(x).max(initial=0.0)))
        error = 8 * eps * (np.abs(value) + np.abs(y) * longest / size) + UNDERFLOW / TINY
    finite = np.isfinite(value)
    return Numerical(np.where(finite, value, np.nan), np.where(finite, error, np.inf))


def _central(f: Function, x: Array, v: Array, s: float, at: Point) -> _AtStep:
    """Central differences at s, s/2, s/4, extrapolated."""
    y = at.value
    above = np.stack([evaluate(f, x + t * v, y) for t in (s, s / 2, s / 4)])
    below = np.stack([evaluate(f, x - t * v, y) for t in (s, s / 2, s / 4)])
    half = (above - below) / 2
    value, apart = _extrapolate(4, half[0] / s, half[1] / (s / 2), half[2] / (s / 4))
    even = above + below - 2 * y
    # Its terms in s^2 and s^4 cancel in this sum. Where all that is left is the rounding of f, it is 131 times that;
    # over 32 s it is about what the same rounding does to the derivative.
    bent = np.abs(even[0] - 20 * even[1] + 64 * even[2]) / (32 * s)
    largest = np.maximum(np.abs(above).max(axis=0), np.abs(below).max(axis=0))  # a step may leave a small f far behind
    rounding = 4 * np.fmax(at.rounding, at.eps * largest) / s
    slope = np.maximum(np.abs(above[0] - y), np.abs(below[0] - y)) / s
    return _at_step(value, apart + bent + rounding, rounding, slope)


def _one_sided(f: Function, x: Array, v: Array, s: float, at: Point) -> _AtStep:
    """Differences towards s (which may be negative), s/2, s/4, extrapolated."""
    y = at.value
    beside = [evaluate(f, x + t * v, y) for t in (s, s / 2, s / 4)]
    rise = [(one - y) / t for one, t in zip(beside, (s, s / 2, s / 4), strict=True)]
    value, apart = _extrapolate(2, *rise)
    rounding = 16 * np.fmax(at.rounding, at.eps * np.abs(beside).max(axis=0)) / abs(s)
    return _at_step(value, apart + rounding, rounding, np.abs(rise[0]))


def _at_step(value: Array, error: Array, rounding: Array, slope: Array) -> _AtStep:
    finite = np.isfinite(value) & np.isfinite(error)
    return _AtStep(value, np.where(finite, error, np.inf), np.where(finite, rounding, 0.0), slope)


def _extrapolate(factor: int, whole: Array, half: Array, quarter: Array) -> tuple[Array, Array]:
    """The limit of differences whose error shrinks by `factor`, then by its square, when the step is halved.

    Also how far the two values from which it is extrapolated are apart.
    """
    coarse = half + (half - whole) / (factor - 1)
    fine = quarter + (quarter - half) / (factor - 1)
    return fine + (fine - coarse) / (factor**2 - 1), np.abs(fine - coarse)


def evaluate(f: Function, x: Array, like: Array) -> Array:
    """f(x) in float64. Where f raises at a point that its caller did not choose, NaN in the shape of `like`."""
    try:
        with np.errstate(all="ignore"):
            value = np.array(f(x), dtype=np.float64)
    except Exception:  # the user's function may raise anything
        return np.full(like.shape, np.nan)
    return value if value.shape == like.shape else np.full(like.shape, np.nan)
