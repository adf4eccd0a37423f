"""The largest error of every library in every quantity, in units in the last place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from benchmarks.accuracy.cases import Case, cases
from benchmarks.accuracy.judge import Exact, LongDouble, Mpmath, judge
from benchmarks.accuracy.libraries import Library
from benchmarks.questions.base import Array

AGREEMENT = 2.0**-60  # of the two judges, relative

# What softgrad's docstrings promise, in ulp.
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
    """The largest error, and where it was made."""

    ulps: float
    case: str


Errors: TypeAlias = dict[str, dict[str, Worst]]  # by quantity, then by library


class Found(NamedTuple):
    """What one dtype showed."""

    all: Errors
    normal: Errors  # where the exact value is no subnormal number


def largest_errors(
    libraries: Sequence[Library], dtype: str, most_classes: int, say: Callable[[str], None] = lambda text: None
) -> Found:
    """Over every case up to a number of classes."""
    found = Found({quantity: {} for quantity in PROMISES}, {quantity: {} for quantity in PROMISES})
    for case in cases(dtype, most_classes):
        say(f"{dtype}: {case.name}")
        exact = judge(case)
        for library in libraries:
            with np.errstate(all="ignore"):
                answers = library.answers(case)
            for quantity, (errors, is_normal) in _errors(case, answers, exact).items():
                _keep(found.all[quantity], library.name, Worst(float(errors.max(initial=0.0)), case.name))
                _keep(found.normal[quantity], library.name, Worst(float(errors[is_normal].max(initial=0.0)), case.name))
    return found


def ulps(result: Array, exact: Exact, dtype: str) -> Array:
    """How many units in the last place of `exact.size` the result is off; inf for one with no right digit.

    The unit is the distance of neighbouring numbers of the dtype at that size, subnormal ones included.
    """
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(np.where(np.isfinite(exact.size), exact.size, 1))
        unit = np.ldexp(np.longdouble(1), np.maximum(exponent - info.nmant - 1, info.minexp - info.nmant))
        error = np.abs(result.astype(np.longdouble) - exact.value)
        found = error / unit
        found[~np.isfinite(found) | ((error >= exact.size) & (found > 4))] = np.inf
    found[result == exact.value] = 0  # infinities too
    return np.asarray(found, np.float64)


def require_agreeing_judges() -> None:
    """Long double against mpmath on rows short enough for both.

    Raises:
        ArithmeticError: they differ; on a platform where long double is double, for example.
    """
    for dtype in ("float32", "float64"):
        for case in cases(dtype, 1000):
            if case.logits.shape[1] != 1000:
                continue
            for quantity, exact in judge(case, Mpmath()).items():
                other = judge(case, LongDouble())[quantity]
                apart = np.abs(exact.value - other.value) > AGREEMENT * exact.size + np.finfo(np.longdouble).tiny
                if apart.any():
                    raise ArithmeticError(f"{quantity}, {case.name}: long double and mpmath differ")


def _keep(worst: dict[str, Worst], library: str, new: Worst) -> None:
    if new.ulps >= worst.get(library, new).ulps:
        worst[library] = new


def _errors(case: Case, answers: dict[str, Array], exact: dict[str, Exact]) -> dict[str, tuple[Array, Array]]:
    """By quantity, the errors and which of them are of normal numbers."""
    dtype = case.logits.dtype.name
    at_target = np.zeros(case.logits.shape, bool)
    at_target[np.arange(len(at_target)), case.classes] = True
    found = {}
    for name, right in exact.items():
        errors = ulps(answers[name], right, dtype)
        is_normal = np.abs(right.value) >= np.finfo(dtype).smallest_normal
        if name == "cross_entropy gradient":
            found[f"{name}, at the target"] = errors[at_target], is_normal[at_target]
            found[f"{name}, off target"] = errors[~at_target], is_normal[~at_target]
        else:
            found[name] = errors, is_normal
    return found
