"""Bars made of letters, for text and Markdown: of probabilities from the left, of a gradient from the middle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from softgrad.explanation.formula import Math
from softgrad.explanation.render.formula_text import as_text

BAR = 14  # width of the bar of a probability of 1


def bars(numbers: Sequence[Math]) -> Iterator[str]:
    """A bar for each number of a line: those of p and t from the left, that of the gradient from the middle."""
    for n, number in enumerate(map(float, map(as_text, numbers))):
        if n < 2:
            yield ("█" * round(BAR * min(1.0, number))).ljust(BAR, "·")
        else:
            half = ("█" * round(BAR / 2 * min(1.0, abs(number)))).ljust(BAR // 2, "·")
            yield f"{half[::-1]}│{'·' * (BAR // 2)}" if number < 0 else f"{'·' * (BAR // 2)}│{half}"
