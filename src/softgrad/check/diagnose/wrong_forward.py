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
    near: NearForward, recogniser: Recogniser, samples: Sequence[Sample], findings: Findings
) -> bool:
    """Adds the mistake of a forward pass that is nearly known, if the gradients are right for the known one.

    Otherwise what forward computes is only a fact. Returns whether the mistake was added.
    """
    findings.note_first(near.remark)
    if len(samples) < FEWEST_DRAWS or not recogniser.is_right_for(near, list(samples)):
        return False
    entry, title = ENTRIES[near.line.name], near.functions[0].title
    draws = f"on {len(samples)} of {len(samples)} draws"
    findings.include(
        Mistake(entry.name, entry.title, entry.explanation, "", near.fix, f"the gradient is right for {title}, {draws}")
    )
    return True
