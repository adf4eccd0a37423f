"""The structure of an explanation: a Document has parts, a part has steps, a step has formulas, tables and wrong lines.

The renderers know this structure alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from softgrad.check.report.mistake import Mistake
from softgrad.explanation.formula import Math, Num, Vec


@dataclass(frozen=True)
class Wrong:
    """A common mistake: the wrong line of code, its result, and the right result."""

    name: str  # in the checker's catalogue
    title: str
    explanation: str
    line: str  # "dz = p * (1 - p) * dp"
    gives: Math
    right: Math
    is_readers: bool = False  # whether it gives the reader's own gradient


@dataclass(frozen=True)
class Compared:
    """A result compared with central differences."""

    what: Math
    differences: Vec | None  # None where a whole array is compared
    largest: Num  # the largest difference between the two


@dataclass(frozen=True)
class Table:
    """Rows of formulas and numbers."""

    title: str
    head: tuple[Math, ...]
    rows: tuple[tuple[Math, ...], ...]
    look: Literal["plain", "heat", "bars"] = "plain"  # "heat": a heat map; "bars": a bar beside each number
    hover: tuple[tuple[Math, ...], ...] = ()  # for each number of a heat map, how it is computed
    left_out: str = ""  # "178 more rows, 292 more classes"


@dataclass(frozen=True)
class Step:
    """One step: its title, the reason, the formulas, the same formulas with numbers, and common mistakes."""

    title: str
    why: str = ""
    formulas: tuple[Math, ...] = ()
    numbers: tuple[Math, ...] = ()
    tables: tuple[Table, ...] = ()
    compared: tuple[Compared, ...] = ()
    wrong: tuple[Wrong, ...] = field(default=())

    def in_short(self) -> Step:
        """The step without the reason and the formulas, for rows after the first."""
        return Step(self.title, "", (), self.numbers, self.tables, self.compared, self.wrong)


@dataclass(frozen=True)
class Part:
    """Steps under one heading."""

    title: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Answer:
    """The results, which stand before the steps that lead to them."""

    lines: tuple[Math, ...] = ()  # the probabilities, the loss and the gradient
    tables: tuple[Table, ...] = ()  # pictures of p, t and the gradient


@dataclass(frozen=True)
class Mine:
    """What a gradient of the reader's is."""

    ok: bool
    verdict: str  # "Your gradient is right"
    reasons: tuple[str, ...]  # paragraphs
    mistakes: tuple[Mistake, ...] = ()  # the known mistakes that give its numbers, the likeliest first


@dataclass(frozen=True)
class Document:
    """A title, an introduction, the answer and parts, in reading order."""

    title: str
    intro: tuple[str, ...]  # the first paragraph stands before the answer
    parts: tuple[Part, ...]
    answer: Answer = field(default=Answer(), kw_only=True)
    mine: Mine | None = field(default=None, kw_only=True)

    def numbered_parts(self) -> Iterator[tuple[Part, list[tuple[int, Step]]]]:
        """Each part with its numbered steps; the numbers start at 1 and run through the whole document."""
        first = 1
        for part in self.parts:
            yield part, list(enumerate(part.steps, first))
            first += len(part.steps)
