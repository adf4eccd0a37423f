"""Whether the gradient is linear in the upstream gradient."""

from __future__ import annotations

import numpy as np

from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.functions import UserFunctions
from softgrad.errors import CheckError
from softgrad.formulas.numbers import nearly_equal

FACTOR = -1024.0  # of the upstream gradient: negative and large; a power of 2, so that no digits change
LARGE = 2.0**1000  # gradients above this are made smaller instead


def find_nonlinear(functions: UserFunctions, sample: Sample, findings: Findings, *, rtol: float) -> None:
    """Adds a finding if the gradients are not linear in the upstream gradient."""
    finite = [grad for grad in sample.grads.values() if np.isfinite(grad).all()]
    factor = FACTOR if max((np.abs(grad).max(initial=0.0) for grad in finite), default=0.0) < LARGE else 1 / FACTOR
    try:
        grads = functions.gradients(sample.arrays, factor * sample.upstream).grads
    except CheckError as error:
        findings.note(f"with {factor:g} times the upstream gradient: {error}")
        return
    scale = abs(factor) * float(np.abs(sample.upstream).max(initial=0.0))
    nonzero = {key: grad for key, grad in sample.grads.items() if np.isfinite(grad).all() and np.any(grad)}
    if nonzero and all(np.array_equal(grads[key], grad) for key, grad in nonzero.items()):
        findings.add("upstream-ignored", "the gradient stays the same whatever the upstream gradient is")
        return
    for key, grad in nonzero.items():
        if not nearly_equal(grads[key], factor * grad, rtol=rtol, scale=scale):
            said = f"{factor:g} times the upstream gradient does not give {factor:g} times the gradient of"
            findings.add("upstream-not-linear", f"{said} {functions.name_of(key)}")
            return
