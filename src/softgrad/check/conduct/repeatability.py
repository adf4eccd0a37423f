"""Whether two calls with the same inputs agree, and whether backward overwrites its arguments."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Arrays, Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions
from softgrad.formulas.numbers import Array, constant_ratio, nearly_equal

NOT_REPEATABLE = (
    "not repeatable: forward gives two outputs for the same inputs, and its random generator cannot be reset. Make the "
    "generator once, outside of the function, or pass it in context"
)
OVERWRITTEN = {"output": "output-overwritten", "grad_output": "grad-output-overwritten"}
OVERWRITES = ("input-overwritten", *OVERWRITTEN.values())


def is_repeatable(functions: UserFunctions, arrays: Arrays, findings: Findings) -> bool:
    """Whether forward gives the same output twice. NumPy's global seed is set if that makes it so."""
    if not _repeats(functions, arrays):
        functions.randomness.seeded = True
        if not _repeats(functions, arrays):
            findings.note(NOT_REPEATABLE)
            return False
        findings.note("forward draws random numbers: NumPy's global seed was set before each call")
    elif functions.randomness.generators:
        findings.note("the random generators that the functions hold were reset before each call")
    return True


def _repeats(functions: UserFunctions, arrays: Arrays) -> bool:
    first, second = functions.output(arrays), functions.output(arrays)
    return bool(np.array_equal(first, second, equal_nan=True))


def first_gradients(sampler: Sampler, findings: Findings) -> tuple[Sample, bool]:
    """The gradients at the inputs given, and whether a second call gives the same ones."""
    functions = sampler.functions
    arrays = functions.arrays(exact=sampler.exact)
    upstream = sampler.upstream(functions.output(arrays))
    first = functions.gradients(arrays, upstream)
    if not sampler.exact and any(functions.arrays()[key].dtype != arrays[key].dtype for key in arrays):
        arrays = functions.arrays()  # some integers have a gradient of their own: they become float64
        first = functions.gradients(arrays, upstream)
    for name in first.overwritten:
        findings.add(OVERWRITTEN.get(name, "input-overwritten"), f"{name} is changed by the call")
    sample = sampler.at(arrays, upstream)
    if _first_difference(sample.grads, first.grads) is None:
        return sample.with_grads(first.grads), True
    functions.randomness.seeded = True
    seeded, again = functions.gradients(arrays, upstream), functions.gradients(arrays, upstream)
    if _first_difference(again.grads, seeded.grads) is None:
        findings.note(f"{functions.backward_name} draws random numbers: NumPy's global seed was set before each call")
        return sample.with_grads(seeded.grads), True
    functions.randomness.seeded = False
    _add_unsteady(functions, (first.grads, sample.grads, seeded.grads), findings)
    return sample.with_grads(first.grads), False


def _first_difference(second: Mapping[Key, Array], first: Mapping[Key, Array]) -> Key | None:
    """The first array whose gradients differ between two calls. NaN equals NaN."""
    for key, grad in first.items():
        same = grad.shape == second[key].shape and np.array_equal(second[key], grad, equal_nan=True)
        if not same and not nearly_equal(second[key], grad, rtol=1e-10):
            return key
    return None


def _add_unsteady(functions: UserFunctions, calls: tuple[Mapping[Key, Array], ...], findings: Findings) -> None:
    """Adds what three calls in a row show: the gradient grows by the same each time, or changes without a pattern."""
    key = _first_difference(calls[1], calls[0])
    assert key is not None
    first, second, third = (call[key] for call in calls)
    name = functions.name_of(key)
    if first.shape == second.shape == third.shape:
        ratio = constant_ratio(second, first)
        if nearly_equal(third - second, second - first) or (ratio is not None and nearly_equal(third, ratio * second)):
            times = "" if ratio is None else f": it is {ratio:.4g} times the first"
            said = f"the second call gives another gradient of {name} than the first{times}"
            findings.add("accumulated-gradient", said)
            return
    findings.add("not-repeatable-gradient", f"three calls gave three different gradients of {name}")
