"""A function times a power of 2, so that no square or product overflows or underflows on the way to a verdict.

A power of 2 changes no digit, and the verdict compares sizes only: f times 2^-n and the gradient times 2^-n have the
verdict of f and the gradient.
"""

from __future__ import annotations

import math

import numpy as np

from softgrad.check.derivatives.evaluate import UNDERFLOW, Function, Point
from softgrad.formulas.numbers import Array

USUAL = 300  # numbers between 2^-300 and 2^300 are left as they are
LARGEST = 900  # the exponent that the scaled gradient has at most
SMALLEST = float(np.finfo(np.float64).smallest_subnormal)


def exponent_of(value: Array, got: Array | None) -> int:
    """The power of 2 by which a function and its gradient are divided: near f(x), and 0 for numbers of usual size.

    Args:
        value: f(x).
        got: the gradient to be judged. It counts where f(x) is 0, and where it would overflow.
    """
    of_value, of_got = _exponent(value), _exponent(np.zeros(()) if got is None else got)
    exponent = of_got if of_value is None else of_value
    if exponent is None:
        return 0
    exponent = exponent if of_got is None else max(exponent, of_got - LARGEST)
    return exponent if abs(exponent) > USUAL else 0


def _exponent(a: Array) -> int | None:
    """The exponent of the largest finite entry; None where all are 0."""
    largest = float(np.abs(np.where(np.isfinite(a), a, 0.0)).max(initial=0.0))
    return math.frexp(largest)[1] if largest else None


def scaled(f: Function, exponent: int) -> Function:
    """The function f times 2^exponent."""

    def times(x: Array) -> Array:
        value = np.asarray(f(x))
        if not np.iscomplexobj(value):
            return np.ldexp(value.astype(np.float64), exponent)
        result = np.empty(value.shape, dtype=np.complex128)
        result.real, result.imag = np.ldexp(value.real, exponent), np.ldexp(value.imag, exponent)
        return result

    return times


def scaled_point(at: Point, exponent: int) -> Point:
    """f(x) and its rounding error times 2^exponent. The least rounding error is the distance of subnormal numbers."""
    with np.errstate(over="ignore"):
        least = np.ldexp(SMALLEST, exponent)
        return at._replace(
            value=np.ldexp(at.value, exponent),
            rounding=np.maximum(np.ldexp(at.rounding, exponent), least),
            least=float(np.ldexp(UNDERFLOW, exponent)),
        )
