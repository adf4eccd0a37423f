"""Other inputs: where a wrong gradient is right, or a right one wrong.

One sample alone; one array at 0; the classes in another order; negative numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample, Sampler, length_of
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array, nearly_equal

MOST_ZEROED = 8  # arrays that are set to 0, one at a time


def facts_at_other_inputs(
    sampler: Sampler, start: Sample, wrong: Collection[Key], judge: GradientJudge, *, rows: int
) -> Iterator[str]:
    """Sentences on what the gradients do at other inputs.

    Args:
        sampler: calls the functions.
        start: the inputs given, or some of their rows. If the gradients are right there, nothing is said.
        wrong: the arrays whose gradients are wrong at the inputs given.
        judge: judges gradients by numerical derivatives.
        rows: how many rows the inputs given have.
    """
    if any(judge(start, key).ok for key in wrong):
        return

    def is_right(sample: Sample | None) -> bool:
        """Whether all of the wrong gradients are right at a sample.

        A gradient that has to be 0 shows nothing, nor does one on kinks or one that no step resolves.
        """
        return sample is not None and all(
            (one := judge(sample, key)).ok
            and one.wanted is not None
            and not (one.kinks or one.unresolved or one.left_out)
            and bool(np.abs(one.wanted).max(initial=0.0) > 1e-9)
            for key in wrong
        )

    alone = {0, length_of(start, 0) - 1, *(_worst_row(start, key, judge) for key in wrong)}
    if rows > 1 and all(is_right(sampler.taking(start, np.array([row]), 0)) for row in sorted(alone)):
        yield f"the gradient is right for one sample alone, and wrong for {rows}"
    for key, array in list(start.arrays.items())[:MOST_ZEROED]:
        if array.dtype.kind == "f" and array.any():
            zeroed = sampler.usable({**start.arrays, key: np.zeros_like(array)})
            if is_right(zeroed):
                yield f"the gradient is right where {sampler.functions.name_of(key)} is 0"
    yield from _in_another_order(sampler, start, wrong)


def _worst_row(sample: Sample, key: Key, judge: GradientJudge) -> int:
    """The row of the worst entry of a gradient, if it has a row for each sample; else 0."""
    where, shape = judge(sample, key).where, sample.arrays[key].shape
    return where.entry[0] if where is not None and shape and shape[0] == length_of(sample, 0) else 0


def find_wrong_below_zero(sampler: Sampler, given: Sample, judge: GradientJudge, findings: Findings) -> None:
    """Notes which right gradients are wrong where some of the inputs, all positive as given, are negative."""
    negative, keys = sampler.with_negatives(given)
    if negative is None:
        return
    for key in keys:
        if negative.grads[key].shape == negative.arrays[key].shape and not judge(negative, key).ok:
            name = sampler.functions.name_of(key)
            findings.note(
                f"the gradient of {name} is right for positive numbers, as given, and wrong where some are negative"
            )


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
            yield f"the gradient of {name} depends on the order of the last axis, and the right one does not"
