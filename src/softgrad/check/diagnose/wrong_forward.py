"""A gradient that is right for another function than forward computes: the mistake is in the forward pass."""

from __future__ import annotations

from collections.abc import Sequence

from softgrad.check.catalogue import ENTRIES
from softgrad.check.recognise.nearly import NearForward
from softgrad.check.recognise.recogniser import Recogniser
from softgrad.check.report.findings import Findings
from softgrad.check.report.mistake import Mistake
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.options import FEWEST_DRAWS


def name_wrong_forward(
    near: Sequence[NearForward], recogniser: Recogniser, samples: Sequence[Sample], findings: Findings
) -> bool:
    """Adds the mistake of a forward pass that is nearly known, if the gradients are right for the known one.

    Otherwise what forward computes is only a fact. Returns whether the mistake was added.
    """
    enough = len(samples) >= FEWEST_DRAWS
    meant = next((one for one in near if enough and recogniser.is_right_for(one, list(samples))), None)
    if near:
        findings.note_first((meant or near[0]).remark)
    if meant is None:
        return False
    entry, title = ENTRIES[meant.line.name], meant.functions[0].title
    evidence = f"the gradient is right for {title}, on {len(samples)} of {len(samples)} draws"
    findings.include(Mistake(entry.name, entry.title, entry.explanation, "", meant.fix, evidence))
    return True
