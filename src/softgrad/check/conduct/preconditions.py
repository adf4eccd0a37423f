"""Whether there is anything to check at the inputs given."""

from __future__ import annotations

import numpy as np

from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.functions import UserFunctions


def can_be_checked(functions: UserFunctions, given: Sample, findings: Findings) -> bool:
    """Whether a gradient was returned for real numbers, no input is NaN, and some output is finite."""
    if not given.grads:
        findings.note("cannot be checked: no gradient was returned for an array of real numbers")
        return False
    with_nan = [key for key, array in given.arrays.items() if array.dtype.kind == "f" and np.isnan(array).any()]
    if with_nan:
        names = ", ".join(map(functions.name_of, with_nan))
        findings.note(f"cannot be checked: {names} holds NaN; give inputs without NaN")
    elif given.output.size and not np.isfinite(given.output).any():
        kind = "NaN" if np.isnan(given.output).any() else "infinite"
        findings.note(f"cannot be checked: {functions.forward_name} is {kind} at the inputs given; give others")
    else:
        infinite = int((~np.isfinite(given.output)).sum())
        if infinite:
            findings.note(
                f"{functions.forward_name} is not finite in {infinite} of its {given.output.size} outputs: they were "
                f"left out, with a grad_output of 0"
            )
        return True
    return False


def has_entries(functions: UserFunctions, given: Sample, findings: Findings) -> bool:
    """Whether any gradient has an entry to judge. Notes those that have none: only their shape and type are checked."""
    empty = [f"{functions.name_of(key)} {grad.shape}" for key, grad in given.grads.items() if not grad.size]
    if len(empty) == len(given.grads):
        findings.note(f"cannot be checked: there are no entries in {', '.join(empty)}; give arrays with some")
        return False
    if empty:
        findings.note(f"only the shape and the type were checked, as there are no entries: {', '.join(empty)}")
    return True
