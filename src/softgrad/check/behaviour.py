"""What the functions do beside computing: answer differently the second time, overwrite, change shapes and types."""

from __future__ import annotations

import numpy as np

from softgrad.check.arguments import Array, Key
from softgrad.check.experiments import constant_ratio
from softgrad.check.mistakes import ENTRIES
from softgrad.check.recipes import fits
from softgrad.check.report import Mistake
from softgrad.check.samples import Arrays, Sample, Sampler
from softgrad.check.subject import Subject
from softgrad.errors import CheckError

SHORT = (np.float32, np.float16)
NOT_REPEATABLE = (
    "not repeatable: forward answers differently when it is called twice with the same inputs, by random numbers that "
    "no seed reaches. Seed it: make the generator once, outside of the function, or hand it over in context"
)


class Findings:
    """Mistakes found and facts noted, in the order in which they came."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.facts: list[str] = []

    def add(self, name: str, evidence: str) -> None:
        """A mistake of the catalogue, shown by what was measured."""
        entry = ENTRIES[name]
        self.include(Mistake(entry.name, entry.title, entry.explanation, "", "", evidence))

    def include(self, *mistakes: Mistake) -> None:
        """Mistakes, each name once."""
        self.mistakes += [one for one in mistakes if one.name not in {other.name for other in self.mistakes}]

    def note(self, fact: str) -> None:
        """A fact, once."""
        if fact not in self.facts:
            self.facts.append(fact)


def takes_float64(subject: Subject) -> bool:
    """Whether forward can be called in float64.

    Raises:
        CheckError: it can be called neither so nor with the inputs in their own types.
    """
    wide, given = subject.arrays(), subject.arrays(exact=True)
    try:
        subject.output(wide)
    except CheckError:
        if all(wide[key].dtype == given[key].dtype for key in wide):
            raise
        subject.output(given)
        whole = [
            slot.name for slot in subject.slots if slot.given.dtype.kind in "iu" and slot.key[0] in (subject.wrt or ())
        ]
        if whole:
            raise CheckError(
                f"{subject.function}: wrt asks for the gradient at {', '.join(whole)}, whole numbers that forward "
                f"does not take as real ones; class numbers have none, give wrt of an input of real numbers"
            ) from None
        return False
    return True


def computes_in_float32(subject: Subject, arrays: Arrays) -> bool:
    """Whether forward does not see what float32 has no digits for, though its output says float64."""

    def moved(by: float) -> bool:
        other = {key: _moved(array, by) if array.dtype == np.float64 else array for key, array in arrays.items()}
        return not np.array_equal(subject.output(other), subject.output(arrays), equal_nan=True)

    return not moved(2.0**-30) and moved(2.0**-12)


def _moved(array: Array, by: float) -> Array:
    """The entries moved by as much of their size, each in a way of its own."""
    return np.asarray(array * (1 + by * np.cos(1.0 + np.arange(array.size)).reshape(array.shape)))


def is_repeatable(subject: Subject, arrays: Arrays, findings: Findings) -> bool:
    """Whether forward answers the same twice; NumPy's global seed is set where that is what it takes."""
    if not _answers_the_same(subject, arrays):
        subject.randomness.seeded = True
        if not _answers_the_same(subject, arrays):
            findings.note(NOT_REPEATABLE)
            return False
        findings.note("forward draws random numbers: NumPy's global seed was set before each call")
    elif subject.randomness.generators:
        findings.note("the random generators that the functions hold were put back to one state before each call")
    return True


def _answers_the_same(subject: Subject, arrays: Arrays) -> bool:
    first, second = subject.output(arrays), subject.output(arrays)
    return bool(np.array_equal(first, second, equal_nan=True))


def first_calls(sampler: Sampler, findings: Findings) -> tuple[Sample, bool]:
    """The gradients at the inputs given, and whether a second call gives the same ones."""
    subject = sampler.subject
    arrays = subject.arrays(exact=sampler.exact)
    upstream = sampler.upstream(subject.output(arrays))
    first = subject.gradients(arrays, upstream)
    if not sampler.exact and any(subject.arrays()[key].dtype != arrays[key].dtype for key in arrays):
        arrays = subject.arrays()  # there are whole numbers with a gradient of their own: in float64 from here on
        first = subject.gradients(arrays, upstream)
    own = {"output": "output-overwritten", "grad_output": "grad-output-overwritten"}
    for name in first.overwritten:
        findings.add(own.get(name, "input-overwritten"), f"{name} has other numbers after the call")
    sample = sampler.at(arrays, upstream)
    for key, grad in first.grads.items():
        if grad.shape == sample.grads[key].shape and not fits(sample.grads[key], grad, rtol=1e-10):
            if not np.isfinite(grad).all() and np.array_equal(grad, sample.grads[key], equal_nan=True):
                continue
            ratio = constant_ratio(sample.grads[key], grad)
            times = "" if ratio is None else f": it is {ratio:.4g} times the first"
            name = subject.arguments.name_of(key)
            findings.add("accumulated-gradient", f"the second call's gradient of {name} is not the first one's{times}")
            return sample.with_grads(first.grads), False
    return sample.with_grads(first.grads), True


def find_types(subject: Subject, sample: Sample, findings: Findings, *, short: bool) -> dict[Key, Array]:
    """NaN and, unless forward is `short` too, types too short; and the gradients of another shape than their array."""
    misshapen: dict[Key, Array] = {}
    for key, grad in sample.grads.items():
        name = subject.arguments.name_of(key)
        if grad.dtype in SHORT and not short:
            findings.add("float32-result", f"the gradient of {name} is {grad.dtype}, the output {sample.output.dtype}")
        if grad.shape != sample.arrays[key].shape:
            misshapen[key] = grad
        elif not np.isfinite(grad).all() and np.isfinite(sample.output).all():
            where = [int(i) for i in np.argwhere(~np.isfinite(grad))[0]]
            findings.add("not-finite", f"the gradient of {name} is {grad[tuple(where)]} at {where}")
    return misshapen


def find_truncation(subject: Subject, sample: Sample, findings: Findings) -> None:
    """Whole numbers as inputs give the gradient that the same numbers in float64 give."""
    whole = {
        slot.key: slot.given for slot in subject.slots if slot.key in sample.grads and slot.given.dtype.kind in "iu"
    }
    if not whole:
        return
    try:
        grads = subject.gradients({**sample.arrays, **whole}, sample.upstream).grads
    except CheckError as error:
        findings.note(f"with whole numbers, as they were given: {error}")
        return
    for key, given in whole.items():
        if grads[key].shape == sample.grads[key].shape and not fits(grads[key], sample.grads[key], rtol=1e-6):
            name = subject.arguments.name_of(key)
            findings.add(
                "integer-truncation", f"with {name} of {given.dtype} its gradient has other numbers than in float64"
            )
