"""Whether there is anything to check at the inputs given."""

from __future__ import annotations

import numpy as np

from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.functions import UserFunctions


def can_be_checked(functions: UserFunctions, given: Sample, findings: Findings) -> bool:
    """Whether a gradient was returned for real numbers, no input or output is NaN, and some output is finite."""
    if not given.grads:
        findings.note("cannot be checked: no gradient was returned for an array of real numbers")
        return False
    with_nan = [key for key, array in given.arrays.items() if array.dtype.kind == "f" and np.isnan(array).any()]
    if with_nan:
        names = ", ".join(map(functions.name_of, with_nan))
        findings.note(f"cannot be checked: {names} holds NaN; give inputs without NaN")
    elif np.isnan(given.output).any():
        part = "" if np.isnan(given.output).all() else " in a part of its output"
        findings.note(f"cannot be checked: {functions.forward_name} is NaN{part} at the inputs given; give others")
    elif given.output.size and not np.isfinite(given.output).any():
        findings.note(f"cannot be checked: {functions.forward_name} is infinite at the inputs given; give others")
    else:
        return True
    return False
