"""The functions at several inputs: those that were given, others like them, and one with another number of samples."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.arguments import Array, Key, kind_of
from softgrad.check.draws import is_free, nudged, redraw
from softgrad.check.recipes import Recipe
from softgrad.check.subject import Subject, said
from softgrad.errors import CheckError

MANY_ROWS, FEW_ROWS = 64, 32

Arrays = Mapping[Key, Array]
Draw = Callable[[np.random.Generator], Any]


class Sample(NamedTuple):
    """The functions at one set of inputs."""

    arrays: Arrays
    output: Array
    upstream: Array  # the gradient that was handed to a vjp; 1 for a loss
    grads: Mapping[Key, Array]

    def with_grads(self, grads: Mapping[Key, Array]) -> Sample:
        """The same inputs with other gradients."""
        return self._replace(grads=grads)


def length_of(sample: Sample, axis: int) -> int:
    """The length of an axis of the first array that has one; 0 where none has."""
    return next((array.shape[axis] for array in sample.arrays.values() if array.ndim), 0)


class Sampler:
    """Calls the functions at inputs of its choice.

    Args:
        subject: the functions.
        rng: where inputs and upstream gradients are drawn from.
        inputs: the user's own maker of inputs, if there is one.
        exact: hand the inputs over in the types that the user gave.
    """

    def __init__(self, subject: Subject, rng: np.random.Generator, inputs: Draw | None, *, exact: bool = False) -> None:
        self.subject = subject
        self.rng = rng
        self.inputs = inputs
        self.exact = exact
        self.failures: list[str] = []  # what the backward function raised at inputs of our choice

    def at(self, arrays: Arrays, upstream: Array | None = None) -> Sample:
        """The functions at these arrays."""
        output = self.subject.output(arrays)
        upstream = self.upstream(output) if upstream is None else upstream
        return Sample(arrays, output, upstream, self.subject.gradients(arrays, upstream).grads)

    def upstream(self, output: Array) -> Array:
        """A gradient to arrive at the output: random, so that no two entries are alike."""
        return self.rng.standard_normal(np.shape(output)) if self.subject.takes_upstream else np.ones(())

    def usable(self, arrays: Arrays, upstream: Array | None = None) -> Sample | None:
        """The functions at these arrays, if they are defined there."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nobody asked for these inputs
            try:
                output = self.subject.output(arrays)
            except CheckError:
                return None
            if not np.isfinite(output).all():
                return None
            try:
                return self.at(arrays, upstream)
            except CheckError as error:
                self.failures.append(str(error))
                return None

    def redrawn(self, given: Sample, count: int, *, as_given: bool) -> list[Sample]:
        """Up to `count` samples at fresh inputs.

        `as_given` keeps the arrays of real numbers that have no gradient: they may be what a right gradient relies on,
        a symmetric matrix or knots in order.
        """
        kept = {key: a for key, a in given.arrays.items() if as_given and key not in given.grads and is_free(a)}
        found = (next(filter(None, map(self.usable, self._tries(given, n, kept))), None) for n in range(count))
        return [sample for sample in found if sample is not None]

    def _tries(self, given: Sample, n: int, kept: Arrays) -> Iterator[Arrays]:
        """Fresh inputs; then such as are nearer to those given, in case the functions are not defined elsewhere."""
        if self.inputs is not None:
            values = self._made()
            if values is None or isinstance(values, str):
                raise CheckError(
                    f"{self.subject.function}: inputs returned {kind_of(values)}, wanted a tuple of inputs"
                )
            yield self.subject.others(values if isinstance(values, tuple) else (values,), exact=self.exact)
            return
        rng, free = self.rng, {key: array for key, array in given.arrays.items() if key not in kept}
        ways: tuple[Callable[[Array], Array], ...] = (
            lambda array: redraw(array, rng, standard=bool(n % 2)),
            lambda array: redraw(array, rng, standard=False),
            lambda array: nudged(array, rng),
        )
        for way in ways:
            drawn = {key: way(array).astype(array.dtype) for key, array in free.items()}
            yield {key: kept.get(key, drawn.get(key, array)) for key, array in given.arrays.items()}

    def _made(self) -> Any:
        """What the user's own maker of inputs gives."""
        assert self.inputs is not None
        try:
            return self.inputs(self.rng)
        except Exception as error:
            raise CheckError(f"{self.subject.function}: inputs raised {said(error)}") from error

    def other_lengths(self, sample: Sample) -> list[Sample]:
        """The same with the first axis of the arrays that share its length one shorter, and with the last one so."""
        lengths = {axis: length_of(sample, axis) for axis in (0, -1)}
        found = (self.taking(sample, np.arange(n - 1), axis) for axis, n in lengths.items() if n > 1)
        return [one for one in found if one is not None]

    def shortened(self, sample: Sample) -> Sample:
        """The same with the first few of many rows, if the functions take them: all that is asked then takes less."""
        longest = max((array.shape[0] for array in sample.arrays.values() if array.ndim), default=0)
        if longest < MANY_ROWS:
            return sample
        return self.taking(sample, np.arange(FEW_ROWS), 0, length=longest) or sample

    def taking(self, sample: Sample, entries: Array, axis: int, *, length: int | None = None) -> Sample | None:
        """The same with these entries of an axis only, in every array of that length: by default that of the first."""
        length = length_of(sample, axis) if length is None else length
        arrays = {
            key: np.take(array, entries, axis=axis) if array.ndim and array.shape[axis] == length else array
            for key, array in sample.arrays.items()
        }
        return self.usable(arrays)

    def other_batch(self, recipe: Recipe, sample: Sample) -> list[Sample]:
        """The same with one sample less, or one more, so that m is not taken for another number that it equals."""
        layout = recipe.layout
        if layout.ndim < 2:
            return []
        keys, arrays = list(sample.arrays), dict(sample.arrays)
        if any(recipe.roles[name] >= len(keys) for name in recipe.batched):
            return []  # the data is the function's own
        for name in recipe.batched:
            key = keys[recipe.roles[name]]
            whole = arrays[key].ndim == layout.ndim
            axis = layout.batch_axes[0] if whole else 0  # without the classes the rows' own axis comes first
            if arrays[key].ndim and arrays[key].shape[axis]:
                count = arrays[key].shape[axis]
                take = np.arange(count - 1) if count > 2 else np.arange(count + 1) % count
                arrays[key] = np.take(arrays[key], take, axis=axis)
        other = self.usable(arrays)
        return [] if other is None else [other]
