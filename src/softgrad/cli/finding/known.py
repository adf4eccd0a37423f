"""What is known of the inputs before anything is tried: from the options, and from the arrays of the file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.cli.finding.fit import DICT_NAMES, AnyFit, fits, given_fits
from softgrad.cli.finding.roles import LENGTHS, SQUARE, TARGETS, Lengths, Value, is_target
from softgrad.cli.finding.trial import Trial
from softgrad.cli.inputs import Asked, Maker

MOST_LENGTHS = 5  # of parameters, that are tried
DEEPEST = 3  # objects in objects


class Missing(NamedTuple):
    """A derivative that cannot be checked, and why."""

    name: str
    why: str


class OfTheCode(str):
    """Why a derivative cannot be checked, where no other inputs help: a function raises, or returns nothing."""

    __slots__ = ()


Given = Callable[[Callable[..., Any], Sequence[str]], Maker]  # of a function and the names of its parameters


class Known(NamedTuple):
    """What is known of the arguments before anything is tried."""

    inputs: Asked = Asked()
    draw: Given | None = None  # the inputs that the options or the file give
    values: Mapping[str, Value] = {}  # of the file, by the name of the argument
    lengths: Lengths = LENGTHS
    made: Sequence[Value] = ()  # parameters as the file makes them
    wrt: int | tuple[int, ...] | None = None  # what the gradient of a loss is for
    options: Mapping[str, Sequence[Value]] = {}  # values of arguments that have defaults

    def fits(
        self,
        function: Callable[..., Any],
        names: Sequence[str],
        trial: Trial,
        *,
        weighted: bool = False,
        held: Any = None,
    ) -> Iterator[tuple[AnyFit, Any]]:
        """The arguments to try a function with, the likeliest first, each with what it returns.

        Args:
            function: the user's.
            names: of its arguments.
            trial: makes the calls.
            weighted: whether there are weights elsewhere, so that x holds features.
            held: what holds these weights; their shapes are lengths of the arguments too.
        """
        if self.draw is not None:
            yield from given_fits(function, names, trial, self.draw(function, names))
            return
        in_file = {name: [self.values[name]] for name in names if name in self.values}
        asked = {**self.options, **({} if self.inputs.target is None else self._target(names))}
        for value in self.made:
            made = {name: [value] for name in names if name.lower() in DICT_NAMES and name not in in_file}
            for lengths in (self.lengths, *_lengths_of(value.constant, self.lengths)) if made else ():
                settled = {**in_file, **made, **asked}
                yield from fits(function, names, trial, settled, lengths, weighted=True, quick=True)
            if made:
                yield from fits(function, names, trial, {**in_file, **made, **asked}, self.lengths, weighted=True)
        if in_file:
            settled = _not_all_constant(names, {**in_file, **asked})
            yield from fits(function, names, trial, settled, self.lengths, weighted=weighted)
        if held:
            for lengths in (self.lengths, *_lengths_of(held, self.lengths)):
                yield from fits(function, names, trial, asked, lengths, weighted=weighted, quick=True)
        yield from fits(function, names, trial, asked, self.lengths, weighted=weighted)
        if self.lengths != LENGTHS:
            yield from fits(function, names, trial, asked, LENGTHS, weighted=weighted)
        yield from fits(function, names, trial, asked, SQUARE, weighted=weighted)

    def _target(self, names: Sequence[str]) -> dict[str, list[Value]]:
        """The values of the target that --target asks for."""
        place = self.inputs.place
        if place is None:
            name = next((name for name in names if is_target(name)), names[-1])
        else:
            name = names[place] if isinstance(place, int) and place < len(names) else str(place)
        if name not in names:
            return {}
        return {name: [value for value in TARGETS if value.kind.startswith(str(self.inputs.target))]}


def _not_all_constant(names: Sequence[str], settled: Mapping[str, Sequence[Value]]) -> dict[str, Sequence[Value]]:
    """The values with the first array of real numbers drawn, where the file has values for all arguments."""
    is_fixed = all(name in settled and all(one.kind == "constant" for one in settled[name]) for name in names)
    free = [name for name in names if is_fixed and settled[name][0].is_real and not is_target(name)]
    near = {name: [Value("near", constant=settled[name][0].constant)] for name in free[:1]}
    return {**settled, **near}


def _lengths_of(value: Any, lengths: Lengths) -> Iterator[Lengths]:
    """The lengths with those that parameters show as the number of features and of outputs."""
    shapes = [array.shape for array in _arrays(value)]
    shown = list(dict.fromkeys(n for shape in shapes for n in shape))[:MOST_LENGTHS]
    for n, other in itertools.product(shown, shown):
        yield {**lengths, "D": n, "C": other}


def _arrays(value: Any, depth: int = 0) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _arrays(one, depth)
    elif isinstance(value, np.ndarray):
        yield value
    elif hasattr(value, "__dict__") and depth < DEEPEST:
        yield from _arrays(vars(value), depth + 1)
