"""The inputs at which a gradient is checked: random arrays of the given shapes, or the result of inputs(rng)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import quoted
from softgrad.cli.signatures import takes
from softgrad.errors import OptionError

MOST_NUMBERS = 2**20  # of an input: 8 MiB

Maker = Callable[[np.random.Generator], tuple[Any, ...]]


def drawn(texts: Sequence[str], target: str | None, *, class_axis: Any = -1) -> Maker:
    """A function that draws a standard normal array for each text such as "4x3", and then the target if there is one.

    The target "classes" or "one-hot" belongs to the first array.
    """
    shapes = [_shape(text) for text in texts]
    if target is not None and class_axis not in range(-len(shapes[0]), len(shapes[0])):
        raise OptionError(
            f"check: class_axis is {quoted(class_axis)}, but --shape {texts[0]} has the axes 0..{len(shapes[0]) - 1}; "
            "choose one of these"
        )

    def draw(rng: np.random.Generator) -> tuple[Any, ...]:
        arrays = tuple(rng.standard_normal(shape) for shape in shapes)
        return arrays if target is None else (*arrays, _target(rng, shapes[0], target, class_axis))

    return draw


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
