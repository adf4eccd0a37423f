"""The error of plain central differences against the step size.

For a right gradient the curve is a V: long steps are off by s^2, short ones by the rounding error eps / s. For a wrong
one it is a plateau at the size of its error.
"""

from __future__ import annotations

import warnings

import numpy as np

from softgrad.check.derivatives.evaluate import Function, direction
from softgrad.formulas.numbers import Array

STEPS = np.logspace(-1, -12, 34)
FEW_STEPS = np.logspace(-1, -12, 12)


def step_curve(f: Function, x: Array, grad_output: Array, got: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """The errors of central differences of <grad_output, f(x)> with many steps, along one random direction.

    Args:
        f: the function of one array.
        x: float64.
        grad_output: in the shape of f's output.
        got: the gradient, in the shape of x.
        rng: for the direction.

    Returns:
        The steps, relative to the largest entry of x or to 1 where that is smaller; and for each
        |got - difference| / max(|got|, |difference|), both along the direction; NaN where f is not defined.
    """
    v = direction(x, rng)
    unit = max(1.0, float(np.abs(x).max(initial=0.0))) / max(1.0, float(np.abs(v).max(initial=0.0)))
    return STEPS.copy(), apart(float((got * v).sum()), differences(f, x, grad_output, v, STEPS * unit))


def differences(f: Function, x: Array, grad_output: Array, v: Array, steps: Array) -> Array:
    """The central differences of <grad_output, f(x)> along v with each step; NaN where f is not defined."""
    found = np.full(steps.shape, np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # f may warn far from x
        for i, step in enumerate(steps):
            try:
                rise = np.asarray(f(x + step * v), dtype=np.float64) - np.asarray(f(x - step * v), dtype=np.float64)
            except Exception:  # the user's function may raise anything
                continue
            found[i] = float((grad_output * rise).sum()) / (2 * step)
    return found


def apart(derivative: float, found: Array) -> Array:
    """|derivative - difference| / max(|derivative|, |difference|) for each difference; 0 where both are 0."""
    with np.errstate(all="ignore"):
        size = np.fmax(np.abs(found), abs(derivative))
        return np.where(size > 0, np.abs(found - derivative) / np.where(size > 0, size, 1.0), found - derivative)
