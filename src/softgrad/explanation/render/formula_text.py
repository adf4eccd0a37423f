"""A formula on one line of text: p_i = e_i / Σ_j e_j."""

from __future__ import annotations

from itertools import pairwise

from softgrad.explanation.formula import (
    FUNCTIONS,
    SIGNS,
    Frac,
    Math,
    More,
    Num,
    Partial,
    Row,
    Squared,
    Sub,
    Sum,
    Transposed,
    Vec,
    Words,
    in_brackets,
)


def as_text(math: Math) -> str:
    """The formula as text."""
    match math:
        case str():
            return SIGNS[math].text if math in SIGNS else math
        case Num():
            return math.digits
        case Words(text):
            return text
        case Row(parts):
            return "".join(f"{_space(before, part)}{as_text(part)}" for before, part in pairwise(("(", *parts)))
        case Sub(base, index):
            name = as_text(base).rstrip()
            return f"{name}[{index.replace(',', ', ')}]" if "," in index else f"{name}_{index}"
        case Transposed(base):
            return f"{_grouped(base)}ᵀ"
        case Squared(base):
            return f"{_grouped(base)}²"
        case Frac(top, bottom):
            return f"{_grouped(top)} / {_grouped(bottom)}"
        case Partial(of, by):
            return f"∂{as_text(of)}/∂{as_text(by)}"
        case Sum(index, body):
            return f"Σ_{index} {as_text(body)}"
        case Vec(entries, left_out):
            more = [f"… {left_out:,} more"] if left_out else []
            return f"({', '.join([*map(as_text, entries), *more])})"
        case More(count):
            return f"… ({count:,} more)"


def _space(before: Math, part: Math) -> str:
    """A space between two factors that have no sign between them; else ""."""
    ends = before == ")" or not (before in SIGNS or isinstance(before, Words))
    begins = part in (*FUNCTIONS, "(", "δ") or not (part in SIGNS or isinstance(part, Words))
    return " " if ends and begins else ""


def _grouped(math: Math) -> str:
    return as_text(in_brackets(math))
