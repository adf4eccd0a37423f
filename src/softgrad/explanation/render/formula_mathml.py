"""A formula as MathML Core, which browsers show without scripts or fonts."""

from __future__ import annotations

from html import escape

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

NO_BREAK = "\N{NO-BREAK SPACE}"


def as_mathml(math: Math) -> str:
    """The formula as an inline <math> element, with fractions at full size."""
    return f'<math><mstyle displaystyle="true">{_parts(math)}</mstyle></math>'


def _parts(math: Math) -> str:
    match math:
        case str():
            return SIGNS[math].mathml if math in SIGNS else _letters(math)
        case Num():
            return _number(math.digits)
        case Words(text):
            return f"<mtext>{escape(text).replace(' ', NO_BREAK)}</mtext>"  # a browser drops spaces at either end
        case Row(parts):
            return "".join(map(_parts, parts))
        case Sub(base, index):
            return f"<msub>{_one(base)}<mrow>{_letters(index)}</mrow></msub>"
        case Transposed(base):
            return f'<msup>{_one(base)}<mi mathvariant="normal">T</mi></msup>'
        case Squared(base):
            return f"<msup>{_one(in_brackets(base))}<mn>2</mn></msup>"
        case Frac(top, bottom):
            return f"<mfrac>{_one(top)}{_one(bottom)}</mfrac>"
        case Partial(of, by):
            return f"<mfrac><mrow><mi>∂</mi>{_parts(of)}</mrow><mrow><mi>∂</mi>{_parts(by)}</mrow></mfrac>"
        case Sum(index, body):
            return f"<munder><mo>∑</mo><mrow>{_letters(index)}</mrow></munder>{_parts(body)}"
        case Vec(entries, left_out):
            more = [f"<mo>…</mo><mtext>{NO_BREAK}{left_out:,} more</mtext>"] if left_out else []
            inside = SIGNS[","].mathml.join([*map(_parts, entries), *more])
            return f"{SIGNS['('].mathml}{inside}{SIGNS[')'].mathml}"
        case More(count):
            return f"<mo>…</mo><mtext>{NO_BREAK}({count:,} more)</mtext>"


def _one(math: Math) -> str:
    return f"<mrow>{_parts(math)}</mrow>"


def _letters(text: str) -> str:
    """Letters as identifiers, digits as one number."""
    if text.isdigit():
        return f"<mn>{text}</mn>"
    if "," in text:
        return SIGNS[","].mathml.join(map(_letters, text.split(",")))
    return "".join(f"<mi>{escape(letter)}</mi>" for letter in text)


def _number(digits: str) -> str:
    mantissa, _, power = digits.partition("e")
    sign = SIGNS["negative"].mathml if mantissa.startswith("-") else ""
    number = f"{sign}<mn>{mantissa.removeprefix('-')}</mn>"
    if not power:
        return number
    raised = f"<mo>\N{MINUS SIGN}</mo><mn>{-int(power)}</mn>" if int(power) < 0 else f"<mn>{int(power)}</mn>"
    return f"{number}<mo>\N{MULTIPLICATION SIGN}</mo><msup><mn>10</mn><mrow>{raised}</mrow></msup>"
