"""Arrays that share the length of an axis, and what forward does with other entries on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from softgrad.check.sampling.redraw import still_distributions
from softgrad.check.sampling.sampler import Arrays, Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array, nearly_equal

FEW_POINTS = 3  # such as the two ends of a line or the corners of a triangle, which may be written out one by one
MOST_SUBSETS = 3  # of the arrays that share a length

Axes = Mapping[Key, int]  # for some arrays, the axis that has the length in question


def groups_of(given: Sample, axis: int) -> list[tuple[Key, ...]]:
    """The arrays that share a length on an axis: those with the most arrays first."""
    groups: dict[int, list[Key]] = {}
    for key, array in given.arrays.items():
        if array.ndim > max(axis, 0) and array.shape[axis] > 1:
            groups.setdefault(array.shape[axis], []).append(key)
    least = {0: 1, -1: 2, 1: 3}[axis]  # axes: with fewer, it is the first or the last axis
    found = (tuple(keys) for keys in groups.values() if any(given.arrays[key].ndim >= least for key in keys))
    return sorted((keys for keys in found if _may_be_batch(given, keys)), key=len, reverse=True)


def axes_of(given: Sample, keys: tuple[Key, ...], axis: int) -> list[Axes]:
    """All arrays that share a length; then all but one, which may have that length by chance.

    At last, those that have it on axis 1 with those that have it on axis 0, such as a batch of sequences, of shape
    (time, batch, features), and its first states.
    """
    without = (tuple(one for one in keys if one != key) for key in reversed(keys[1:]))
    subsets = [keys, *(subset for subset in without if _may_be_batch(given, subset))][:MOST_SUBSETS]
    found: list[Axes] = [dict.fromkeys(subset, axis) for subset in subsets]
    if axis == 1:
        first = given.arrays[keys[0]]
        rows = {key: 0 for key, array in given.arrays.items() if array.shape[:1] == first.shape[1:2]}
        if rows and not rows.keys() & set(keys):
            found.append({**found[0], **rows})
    return found


def _may_be_batch(given: Sample, keys: Sequence[Key]) -> bool:
    """Whether these arrays are more than the one vector of parameters."""
    return len(keys) > 1 or len(given.grads) > 1 or keys[0] not in given.grads or given.arrays[keys[0]].ndim > 1


class SharedAxis:
    """An axis of some arrays.

    Args:
        axes: the arrays that share its length, and where each of them has it.
        samples: inputs of the same shapes, of which longer ones are made.
        sampler: calls the user's functions.
        rng: draws the order of the entries.
    """

    def __init__(self, axes: Axes, samples: Sequence[Sample], sampler: Sampler, rng: np.random.Generator) -> None:
        self.axes, self.samples, self.sampler, self.rng = axes, samples, sampler, rng
        self.own: int = next(samples[0].arrays[key].shape[axis] for key, axis in axes.items())

    def arrays(self, entries: Array) -> Arrays:
        """The inputs given, with these entries on the axis: their own; from the length given on, those of the others.

        If the samples have the same array, some of its entries are taken again; not all, since the mean over an array
        and its copy is that over the array. A number that equals the length given stands for it.
        """
        own = np.arange(self.own)
        again = np.concatenate([own, own**2 // self.own, own // 2])

        def resized(key: Key, axis: int) -> Array:
            first, *others = (sample.arrays[key] for sample in self.samples[:3])
            if np.array_equal(first, others[0]):
                taken = first.take(again[entries], axis=axis)
            else:
                taken = np.concatenate([first, *others], axis=axis).take(entries, axis=axis)
            return taken if key in self.samples[0].grads else still_distributions(taken, first, axis)

        given = self.samples[0]
        lengths = {
            key: np.full_like(array, len(entries))
            for key, array in given.arrays.items()
            if not array.ndim and array == self.own and key not in given.grads
        }
        return {**given.arrays, **lengths, **{key: resized(key, axis) for key, axis in self.axes.items()}}

    def has_any_length(self, arrays: Arrays, length: int) -> bool:
        """Whether the entries are a batch, or the steps of a sequence."""
        return self.follows(arrays, length) is not None or self.is_sequence(arrays, length)

    def is_sequence(self, arrays: Arrays, length: int) -> bool:
        """Whether the entries of one array are steps, each of which changes the output from its own place on."""
        if len(self.axes) > 1 or self.own <= FEW_POINTS:
            return False
        first = np.arange(length - max(1, length // 4))
        key, axis = next(iter(self.axes.items()))
        output, start = self._output(arrays), self._output({**arrays, key: arrays[key].take(first, axis=axis)})
        if output is None or start is None:
            return False
        axes = [axis for axis in range(output.ndim) if output.shape[axis] == length]
        return any(nearly_equal(start, output.take(first, axis=axis)) for axis in axes)

    def follows(self, arrays: Arrays, length: int) -> tuple[int, ...] | None:
        """The axes of the output that are permuted with the entries; none if it stays as it is, None if it changes."""
        order = self.rng.permutation(length)
        permuted = {key: arrays[key].take(order, axis=axis) for key, axis in self.axes.items()}
        output, other = self._output(arrays), self._output({**arrays, **permuted})
        if output is None or other is None or output.ndim != self.samples[0].output.ndim:
            return None
        axes = [axis for axis in range(output.ndim) if output.shape[axis] == length]
        for ways in ((), *((axis,) for axis in axes), tuple(axes[:2])):
            wanted = output
            for axis in ways:
                wanted = wanted.take(order, axis=axis)
            if nearly_equal(other, wanted):
                return ways
        return None

    def _output(self, arrays: Arrays) -> Array | None:
        try:
            return self.sampler.functions.output(arrays)
        except CheckError:
            return None
