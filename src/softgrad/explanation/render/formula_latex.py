r"""A formula as LaTeX, for TeX with amsmath and for Markdown: p_{i}=\frac{e_{i}}{\sum_{j} e_{j}}."""

from __future__ import annotations

from softgrad.explanation.formula import (
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


def as_latex(math: Math) -> str:
    """The formula as LaTeX, without the $ signs around it."""
    match math:
        case str():
            return SIGNS[math].latex if math in SIGNS else math
        case Num():
            return _number(math.digits)
        case Words(text):
            return rf"\text{{{text}}}"
        case Row(parts):
            return "".join(map(as_latex, parts))
        case Sub(base, index):
            return f"{as_latex(base)}_{{{index.replace(',', ', ')}}}"
        case Transposed(base):
            return rf"{as_latex(base)}^{{\mathsf T}}"
        case Squared(base):
            return f"{as_latex(in_brackets(base))}^{{2}}"
        case Frac(top, bottom):
            return rf"\frac{{{as_latex(top)}}}{{{as_latex(bottom)}}}"
        case Partial(of, by):
            return rf"\frac{{\partial {as_latex(of)}}}{{\partial {as_latex(by)}}}"
        case Sum(index, body):
            return rf"\sum_{{{index}}} {as_latex(body)}"
        case Vec(entries, left_out):
            more = [rf"\ldots\ \text{{{left_out} more}}"] if left_out else []
            return "(" + r",\ ".join([*map(as_latex, entries), *more]) + ")"
        case More(count):
            return rf"\ldots\ \text{{({count} more)}}"


def _number(digits: str) -> str:
    mantissa, _, power = digits.partition("e")
    return rf"{mantissa} \times 10^{{{int(power)}}}" if power else mantissa
