"""Gradients of functions that move in steps, such as round and sign: people write a surrogate for the derivative, 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions
from softgrad.errors import CheckError

BY = 1e-5  # relative: far above the digits of float32, far below the steps of a quantisation
FLAT = 0.9  # of the entries of the output stay as they are
DRAWS = 4


def find_steps(
    functions: UserFunctions,
    samples: Sequence[Sample],
    judged: Mapping[Key, Judgement],
    wrong: Iterable[Key],
    findings: Findings,
) -> list[Key]:
    """The wrong gradients of inputs in which forward moves in steps. Adds a fact on each.

    Args:
        functions: the user's functions.
        samples: the inputs given, then others.
        judged: the gradients at the inputs given.
        wrong: the wrong gradients.
        findings: to be added to.
    """
    found = []
    for key in wrong:
        wanted = judged[key].wanted if key in judged else None
        if wanted is None or wanted.any() or not samples[0].grads[key].any() or len(samples) < DRAWS:
            continue
        try:
            if _moves_in_steps(functions, samples[:DRAWS], key):
                found.append(key)
        except CheckError:  # not defined there
            continue
    for key in found:
        name = functions.name_of(key)
        findings.note(
            f"{functions.forward_name} moves in steps where {name} changes, so its derivative is 0. A surrogate "
            f"gradient is not the derivative; to check one, give the smooth function that it is taken from"
        )
    return found


def _moves_in_steps(functions: UserFunctions, samples: Sequence[Sample], key: Key) -> bool:
    first = samples[0]
    away = functions.output({**first.arrays, key: samples[1].arrays[key]})
    if away.shape != first.output.shape or np.array_equal(away, first.output):
        return False  # it is constant
    return all(_is_flat(functions, sample, key) for sample in samples)


def _is_flat(functions: UserFunctions, sample: Sample, key: Key) -> bool:
    x = sample.arrays[key]
    size = float(np.abs(x).max(initial=0.0)) or 1.0
    beside = functions.output({**sample.arrays, key: x + BY * size * np.cos(1.0 + np.arange(x.size)).reshape(x.shape)})
    return bool(np.mean(beside == sample.output) >= FLAT)
