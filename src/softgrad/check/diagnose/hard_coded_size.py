"""A length that is hard-coded: gradients are right at the inputs given, and off by a ratio of lengths at others."""

from __future__ import annotations

import numpy as np

from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample, Sampler
from softgrad.formulas.numbers import constant_ratio

WITHIN = 1e-6


def find_hard_coded_size(backward: KnownBackward, given: Sample, sampler: Sampler, findings: Findings) -> Sample | None:
    """Adds the finding; returns a sample that shows it.

    Args:
        backward: the right backward pass, on draws of several lengths.
        given: the inputs given, where the gradients are right.
        sampler: calls the user's functions.
        findings: to be added to.
    """
    wrong, keys = backward.wrong(), list(given.arrays)
    shapes = [array.shape for array in given.arrays.values()]
    evidence, shows = "", None
    for n, draw in enumerate(backward.draws):
        others = [np.shape(array) for array in draw.arrays[: len(shapes)]]
        changed = {
            (own, new)
            for shape, other in zip(shapes, others, strict=True)
            for own, new in zip(shape, other, strict=True)
            if own != new
        }
        off = backward.wrong_on(n)
        if not changed and not off:
            continue
        if len(changed) != 1:
            return None
        own, new = changed.pop()
        if not off:
            continue  # another axis
        ratios = [constant_ratio(draw.grads[i], np.asarray(backward.right(n)[i])) for i in wrong]
        if any(one is None for one in ratios):
            return None
        ratio = ratios[0] or 0.0
        texts = {f"{new} / {own}": new / own, f"{own} / {new}": own / new}
        text = next((text for text, value in texts.items() if abs(ratio / value - 1) < WITHIN), "")
        if not text or any(abs((one or 0.0) / ratio - 1) > WITHIN for one in ratios):
            return None
        name = sampler.functions.name_of(keys[wrong[0]])
        evidence = (
            f"the gradient of {name} is right where an axis has length {own}, as given; for length {new} it is {text} "
            f"times the right one"
        )
        shows = sampler.usable(dict(zip(keys, draw.arrays, strict=False)))
    if shows is not None:
        findings.add("size-hard-coded", evidence)
    return shows
