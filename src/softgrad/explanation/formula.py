"""Formulas as data: each is written once, and rendered as text, as LaTeX and as MathML.

    Row(("p", "=", Frac("e", Sum("j", Sub("e", "j")))))          p = e / Σ_j e_j

A string is a key of `SIGNS` or a letter. formula_text.py, formula_latex.py and formula_mathml.py in `render/` render
the formulas.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from softgrad.explanation.error_bounds import Bounded


class Sign(NamedTuple):
    """A sign in the three notations."""

    text: str
    latex: str
    mathml: str
    binary: bool = False  # stands between two terms, which then need brackets in a fraction


SIGNS = {
    "=": Sign(" = ", "=", '<mo form="infix">=</mo>', binary=True),
    "≈": Sign(" ≈ ", r"\approx ", '<mo form="infix">≈</mo>', binary=True),
    "≠": Sign(" ≠ ", r"\ne ", '<mo form="infix">≠</mo>', binary=True),
    "+": Sign(" + ", "+", '<mo form="infix">+</mo>', binary=True),
    "-": Sign(" - ", "-", '<mo form="infix">\N{MINUS SIGN}</mo>', binary=True),
    "·": Sign(" · ", r"\cdot ", '<mo form="infix">·</mo>', binary=True),
    "negative": Sign("-", "-", '<mo form="prefix">\N{MINUS SIGN}</mo>'),
    "(": Sign("(", "(", '<mo stretchy="false">(</mo>'),
    ")": Sign(")", ")", '<mo stretchy="false">)</mo>'),
    "⟨": Sign("⟨", r"\langle ", '<mo stretchy="false">⟨</mo>'),
    "⟩": Sign("⟩", r"\rangle ", '<mo stretchy="false">⟩</mo>'),
    ",": Sign(", ", r",\ ", '<mo separator="true" rspace="0.35em">,</mo>'),
    "slash": Sign("/", "/", '<mo lspace="0" rspace="0">/</mo>'),
    "thin": Sign(" ", r"\,", '<mspace width="0.17em"/>'),
    "Σ": Sign("Σ", r"\Sigma ", "<mo>∑</mo>"),
    "∂": Sign("∂", r"\partial ", "<mi>∂</mi>"),
    "δ": Sign("δ", r"\delta ", "<mi>δ</mi>"),
    "ε": Sign("ε", r"\varepsilon ", "<mi>ε</mi>"),
    "λ": Sign("λ", r"\lambda ", "<mi>λ</mi>"),
    "τ": Sign("τ", r"\tau ", "<mi>τ</mi>"),
    "max": Sign("max ", r"\max ", "<mi>max</mi>"),
    "log": Sign("log ", r"\log ", '<mi>log</mi><mspace width="0.17em"/>'),
    "exp": Sign("exp", r"\exp", "<mi>exp</mi>"),
    "diag": Sign("diag", r"\operatorname{diag}", "<mi>diag</mi>"),
    "sigmoid": Sign("sigmoid", r"\operatorname{sigmoid}", "<mi>sigmoid</mi>"),
    "softmax": Sign("softmax", r"\operatorname{softmax}", "<mi>softmax</mi>"),
}
FUNCTIONS = ("max", "log", "exp", "diag", "sigmoid", "softmax")


@dataclass(frozen=True)
class Num:
    """A number, shown with its certain digits."""

    value: float
    error: float
    at_most: int = 6  # significant digits

    @property
    def digits(self) -> str:
        """The digits shown, in Python's notation: "-0.34", "1e-05"."""
        return Bounded.digits(self.value, self.error, self.at_most)


@dataclass(frozen=True)
class Words:
    """Words between formulas."""

    text: str


@dataclass(frozen=True)
class Row:
    """A sequence of formulas, side by side."""

    parts: tuple[Math, ...]


@dataclass(frozen=True)
class Sub:
    """A formula with an index: p_i."""

    base: Math
    index: str


@dataclass(frozen=True)
class Transposed:
    """A transpose: Jᵀ."""

    base: Math


@dataclass(frozen=True)
class Squared:
    """A square: x²."""

    base: Math


@dataclass(frozen=True)
class Frac:
    """A fraction."""

    top: Math
    bottom: Math


@dataclass(frozen=True)
class Partial:
    """The derivative of one quantity with respect to another."""

    of: Math
    by: Math


@dataclass(frozen=True)
class Sum:
    """The sum of `body` over an index."""

    index: str
    body: Math


@dataclass(frozen=True)
class Vec:
    """A vector: the entries that are shown, and the number of those left out."""

    entries: tuple[Num, ...]
    left_out: int = 0


@dataclass(frozen=True)
class More:
    """The number of terms left out of a sum."""

    count: int


Math: TypeAlias = str | Num | Words | Row | Sub | Transposed | Squared | Frac | Partial | Sum | Vec | More


def row(*parts: Math) -> Row:
    """A sequence of formulas, side by side."""
    return Row(parts)


def total(terms: Iterable[Math], left_out: int = 0) -> Row:
    """The terms with + between them."""
    parts: list[Math] = []
    for term in [*terms, *([More(left_out)] if left_out else [])]:
        parts += ["+", term] if parts else [term]
    return Row(tuple(parts))


def factor(number: Num) -> Math:
    """A number as a factor: in brackets if it is negative."""
    return row("(", number, ")") if number.digits.startswith("-") else number


def loss_by(by: Math) -> Partial:
    """The derivative of the loss with respect to a quantity."""
    return Partial("L", by)


def without_repeats(math: Math) -> Math:
    """An equation without each side that reads the same as the side before it: x = 1 = 1 becomes x = 1."""
    if not isinstance(math, Row):
        return math
    sides: list[list[Math]] = [[]]
    for part in math.parts:
        if part == "=":
            sides.append([])
        else:
            sides[-1].append(part)
    kept = [side for n, side in enumerate(sides) if n == 0 or _reading(side) != _reading(sides[n - 1])]
    parts = list(kept[0])
    for side in kept[1:]:
        parts += ["=", *side]
    return Row(tuple(parts))


def _reading(parts: Iterable[Math]) -> list[object]:
    """What is shown of formulas side by side: rows opened, numbers as their digits."""
    shown: list[object] = []
    for part in parts:
        if isinstance(part, Row):
            shown += _reading(part.parts)
        else:
            shown.append(part.digits if isinstance(part, Num) else part)
    return shown


def in_brackets(math: Math) -> Math:
    """A sum, difference or product in brackets; any other formula unchanged."""
    if not isinstance(math, Row):
        return math
    compound = any(isinstance(part, str) and part in SIGNS and SIGNS[part].binary for part in math.parts)
    return row("(", math, ")") if compound else math
