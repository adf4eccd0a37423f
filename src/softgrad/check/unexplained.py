"""Experiments with a gradient that no wrong line explains: what changes as it should not, or does not as it should."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from softgrad.check.arguments import Key
from softgrad.check.behaviour import Findings
from softgrad.check.experiments import clipped, constant_ratio, facts_of
from softgrad.check.judge import Judgement
from softgrad.check.recipes import fits
from softgrad.check.samples import Sample
from softgrad.check.subject import Subject
from softgrad.errors import CheckError

PLAIN = {-1.0: "sign", 2.0: "factor-2", 0.5: "factor-half"}  # ratios that need no formula to be named
Judge = Callable[[Sample, Key], Judgement]


def explore(
    subject: Subject,
    samples: list[Sample],
    wrong: Mapping[Key, Judgement],
    count: int,
    context: Mapping[str, Any],
    judge: Judge,
    findings: Findings,
) -> None:
    """Findings and facts about gradients that are wrong at the inputs given.

    Args:
        subject: the functions.
        samples: the inputs given, and others.
        wrong: the judgement of each wrong gradient at the inputs given.
        count: how many gradients there are.
        context: what the user knows; its numbers may be what a ratio equals.
        judge: judges one gradient at one sample.
        findings: to be added to.
    """
    ratios = {}
    for key, one in wrong.items():
        if one.wanted is None:
            continue
        name, got = subject.arguments.name_of(key), samples[0].grads[key]
        ratios[key] = constant_ratio(got, one.wanted)
        for fact in facts_of(name, got, one.wanted, _quantities(one.wanted.shape, context)):
            findings.note(fact)
        _clipped(subject, samples, key, judge, findings)
    if subject.takes_upstream and None in ratios.values():
        _with_other_upstreams(subject, samples[0], judge, findings)
    shared = {round(ratio, 4) for ratio in ratios.values() if ratio is not None}
    if len(ratios) == count and len(shared) == 1 and None not in ratios.values():
        ratio = shared.pop()
        if ratio in PLAIN and _everywhere(samples, wrong, ratio, judge):
            findings.add(PLAIN[ratio], f"the gradient is {ratio:g} times the right one everywhere")


def _quantities(shape: tuple[int, ...], context: Mapping[str, Any]) -> dict[str, float]:
    """Numbers that a ratio may equal, by what they are."""
    named = {f"the length of axis {axis}": float(n) for axis, n in enumerate(shape)}
    named |= {f"the root of the length of axis {axis}": float(n) ** 0.5 for axis, n in enumerate(shape)}
    named["the number of entries"] = float(np.prod(shape))
    named |= {str(key): float(value) for key, value in context.items() if isinstance(value, int | float)}
    return named | {f"1 / {name}": 1 / value for name, value in named.items() if value}


def _everywhere(samples: list[Sample], wrong: Mapping[Key, Judgement], ratio: float, judge: Judge) -> bool:
    """Whether the ratio is the same at other inputs."""
    for sample in samples[1:3]:
        for key in wrong:
            wanted = judge(sample, key).wanted
            found = None if wanted is None else constant_ratio(sample.grads[key], wanted)
            if found is None or abs(found - ratio) > 1e-4:
                return False
    return True


def _with_other_upstreams(subject: Subject, given: Sample, judge: Judge, findings: Findings) -> None:
    """What the gradients make of twice the upstream gradient, and of one that is all ones."""
    ones = np.ones_like(given.upstream)
    try:
        doubled = subject.gradients(given.arrays, 2 * given.upstream).grads
        at_ones = given._replace(upstream=ones, grads=subject.gradients(given.arrays, ones).grads)
    except CheckError:
        return
    there = [key for key, grad in given.grads.items() if np.any(grad)]
    if there and all(np.array_equal(doubled[key], given.grads[key]) for key in there):
        findings.add("upstream-ignored", "the gradient stays the same when the upstream gradient is doubled")
    elif any(
        np.isfinite(given.grads[key]).all() and not fits(doubled[key], 2 * given.grads[key], rtol=1e-7) for key in there
    ):
        findings.add("upstream-not-linear", "twice the upstream gradient does not give twice the gradient")
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
