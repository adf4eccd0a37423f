"""A function near a point: its values, how far they are rounded, and directions in which to move."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from softgrad.formulas.numbers import Array

Function = Callable[[Array], Any]

EPS = float(np.finfo(np.float64).eps)
UNDERFLOW = float(np.finfo(np.float64).smallest_normal)
CLOSEST = 2.0**-46  # relative to x: 64 times the spacing of floats
NOISY = 2.0**-20  # of a value: a rounding error as large as this is measured twice
FAR = 2.0**10  # from 0: at such an x, f at 0 alone says little of the terms
MOST_TERMS = 1e6  # the terms are never larger than so many times f
UNEQUAL = 2.0**-10  # an entry below this part of the largest is hidden by it in a random direction
LEAST_PART = 2.0**-20  # smaller entries are weighted like one of this part of the largest


class Point(NamedTuple):
    """f(x), from which every derivative at x starts."""

    value: Array
    rounding: Array  # the rounding error of each entry of the value
    eps: float  # the machine epsilon of the type in which f computes
    least: float = UNDERFLOW  # smaller numbers of f have lost digits
    even: bool = True  # whether every entry moves near x, by no more than a straight line does and its rounding


def point(f: Function, x: Array, *, eps: float = EPS) -> Point:
    """f(x) and its rounding error: eps relative to it, and more where f subtracts large terms inside.

    The rounding error is measured by the fourth differences of values so close together that f is a straight line
    between them.

    Source: Hamming, Introduction to Applied Numerical Analysis (1971), 6.4; More and Wild, Estimating Computational
    Noise, SIAM J. Sci. Comput. 33 (2011).
    """
    value = np.array(f(x), dtype=np.float64)
    size = np.abs(x) if x.any() else np.ones(x.shape)
    nearby, left = _wobble(f, x, np.maximum(2.0**-26 * np.minimum(size, 1.0), CLOSEST * size), value)
    if (left > NOISY * np.abs(value)).any():  # f may curve between the points; closer together, it curves less
        closer, less = _wobble(f, x, CLOSEST * size, value)
        moves = (np.diff(closer, axis=0) != 0).all(axis=0)  # not constant, as with the coarser rounding of float32
        left = np.where(moves, np.fmin(left, less), left)
    with np.errstate(all="ignore"):
        rounding = np.fmax(eps * np.abs(value), np.where(np.isfinite(left), left, 0.0))
        even = (nearby != value).any(axis=0) & (rounding <= 64 * eps * np.abs(value))
        return Point(value, rounding, eps, even=bool(even.all()))


def _wobble(f: Function, x: Array, apart: Array, value: Array) -> tuple[Array, Array]:
    """f(x) and six values about so far apart beside it; what is left of them in the fourth differences."""
    with np.errstate(divide="ignore"):  # powers of 2, at least 64 times the spacing of floats: x + apart is exact
        apart = np.exp2(np.ceil(np.log2(apart))) * direction(x, np.random.default_rng(0))
    nearby = np.stack([value, *(evaluate(f, x + k * apart, value) for k in range(1, 7))])
    with np.errstate(all="ignore"):
        return nearby, np.abs(np.diff(nearby, n=4, axis=0)).max(axis=0) / math.sqrt(70)  # 70 = 1 + 16 + 36 + 16 + 1


def evaluate(f: Function, x: Array, like: Array) -> Array:
    """f(x) in float64; NaN in the shape of `like` where f raises, as it may at a point that the user did not choose."""
    try:
        with np.errstate(all="ignore"):
            value = np.array(f(x), dtype=np.float64)
    except Exception:  # the user's function may raise anything
        return np.full(like.shape, np.nan)
    return value if value.shape == like.shape else np.full(like.shape, np.nan)


def size_of_terms(f: Function, x: Array, y: Array, grad_output: Array) -> Array:
    """For each output, the size of its terms in one entry of the gradient, whose rounding error is eps times that.

    Two measures have this size: f at 0 (for a cross-entropy that is log K, however saturated the logits are), and the
    change of f from 0 to x, divided by the distance. As 0 may be a pole, the same is measured at -x, and the smaller
    one counts. If x is far from 0, the change of f within a distance of 1 from 0 stands for f at 0 where it is less: f
    may be 1 at 0 and have a slope of 1e-12 everywhere. If f is not defined at 0, f over x is used; if x is 0, f at 1
    instead of f at 0. The size is never taken to be more than MOST_TERMS times f.
    """
    size = float(np.abs(x).max(initial=0.0)) or 1.0

    def seen_from(other: Array, *, near: Array | None = None) -> Array:
        at = evaluate(f, other, y)
        least = np.abs(at) if near is None else np.fmin(np.abs(at), np.abs(evaluate(f, near, y) - at))
        return np.asarray(np.maximum(least, np.abs(y - at) / size))

    zero = np.zeros(x.shape)
    terms = seen_from(zero, near=x / size if size > FAR else None) if x.any() else seen_from(np.ones(x.shape))
    if not np.isfinite(terms).all():
        terms = np.abs(y) / size
    terms = np.fmin(np.fmin(terms, seen_from(-x) if x.any() else np.inf), MOST_TERMS * np.maximum(np.abs(y), 1.0))
    return np.asarray(grad_output * np.where(np.isfinite(terms), terms, 0.0))


def norm(a: Array) -> float:
    """The root of the sum of squares. The entries are scaled by a power of 2: no square overflows or underflows."""
    largest = float(np.abs(a).max(initial=0.0))
    if not 0 < largest < np.inf:
        return largest
    exponent = math.frexp(largest)[1]
    with np.errstate(over="ignore"):
        return float(np.ldexp(np.linalg.norm(np.ldexp(a, -exponent).ravel()), exponent))


def unit(x: Array, j: int) -> Array:
    """The direction of the j-th entry of x."""
    v = np.zeros(x.shape)
    v.flat[j] = 1.0
    return v


def direction(x: Array, rng: np.random.Generator) -> Array:
    """A random direction in the shape of x: normal, with so few digits that x + s v is hardly ever rounded."""
    return np.asarray(np.rint(64 * rng.standard_normal(x.shape)) / 64)


def balanced(v: Array, got: Array) -> Array | None:
    """The direction v with its entries weighted so that those of a gradient count alike; None if they do anyway."""
    size = np.abs(np.where(np.isfinite(got), got, 0.0))
    largest = float(size.max(initial=0.0))
    if not size.min(initial=largest) < UNEQUAL * largest:
        return None
    shrunk = np.maximum(size, LEAST_PART * largest)
    return np.asarray(v * np.exp2(np.rint(np.log2(shrunk.min() / shrunk))))  # powers of 2 add no digits to v
