"""Other inputs: where a wrong gradient is right, or a right one wrong.

One sample alone; one array at 0; the classes in another order; negative numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator

import numpy as np

from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample, Sampler, length_of
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array, nearly_equal

SECONDS = 1.0  # that all of them may take
MOST_ZEROED = 8  # arrays that are set to 0, one at a time

Judge = Callable[[Sample, Key], Judgement]


def facts_at_other_inputs(sampler: Sampler, given: Sample, wrong: Collection[Key], judge: Judge) -> Iterator[str]:
    """Sentences on what the gradient does at other inputs.

    Args:
        sampler: calls the functions.
        given: the inputs given.
        wrong: the arrays whose gradients are wrong there.
        judge: judges one gradient at one sample.
    """
    deadline = time.perf_counter() + SECONDS

    def is_right(sample: Sample | None) -> bool:
        """Whether all of the wrong gradients are right at a sample. A gradient that has to be 0 shows nothing."""
        if sample is None or time.perf_counter() > deadline:
            return False
        judged = [judge(sample, key) for key in wrong if sample.grads[key].shape == sample.arrays[key].shape]
        nonzero = [one.wanted is not None and bool(np.abs(one.wanted).max(initial=0.0) > 1e-9) for one in judged]
        return len(judged) == len(wrong) and all(one.ok for one in judged) and all(nonzero)

    count = length_of(given, 0)
    if count > 1 and is_right(sampler.taking(given, np.arange(1), 0)):
        yield f"right for one sample alone, and wrong for {count}"
    for key, array in list(given.arrays.items())[:MOST_ZEROED]:
        if array.dtype.kind != "f" or not array.any():
            continue
        if is_right(sampler.usable({**given.arrays, key: np.zeros_like(array)})):
            yield f"right where {sampler.functions.name_of(key)} is 0"
    yield from _in_another_order(sampler, given, wrong)


def find_wrong_below_zero(sampler: Sampler, given: Sample, judge: Judge, findings: Findings) -> None:
    """Notes which right gradients are wrong where some of the inputs, all positive as given, are negative."""
    negative, keys = sampler.with_negatives(given)
    if negative is None:
        return
    for key in keys:
        if negative.grads[key].shape == negative.arrays[key].shape and not judge(negative, key).ok:
            name = sampler.functions.name_of(key)
            findings.note(f"{name} is right for positive numbers, as given, and wrong where some are negative")


def _in_another_order(sampler: Sampler, given: Sample, wrong: Collection[Key]) -> Iterator[str]:
    """If permuting the classes only permutes the output of forward, it may only permute the gradient too."""
    count = length_of(given, -1)
    if count < 3:
        return
    order = np.roll(np.arange(count), 1)

    def permuted(array: Array) -> Array:
        if array.dtype.kind in "iu" and array.ndim < 2 and (array < count).all():
            return np.where(array < 0, array, (array + 1) % count).astype(array.dtype)
        return np.take(array, order, axis=-1) if array.ndim and array.shape[-1] == count else array

    arrays = {key: permuted(array) for key, array in given.arrays.items()}
    other = sampler.usable(arrays, permuted(given.upstream))
    if other is None or not nearly_equal(other.output, permuted(given.output), rtol=1e-9):
        return
    for key in wrong:
        grad = given.grads[key]
        if np.isfinite(grad).all() and not nearly_equal(other.grads[key], permuted(grad), rtol=1e-7):
            name = sampler.functions.name_of(key)
            yield f"{name} depends on the order of the last axis, and the right gradient does not"
