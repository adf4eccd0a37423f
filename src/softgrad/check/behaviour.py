"""What the functions do beside computing: answer differently the second time, overwrite, change shapes and types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from softgrad.check.arguments import Array, Key
from softgrad.check.catalogue import ENTRIES
from softgrad.check.report import Mistake
from softgrad.check.samples import Arrays, Sample, Sampler
from softgrad.check.subject import Subject
from softgrad.errors import CheckError
from softgrad.formulas.numbers import constant_ratio, nearly_equal

SHORT = (np.float32, np.float16)
FACTOR = -1024.0  # of the upstream gradient; a power of 2, so that what is linear in it keeps its digits
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
    """Whether forward does not see what float32 has no digits for, though its output says float64.

    It is asked at the inputs, and about 1 away from them: there even exp shows the last digits of what it is given.
    """
    try:
        away = [0.0] if _is_moved(subject, arrays, 0.0, 2.0**-30) else [0.0, 1.0]
        return all(
            not _is_moved(subject, arrays, by, 2.0**-30) and _is_moved(subject, arrays, by, 2.0**-12) for by in away
        )
    except CheckError:  # not defined away from the inputs
        return False


def _is_moved(subject: Subject, arrays: Arrays, away: float, by: float) -> bool:
    """Whether forward sees numbers of float32 change by so much of their size."""

    @np.errstate(over="ignore", invalid="ignore")  # numbers beyond those of float32
    def at(size: float) -> Array:
        real = {key: one for key, one in arrays.items() if one.dtype == np.float64}
        waves = {key: np.cos(1.0 + np.arange(one.size)).reshape(one.shape) for key, one in real.items()}
        starts = {key: (one + away * waves[key]).astype(np.float32).astype(np.float64) for key, one in real.items()}
        moved = {key: np.asarray(start * (1 + size * waves[key])) for key, start in starts.items()}
        return subject.output({**arrays, **moved})

    return not np.array_equal(at(by), at(0.0), equal_nan=True)


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
    if not _unlike(sample.grads, first.grads):
        return sample.with_grads(first.grads), True
    subject.randomness.seeded = True
    seeded, again = subject.gradients(arrays, upstream), subject.gradients(arrays, upstream)
    if not _unlike(again.grads, seeded.grads):
        findings.note(f"{subject.backward_name} draws random numbers: NumPy's global seed was set before each call")
        return sample.with_grads(seeded.grads), True
    subject.randomness.seeded = False
    _add_unsteady(subject, (first.grads, sample.grads, seeded.grads), findings)
    return sample.with_grads(first.grads), False


def _unlike(second: Mapping[Key, Array], first: Mapping[Key, Array]) -> Key | None:
    """The first gradient that is not the same in two calls; NaN is NaN."""
    for key, grad in first.items():
        same = grad.shape == second[key].shape and np.array_equal(second[key], grad, equal_nan=True)
        if not same and not nearly_equal(second[key], grad, rtol=1e-10):
            return key
    return None


def _add_unsteady(subject: Subject, calls: tuple[Mapping[Key, Array], ...], findings: Findings) -> None:
    """What three calls in a row give: the same added or multiplied each time, or something else each time."""
    key = _unlike(calls[1], calls[0])
    assert key is not None
    first, second, third = (call[key] for call in calls)
    name = subject.arguments.name_of(key)
    if first.shape == second.shape == third.shape:
        ratio = constant_ratio(second, first)
        if nearly_equal(third - second, second - first) or (ratio is not None and nearly_equal(third, ratio * second)):
            times = "" if ratio is None else f": it is {ratio:.4g} times the first"
            said = f"the second call's gradient of {name} is not the first one's{times}"
            findings.add("accumulated-gradient", said)
            return
    findings.add("not-repeatable-gradient", f"three calls gave three gradients of {name}, by no rule")


def find_nonlinear(subject: Subject, sample: Sample, findings: Findings, *, rtol: float) -> None:
    """Whether the gradients follow the upstream gradient: a negative one, and a large one, too."""
    try:
        grads = subject.gradients(sample.arrays, FACTOR * sample.upstream).grads
    except CheckError as error:
        findings.note(f"with {FACTOR:g} times the upstream gradient: {error}")
        return
    scale = abs(FACTOR) * float(np.abs(sample.upstream).max(initial=0.0))
    there = {key: grad for key, grad in sample.grads.items() if np.isfinite(grad).all() and np.any(grad)}
    if there and all(np.array_equal(grads[key], grad) for key, grad in there.items()):
        findings.add("upstream-ignored", "the gradient stays the same whatever the upstream gradient is")
        return
    for key, grad in there.items():
        if not nearly_equal(grads[key], FACTOR * grad, rtol=rtol, scale=scale):
            said = f"{FACTOR:g} times the upstream gradient does not give {FACTOR:g} times the gradient of"
            findings.add("upstream-not-linear", f"{said} {subject.arguments.name_of(key)}")
            return


def find_types(subject: Subject, sample: Sample, findings: Findings, *, short: bool) -> dict[Key, Array]:
    """Types too short, unless forward is `short` too; and the gradients of another shape than their array."""
    misshapen: dict[Key, Array] = {}
    for key, grad in sample.grads.items():
        name = subject.arguments.name_of(key)
        if grad.dtype in SHORT and not short:
            findings.add("float32-result", f"the gradient of {name} is {grad.dtype}, the output {sample.output.dtype}")
        if grad.shape != sample.arrays[key].shape:
            misshapen[key] = grad
    return misshapen


def find_not_finite(subject: Subject, sample: Sample, wrong: Iterable[Key], findings: Findings) -> None:
    """NaN and infinity in gradients that are wrong; an infinite derivative is right where the function has one."""
    if not np.isfinite(sample.output).all():
        return
    for key in wrong:
        grad = sample.grads[key]
        if not np.isfinite(grad).all():
            where = [int(i) for i in np.argwhere(~np.isfinite(grad))[0]]
            said = f"the gradient of {subject.arguments.name_of(key)} is {grad[tuple(where)]} at {where}"
            findings.add("not-finite", said)


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
        if grads[key].shape == sample.grads[key].shape and not nearly_equal(grads[key], sample.grads[key], rtol=1e-6):
            name = subject.arguments.name_of(key)
            findings.add(
                "integer-truncation", f"with {name} of {given.dtype} its gradient has other numbers than in float64"
            )
