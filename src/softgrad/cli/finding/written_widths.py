"""Inputs of the widths that a backward pass has written out: `D = 16` is right for layers of 16 features alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from softgrad.check.diagnose.written_length import numbers_written
from softgrad.cli.finding.fit import AnyFit, Fit

LEAST, LARGEST = 4, 512  # other numbers are seldom a width, or make large arrays
MOST_NUMBERS = 2
SAMPLES, SIDE = "N", "S"  # letters of roles.LENGTHS


def written_widths(fit: Fit, backward: Any) -> Iterator[Fit]:
    """The same arguments with another length each, which the backward pass has written out.

    The number of samples stays: it is no width. Of an image, which is a square, its pixels may be written out.
    """
    letters = {letter for value in fit.values.values() for letter in value.axes if letter.isalpha()} - {SAMPLES}
    for number in sorted(n for n in _written(backward) if LEAST <= n <= LARGEST)[-MOST_NUMBERS:]:
        for letter in sorted(letters):
            root = math.isqrt(number)
            length = root if letter == SIDE and root**2 == number else number
            if fit.lengths[letter] != length:
                yield fit._replace(lengths={**fit.lengths, letter: length})


def has_samples_written(fit: AnyFit, backward: Any) -> bool:
    """Whether the number of samples that are drawn is written out, so that others are to be tried."""
    return isinstance(fit, Fit) and fit.lengths[SAMPLES] in _written(backward)


def _written(backward: Any) -> set[int]:
    return {n for part in getattr(backward, "parts", (backward,)) for n in numbers_written(part)}
