"""Gradients that are right at the inputs given, and wrong where an axis has another length: the length is hard-coded.

To ask for another length is fair only if forward takes more entries, and they are

- a batch: permuting them in every array that shares the axis permutes the output of forward, or leaves it as it is;
- or the steps of a sequence: without the last steps, forward returns the same output without its last entries.

Even then, a backward pass may be meant for an even length, for chunks, or for fewer rows than columns. So a gradient is
called wrong only if it is

- wrong for twice and for three times as many entries;
- not right for some entries less;
- right for other entries of the same number that are chosen in the same way: an array may have a property that the
  gradient relies on, such as columns that are orthonormal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

import numpy as np

from softgrad.check.derivatives.evaluate import direction
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Arrays, Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array, nearly_equal

LARGEST = 100_000  # entries of all arrays together
MOST_LENGTHS = 2  # that are tried of an axis
FEW_POINTS = 3  # such as the two ends of a line or the corners of a triangle, which may be written out one by one
MOST_SUBSETS = 3  # of the arrays that share a length
FAR_OFF = 1e-3  # the least relative error: a length that is hard-coded shows plainly
AGREES = 1e-4  # the relative error of a difference that agrees; one of another length does so by chance, though rarely

Axes = Mapping[Key, int]  # for some arrays, the axis that has the length in question


class WrongLength(NamedTuple):
    """Inputs of another length at which gradients are wrong."""

    shows: Sample
    wrong: tuple[Key, ...]
    axes: Axes  # those whose length is another one
    own: int  # the length given
    other: int


def find_wrong_length(
    samples: Sequence[Sample], sampler: Sampler, judge: GradientJudge, findings: Findings, *, rows: bool = True
) -> WrongLength | None:
    """Inputs of another length at which gradients are wrong. Notes if backward raises for other numbers of rows.

    Args:
        samples: inputs of the same shapes, at which the gradients are right. Longer inputs consist of theirs.
        sampler: calls the user's functions.
        judge: judges gradients at other inputs.
        findings: to be added to.
        rows: whether other lengths of the first axis are tried too.
    """
    if len(samples) < 3 or sum(array.size for array in samples[0].arrays.values()) > LARGEST:
        return None
    for axis in (0, -1, 1):
        groups = _groups(samples[0], axis) if rows or axis else []
        groups = [keys for keys in groups if not any(key[0] in sampler.functions.of_fixed_lengths for key in keys)]
        if axis and sampler.functions.captured:  # forward holds its data: a single input may be a matrix of parameters
            groups = [keys for keys in groups if len(keys) > 1 or keys[0] not in samples[0].grads]
        for keys in groups[:MOST_LENGTHS]:
            for axes in _axes(samples[0], keys, axis):
                tried = _Lengths(axes, samples, sampler, judge)
                if tried.find():
                    if tried.refused:
                        findings.note(tried.refused)
                    if tried.found is not None:
                        return tried.found
                    break
    return None


def _groups(given: Sample, axis: int) -> list[tuple[Key, ...]]:
    """The arrays that share a length on an axis: those with the most arrays first."""
    groups: dict[int, list[Key]] = {}
    for key, array in given.arrays.items():
        if array.ndim > max(axis, 0) and array.shape[axis] > 1:
            groups.setdefault(array.shape[axis], []).append(key)
    least = {0: 1, -1: 2, 1: 3}[axis]  # axes: with fewer, it is the first or the last axis
    found = (tuple(keys) for keys in groups.values() if any(given.arrays[key].ndim >= least for key in keys))
    return sorted((keys for keys in found if _may_be_batch(given, keys)), key=len, reverse=True)


def _axes(given: Sample, keys: tuple[Key, ...], axis: int) -> list[Axes]:
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


class _Outcome(Enum):
    RIGHT = auto()
    WRONG = auto()  # by one difference
    RAISES = auto()  # backward raises, and forward does not
    NOTHING = auto()  # forward does not take that length, no batch or sequence, or all gradients are 0


class _Lengths:
    """Other lengths of one axis.

    Args:
        axes: the arrays that share its length, and where each of them has it.
        samples: inputs of the same shapes, of which longer ones are made.
        sampler: calls the user's functions.
        judge: judges gradients.
    """

    def __init__(self, axes: Axes, samples: Sequence[Sample], sampler: Sampler, judge: GradientJudge) -> None:
        self.axes, self.samples, self.sampler, self.judge = axes, samples, sampler, judge
        self.own: int = next(samples[0].arrays[key].shape[axis] for key, axis in axes.items())
        self.rng = np.random.default_rng(0)
        self.found: WrongLength | None = None
        self.refused = ""  # in words, that backward raises at other lengths

    def find(self) -> bool:
        """Looks for a length at which gradients are wrong; returns whether the axis may be asked about.

        One difference is enough to suspect a gradient, and few calls. Only a suspect is judged entry by entry.
        """
        own = np.arange(self.own)
        twice, longer = self._outcome(np.arange(2 * self.own))
        if twice is _Outcome.NOTHING:
            return False
        if twice is _Outcome.RIGHT or (twice is _Outcome.RAISES and not self._has_rows()):
            return True
        less, shorter = self._outcome(own[: self.own - max(1, self.own // 8)])
        if less not in (_Outcome.WRONG, _Outcome.RAISES):
            return True
        if twice is _Outcome.RAISES:
            more = "more or fewer" if less is _Outcome.RAISES else "more"
            self.refused = f"with {more} than {self.own} rows in {self._name}, {self._refused()}"
            return True
        as_many, mixed = self._outcome(own + self.own * (own % 2))
        if as_many is not _Outcome.RIGHT or self._outcome(np.arange(3 * self.own))[0] is not _Outcome.WRONG:
            return True
        shows, other = (longer, 2 * self.own) if shorter is None else (shorter, self.own - max(1, self.own // 8))
        assert shows is not None and mixed is not None
        wrong = self._wrong(shows)
        if not wrong or self._wrong(mixed):
            return True
        if less is _Outcome.WRONG or self._has_rows():
            self.found = WrongLength(shows, wrong, self.axes, self.own, other)
        elif self._are_steps():
            self.refused = f"with fewer than {self.own} entries on axis 1 of {self._name}, {self._refused()}"
        return True

    @property
    def _name(self) -> str:
        return self.sampler.functions.name_of(next(iter(self.axes)))

    def _refused(self) -> str:
        functions = self.sampler.functions
        return (
            f"{functions.forward_name} works and {functions.backward_name} does not: is {self.own} hard-coded? "
            f"{self.sampler.failures[-1]}"
        )

    def _has_rows(self) -> bool:
        """Whether the entries are rows. Others, such as x, y and z, may be written out one by one."""
        arrays = [self.samples[0].arrays[key] for key in self.axes]
        shape = arrays[0].shape if len(arrays) == 1 else ()
        is_written_out = len(shape) == 2 and (shape[0] <= FEW_POINTS or shape[0] == shape[1])
        return not any(self.axes.values()) and not is_written_out and any(array.ndim > 1 for array in arrays)

    def _are_steps(self) -> bool:
        """Whether the entries may be those of a sequence, of shape (rows, time, features)."""
        return set(self.axes.values()) == {1} and self.own > FEW_POINTS

    def _outcome(self, entries: Array) -> tuple[_Outcome, Sample | None]:
        arrays, failures = self._arrays(entries), len(self.sampler.failures)
        sample = self.sampler.usable(arrays)
        if sample is None:
            raises = len(self.sampler.failures) > failures
            return _Outcome.RAISES if raises and self._has_any_length(arrays, len(entries)) else _Outcome.NOTHING, None
        if not any(np.any(grad) for grad in sample.grads.values()):
            return _Outcome.NOTHING, None
        if self._agrees_along_one_direction(sample):
            return _Outcome.RIGHT, sample
        if not self._has_any_length(arrays, len(entries)):
            return _Outcome.NOTHING, None
        return _Outcome.WRONG, sample

    def _arrays(self, entries: Array) -> Arrays:
        """The inputs given, with these entries on the axis: their own; from the length given on, those of the others.

        If the samples have the same array, some of its entries are taken again; not all, since the mean over an array
        and its copy is that over the array. A number that equals the length given stands for it.
        """
        own = np.arange(self.own)
        again = np.concatenate([own, own**2 // self.own, own // 2])

        def resized(key: Key, axis: int) -> Array:
            first, *others = (sample.arrays[key] for sample in self.samples[:3])
            if np.array_equal(first, others[0]):
                return first.take(again[entries], axis=axis)
            return np.concatenate([first, *others], axis=axis).take(entries, axis=axis)

        given = self.samples[0]
        lengths = {
            key: np.full_like(array, len(entries))
            for key, array in given.arrays.items()
            if not array.ndim and array == self.own and key not in given.grads
        }
        return {**given.arrays, **lengths, **{key: resized(key, axis) for key, axis in self.axes.items()}}

    def _wrong(self, sample: Sample) -> tuple[Key, ...]:
        judged = {key: self.judge(sample, key) for key in sample.grads}
        return tuple(key for key, one in judged.items() if not one.ok and one.error > FAR_OFF)

    def _agrees_along_one_direction(self, sample: Sample) -> bool:
        """Whether the gradients agree with one difference, for which all arrays are moved at once: a first look."""
        moves, terms = {}, []
        for key, grad in sample.grads.items():
            x = sample.arrays[key]
            if grad.shape != x.shape:
                return False
            moves[key] = direction(x, self.rng) * ((x != 0) if x.any() else 1.0) * (np.abs(x).max(initial=0.0) or 1.0)
            terms.append((np.asarray(grad, dtype=float) * moves[key]).ravel())
        usual, expected = np.cbrt(self.judge.eps), np.concatenate(terms)
        within = max(AGREES, 40 * usual**2)
        for step in (usual, usual / 64):  # a shorter one for steep functions
            try:
                above, below = (self.sampler.functions.output(_moved(sample, moves, s)) for s in (step, -step))
            except CheckError:
                return False
            if above.shape != below.shape or above.shape != sample.output.shape:
                return False
            slope = float(((above - below) / (2 * step) * sample.upstream).sum())
            if abs(slope - expected.sum()) <= within * np.linalg.norm(expected):
                return True
        return False

    def _has_any_length(self, arrays: Arrays, length: int) -> bool:
        return self._is_batch(arrays, length) or self._is_sequence(arrays, length)

    def _is_sequence(self, arrays: Arrays, length: int) -> bool:
        """Whether the entries of one array are steps, each of which changes the output from its own place on."""
        if len(self.axes) > 1 or self.own <= FEW_POINTS:
            return False
        first = np.arange(length - max(1, length // 4))
        key, axis = next(iter(self.axes.items()))
        try:
            output, start = (
                self.sampler.functions.output({**arrays, key: one})
                for one in (arrays[key], arrays[key].take(first, axis=axis))
            )
        except CheckError:
            return False
        axes = [axis for axis in range(output.ndim) if output.shape[axis] == length]
        return any(nearly_equal(start, output.take(first, axis=axis)) for axis in axes)

    def _is_batch(self, arrays: Arrays, length: int) -> bool:
        """Whether permuting the entries permutes the output of forward, or leaves it as it is."""
        order = self.rng.permutation(length)
        permuted = {key: arrays[key].take(order, axis=axis) for key, axis in self.axes.items()}
        try:
            output, other = (self.sampler.functions.output({**arrays, **one}) for one in ({}, permuted))
        except CheckError:
            return False
        axes = [axis for axis in range(output.ndim) if output.shape[axis] == length]
        wanted = [output, *(output.take(order, axis=axis) for axis in axes)]
        if len(axes) > 1:
            wanted.append(output.take(order, axis=axes[0]).take(order, axis=axes[1]))
        return output.ndim == self.samples[0].output.ndim and any(nearly_equal(other, one) for one in wanted)


def _moved(sample: Sample, moves: Mapping[Key, Array], step: float) -> Arrays:
    arrays = dict(sample.arrays)
    for key, move in moves.items():
        arrays[key] = (arrays[key] + step * move).astype(arrays[key].dtype)
    return arrays
