"""Symmetric inputs: a gradient that is wrong for changes of one entry, and right for those that keep it symmetric.

np.linalg.cholesky and np.linalg.eigh read one triangle only, so that their derivative in the entries is triangular. The
gradient that textbooks give is symmetric. Both have the same symmetric part, and that is all that a symmetric change
of the input shows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.redraw import is_symmetric
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions


def find_right_for_symmetric(
    functions: UserFunctions, given: Sample, wrong: Iterable[Key], judge: GradientJudge, findings: Findings
) -> None:
    """Notes which of the wrong gradients are right for symmetric changes of a symmetric array."""
    for key in wrong:
        array, grad = given.arrays[key], given.grads[key]
        if not is_symmetric(array) or grad.shape != array.shape or not np.isfinite(grad).all():
            continue
        if np.any(grad + np.swapaxes(grad, -1, -2)) and judge.is_right_for_symmetric(given, key):
            name = functions.name_of(key)
            findings.note(
                f"{name} is symmetric, and its gradient is right for every change that keeps it so, and wrong for "
                f"changes of one entry alone; to check the first, let {functions.forward_name} begin with "
                f"{name} = ({name} + {name}.T) / 2"
            )
