"""Whether the gradients of a traced function can be believed: they must agree with the numerical derivatives."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.diagnose.patterns import ROUGH
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array


def agrees_with_derivatives(
    rights: Mapping[Key, Array], sample: Sample, judged: Mapping[Key, Judgement], judge: GradientJudge
) -> bool:
    """Whether gradients agree with what is known at the inputs given.

    Args:
        rights: the gradients of a trace.
        sample: the inputs given.
        judged: the judgements of the user's gradients there.
        judge: judges gradients by numerical derivatives.
    """
    for key, one in judged.items():
        if key not in rights:
            continue
        right = rights[key]
        if one.ok:
            if not _near(right, np.asarray(sample.grads[key], dtype=float)):
                return False
        elif one.wanted is not None:
            known = np.isfinite(one.wanted)
            if not _near(right[known], one.wanted[known]):
                return False
        elif not judge(sample.with_grads({**sample.grads, key: right}), key).ok:
            return False
    return True


def agrees_with_right_ones(rights: Mapping[Key, Array], grads: Mapping[Key, Array], wrong: Collection[Key]) -> bool:
    """Whether those of the user's gradients that are right are the gradients of a trace, at other inputs."""
    return all(_near(rights[key], grad) for key, grad in grads.items() if key in rights and key not in wrong)


def _near(got: Array, wanted: Array) -> bool:
    if got.shape != wanted.shape:
        return False
    size = np.abs(wanted).max(initial=0.0)
    return bool((np.abs(got - wanted) <= ROUGH * (np.abs(wanted) + 0.1 * size) + 1e-9).all())
