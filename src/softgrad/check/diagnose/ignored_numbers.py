"""Gradients that are right for another value of a number among the inputs: the backward pass does not use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.trace import trace_forward
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions
from softgrad.check.user.options import FEWEST_DRAWS
from softgrad.formulas.numbers import Array

TRIED = (1.0, 0.0, 0.5, 2.0)  # values that a backward pass may take for granted
MOST_NUMBERS = 4
WITHIN = 1e-9


def find_ignored_numbers(
    functions: UserFunctions, samples: Sequence[Sample], wrong: Sequence[Key], findings: Findings
) -> None:
    """Adds a number if the right gradients for another value of it are those that were returned.

    Args:
        functions: the user's functions.
        samples: the inputs given, then others.
        wrong: the wrong gradients.
        findings: to be added to.
    """
    given = samples[0]
    numbers = [key for key, one in given.arrays.items() if one.size == 1 and one.dtype.kind == "f"]
    numbers = [key for key in numbers if key not in given.grads]
    draws = samples[:FEWEST_DRAWS]
    if len(draws) < FEWEST_DRAWS:
        return
    for key in numbers[:MOST_NUMBERS]:
        for value in TRIED:
            if all(_is_right_at(functions, sample, key, value, wrong) for sample in draws):
                name, own = functions.name_of(key), float(given.arrays[key].reshape(()))
                evidence = f"with {name} = {value:g} in the place of {own:g}, the gradient returned is the right one"
                findings.add("number-ignored", f"{evidence}, on {len(draws)} of {len(draws)} draws")
                return


def _is_right_at(functions: UserFunctions, sample: Sample, key: Key, value: float, wrong: Sequence[Key]) -> bool:
    arrays: Mapping[Key, Array] = {**sample.arrays, key: np.full_like(sample.arrays[key], value)}
    graph = trace_forward(functions, arrays)
    if graph is None or graph.untraced or graph.output.shape != np.shape(sample.output):
        return False
    rights = graph.gradients(sample.upstream)
    return all(one in rights and _agree(sample.grads[one], rights[one]) for one in wrong)


def _agree(got: Array, wanted: Array) -> bool:
    size = np.abs(wanted).max(initial=0.0)
    return got.shape == wanted.shape and bool(np.abs(got - wanted).max(initial=0.0) <= WITHIN * size) and size > 0
