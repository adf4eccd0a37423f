"""The largest error of every library for every quantity, in units in the last place (ulp)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from benchmarks.accuracy.cases import Case, cases
from benchmarks.accuracy.exact import LONG_DOUBLE, MPMATH, exact_values
from benchmarks.accuracy.libraries import Library
from benchmarks.questions.base import Array
from judge import Judged

AGREEMENT = 2.0**-60  # the relative difference that is allowed between the two arithmetics of the judge

# The error bounds in softgrad's docstrings, in ulp.
PROMISES = {
    "softmax": 4,
    "log_softmax": 4,
    "logsumexp": 4,
    "cross_entropy": 4,
    "cross_entropy gradient, off target": 4,
    "cross_entropy gradient, at the target": 4,
    "squared_error": 4,
    "squared_error gradient": 10,
    "kl_divergence": 4,
}


class Worst(NamedTuple):
    """The largest error, and the case in which it occurred."""

    ulps: float
    case: str


Errors: TypeAlias = dict[str, dict[str, Worst]]  # by quantity, then by library


class LargestErrors(NamedTuple):
    """The largest errors in one dtype."""

    all: Errors
    normal: Errors  # only those entries whose exact value is a normal number


def largest_errors(
    libraries: Sequence[Library], dtype: str, max_classes: int, report: Callable[[str], None] = lambda text: None
) -> LargestErrors:
    """The largest errors over all cases with at most `max_classes` classes."""
    largest = LargestErrors({quantity: {} for quantity in PROMISES}, {quantity: {} for quantity in PROMISES})
    for case in cases(dtype, max_classes):
        report(f"{dtype}: {case.name}")
        exact = exact_values(case)
        for library in libraries:
            with np.errstate(all="ignore"):
                results = library.results(case)
            for quantity, (errors, is_normal) in _errors(case, results, exact).items():
                for table, entries in ((largest.all, errors), (largest.normal, errors[is_normal])):
                    _keep_larger(table[quantity], library.name, Worst(float(entries.max(initial=0.0)), case.name))
    return largest


def ulps(result: Array, exact: Judged, dtype: str) -> Array:
    """The error of the result in ulps of `exact.size`; inf for a result with no correct digit.

    The ulp is the distance between neighbouring numbers of the dtype at that size, including subnormal numbers.
    """
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(np.where(np.isfinite(exact.size), exact.size, 1))
        unit = np.ldexp(np.longdouble(1), np.maximum(exponent - info.nmant - 1, info.minexp - info.nmant))
        error = np.abs(result.astype(np.longdouble) - exact.value)
        errors = error / unit
        errors[~np.isfinite(errors) | ((error >= exact.size) & (errors > 4))] = np.inf
    errors[result == exact.value] = 0  # also for equal infinities
    return np.asarray(errors, np.float64)


def require_agreeing_judges() -> None:
    """Checks that long double and mpmath agree on rows that are short enough for both.

    Raises:
        ArithmeticError: they differ, for example on a platform where long double is the same as double.
    """
    for dtype in ("float32", "float64"):
        for case in cases(dtype, 1000):
            if case.logits.shape[1] != 1000:
                continue
            in_long_double = exact_values(case, LONG_DOUBLE)
            for quantity, exact in exact_values(case, MPMATH).items():
                other = in_long_double[quantity]
                differs = np.abs(exact.value - other.value) > AGREEMENT * exact.size + np.finfo(np.longdouble).tiny
                if differs.any():
                    raise ArithmeticError(f"{quantity}, {case.name}: long double and mpmath differ")


def _keep_larger(worst: dict[str, Worst], library: str, new: Worst) -> None:
    if new.ulps >= worst.get(library, new).ulps:
        worst[library] = new


def _errors(case: Case, results: dict[str, Array], exact: dict[str, Judged]) -> dict[str, tuple[Array, Array]]:
    """For each quantity the errors, and whether each exact value is a normal number."""
    dtype = case.logits.dtype.name
    at_target = np.zeros(case.logits.shape, bool)
    at_target[np.arange(len(at_target)), case.classes] = True
    by_quantity = {}
    for name, values in exact.items():
        errors = ulps(results[name], values, dtype)
        is_normal = np.abs(values.value) >= np.finfo(dtype).smallest_normal
        if name == "cross_entropy gradient":
            by_quantity[f"{name}, at the target"] = errors[at_target], is_normal[at_target]
            by_quantity[f"{name}, off target"] = errors[~at_target], is_normal[~at_target]
        else:
            by_quantity[name] = errors, is_normal
    return by_quantity
