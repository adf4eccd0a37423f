"""The functions at several inputs: those that were given, others like them, and one with another number of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.arguments import Array, Key
from softgrad.check.draws import nudged, redraw
from softgrad.check.recipes import Recipe
from softgrad.check.subject import Subject, said
from softgrad.errors import CheckError

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

    def at(self, arrays: Arrays, upstream: Array | None = None) -> Sample:
        """The functions at these arrays."""
        output = self.subject.output(arrays)
        upstream = self.upstream(output) if upstream is None else upstream
        return Sample(arrays, output, upstream, self.subject.gradients(arrays, upstream).grads)

    def upstream(self, output: Array) -> Array:
        """A gradient to arrive at the output: random, so that no two entries are alike."""
        return self.rng.standard_normal(np.shape(output)) if self.subject.takes_upstream else np.ones(())

    def _usable(self, arrays: Arrays) -> Sample | None:
        """The functions at these arrays, if they are defined there."""
        try:
            sample = self.at(arrays)
        except CheckError:
            return None
        return sample if np.isfinite(sample.output).all() else None

    def redrawn(self, given: Sample, count: int) -> list[Sample]:
        """Up to `count` samples at fresh inputs."""
        found = (next(filter(None, map(self._usable, self._tries(given, n))), None) for n in range(count))
        return [sample for sample in found if sample is not None]

    def _tries(self, given: Sample, n: int) -> Iterator[Arrays]:
        """Fresh inputs; then such as are nearer to those given, in case the functions are not defined elsewhere."""
        if self.inputs is not None:
            values = self._made()
            yield self.subject.others(values if isinstance(values, tuple) else (values,), exact=self.exact)
            return
        rng, arrays = self.rng, given.arrays
        yield {key: redraw(array, rng, standard=bool(n % 2)).astype(array.dtype) for key, array in arrays.items()}
        yield {key: redraw(array, rng, standard=False).astype(array.dtype) for key, array in arrays.items()}
        yield {key: nudged(array, rng).astype(array.dtype) for key, array in arrays.items()}

    def _made(self) -> Any:
        """What the user's own maker of inputs gives."""
        assert self.inputs is not None
        try:
            return self.inputs(self.rng)
        except Exception as error:
            raise CheckError(f"{self.subject.function}: inputs raised {said(error)}") from error

    def other_batch(self, recipe: Recipe, sample: Sample) -> list[Sample]:
        """The same with one sample less, or one more, so that m is not taken for another number that it equals."""
        layout = recipe.layout
        if layout.ndim < 2 or self.inputs is not None:
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
        other = self._usable(arrays)
        return [] if other is None else [other]
