"""Whether an axis has the samples, whose number varies from call to call, or is a width of the layer, which is fixed.

A layer is written for its features, channels, heads, kernel and image side. A backward pass that has such a number
written out is right for its layer, whatever else forward would take. So a length is asked for only on the axis of the
samples. By convention, that is axis 0 of the data: of the inputs without a gradient, or of the first one. It is another
axis

- where the entries on axis 0 are no samples: forward does not take other numbers of them, or their order counts, as in
  W @ X, or in sequences of shape (time, samples, features);
- where a loss is a sum of terms, one for each entry of that axis, and no sum or mean over axis 0, as if softmax is over
  axis 0;
- where a loss is a mean over that axis alone, and reads its length.

The steps of a sequence vary as well, if each changes the output from its own place on.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from softgrad.check.diagnose.shared_axis import Axes, SharedAxis, axes_of
from softgrad.check.sampling.sampler import Arrays, Sample, Sampler
from softgrad.check.user.arguments import Key
from softgrad.check.user.parameter_names import is_parameter
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array, nearly_equal


def has_samples(axes: Axes, samples: Sequence[Sample], sampler: Sampler) -> bool:
    """Whether the entries of an axis are samples or steps; forward takes other numbers of them.

    Args:
        axes: for the arrays that have the axis, which one it is.
        samples: inputs of the same shapes.
        sampler: calls the user's functions.
    """
    return _Axis(axes, samples, sampler).has_samples()


class _Axis:
    def __init__(self, axes: Axes, samples: Sequence[Sample], sampler: Sampler) -> None:
        self.samples, self.sampler, self.rng = samples, sampler, np.random.default_rng(0)
        self.shared = SharedAxis(axes, samples, sampler, self.rng)
        arrays = samples[0].arrays
        self.data = [key for key in arrays if not self._is_parameter(key) and arrays[key].ndim]
        self.axes = {key: axis % arrays[key].ndim for key, axis in axes.items() if key in self.data}

    def has_samples(self) -> bool:
        if not self.axes:
            return False
        twice = 2 * self.shared.own
        arrays = self.shared.arrays(np.arange(twice))
        follows = self.shared.follows(arrays, twice)
        if follows is None:
            return self.shared.is_sequence(arrays, twice)
        given = self.samples[0]
        if all(given.arrays[key].ndim == 1 for key in self.axes):  # samples of one number each, or a vector of features
            return not follows
        if any(axis == 0 and given.arrays[key].ndim > 1 for key, axis in self.axes.items()):
            return (not follows or 0 in follows) and self._comes_first()
        firsts = self._of_samples_first()
        if not given.output.ndim and (own := self._times(self.shared.axes)):
            times = {self._times(axes): length for length, axes in firsts}
            if own == 1 and times.get(1, 1) == 1 and _reads(self.sampler.functions.forward, {*self.axes.values()}):
                return True
            return not any(times) and self._has_terms()
        return not firsts

    def _is_parameter(self, key: Key) -> bool:
        functions = self.sampler.functions
        return key[0] in functions.parameters or is_parameter(functions.name_of(key))

    def _comes_first(self) -> bool:
        """Whether these arrays are the data rather than others with another axis 0, as in a table of centers.

        Data have no gradient, or come first, as in loss(x, centers).
        """
        given, own = self.samples[0], list(self.axes)

        def order(keys: Collection[Key]) -> tuple[bool, int]:
            return all(key in given.grads for key in keys), min(self.data.index(key) for key in keys)

        others = (axes for _, axes in self._of_samples_first() if not axes.keys() & set(own))
        return all(order(own) < order(list(axes)) for axes in others)

    def _of_samples_first(self) -> list[tuple[int, Axes]]:
        """Arrays that have as many entries on axis 0, which may be the samples, and how many these are."""
        given, found = self.samples[0].arrays, []
        tables = [key for key in self.data if given[key].ndim > 1]
        for length in sorted({given[key].shape[0] for key in tables}):
            keys = tuple(key for key in self.data if given[key].shape[0] == length)
            if length == 1 and not set(tables) <= set(keys):
                continue  # one row of targets, say
            for axes in axes_of(self.samples[0], keys, 0):
                shared = SharedAxis(axes, self.samples, self.sampler, self.rng)
                if any(given[key].ndim > 1 for key in axes):
                    follows = shared.follows(shared.arrays(np.arange(2 * length)), 2 * length)
                    if follows is not None and (not follows or 0 in follows):
                        found.append((length, axes))
                        break
        return found

    def _has_terms(self) -> bool:
        """Whether a loss is a sum of terms, one for each entry of the axis: no entry changes what another adds."""
        given, other = (sample.arrays for sample in self.samples[:2])
        half = np.arange(self.shared.own) < self.shared.own // 2
        losses = []
        for taken in (half, ~half, half | ~half):
            arrays = dict(given)
            for key, axis in self.shared.axes.items():
                at = np.moveaxis(given[key].copy(), axis, 0)
                at[taken] = np.moveaxis(other[key], axis, 0)[taken]
                arrays[key] = np.moveaxis(at, 0, axis)
            losses.append(self._output(arrays))
        first, second, both = (None if loss is None else loss - self.samples[0].output for loss in losses)
        return first is not None and second is not None and both is not None and nearly_equal(first + second, both)

    def _times(self, axes: Axes) -> int:
        """How many times as large a loss is if each entry comes twice: 1 for a mean, 2 for a sum, 0 for neither."""
        given = self.samples[0]
        doubled = {key: np.concatenate([given.arrays[key]] * 2, axis=axis) for key, axis in axes.items()}
        loss = self._output({**given.arrays, **doubled})
        if loss is None:
            return 0
        return next((n for n in (1, 2) if nearly_equal(loss, n * given.output)), 0)

    def _output(self, arrays: Arrays) -> Array | None:
        try:
            return self.sampler.functions.output(arrays)
        except CheckError:
            return None


def _reads(function: Callable[..., Any], axes: set[int]) -> bool:
    """Whether the source of a function reads the length of one of these axes by its number."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return False
    return any(int(number) in axes for number in re.findall(r"\.(?:shape\[|size\()\s*(\d+)\s*[\])]", source))
