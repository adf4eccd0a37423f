"""The inputs at which a gradient is checked: random arrays of the given shapes, or the result of inputs(rng)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import counted, quoted
from softgrad._numerals import to_integer
from softgrad._options import closest
from softgrad.cli.signatures import takes
from softgrad.errors import OptionError

TARGETS = ("classes", "one-hot")
MOST_NUMBERS = 2**20  # of an input: 8 MiB

Maker = Callable[[np.random.Generator], tuple[Any, ...]]


class Asked(NamedTuple):
    """The inputs that --shape and --target ask for."""

    shapes: tuple[tuple[str | None, tuple[int, ...]], ...] = ()  # the name of the input, where it is given
    target: str | None = None  # "classes" or "one-hot"
    place: str | int | None = None  # which input the target is, by its name or its index; None: the last
    class_axis: Any = -1


def asked(texts: Sequence[str], target: str | None, *, class_axis: Any = -1) -> Asked:
    """Reads the options --shape, such as "4x3" or "z=4x3", and --target, such as "one-hot" or "y=one-hot"."""
    named = [_split(text) for text in texts]
    shapes = tuple((name, _shape(text)) for name, text in named)
    place, kind = (None, None) if target is None else _split(target)
    if kind is not None and kind not in TARGETS:
        raise OptionError(
            f"check: --target is {quoted(target)}, wanted classes or one-hot, or with the name or the index of an "
            "input before it, such as y=one-hot or 0=classes"
        )
    if target is not None and shapes and class_axis not in range(-len(shapes[0][1]), len(shapes[0][1])):
        raise OptionError(
            f"check: class_axis is {quoted(class_axis)}, but --shape {texts[0]} has the axes "
            f"0..{len(shapes[0][1]) - 1}; choose one of these"
        )
    index = None if place is None else to_integer(place)
    return Asked(shapes, kind, place if index is None else index, class_axis)


def drawn(wanted: Asked, names: Sequence[str], target_for: tuple[int, ...] | None = None) -> Maker:
    """A function that draws a standard normal array for each shape, and the target.

    Args:
        wanted: at least one shape, and perhaps a target.
        names: of the parameters of the function that takes the inputs.
        target_for: the shape of the logits that the target belongs to; by default, the first shape.
    """
    order, logits = _order(wanted, names), target_for or wanted.shapes[0][1]

    def draw(rng: np.random.Generator) -> tuple[Any, ...]:
        arrays: list[Any] = [rng.standard_normal(shape) for _, shape in wanted.shapes]
        if wanted.target is not None:
            arrays.append(_target(rng, logits, wanted.target, wanted.class_axis))
        return tuple(arrays[i] for i in order)

    return draw


def logits_shapes(wanted: Asked) -> list[tuple[int, ...]]:
    """The shapes that the logits may have: those given, and a row of one with the classes of another.

    Behind a layer, the logits are X @ W: as many rows as X, as many classes as W.
    """
    given = [shape for _, shape in wanted.shapes]
    matrices = [shape for shape in given if len(shape) == 2]
    axis = wanted.class_axis if wanted.class_axis in (0, -1) else -1
    mixed = [(a[0], b[-1]) if axis == -1 else (b[0], a[-1]) for a in matrices for b in matrices if a is not b]
    return list(dict.fromkeys([*given, *mixed]))


def _order(wanted: Asked, names: Sequence[str]) -> list[int]:
    """Which of the drawn arrays each input is: those with a place first, the others in their order."""
    places: list[str | int | None] = [name for name, _ in wanted.shapes]
    if wanted.target is not None:
        places.append(wanted.place)
    count = len(places)
    order: list[int | None] = [None] * count
    for i, place in enumerate(places):
        if place is None:
            continue
        where = place if isinstance(place, int) else place_of(place, names)
        if not 0 <= where < count or order[where] is not None:
            there = "taken by another" if 0 <= where < count else f"not among the {counted(count, 'input')} asked for"
            raise OptionError(f"check: the input {quoted(place)} is {there}; give --shape once for each input")
        order[where] = i
    left = iter([i for i, place in enumerate(places) if place is None])
    return [next(left) if one is None else one for one in order]


def place_of(name: str, names: Sequence[str]) -> int:
    """The index of the input of this name.

    Raises:
        OptionError: there is none. The message names the one that was probably meant.
    """
    if name in names:
        return list(names).index(name)
    near = closest(name, names)
    guess = f"did you mean {near}? " if near else ""
    raise OptionError(f"check: no input is called {quoted(name)}; {guess}they are {', '.join(names) or 'unnamed'}")


def _split(text: str) -> tuple[str | None, str]:
    """The name before the "=", if there is one, and the rest."""
    name, equals, rest = text.partition("=")
    return (name, rest) if equals and name else (None, text)


def returned_by(inputs: Callable[..., Any]) -> Maker:
    """A function that calls inputs(rng) of the user's file, which must return a tuple."""
    if not takes(inputs, 1):
        raise OptionError("check: inputs must take one argument, inputs(rng), where rng is a NumPy random generator")

    def draw(rng: np.random.Generator) -> tuple[Any, ...]:
        arrays = inputs(rng)
        if not isinstance(arrays, tuple) or not arrays:
            raise OptionError(
                f"check: inputs(rng) returned {type(arrays).__name__}, wanted a tuple of inputs; for a single input "
                "write: return z,"
            )
        return arrays

    return draw


def _shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[1-9][0-9]*(x[1-9][0-9]*)*", text):
        raise OptionError(f"check: --shape is {quoted(text)}, wanted positive integers joined by x, such as 4x3 or 5")
    sizes = text.split("x")
    readable = len(sizes) <= 64 and all(len(size) <= 12 for size in sizes)
    shape = tuple(int(size) for size in sizes) if readable else ()
    if not readable or math.prod(shape) > MOST_NUMBERS:
        count = f", {math.prod(shape):,} numbers" if readable and math.prod(shape) < 10**15 else ""
        raise OptionError(
            f"check: --shape is {quoted(text)}{count}; wanted at most {MOST_NUMBERS:,} numbers and 64 axes, since a "
            "check keeps dozens of such arrays; a few rows and classes show every mistake"
        )
    return shape


def _target(rng: np.random.Generator, shape: tuple[int, ...], kind: str, axis: int) -> Array:
    """A random class for each row: class indices in `shape` without the class axis, or one-hot vectors in `shape`."""
    rows = np.delete(shape, axis)
    classes = np.asarray(rng.integers(0, shape[axis], size=tuple(rows)))
    if kind == "classes":
        return classes
    one_hot = np.zeros(shape)
    np.put_along_axis(one_hot, np.expand_dims(classes, axis), 1.0, axis)
    return one_hot
