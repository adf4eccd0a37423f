"""Gradients that do not have the shape of their array."""

from __future__ import annotations

from collections.abc import Mapping

from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions
from softgrad.formulas.numbers import Array


def find_wrong_shapes(
    functions: UserFunctions, given: Sample, misshapen: Mapping[Key, Array], judge: GradientJudge, findings: Findings
) -> None:
    """Adds a finding for each gradient of another shape; another one if it is right after a transpose."""
    for key, grad in misshapen.items():
        wanted = given.arrays[key].shape
        said = f"the gradient of {functions.name_of(key)} has shape {grad.shape}, wanted {wanted}"
        findings.note(said)
        if grad.shape == wanted[::-1] and judge(given.with_grads({key: grad.T}), key).ok:
            findings.add("transposed", said)
        findings.add("wrong-shape", said)
