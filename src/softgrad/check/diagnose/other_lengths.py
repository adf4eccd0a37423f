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

And it is wrong only where the length varies. One of the layer's widths may be written out: that is a fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

import numpy as np

from softgrad.check.derivatives.evaluate import direction
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.diagnose.samples_axis import has_samples
from softgrad.check.diagnose.shared_axis import FEW_POINTS, Axes, SharedAxis, axes_of, groups_of
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Arrays, Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array

LARGEST = 100_000  # entries of all arrays together
MOST_LENGTHS = 2  # that are tried of an axis
FAR_OFF = 1e-3  # the least relative error: a length that is hard-coded shows plainly
AGREES = 1e-4  # the relative error of a difference that agrees; one of another length does so by chance, though rarely


class WrongLength(NamedTuple):
    """Inputs of another length at which gradients are wrong."""

    shows: Sample
    wrong: tuple[Key, ...]
    axes: Axes  # those whose length is another one
    own: int  # the length given
    other: int
    varies: bool = True  # it is the number of samples or steps; else it is a width of the layer


def find_wrong_length(
    samples: Sequence[Sample], sampler: Sampler, judge: GradientJudge, findings: Findings, *, rows: bool = True
) -> WrongLength | None:
    """Inputs of another length at which gradients are wrong, of a length that varies if there is one.

    Notes if backward raises for other numbers of rows.

    Args:
        samples: inputs of the same shapes, at which the gradients are right. Longer inputs consist of theirs.
        sampler: calls the user's functions.
        judge: judges gradients at other inputs.
        findings: to be added to.
        rows: whether other lengths of the first axis are tried too.
    """
    if len(samples) < 3 or sum(array.size for array in samples[0].arrays.values()) > LARGEST:
        return None
    width: WrongLength | None = None
    for axis in (0, -1, 1):
        groups = groups_of(samples[0], axis) if rows or axis else []
        groups = [keys for keys in groups if not any(key[0] in sampler.functions.of_fixed_lengths for key in keys)]
        if axis and sampler.functions.captured:  # forward holds its data: a single input may be a matrix of parameters
            groups = [keys for keys in groups if len(keys) > 1 or keys[0] not in samples[0].grads]
        for keys in groups[:MOST_LENGTHS]:
            for axes in axes_of(samples[0], keys, axis):
                tried = _Lengths(axes, samples, sampler, judge)
                if tried.find():
                    if tried.refused and (axis or has_samples(axes, samples, sampler)):
                        findings.note(tried.refused)
                    if tried.found is not None and has_samples(axes, samples, sampler):
                        return tried.found
                    width = width or tried.found
                    break
    return None if width is None else width._replace(varies=False)


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
        self.rng = np.random.default_rng(0)
        self.shared = SharedAxis(axes, samples, sampler, self.rng)
        self.own = self.shared.own
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
        if twice is _Outcome.RIGHT or (twice is _Outcome.RAISES and not self._has_rows(square=True)):
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

    def _has_rows(self, *, square: bool = False) -> bool:
        """Whether the entries are rows. Others, such as x, y and z, may be written out one by one, as may a square."""
        arrays = [self.samples[0].arrays[key] for key in self.axes]
        shape = arrays[0].shape if len(arrays) == 1 else ()
        is_written_out = len(shape) == 2 and (shape[0] <= FEW_POINTS or (shape[0] == shape[1] and not square))
        return not any(self.axes.values()) and not is_written_out and any(array.ndim > 1 for array in arrays)

    def _are_steps(self) -> bool:
        """Whether the entries may be those of a sequence, of shape (rows, time, features)."""
        return set(self.axes.values()) == {1} and self.own > FEW_POINTS

    def _outcome(self, entries: Array) -> tuple[_Outcome, Sample | None]:
        arrays, failures = self.shared.arrays(entries), len(self.sampler.failures)
        sample = self.sampler.usable(arrays)
        if sample is None:
            raises = len(self.sampler.failures) > failures and self.shared.has_any_length(arrays, len(entries))
            return _Outcome.RAISES if raises else _Outcome.NOTHING, None
        if not any(np.any(grad) for grad in sample.grads.values()):
            return _Outcome.NOTHING, None
        if self._agrees_along_one_direction(sample):
            return _Outcome.RIGHT, sample
        if not self.shared.has_any_length(arrays, len(entries)):
            return _Outcome.NOTHING, None
        return _Outcome.WRONG, sample

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


def _moved(sample: Sample, moves: Mapping[Key, Array], step: float) -> Arrays:
    arrays = dict(sample.arrays)
    for key, move in moves.items():
        arrays[key] = (arrays[key] + step * move).astype(arrays[key].dtype)
    return arrays
