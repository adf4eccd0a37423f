"""Experiments with other inputs: where does a gradient that is wrong come out right, and what does it depend on?

With one sample alone, with one array at 0, with the classes in another order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator

import numpy as np

from softgrad.check.arguments import Array, Key
from softgrad.check.judge import Judgement
from softgrad.check.samples import Sample, Sampler, length_of
from softgrad.formulas.numbers import nearly_equal

SECONDS = 1.0  # that all of them may take
ZEROED = 8  # arrays that are set to 0, one at a time

Judge = Callable[[Sample, Key], Judgement]


def trials(sampler: Sampler, given: Sample, wrong: Collection[Key], judge: Judge) -> Iterator[str]:
    """What the experiments show, in sentences.

    Args:
        sampler: calls the functions.
        given: the inputs given.
        wrong: the gradients that are wrong there.
        judge: judges one gradient at one sample.
    """
    deadline = time.perf_counter() + SECONDS
    names = {slot.key: slot.name for slot in sampler.subject.slots}

    def is_right(sample: Sample | None) -> bool:
        """Whether what was wrong is right there; a gradient that has to be 0 shows nothing."""
        if sample is None or time.perf_counter() > deadline:
            return False
        judged = [judge(sample, key) for key in wrong if sample.grads[key].shape == sample.arrays[key].shape]
        shown = [one.wanted is not None and bool(np.abs(one.wanted).max(initial=0.0) > 1e-9) for one in judged]
        return len(judged) == len(wrong) and all(one.ok for one in judged) and all(shown)

    count = length_of(given, 0)
    if count > 1 and is_right(sampler.taking(given, np.arange(1), 0)):
        yield f"right for one sample alone, and wrong for {count}"
    for key, array in list(given.arrays.items())[:ZEROED]:
        if array.dtype.kind != "f" or not array.any():
            continue
        if is_right(sampler.usable({**given.arrays, key: np.zeros_like(array)})):
            yield f"right where {names[key]} is 0"
    yield from _in_another_order(sampler, given, wrong)


def _in_another_order(sampler: Sampler, given: Sample, wrong: Collection[Key]) -> Iterator[str]:
    """Where forward only puts its output in the order of the classes, the gradient has to do the same."""
    count = length_of(given, -1)
    if count < 3:
        return
    order = np.roll(np.arange(count), 1)

    def moved(array: Array) -> Array:
        if array.dtype.kind in "iu" and array.ndim < 2 and (array < count).all():
            return np.where(array < 0, array, (array + 1) % count).astype(array.dtype)
        return np.take(array, order, axis=-1) if array.ndim and array.shape[-1] == count else array

    arrays = {key: moved(array) for key, array in given.arrays.items()}
    other = sampler.usable(arrays, moved(given.upstream))
    if other is None or not nearly_equal(other.output, moved(given.output), rtol=1e-9):
        return
    for key in wrong:
        if np.isfinite(given.grads[key]).all() and not nearly_equal(
            other.grads[key], moved(given.grads[key]), rtol=1e-7
        ):
            name = next(slot.name for slot in sampler.subject.slots if slot.key == key)
            yield f"{name} depends on the order of the last axis, and the right gradient does not"
