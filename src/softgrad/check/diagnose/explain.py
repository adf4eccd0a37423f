"""Explains wrong gradients: by a wrong line, if the function is known; otherwise by what the numbers show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.diagnose.hard_coded_size import find_hard_coded_size, name_hard_coded_size
from softgrad.check.diagnose.ignored_numbers import find_ignored_numbers
from softgrad.check.diagnose.line_search import mistakes_in_lines
from softgrad.check.diagnose.other_inputs import facts_at_other_inputs
from softgrad.check.diagnose.other_lengths import WrongLength
from softgrad.check.diagnose.several_lines import TWO_EDITS
from softgrad.check.diagnose.shapes import find_wrong_shapes
from softgrad.check.diagnose.steps import find_steps
from softgrad.check.diagnose.story import tell_one_story
from softgrad.check.diagnose.traced import explain_by_trace
from softgrad.check.diagnose.unexplained import explain_by_patterns
from softgrad.check.diagnose.wording import equal_counts
from softgrad.check.diagnose.written_length import line_of_length
from softgrad.check.diagnose.wrong_gradients import WrongGradient, first_from_the_end
from softgrad.check.diagnose.wrong_line import find_wrong_line
from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.check.report.findings import Findings
from softgrad.check.report.mistake import Mistake
from softgrad.check.sampling.sampler import Sample, Sampler, length_of
from softgrad.check.user.arguments import Key
from softgrad.check.user.options import FEWEST_DRAWS
from softgrad.formulas.numbers import Array


class Evidence(NamedTuple):
    """What is known of the gradients when they are to be explained."""

    samples: Sequence[Sample]  # the inputs given, then others
    start: Sample  # the inputs given; only their first rows, if they have many
    judged: Mapping[Key, Judgement]  # at the inputs given
    wrong: Mapping[Key, WrongGradient]
    misshapen: Mapping[Key, Array]  # gradients of the wrong shape
    backward: KnownBackward | None  # the right backward pass, where forward is a known function
    length: WrongLength | None = None  # another length, for which alone gradients are wrong


def explain(
    evidence: Evidence, sampler: Sampler, numbers: Mapping[str, float], judge: GradientJudge, findings: Findings
) -> None:
    """Adds the mistakes and facts that explain the wrong gradients.

    Args:
        evidence: what is known of them.
        sampler: calls the user's functions at other inputs.
        numbers: of the context; a constant ratio may equal one of them.
        judge: judges gradients by numerical derivatives.
        findings: to be added to.
    """
    functions, given, backward = sampler.functions, evidence.samples[0], evidence.backward
    stepped: list[Key] = []
    if backward is None and not evidence.misshapen and evidence.length is None:
        stepped = find_steps(functions, evidence.samples, evidence.judged, evidence.wrong, findings)
        if stepped:
            evidence = _without(evidence, stepped)
            if not evidence.wrong:
                return
    for key in evidence.wrong:
        if given.grads[key].dtype.kind in "iu":
            findings.add("integer-truncation", f"the gradient of {functions.name_of(key)} is an array of integers")
    is_right = bool(evidence.wrong) and all(one.ok for one in evidence.judged.values())  # at the inputs given
    named = backward is not None and _name_wrong_lines(backward, findings, one_alone=is_right)
    samples, shows = evidence.samples, None
    if evidence.length is not None:
        shows = name_hard_coded_size(evidence.length, functions, judge, findings)
    elif backward is not None and not named and is_right:
        shows = find_hard_coded_size(backward, given, sampler, findings)
    if shows is not None:
        named, samples = True, [given, shows]
    elif backward is not None and not named and is_right:
        named = _name_wrong_lines(backward, findings)
    find_wrong_shapes(functions, given, evidence.misshapen, judge, findings)
    traced: list[Mistake] = []
    if not named:
        before = len(findings.mistakes)
        explain_by_trace(evidence.samples, evidence.judged, evidence.wrong, sampler, numbers, judge, findings)
        traced = findings.mistakes[before:]
        if not traced:
            find_ignored_numbers(functions, evidence.samples, list(evidence.wrong), findings)
        _explain_by_numbers(evidence, sampler, numbers, judge, findings)  # the calls may run out before it ends
        measured = {one.name for one in findings.mistakes} - {one.name for one in traced} - {"upstream-not-linear"}
        if len(measured) > before:  # that says more
            findings.mistakes[:] = [one for one in findings.mistakes if one not in traced]
    # At another length, gradients that no known function has are wrong too.
    wrong = [*evidence.wrong, *evidence.misshapen] if shows is None else list(given.grads)
    has_shapes = shows is None or all(grad.shape == shows.arrays[key].shape for key, grad in shows.grads.items())
    if not stepped and has_shapes:  # the trace of forward does not lead to a surrogate
        find_wrong_line(functions, samples, evidence.judged, wrong, judge, findings)
        if shows is not None and findings.backward_line is not None:  # what it lacks there belongs to that length
            findings.backward_line = line_of_length(findings.backward_line, given, shows)
    tell_one_story(findings, [one.name for one in traced])
    if evidence.wrong and len(evidence.judged) > 1 and shows is None:
        first = functions.name_of(first_from_the_end(functions, evidence.wrong, given, backward))
        right = ", ".join(functions.name_of(key) for key in evidence.judged if key not in evidence.wrong)
        others = f"right: {right}" if right else "none is right"
        findings.note(f"going backwards, the first wrong gradient is that of {first}; {others}")


def _without(evidence: Evidence, keys: Sequence[Key]) -> Evidence:
    """The evidence on the other gradients."""
    return evidence._replace(
        samples=[one.with_grads({k: v for k, v in one.grads.items() if k not in keys}) for one in evidence.samples],
        start=evidence.start.with_grads({k: v for k, v in evidence.start.grads.items() if k not in keys}),
        judged={k: v for k, v in evidence.judged.items() if k not in keys},
        wrong={k: v for k, v in evidence.wrong.items() if k not in keys},
    )


def _name_wrong_lines(backward: KnownBackward, findings: Findings, *, one_alone: bool = False) -> bool:
    """Adds the wrong lines that give the user's gradients; whether there are any.

    Args:
        backward: the right backward pass.
        findings: to be added to.
        one_alone: whether two or more wrong lines at once are left out, and two changes of one line. At inputs where
            the gradients are right, they have to cancel each other, which is not likely.
    """
    findings.note(f"forward computes {backward.function.described}")
    count = len(backward.draws)
    if count < FEWEST_DRAWS:
        findings.note(
            f"no mistake is named: that takes {FEWEST_DRAWS} inputs, and the functions take {count} of those tried"
        )
        return False
    mistakes = mistakes_in_lines(backward) if backward.wrong() else ()
    if one_alone and (len(mistakes) > 1 or any(mistake.name == TWO_EDITS.name for mistake in mistakes)):
        return False
    findings.include(*mistakes)
    layout = backward.function.layout
    if layout.ndim == 2 and layout.class_axis == 0 and any(mistake.name == "wrong-axis" for mistake in mistakes):
        findings.note("forward has the classes on axis 0; if they are on axis 1, the mistake is in the forward pass")
    equal = equal_counts(backward, mistakes)
    if equal is not None:
        findings.note(equal)
    return bool(mistakes)


def _explain_by_numbers(
    evidence: Evidence, sampler: Sampler, numbers: Mapping[str, float], judge: GradientJudge, findings: Findings
) -> None:
    """Adds what is known of gradients that no wrong line explains."""
    functions, given, backward = sampler.functions, evidence.samples[0], evidence.backward
    rights: dict[Key, Array] = {}
    samples = list(evidence.samples)
    if backward is not None:
        samples = [given]  # a known function has no mistake that its ratio alone names
        if len(backward.draws) >= FEWEST_DRAWS and backward.draws[0].upstream is given.upstream:
            keys = list(given.arrays)
            rights = {keys[i]: right for i, right in backward.right(0).items()} if backward.wrong() else {}
    else:
        samples += sampler.other_lengths(given)
    at_given = {key: evidence.judged[key] for key in evidence.wrong if not evidence.judged[key].ok}
    for key, one in at_given.items():
        if one.wanted is None and key in rights:  # judged by projections: the known gradient is compared with
            at_given[key] = one._replace(wanted=rights[key])
    explain_by_patterns(functions, samples, at_given, len(evidence.judged), numbers, judge, findings)
    if at_given:
        for fact in facts_at_other_inputs(sampler, evidence.start, at_given, judge, rows=length_of(given, 0)):
            findings.note(fact)
