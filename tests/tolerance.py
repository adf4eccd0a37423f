"""Tolerances for results: a number of ulps of the size of the summed terms, never an absolute number.

An ulp of x is the distance between neighbouring numbers at x in the dtype of the result. For subnormal numbers it is
the smallest subnormal.
"""

import numpy as np

from judge.arithmetic import WIDE

Wide = np.longdouble  # of errors and ulps; an exact value may have more digits, see judge/arithmetic.py


def ulp(size, dtype):
    """The ulp of numbers of a size, in a dtype."""
    limits = np.finfo(dtype)
    smallest = Wide(limits.smallest_subnormal)
    _, exponent = np.frexp(np.maximum(abs(np.asarray(size, Wide)), smallest))
    return np.maximum(np.ldexp(Wide(1), exponent - 1 - limits.nmant), smallest)


def errors_in_ulps(got, exact, size=None):
    """The error of each entry: 0 if both are NaN or the same infinity, and infinite or NaN if only one of them is."""
    got = np.asarray(got)
    exact = np.asarray(WIDE.wide(exact))
    assert got.shape == exact.shape, f"shape {got.shape}, wanted {exact.shape}"
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        same = (got == rounded) & np.isinf(got) | np.isnan(got) & (exact != exact)
        errors = np.asarray(abs(got - exact), Wide) / ulp(exact if size is None else size, got.dtype)
    return np.where(same, 0, errors)


def assert_within(ulps, got, exact, size=None):
    """Asserts that every entry of `got` is within `ulps` ulp of `exact`. The ulp is that of `size`, or of `exact`."""
    errors = errors_in_ulps(got, exact, size)
    wrong = ~(errors <= ulps)
    if wrong.any():
        at = np.unravel_index(np.argmax(np.where(wrong, np.nan_to_num(errors, nan=np.inf), -1)), errors.shape)
        entry = tuple(int(i) for i in at)
        raise AssertionError(
            f"{wrong.sum()} of {wrong.size} entries are more than {ulps} ulp off; at {entry}: "
            f"{errors[at]:.3g} ulp, got {np.asarray(got)[at]!r}, exact {np.asarray(exact)[at]!r}"
        )
