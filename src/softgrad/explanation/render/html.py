"""A document as HTML: one file, formulas as MathML, no scripts, nothing to download.

`page.css` is embedded, and in a page the font of its formulas too. The class names begin with sg-, so that they do not
clash with those of a notebook.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

from softgrad.explanation.document import Answer, Compared, Document, Mine, Part, Step, Wrong
from softgrad.explanation.render.formula_mathml import SYMBOLS, as_folding_mathml, as_inline_mathml, as_mathml
from softgrad.explanation.render.html_tables import table
from softgrad.explanation.render.prose import written


def as_html_page(document: Document) -> str:
    """A whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(document.title)}</title>\n<style>{_font()}</style>\n</head>\n"
        f'<body style="margin: 0">\n{_fragment(document, "")}\n</body>\n</html>\n'
    )


def as_html_fragment(document: Document) -> str:
    """One <div> element, which is the body of the page and is what a notebook shows.

    Its anchors begin with a word made of its contents, since a notebook may show several.
    """
    plain = _fragment(document, "")
    return _fragment(document, f"sg-{sha256(plain.encode()).hexdigest()[:8]}-")


def as_html_pictures(document: Document) -> str:
    """The pictures alone: the bars of the answer, and the heat map of the first Jacobian."""
    heat = next(each for part in document.parts for step in part.steps for each in step.tables if each.look == "heat")
    pictures = "".join(map(table, (*document.answer.tables, heat)))
    return f'<div class="sg-explanation sg-pictures"><style>{_style()}</style>{pictures}</div>'


def _fragment(document: Document, prefix: str) -> str:
    first, *others = document.intro
    blocks = [
        f"<h1>{escape(document.title)}</h1>",
        f"<p>{prose(first)}</p>",
        *_answer(document.answer, document.mine, prefix),
        *(f"<p>{prose(text)}</p>" for text in others),
        _contents(document, prefix),
    ]
    for part, steps in document.numbered_parts():
        blocks.append(f'<h2 id="{prefix}{_slug(part.title)}">{escape(part.title)}</h2>')
        for number, step in steps:
            anchor = _anchor(document, part, step, prefix)
            heading = f'<h3 id="{anchor}"><a href="#{anchor}">{number}. {prose(step.title)}</a></h3>'
            blocks.append(f"<section>{heading}{''.join(_step(step))}</section>")
    return f'<div class="sg-explanation"><style>{_style()}</style>\n' + "\n".join(blocks) + "\n</div>"


def prose(text: str) -> str:
    """A sentence with its formulas and its code."""
    return written(text, escape, lambda code: f"<code>{escape(code)}</code>", as_inline_mathml)


def _answer(answer: Answer, mine: Mine | None, prefix: str) -> Iterator[str]:
    if answer.lines:
        lines = "".join(f'<div class="sg-line">{as_folding_mathml(line)}</div>' for line in answer.lines)
        tables = "".join(map(table, answer.tables))
        yield f'<section class="sg-answer" id="{prefix}answer">{lines}{tables}{_mine(mine)}</section>'


def _mine(mine: Mine | None) -> str:
    """What the reader's own gradient is."""
    if mine is None:
        return ""
    reasons = "".join(f"<p>{prose(reason)}</p>" for reason in mine.reasons)
    kind = "right" if mine.ok else "wrong"
    return f'<div class="sg-mine sg-mine-{kind}"><p><b>{prose(mine.verdict)}.</b></p>{reasons}</div>'


def _contents(document: Document, prefix: str) -> str:
    """The steps in order, each with a link to it."""
    parts = []
    for part, steps in document.numbered_parts():
        links = "".join(
            f'<li value="{number}"><a href="#{_anchor(document, part, step, prefix)}">{prose(step.title)}</a></li>'
            for number, step in steps
        )
        parts.append(f"<li>{escape(part.title)}<ol>{links}</ol></li>")
    return f'<nav class="sg-contents" aria-label="Steps"><ul>{"".join(parts)}</ul></nav>' if parts else ""


def _anchor(document: Document, part: Part, step: Step, prefix: str) -> str:
    """The id of a step: that of a row after the first begins with the row."""
    row = "" if part is document.parts[0] or not part.title.startswith("Row ") else f"{_slug(part.title)}-"
    return f"{prefix}{row}{_slug(step.title)}"


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


@cache
def _style() -> str:
    """The style sheet, and for each symbol the rule that marks it everywhere while the pointer is on it."""
    marked = (
        f".sg-explanation:has(.sg-s-{symbol}:hover) .sg-s-{symbol} {{ background: var(--sg-mark); }}\n"
        for symbol in SYMBOLS
    )
    return files("softgrad.explanation.render").joinpath("page.css").read_text(encoding="utf-8") + "".join(marked)


@cache
def _font() -> str:
    """The font of formulas, for systems that have none of their own with fractions and indices in the right places."""
    font = base64.b64encode(files("softgrad.explanation.render").joinpath("math.woff2").read_bytes()).decode()
    return f'@font-face {{ font-family: "softgrad math"; src: url(data:font/woff2;base64,{font}) format("woff2"); }}'


def _step(step: Step) -> Iterator[str]:
    if step.why:
        yield f"<p>{prose(step.why)}</p>"
    for kind, formulas in (("formula", step.formulas), ("numbers", step.numbers)):
        for formula in formulas:
            yield f'<div class="sg-{kind}">{as_folding_mathml(formula)}</div>'
    yield from map(table, step.tables)
    yield from map(_compared, step.compared)
    yield from map(_wrong, step.wrong)


def _compared(compared: Compared) -> str:
    what, largest = as_mathml(compared.what), as_mathml(compared.largest)
    given = f"Central differences give {as_folding_mathml(compared.differences)}. " if compared.differences else ""
    return f'<p class="sg-compared">{given}{what} differs from central differences by at most {largest}.</p>'


def _wrong(wrong: Wrong) -> str:
    """A mistake, folded. The one that gives the reader's own gradient is open."""
    readers = ' <span class="sg-readers">your gradient</span>' if wrong.is_readers else ""
    return (
        f'<details class="sg-wrong" data-name="{escape(wrong.name)}"{" open" if wrong.is_readers else ""}>'
        f"<summary>Wrong: {prose(wrong.title)}{readers}</summary><p>{prose(wrong.explanation)}</p>"
        f"<p><code>{escape(wrong.line)}</code></p>"
        f'<table class="sg-plain"><tbody>'
        f"<tr><td>gives</td><td>{as_folding_mathml(wrong.gives)}</td></tr>"
        f"<tr><td>right</td><td>{as_folding_mathml(wrong.right)}</td></tr></tbody></table></details>"
    )
