"""A formula as MathML Core, which browsers show without scripts.

A browser does not break a formula into lines. A long one is therefore several <math> elements, between which it may.
"""

from __future__ import annotations

from collections.abc import Iterator
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
SYMBOLS = tuple("zuptsewLJSxWb")  # are marked everywhere while the pointer is on one; page.css has a rule for each


def as_mathml(math: Math) -> str:
    """The formula as one <math> element, with fractions at full size."""
    return _element(_parts(math))


def as_inline_mathml(math: Math) -> str:
    """The formula as one <math> element within a sentence."""
    return f"<math>{_parts(math)}</math>"


def as_folding_mathml(math: Math) -> str:
    """The formula as <math> elements, between which a line may end: in front of = and +, and after a comma."""
    elements = [""]
    for part, breaks in _with_breaks(math):
        if breaks and elements[-1]:
            elements.append("")
        elements[-1] += part
    return "<wbr>".join(map(_element, elements))


def _element(inside: str) -> str:
    return f'<math><mstyle displaystyle="true">{inside}</mstyle></math>'


def _with_breaks(math: Math) -> Iterator[tuple[str, bool]]:
    """The parts of a formula, each with whether a line may begin with it."""
    if isinstance(math, Row):
        for part in math.parts:
            yield from _with_breaks(part)
    elif isinstance(math, Vec):
        entries = [*map(_parts, math.entries), *_more(math)]
        for n, entry in enumerate(entries):
            before = "" if n else SIGNS["("].mathml
            after = SIGNS[","].mathml if n < len(entries) - 1 else SIGNS[")"].mathml
            yield f"{before}{entry}{after}", n > 0
    else:
        yield _parts(math), (isinstance(math, str) and math in ("=", "+")) or isinstance(math, Words)


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
        case Vec(entries):
            inside = SIGNS[","].mathml.join([*map(_parts, entries), *_more(math)])
            return f"{SIGNS['('].mathml}{inside}{SIGNS[')'].mathml}"
        case More(count):
            return f"<mo>…</mo><mtext>{NO_BREAK}({count:,} more)</mtext>"


def _more(vector: Vec) -> list[str]:
    return [f"<mo>…</mo><mtext>{NO_BREAK}{vector.left_out:,} more</mtext>"] if vector.left_out else []


def _one(math: Math) -> str:
    return f"<mrow>{_parts(math)}</mrow>"


def _letters(text: str) -> str:
    """Letters as identifiers, digits as one number."""
    if text.replace(".", "").isdigit():
        return f"<mn>{text}</mn>"
    if "," in text:
        return SIGNS[","].mathml.join(map(_letters, text.split(",")))
    if text in SYMBOLS:
        return f'<mi class="sg-s-{text}">{text}</mi>'
    return "".join(f"<mi>{escape(letter)}</mi>" for letter in text)


def _number(digits: str) -> str:
    mantissa, _, power = digits.partition("e")
    sign = SIGNS["negative"].mathml if mantissa.startswith("-") else ""
    number = f"{sign}<mn>{mantissa.removeprefix('-')}</mn>"
    if not power:
        return number
    raised = f"<mo>\N{MINUS SIGN}</mo><mn>{-int(power)}</mn>" if int(power) < 0 else f"<mn>{int(power)}</mn>"
    return f"{number}<mo>\N{MULTIPLICATION SIGN}</mo><msup><mn>10</mn><mrow>{raised}</mrow></msup>"
