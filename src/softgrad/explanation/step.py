"""What an explanation is made of. Every form (text, Markdown, LaTeX, HTML) shows these, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from softgrad.explanation.formula import Math, Num, Vec


@dataclass(frozen=True)
class Wrong:
    """A wrong line of code, with what it gives beside what is right."""

    name: str  # in the checker's catalogue
    title: str
    explanation: str
    line: str  # "dz = p * (1 - p) * dp"
    gives: Math
    right: Math


@dataclass(frozen=True)
class Compared:
    """A result beside central differences."""

    what: Math
    differences: Vec | None  # None where a table is compared
    largest: Num  # distance from the result


@dataclass(frozen=True)
class Table:
    """Rows of formulas and numbers."""

    title: str
    head: tuple[Math, ...]
    rows: tuple[tuple[Math, ...], ...]
    look: Literal["plain", "heat", "bars"] = "plain"  # heat: first column names; bars: the columns p and t as lengths
    hover: tuple[tuple[Math, ...], ...] = ()  # beside each number of a heat map, how it comes about
    left_out: str = ""


@dataclass(frozen=True)
class Step:
    """One step: what, why, the formula, the same with the numbers put in, and what goes wrong there."""

    title: str
    why: str = ""
    formulas: tuple[Math, ...] = ()
    numbers: tuple[Math, ...] = ()
    tables: tuple[Table, ...] = ()
    compared: tuple[Compared, ...] = ()
    wrong: tuple[Wrong, ...] = field(default=())

    def in_short(self) -> Step:
        """The numbers alone, for a row whose formulas were shown at another."""
        return Step(self.title, "", (), self.numbers, self.tables, self.compared, self.wrong)


@dataclass(frozen=True)
class Part:
    """Some steps under one heading."""

    title: str
    steps: tuple[Step, ...]
