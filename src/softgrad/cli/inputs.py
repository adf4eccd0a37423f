"""The inputs that a gradient is checked at: drawn in shapes from the command line, or by the file's own inputs(rng)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from softgrad._arrays import Array
from softgrad.cli.signatures import takes
from softgrad.errors import OptionError

Maker = Callable[[np.random.Generator], tuple[Any, ...]]


def drawn(texts: Sequence[str], target: str | None, *, class_axis: Any = -1) -> Maker:
    """Standard normal arrays, one for each of "4x3"; then a target for the first, if any: "classes" or "one-hot"."""
    shapes = [_shape(text) for text in texts]
    if target is not None and class_axis not in range(-len(shapes[0]), len(shapes[0])):
        raise OptionError(
            f"check: class_axis is {class_axis!r}, but --shape {texts[0]} has axes 0..{len(shapes[0]) - 1}"
        )

    def draw(rng: np.random.Generator) -> tuple[Any, ...]:
        arrays = tuple(rng.standard_normal(shape) for shape in shapes)
        return arrays if target is None else (*arrays, _target(rng, shapes[0], target, class_axis))

    return draw


def returned_by(inputs: Callable[..., Any]) -> Maker:
    """What inputs(rng) of the user's file returns, which must be a tuple."""
    if not takes(inputs, 1):
        raise OptionError("check: inputs must take one argument, as inputs(rng), a NumPy generator to draw from")

    def draw(rng: np.random.Generator) -> tuple[Any, ...]:
        arrays = inputs(rng)
        if not isinstance(arrays, tuple) or not arrays:
            raise OptionError(
                f"check: inputs(rng) returned {type(arrays).__name__}, wanted a tuple of inputs; for one: return z,"
            )
        return arrays

    return draw


def _shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[1-9][0-9]*(x[1-9][0-9]*)*", text):
        raise OptionError(f"check: --shape is {text!r}, wanted positive whole numbers joined by x, as 4x3 or 5")
    shape = tuple(map(int, text.split("x")))
    if len(shape) > 64 or math.prod(shape) >= 2**31:
        raise OptionError(f"check: --shape is {text!r}, too large to check; a few rows and classes show every mistake")
    return shape


def _target(rng: np.random.Generator, shape: tuple[int, ...], kind: str, axis: int) -> Array:
    """A class for each row: numbers in `shape` without the axis; or one-hot, in `shape`."""
    rows = np.delete(shape, axis)
    classes = np.asarray(rng.integers(0, shape[axis], size=tuple(rows)))
    if kind == "classes":
        return classes
    one_hot = np.zeros(shape)
    np.put_along_axis(one_hot, np.expand_dims(classes, axis), 1.0, axis)
    return one_hot
