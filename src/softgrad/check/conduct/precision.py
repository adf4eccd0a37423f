"""The floating-point type in which forward computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from softgrad.check.derivatives.evaluate import point
from softgrad.check.derivatives.plateaus import find_plateaus
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Arrays, Sample
from softgrad.check.user.functions import UserFunctions
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array

EPS32 = float(np.finfo(np.float32).eps)


def takes_float64(functions: UserFunctions) -> bool:
    """Whether forward can be called in float64.

    Raises:
        CheckError: forward can be called neither in float64 nor with the types given.
    """
    in_float64, given = functions.arrays(), functions.arrays(exact=True)
    try:
        functions.output(in_float64)
    except CheckError:
        if all(in_float64[key].dtype == given[key].dtype for key in in_float64):
            raise
        functions.output(given)
        asked = functions.wrt or ()
        integers = [leaf.name for leaf in functions.leaves if leaf.given.dtype.kind in "iu" and leaf.key[0] in asked]
        if integers:
            raise CheckError(
                f"{functions.function}: wrt asks for the gradient at {', '.join(integers)}, whose integers forward "
                f"does not take as float64; class indices have no gradient, so give wrt of an input of real numbers"
            ) from None
        return False
    return True


def precision_of_output(functions: UserFunctions, given: Sample, eps: float, findings: Findings) -> float:
    """The machine epsilon of the type in which forward computes at the inputs given; at least `eps`."""
    if given.output.dtype in (np.float32, np.float16):
        why = f"{functions.forward_name} returns {given.output.dtype}"
        return shortened_precision(given.output.dtype, why, eps, findings)
    size = float(np.abs(np.where(np.isfinite(given.output), given.output, 0.0)).max(initial=0.0))
    subnormal = 0 < size < 2.0**-1000  # such numbers have few digits in any type
    is_short = functions.shortens() or (not subnormal and _computes_in_float32(functions, given.arrays))
    if is_short and not _has_plateaus(functions, given.arrays):
        return shortened_precision(np.float32, f"{functions.forward_name} computes in float32", eps, findings)
    return eps


def shortened_precision(dtype: Any, why: str, eps: float, findings: Findings) -> float:
    """The machine epsilon of a type. If it is larger than `eps`, the report mentions it."""
    own = float(np.finfo(dtype).eps)
    if own > eps:
        findings.note(f"{why}: checked at the accuracy that {np.dtype(dtype)} allows")
    return max(own, eps)


def _computes_in_float32(functions: UserFunctions, arrays: Arrays) -> bool:
    """Whether forward ignores digits that float32 does not have, though its output is float64.

    It is asked at the inputs, and about 1 away from them: there even exp depends on the last digits of its argument.
    """
    try:
        away = [0.0] if _is_moved(functions, arrays, 0.0, 2.0**-30) else [0.0, 1.0]
        return all(
            not _is_moved(functions, arrays, by, 2.0**-30) and _is_moved(functions, arrays, by, 2.0**-12) for by in away
        )
    except CheckError:  # not defined away from the inputs
        return False


def _has_plateaus(functions: UserFunctions, arrays: Arrays) -> bool:
    """Whether forward has steps of its own, as np.round has, and none that are as fine as those of float32."""
    real = {key: one for key, one in arrays.items() if one.dtype == np.float64}
    ends = np.cumsum([one.size for one in real.values()])

    def of_one(x: Array) -> Array:
        parts = np.split(x, ends[:-1])
        moved = {key: part.reshape(real[key].shape) for key, part in zip(real, parts, strict=True)}
        return functions.output({**arrays, **moved})

    x = np.concatenate([one.ravel() for one in real.values()])
    plateaus = find_plateaus(of_one, x, point(of_one, x))
    return bool(plateaus.exact.any() and not plateaus.fine.any())


def _is_moved(functions: UserFunctions, arrays: Arrays, away: float, by: float) -> bool:
    """Whether the output changes when float32 numbers change by this relative amount."""

    @np.errstate(over="ignore", invalid="ignore")  # numbers beyond the range of float32
    def output_at(size: float) -> Array:
        real = {key: one for key, one in arrays.items() if one.dtype == np.float64}
        waves = {key: np.cos(1.0 + np.arange(one.size)).reshape(one.shape) for key, one in real.items()}
        starts = {key: (one + away * waves[key]).astype(np.float32).astype(np.float64) for key, one in real.items()}
        moved = {key: np.asarray(start * (1 + size * waves[key])) for key, start in starts.items()}
        return functions.output({**arrays, **moved})

    return not np.array_equal(output_at(by), output_at(0.0), equal_nan=True)
