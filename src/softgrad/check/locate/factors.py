"""Factors in words: in the user's quantities, as mutate/factors.py names them, or in digits if they are simple."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from softgrad.check.locate.repair import is_simple
from softgrad.check.locate.suspects import Backward
from softgrad.check.mutate.candidate import Where
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.factors import named_factor
from softgrad.check.mutate.texts import Texts
from softgrad.check.user.arguments import Key

MOST_DOUBT = 0.3  # of a name
SMALLEST = 1e-6  # a factor that is less is rounding
FEWEST_DRAWS = 2  # on which a factor without a name is the same


class Factors:
    """Names the factors that one backward pass lacks.

    Args:
        backward: the backward pass.
        names: of the inputs.
        draws: on how many draws the line was found with the same factor.
    """

    def __init__(self, backward: Backward, names: Mapping[Key, str], draws: int) -> None:
        self._backward, self._names, self._draws = backward, names, draws

    @cached_property
    def _draw(self) -> Draw:
        known = self._backward.known
        return Draw(known.graph, known.gradients[known.graph.output], {})

    def text(self, factor: float) -> str:
        """A factor in words; "" where nothing is to be said of it."""
        return "".join(self._text_and_note(factor))

    def times(self, factor: float, what: str) -> str:
        """A factor times something, in words; "" where nothing is to be said of the factor."""
        text, note = self._text_and_note(factor)
        return f"{text} times {what}{note}" if text else ""

    def _text_and_note(self, factor: float) -> tuple[str, str]:
        if not SMALLEST < abs(factor) < 1 / SMALLEST:
            return "", ""
        if abs(factor + 1) < SMALLEST:
            return "-1", ""
        inputs = self._backward.trace.graph.inputs
        texts = Texts({node: self._names[key] for key, node in inputs.items() if key in self._names})
        try:
            named = named_factor([factor], [self._draw], Where(None), texts)
        except Exception:  # a name is an extra: the digits do without
            named = None
        if named is not None and named.doubt <= MOST_DOUBT:
            return named.text, named.note
        if not is_simple(factor) and self._draws < FEWEST_DRAWS:
            return "", ""
        return in_digits(factor), ""


def in_digits(factor: float) -> str:
    """A factor as 1/6, or in six digits."""
    whole = round(1 / factor) if factor else 0
    is_part = abs(whole) > 1 and abs(factor * whole - 1) < SMALLEST
    return f"{'-' if whole < 0 else ''}1/{abs(whole)}" if is_part else f"{factor:.6g}"
