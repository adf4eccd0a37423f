"""Types, shapes and non-finite numbers of the gradients that backward returned."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array, nearly_equal

SHORT = (np.float32, np.float16)


def find_short_types(functions: UserFunctions, sample: Sample, findings: Findings) -> bool:
    """Adds a finding for each gradient of a shorter type than the output. Returns whether there is one.

    Where the inputs given are of that type, it is none of the user's mistakes: the check alone computes in float64.
    """
    real = [leaf.given.dtype for leaf in functions.leaves if leaf.key in sample.grads]
    is_usual = bool(real) and all(dtype in SHORT for dtype in real)
    found = [(functions.name_of(key), grad.dtype) for key, grad in sample.grads.items() if grad.dtype in SHORT]
    for name, dtype in found:
        if is_usual:
            findings.note(f"the gradient of {name} stays {dtype}, as the inputs given are, where these are float64")
        else:
            findings.add("float32-result", f"the gradient of {name} is {dtype}, the output {sample.output.dtype}")
    return bool(found)


def misshapen(sample: Sample) -> dict[Key, Array]:
    """The gradients that do not have the shape of their array."""
    return {key: grad for key, grad in sample.grads.items() if grad.shape != sample.arrays[key].shape}


def find_not_finite(functions: UserFunctions, sample: Sample, wrong: Iterable[Key], findings: Findings) -> None:
    """Adds a finding for each wrong gradient that is NaN or infinite. An infinite derivative may be right."""
    if not np.isfinite(sample.output).all():
        return
    for key in wrong:
        grad = sample.grads[key]
        if not np.isfinite(grad).all():
            where = [int(i) for i in np.argwhere(~np.isfinite(grad))[0]]
            findings.add("not-finite", f"the gradient of {functions.name_of(key)} is {grad[tuple(where)]} at {where}")


def find_truncation(functions: UserFunctions, sample: Sample, findings: Findings) -> None:
    """Adds a finding for each gradient that differs between integer inputs and the same numbers in float64."""
    integers = {
        leaf.key: leaf.given for leaf in functions.leaves if leaf.key in sample.grads and leaf.given.dtype.kind in "iu"
    }
    if not integers:
        return
    try:
        grads = functions.gradients({**sample.arrays, **integers}, sample.upstream).grads
    except CheckError as error:
        findings.note(f"with integers, as given: {error}")
        return
    for key, given in integers.items():
        if grads[key].shape == sample.grads[key].shape and not nearly_equal(grads[key], sample.grads[key], rtol=1e-6):
            said = f"with {functions.name_of(key)} as {given.dtype}, its gradient is another one than in float64"
            findings.add("integer-truncation", said)
