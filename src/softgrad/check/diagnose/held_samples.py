"""Numbers of rows that cannot be tried, since forward holds data of as many rows: the labels, say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from softgrad.check.diagnose.shared_axis import FEW_POINTS, SharedAxis, axes_of
from softgrad.check.diagnose.written_length import line_with_number
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample, Sampler


def note_held_samples(samples: Sequence[Sample], sampler: Sampler, findings: Findings) -> None:
    """Notes a number in the backward pass that may be that of the rows, if forward holds data of as many.

    With `loss(z)` that reads the labels `y` from outside of it, a longer `z` has no labels. So `/ 5` in the gradient is
    right for these data, and would be wrong for others.

    Args:
        samples: inputs of the same shapes.
        sampler: calls the user's functions.
        findings: to be added to.
    """
    functions, given = sampler.functions, samples[0].arrays
    for held in functions.captured:
        own = held.shape[0] if held.ndim else 0
        keys = tuple(key for key, array in given.items() if array.ndim and array.shape[0] == own)
        line = line_with_number(functions.backward, own) if keys and own > FEW_POINTS and len(samples) > 1 else None
        if line is None or line_with_number(functions.forward, own) is not None:  # both are written for this number
            continue
        tried = [SharedAxis(axes, samples, sampler, np.random.default_rng(0)) for axes in axes_of(samples[0], keys, 0)]
        if all(one.follows(one.arrays(np.arange(2 * own)), 2 * own) is None for one in tried):
            findings.note(
                f"{functions.backward_name} has {own} written out ({Path(line.file).name}, line {line.number}), which "
                f"may be the number of rows of {functions.name_of(keys[0])}; no other number was tried, since "
                f"{functions.forward_name} uses an array of shape {held.shape} from outside of it"
            )
            return
