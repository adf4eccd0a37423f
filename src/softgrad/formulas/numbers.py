"""When two arrays hold the same numbers, up to rounding or up to a factor."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SUBNORMAL = 2.0**-1070  # 16 times the distance of the smallest numbers
USUAL = 300  # numbers between 2^-300 and 2^300 are squared as they are


def nearly_equal(got: Any, wanted: Any, *, rtol: float = 1e-8, scale: float = 0.0) -> bool:
    """Whether two arrays hold the same numbers, up to rounding. Axes of length 1 are ignored.

    Args:
        got: numbers.
        wanted: numbers; NaN or infinity among them equals nothing.
        rtol: the relative error allowed in each entry; a hundredth of it is allowed relative to the largest entry.
        scale: the size of the terms that were summed, where cancellation leaves less than that.
    """
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        got, wanted = np.squeeze(got), np.squeeze(wanted)
    if got.shape != wanted.shape:
        return False
    got, wanted = (one.astype(float) if one.dtype.kind in "bu" else one for one in (got, wanted))  # have no difference
    size = np.abs(wanted).max(initial=0.0)
    if not np.isfinite(size):
        return False
    slack = 0.01 * rtol * size + 1e-13 * scale + SUBNORMAL
    return bool((np.abs(got - wanted) <= rtol * np.abs(wanted) + slack).all())


def constant_ratio(got: Array, wanted: Array, *, rtol: float = 1e-5) -> float | None:
    """The number c, not 0, for which got = c * wanted in every entry; None if there is no such number."""
    if got.shape != wanted.shape or not np.any(wanted):
        return None
    exponent = np.frexp(np.abs(wanted).max())[1]  # so that no square overflows or underflows
    if abs(exponent) > USUAL:
        got, wanted = np.ldexp(got, -exponent), np.ldexp(wanted, -exponent)
    size = float((wanted * wanted).sum())
    ratio = float((got * wanted).sum()) / size if size else 0.0  # the least-squares fit
    return ratio if ratio and nearly_equal(got, ratio * wanted, rtol=rtol) else None
