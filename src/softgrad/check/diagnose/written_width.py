"""A width of the layer that is written out in the backward pass: the gradients are right, and a fact says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.diagnose.hard_coded_size import told_length
from softgrad.check.diagnose.other_lengths import WrongLength
from softgrad.check.diagnose.written_length import line_of_length, line_with_number
from softgrad.check.diagnose.wrong_line import find_wrong_line
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions


def note_width(
    width: WrongLength,
    given: Sample,
    judged: Mapping[Key, Judgement],
    functions: UserFunctions,
    judge: GradientJudge,
    findings: Findings,
) -> None:
    """Notes the length that a backward pass is written for, with the line.

    Args:
        width: a length of an axis, and another one at which gradients are wrong.
        given: the inputs given.
        judged: the judgement of each gradient there.
        functions: the user's functions.
        judge: judges gradients at other inputs.
        findings: to be added to.
    """
    told, found = told_length(width, functions, judge), None
    if all(grad.shape == width.shows.arrays[key].shape for key, grad in width.shows.grads.items()):
        searched = Findings()
        find_wrong_line(functions, [given, width.shows], judged, list(given.grads), judge, searched)
        if searched.backward_line is not None:
            found = line_of_length(searched.backward_line, given, width.shows)
    else:
        found = line_with_number(functions.backward, width.own)
        if found is None:
            return  # nothing is written out: the entries may be a permutation, of which no part is one
    line = f" ({Path(found.file).name}, line {found.number}, in {found.function})" if found is not None else ""
    findings.note(
        f"the gradient of {told.name} is right for a layer where {told.right}, and {functions.backward_name} is "
        f"written for that length{line}: {told.wrong}"
    )
