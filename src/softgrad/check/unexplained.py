"""Experiments with a gradient that no wrong line explains: what changes as it should not, or does not as it should."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from softgrad.check.arguments import Key
from softgrad.check.behaviour import Findings, find_nonlinear
from softgrad.check.experiments import clipped, facts_of
from softgrad.check.judge import Judgement
from softgrad.check.samples import Sample
from softgrad.check.subject import Subject
from softgrad.errors import CheckError
from softgrad.formulas.numbers import constant_ratio

PLAIN = {-1.0: "sign"}  # ratios that need no formula to be named
Judge = Callable[[Sample, Key], Judgement]


def explore(
    subject: Subject,
    samples: list[Sample],
    wrong: Mapping[Key, Judgement],
    count: int,
    numbers: Mapping[str, float],
    judge: Judge,
    findings: Findings,
) -> None:
    """Findings and facts about gradients that are wrong at the inputs given.

    Args:
        subject: the functions.
        samples: the inputs given, and others.
        wrong: the judgement of each wrong gradient at the inputs given.
        count: how many gradients there are.
        numbers: of the context; one of them may be what a ratio equals.
        judge: judges one gradient at one sample.
        findings: to be added to.
    """
    ratios = {}
    labels = {slot.name: slot.given for slot in subject.slots if slot.given.dtype.kind in "iu" and slot.given.ndim}
    for key, one in wrong.items():
        if one.wanted is None:
            continue
        name, got = subject.arguments.name_of(key), samples[0].grads[key]
        ratios[key] = constant_ratio(got, one.wanted)
        quantities = _quantities(subject, samples[0], key, numbers)
        if ratios[key] is not None:
            quantities = _elsewhere_too(subject, samples[-2:], key, numbers, judge, quantities)
        for fact in facts_of(name, got, one.wanted, quantities, labels):
            findings.note(fact)
        _clipped(subject, samples, key, judge, findings)
    if subject.takes_upstream and None in ratios.values():
        _with_other_upstreams(subject, samples[0], judge, findings)
    if wrong and all(not samples[0].grads[key].any() for key in wrong) and len(wrong) == count:
        findings.add("zero-gradient", "every gradient is 0")
    shared = {round(ratio, 4) for ratio in ratios.values() if ratio is not None}
    if len(ratios) == count and len(shared) == 1 and None not in ratios.values():
        ratio = shared.pop()
        if ratio in PLAIN and len(samples) > 2 and _everywhere(samples, wrong, ratio, judge):
            findings.add(PLAIN[ratio], f"the gradient is {ratio:g} times the right one everywhere")


def _quantities(subject: Subject, sample: Sample, key: Key, numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers that a ratio may equal, by what they are."""
    own = sample.arrays[key].shape
    named = {f"the length of axis {axis}": float(n) for axis, n in enumerate(own)}
    for other, array in sample.arrays.items():
        of = subject.arguments.name_of(other)
        named |= {f"the length of axis {axis} of {of}": float(n) for axis, n in enumerate(array.shape) if n not in own}
    named |= {f"the root of {name}": n**0.5 for name, n in named.items()}
    named["the number of entries"] = float(np.prod(own))
    named |= numbers
    return named | {f"1 / {name}": 1 / value for name, value in named.items() if value}


def _elsewhere_too(
    subject: Subject,
    others: list[Sample],
    key: Key,
    numbers: Mapping[str, float],
    judge: Judge,
    quantities: Mapping[str, float],
) -> dict[str, float]:
    """Those of the quantities that the ratio equals at other lengths too; all of them where there are none."""
    kept = dict(quantities)
    for sample in others:
        shaped = sample.grads[key].shape == sample.arrays[key].shape
        wanted = judge(sample, key).wanted if shaped else None
        ratio = None if wanted is None else constant_ratio(sample.grads[key], wanted)
        if ratio is not None:
            there = _quantities(subject, sample, key, numbers)
            kept = {name: n for name, n in kept.items() if abs(there.get(name, n) - ratio) < 1e-4 * abs(ratio)}
    return kept


def _everywhere(samples: list[Sample], wrong: Mapping[Key, Judgement], ratio: float, judge: Judge) -> bool:
    """Whether the ratio is the same at other inputs."""
    for sample in samples[1:3]:
        for key in wrong:
            shaped = sample.grads[key].shape == sample.arrays[key].shape
            wanted = judge(sample, key).wanted if shaped else None
            found = None if wanted is None else constant_ratio(sample.grads[key], wanted)
            if found is None or abs(found - ratio) > 1e-4:
                return False
    return True


def _with_other_upstreams(subject: Subject, given: Sample, judge: Judge, findings: Findings) -> None:
    """What the gradients make of other upstream gradients, and of one that is all ones."""
    find_nonlinear(subject, given, findings, rtol=1e-7)
    ones = np.ones_like(given.upstream)
    try:
        at_ones = given._replace(upstream=ones, grads=subject.gradients(given.arrays, ones).grads)
    except CheckError:
        return
    shaped = all(at_ones.grads[key].shape == array.shape for key, array in given.arrays.items() if key in at_ones.grads)
    if given.upstream.size > 1 and shaped and all(judge(at_ones, key).ok for key in at_ones.grads):
        findings.note("right where grad_output is all ones, and only there")


def _clipped(subject: Subject, samples: list[Sample], key: Key, judge: Judge, findings: Findings) -> None:
    """Whether the right gradient is the user's, but 0 outside of an interval."""
    seen = []
    for sample in samples[:4]:
        wanted = judge(sample, key).wanted
        if wanted is None:
            return
        seen.append((np.asarray(sample.arrays[key]), sample.grads[key], wanted))
    bounds = clipped(seen)
    if bounds is not None:
        name = subject.arguments.name_of(key)
        findings.add("clipping-one-sided", f"the right gradient is 0 where {name} is {bounds}, and this one elsewhere")
