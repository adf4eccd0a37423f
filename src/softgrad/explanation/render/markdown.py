"""A document as Markdown, with formulas between $ signs and pipe tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from softgrad.explanation.document import Answer, Compared, Document, Mine, Step, Table, Wrong
from softgrad.explanation.formula import Math, Num, Words
from softgrad.explanation.render.bars import bars
from softgrad.explanation.render.formula_latex import as_latex
from softgrad.explanation.render.prose import written

SPECIAL = re.compile(r"([\\`*_\[\]<>|#$])")


def as_markdown(document: Document) -> str:
    """The document, under one heading of the first level."""
    first, *others = map(_prose, document.intro)
    blocks = [
        f"# {_prose(document.title)}",
        first,
        *_answer(document.answer, document.mine),
        *others,
        *_contents(document),
    ]
    for part, steps in document.numbered_parts():
        blocks.append(f"## {_prose(part.title)}")
        for number, step in steps:
            blocks += [f"### {number}. {_escaped(step.title)}", *_step(step)]
    return "\n\n".join(blocks) + "\n"


def _answer(answer: Answer, mine: Mine | None) -> Iterator[str]:
    for line in answer.lines:
        yield f"$$\n{as_latex(line)}\n$$"
    for table in answer.tables:
        yield from _table(table)
    if mine is not None:
        yield f"**{_prose(mine.verdict)}.**"
        yield from map(_prose, mine.reasons)


def _contents(document: Document) -> Iterator[str]:
    """The steps in order, each with a link to its heading, whose anchor GitHub makes of its letters and digits."""
    for part, steps in document.numbered_parts():
        yield f"{_prose(part.title)}:\n\n" + "\n".join(
            f"{number}. [{_escaped(step.title)}](#{_anchor(number, step)})" for number, step in steps
        )


def _anchor(number: int, step: Step) -> str:
    return re.sub(r"[^\w -]", "", f"{number}. {step.title}".lower()).replace(" ", "-")


def _step(step: Step) -> Iterator[str]:
    if step.why:
        yield _prose(step.why)
    for formula in (*step.formulas, *step.numbers):
        yield f"$$\n{as_latex(formula)}\n$$"
    for table in step.tables:
        yield from _table(table)
    for compared in step.compared:
        yield _compared(compared)
    for wrong in step.wrong:
        yield _wrong(wrong)


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"**{_prose(table.title)}**"
    lines = [table.head, *table.rows]
    texts = [f"| {' | '.join(map(_cell, line))} |" for line in lines]
    if table.look == "bars":
        drawn = (" | ".join(f"`{bar}`" for bar in bars(line[1:])) for line in table.rows)
        texts = [
            f"{texts[0]}{' |' * (len(table.head) - 1)}",
            *(f"{a} {b} |" for a, b in zip(texts[1:], drawn, strict=True)),
        ]
    yield "\n".join([texts[0], f"|{' ---: |' * (texts[0].count('|') - 1)}", *texts[1:]])
    if table.left_out:
        yield f"({_prose(table.left_out)})"


def _cell(cell: Math) -> str:
    if isinstance(cell, Words):
        return _prose(cell.text)
    if isinstance(cell, Num):
        return cell.digits
    return cell if isinstance(cell, str) and cell.isdigit() else f"${as_latex(cell)}$"


def _compared(compared: Compared) -> str:
    what, largest = (f"${as_latex(part)}$" for part in (compared.what, compared.largest))
    given = f"Central differences give ${as_latex(compared.differences)}$. " if compared.differences else ""
    return f"{given}{what} differs from central differences by at most {largest}."


def _wrong(wrong: Wrong) -> str:
    """A mistake, folded where the host knows <details>. The one that gives the reader's own gradient is open."""
    opened, readers = (" open", " (your gradient)") if wrong.is_readers else ("", "")
    return "\n\n".join(
        [
            f"<details{opened}><summary>Wrong: {escape(wrong.title)}{readers}</summary>",
            _prose(wrong.explanation),
            f"`{wrong.line}`",
            f"gives ${as_latex(wrong.gives)}$",
            f"right ${as_latex(wrong.right)}$",
            "</details>",
        ]
    )


def _prose(text: str) -> str:
    """A sentence with its formulas between $ signs and its code between backticks."""
    return written(text, _escaped, lambda code: f"`{code}`", lambda formula: f"${as_latex(formula)}$")


def _escaped(text: str) -> str:
    return SPECIAL.sub(r"\\\1", text)
