"""The user's functions at several inputs: those given, others like them, and some with fewer rows or classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.sampling.redraw import is_free, moved, nudged, redraw, still_distributions
from softgrad.check.user.arguments import Key
from softgrad.check.user.descriptions import kind_of
from softgrad.check.user.functions import UserFunctions
from softgrad.check.user.options import MakesInputs
from softgrad.check.user.raised import raised
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array

MANY_ROWS, FEW_ROWS = 64, 32  # a mistake in so many rows is explained on a few of them

Arrays = Mapping[Key, Array]


class Sample(NamedTuple):
    """The functions at one set of inputs."""

    arrays: Arrays
    output: Array
    upstream: Array  # the gradient that was passed to the vjp; 1 for a loss
    grads: Mapping[Key, Array]

    def with_grads(self, grads: Mapping[Key, Array]) -> Sample:
        """The same inputs with other gradients."""
        return self._replace(grads=grads)


def length_of(sample: Sample, axis: int) -> int:
    """The length of an axis of the first array that has one; 0 where none has."""
    return next((array.shape[axis] for array in sample.arrays.values() if array.ndim), 0)


class Sampler:
    """Calls the functions at inputs that it chooses.

    Args:
        functions: the user's functions.
        rng: the source of inputs and upstream gradients.
        inputs: the user's own function that draws inputs, if there is one.
        exact: pass the inputs in the types that the user gave.
    """

    def __init__(
        self, functions: UserFunctions, rng: np.random.Generator, inputs: MakesInputs | None, *, exact: bool = False
    ) -> None:
        self.functions = functions
        self.rng = rng
        self.inputs = inputs
        self.exact = exact
        self.failures: list[str] = []  # what backward raised at inputs that the sampler chose

    def at(self, arrays: Arrays, upstream: Array | None = None) -> Sample:
        """The functions at these arrays."""
        output = self.functions.output(arrays)
        upstream = self.upstream(output) if upstream is None else upstream
        return Sample(arrays, output, upstream, self.functions.gradients(arrays, upstream).grads)

    def upstream(self, output: Array) -> Array:
        """A gradient of the loss at the output: random, so that no two entries are alike; 1 for a loss.

        It is 0 where the output is not finite, and so has no derivative.
        """
        if not self.functions.takes_upstream:
            return np.ones(())
        return np.where(np.isfinite(output), self.rng.standard_normal(np.shape(output)), 0.0)

    def usable(self, arrays: Arrays, upstream: Array | None = None) -> Sample | None:
        """The functions at these arrays; None where forward has no finite value or a function raises."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user did not ask for these inputs
            try:
                output = self.functions.output(arrays)
            except CheckError:
                return None
            if not np.isfinite(output).all():
                return None
            upstream = self.upstream(output) if upstream is None else upstream
            try:
                return Sample(arrays, output, upstream, self.functions.gradients(arrays, upstream).grads)
            except CheckError as error:
                self.failures.append(str(error))
                return None

    def redrawn(self, given: Sample, count: int, *, as_given: bool) -> list[Sample]:
        """Up to `count` samples at fresh inputs.

        With `as_given`, arrays of real numbers that have no gradient keep their values: a right gradient may rely on a
        property of them, such as a symmetric matrix or sorted knots.
        """
        kept = {key: a for key, a in given.arrays.items() if as_given and key not in given.grads and is_free(a)}
        found = (next(filter(None, map(self.usable, self._tries(given, n, kept))), None) for n in range(count))
        return [sample for sample in found if sample is not None]

    def _tries(self, given: Sample, n: int, kept: Arrays) -> Iterator[Arrays]:
        """Fresh inputs, then inputs nearer to those given, in case the functions are not defined elsewhere."""
        if self.inputs is not None:
            values = self._made()
            if values is None or isinstance(values, str):
                raise CheckError(
                    f"{self.functions.function}: inputs returned {kind_of(values)}, wanted a tuple of inputs"
                )
            yield self.functions.others(values if isinstance(values, tuple) else (values,), exact=self.exact)
            return
        rng, free = self.rng, {key: array for key, array in given.arrays.items() if key not in kept}
        parameters = {key: a for key, a in free.items() if n % 2 and key in given.grads and a.ndim == 0}
        ways: tuple[Callable[[Array], Array], ...] = (
            lambda array: redraw(array, rng, standard=bool(n % 2)),
            lambda array: redraw(array, rng, standard=False),
            lambda array: nudged(array, rng),
        )
        for i, way in enumerate(ways):
            drawn = {key: way(array).astype(array.dtype) for key, array in free.items()}
            if i == 0:
                drawn |= {key: moved(array, rng).astype(array.dtype) for key, array in parameters.items()}
            yield {key: kept.get(key, drawn.get(key, array)) for key, array in given.arrays.items()}

    def near(self, sample: Sample) -> Sample | None:
        """The functions at nearly the same real numbers."""
        return self.usable({key: nudged(array, self.rng).astype(array.dtype) for key, array in sample.arrays.items()})

    def _made(self) -> Any:
        """The inputs that the user's own function draws."""
        assert self.inputs is not None
        try:
            return self.inputs(self.rng)
        except CheckError:  # it says what is wrong with the inputs
            raise
        except Exception as error:
            raise CheckError(f"{self.functions.function}: inputs {raised(error)}") from error

    def other_lengths(self, sample: Sample) -> list[Sample]:
        """The sample with one row less, and with one class less, where the functions take that."""
        lengths = {axis: length_of(sample, axis) for axis in (0, -1)}
        found = (self.taking(sample, np.arange(n - 1), axis) for axis, n in lengths.items() if n > 1)
        return [one for one in found if one is not None]

    def shortened(self, sample: Sample) -> Sample:
        """The sample with its first rows only, if it has many and the functions take fewer: calls are then quicker."""
        longest = max((array.shape[0] for array in sample.arrays.values() if array.ndim), default=0)
        if longest < MANY_ROWS:
            return sample
        return self.taking(sample, np.arange(FEW_ROWS), 0, length=longest) or sample

    def taking(self, sample: Sample, entries: Array, axis: int, *, length: int | None = None) -> Sample | None:
        """The sample with some entries of an axis only, in every array of that length; by default that of the first."""
        length = length_of(sample, axis) if length is None else length
        arrays = dict(sample.arrays)
        for key, array in arrays.items():
            if array.ndim and array.shape[axis] == length:
                arrays[key] = np.take(array, entries, axis=axis)
                if key not in sample.grads:
                    arrays[key] = still_distributions(arrays[key], array, axis)
        return self.usable(arrays)

    def with_negatives(self, sample: Sample) -> tuple[Sample | None, list[Key]]:
        """The sample with every other number negated in each array that is all positive and has a gradient.

        Also these arrays. None where there are none, or where the functions do not take negative numbers.
        """
        arrays = {key: sample.arrays[key] for key in sample.grads}
        positive = {key: a for key, a in arrays.items() if a.dtype.kind == "f" and a.size and (a > 0).all()}
        signs = {key: np.where(np.arange(a.size).reshape(a.shape) % 2, 1, -1) for key, a in positive.items()}
        negated = {key: a * signs[key] for key, a in positive.items()}
        return self.usable({**sample.arrays, **negated}) if positive else None, list(positive)

    def resized(self, sample: Sample, axes: Mapping[Key, int]) -> Sample | None:
        """The sample with one entry less, or one more, on the given axis of each array that `axes` has."""
        arrays = dict(sample.arrays)
        for key, axis in axes.items():
            if arrays[key].ndim and arrays[key].shape[axis]:
                count = arrays[key].shape[axis]
                entries = np.arange(count - 1) if count > 2 else np.arange(count + 1) % count
                arrays[key] = np.take(arrays[key], entries, axis=axis)
        return self.usable(arrays)
