"""A cell of the table, from the answer of a library and the right answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.capabilities.questions import ENTRY, ERROR, MEMORY, ULPS, Question
from benchmarks.questions.base import Array

YES, NO, NOTHING = "yes", "no", "-"
LIMIT = 2.0**-36  # the largest relative error in float64 of an answer that is right
DIGITS = {"float16": 2.0**-7, "float64": LIMIT}  # the same for one number
FORMATS = {"float16": (10, -14), "bfloat16": (7, -126), "float32": (23, -126), "float64": (52, -1022)}
NO_DIGIT = "no digit"


def cell(question: Question, answer: dict[str, Any], exact: Any) -> str:
    """What the table shows."""
    if "absent" in answer:
        return NOTHING
    if "error" in answer:
        return YES if question.shows == ERROR else NO
    got = [np.asarray(values, float) for values in answer["values"]]
    if question.shows == ERROR:
        return f"**wrong**: {got[0]:.3g}"
    if question.shows == MEMORY:
        return f"{float(got[0]):,.0f} MiB"
    if question.shows == ENTRY:
        value = f"{got[0].flat[0]:.3g}"
        is_right = exact is None or np.isclose(float(got[0]), float(exact), rtol=DIGITS[question.dtype], atol=0)
        return value if is_right else f"**{value}**"
    right = exact if isinstance(exact, tuple) else (exact,)
    if question.shows == ULPS:
        return _shown(ulps(got[0], right[0], question.dtype))
    return _agreement(got, [np.asarray(value, np.longdouble) for value in right])


def _agreement(got: list[Array], right: list[Array]) -> str:
    for a, b in zip(got, right, strict=True):
        if a.shape != b.shape:
            return f"**wrong**: shape {a.shape} for {b.shape}"
        with np.errstate(all="ignore"):
            error = np.where(a == b, 0, np.abs(a - b) / np.abs(b))
        error[np.isnan(error)] = np.inf
        if error.max(initial=0) > LIMIT:
            worst = np.unravel_index(error.argmax(), error.shape)
            return f"**wrong**: {a[worst]:.3g} for {b[worst]:.3g}"
    return YES


def ulps(got: Array, right: Array, dtype: str) -> float:
    """The largest error, in distances between neighbouring numbers; inf if a result has no correct digit."""
    bits, smallest = FORMATS[dtype]
    _, exponent = np.frexp(right)
    unit = np.ldexp(np.longdouble(1), np.maximum(exponent - 1, smallest) - bits)
    error = np.abs(got - right)
    errors = error / unit
    errors[~np.isfinite(errors) | ((error >= np.abs(right)) & (errors > 4))] = np.inf
    return float(errors.max())


def _shown(error: float) -> str:
    if error == np.inf:
        return f"**{NO_DIGIT}**"
    return f"{error:.2f} ulp" if error < 100 else f"{error:,.0f} ulp"
