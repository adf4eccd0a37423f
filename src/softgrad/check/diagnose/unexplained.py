"""What is known of a wrong gradient that no wrong line explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from softgrad.check.conduct.linearity import find_nonlinear
from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.diagnose.patterns import clipped, facts_of, may_be_clipped
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions
from softgrad.errors import CheckError
from softgrad.formulas.numbers import constant_ratio


def explain_by_patterns(
    functions: UserFunctions,
    samples: Sequence[Sample],
    wrong: Mapping[Key, Judgement],
    count: int,
    numbers: Mapping[str, float],
    judge: GradientJudge,
    findings: Findings,
) -> None:
    """Adds findings and facts about the gradients that are wrong at the inputs given.

    Args:
        functions: the user's functions.
        samples: the inputs given, and others.
        wrong: the judgement of each wrong gradient at the inputs given.
        count: how many gradients there are.
        numbers: of the context; a ratio may equal one of them.
        judge: judges gradients by numerical derivatives.
        findings: to be added to.
    """
    given, others = samples[0], samples[1:]
    ratios = {}
    labels = {leaf.name: leaf.given for leaf in functions.leaves if leaf.given.dtype.kind in "iu" and leaf.given.ndim}
    for key, one in wrong.items():
        if one.wanted is None:
            continue
        ratios[key] = constant_ratio(given.grads[key], one.wanted)
        quantities, is_constant = _quantities(functions, given, key, numbers), False
        if ratios[key] is not None:
            quantities, is_constant = _still_equal(functions, samples, key, numbers, judge, quantities, ratios[key])
        name = f"the gradient of {functions.name_of(key)}"
        for fact in facts_of(name, given.grads[key], one.wanted, quantities, labels, is_constant=is_constant):
            findings.note(fact)
        if may_be_clipped(given.grads[key], one.wanted):
            _find_clipping(functions, samples, key, judge, findings)
    if functions.takes_upstream and None in ratios.values():
        _try_other_upstreams(functions, given, judge, findings)
    if wrong and all(not given.grads[key].any() for key in wrong) and len(wrong) == count:
        findings.add("zero-gradient", "every gradient is 0")
    shared = {None if ratio is None else round(ratio, 4) for ratio in ratios.values()}
    if (
        len(ratios) == count
        and shared == {-1.0}
        and len(others) > 1
        and all(_has_ratio(-1.0, sample, key, judge) for sample in others[:2] for key in wrong)
    ):
        findings.add("sign", "the gradient is -1 times the right one everywhere")


def _quantities(functions: UserFunctions, sample: Sample, key: Key, numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers that a ratio may equal, by what they are."""
    own = sample.arrays[key].shape
    named = {f"the length of axis {axis}": float(n) for axis, n in enumerate(own)}
    for other, array in sample.arrays.items():
        of = functions.name_of(other)
        named |= {f"the length of axis {axis} of {of}": float(n) for axis, n in enumerate(array.shape) if n not in own}
    named |= {f"the root of {name}": n**0.5 for name, n in named.items()}
    named["the number of entries"] = float(np.prod(own))
    named |= numbers
    return named | {f"1 / {name}": 1 / value for name, value in named.items() if value}


def _ratio_at(sample: Sample, key: Key, judge: GradientJudge) -> float | None:
    """The gradient divided by the right one, if that is one number everywhere."""
    wanted = judge(sample, key).wanted
    return None if wanted is None else constant_ratio(sample.grads[key], wanted)


def _has_ratio(wanted: float, sample: Sample, key: Key, judge: GradientJudge) -> bool:
    ratio = _ratio_at(sample, key, judge)
    return ratio is not None and abs(ratio - wanted) <= 1e-4


def _still_equal(
    functions: UserFunctions,
    samples: Sequence[Sample],
    key: Key,
    numbers: Mapping[str, float],
    judge: GradientJudge,
    quantities: Mapping[str, float],
    given: float | None,
) -> tuple[dict[str, float], bool]:
    """The quantities that the ratio equals at other samples too, and whether it is the same number there."""
    equal, ratios = dict(quantities), [given]
    for sample in samples[-2:]:
        ratio = _ratio_at(sample, key, judge)
        ratios.append(ratio)
        if ratio is not None:  # where the gradient has no ratio, all quantities are left
            there = _quantities(functions, sample, key, numbers)
            equal = {name: n for name, n in equal.items() if abs(there.get(name, n) - ratio) < 1e-4 * abs(ratio)}
    same = all(one is not None and given is not None and abs(one - given) < 1e-4 * abs(given) for one in ratios)
    return equal, same and len(samples) > 1


def _try_other_upstreams(functions: UserFunctions, given: Sample, judge: GradientJudge, findings: Findings) -> None:
    """Adds what the gradients do with other upstream gradients, one of them all ones."""
    find_nonlinear(functions, given, findings, rtol=1e-7)
    ones = np.where(np.isfinite(given.output), np.ones_like(given.upstream), 0.0)
    try:
        at_ones = given._replace(upstream=ones, grads=functions.gradients(given.arrays, ones).grads)
    except CheckError:
        return
    judged = [judge(at_ones, key) for key in at_ones.grads]
    if given.upstream.size > 1 and all(one.ok and not one.unresolved for one in judged):
        findings.note("the gradient is right where grad_output is all ones, and wrong at another grad_output")


def _find_clipping(
    functions: UserFunctions, samples: Sequence[Sample], key: Key, judge: GradientJudge, findings: Findings
) -> None:
    """Adds a finding if the right gradient is 0 outside of an interval of the input, and the user's is not."""
    seen = []
    for sample in samples[:4]:
        wanted = judge(sample, key).wanted
        if wanted is None:
            return
        seen.append((np.asarray(sample.arrays[key]), sample.grads[key], wanted))
    bounds = clipped(seen)
    if bounds is not None:
        name = functions.name_of(key)
        findings.add(
            "clipping-one-sided", f"the right gradient is 0 where {name} is {bounds}, and equal to this one elsewhere"
        )
