"""How far a result may be from the exact one: ulps of the size of the terms that were summed, never a bare number.

An ulp is the distance between neighbours in the result's dtype; that of subnormal numbers is the least there is.
"""

import numpy as np

Wide = np.longdouble


def ulp(size, dtype):
    limits = np.finfo(dtype)
    least = Wide(limits.smallest_subnormal)
    _, exponent = np.frexp(np.maximum(abs(np.asarray(size, Wide)), least))
    return np.maximum(np.ldexp(Wide(1), exponent - 1 - limits.nmant), least)


def errors_in_ulps(got, exact, size=None):
    """The error of each entry. 0 where both are the same infinity or NaN, infinite or NaN where only one is."""
    got = np.asarray(got)
    exact = np.asarray(exact, Wide)
    assert got.shape == exact.shape, f"shape {got.shape}, wanted {exact.shape}"
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        same = (got == rounded) & np.isinf(got) | np.isnan(got) & np.isnan(exact)
        errors = abs(got - exact) / ulp(exact if size is None else size, got.dtype)
    return np.where(same, 0, errors)


def assert_within(ulps, got, exact, size=None):
    """Every entry of `got` is within `ulps` ulp of `exact`, an ulp being that of `size`, or else of `exact` itself."""
    errors = errors_in_ulps(got, exact, size)
    wrong = ~(errors <= ulps)
    if wrong.any():
        at = np.unravel_index(np.argmax(np.where(wrong, np.nan_to_num(errors, nan=np.inf), -1)), errors.shape)
        entry = tuple(int(i) for i in at)
        raise AssertionError(
            f"{wrong.sum()} of {wrong.size} entries are more than {ulps} ulp off; at {entry}: "
            f"{errors[at]:.3g} ulp, got {np.asarray(got)[at]!r}, exact {np.asarray(exact)[at]!r}"
        )
