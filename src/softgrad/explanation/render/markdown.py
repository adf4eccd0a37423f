"""A document as Markdown, with formulas between $ signs and pipe tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from softgrad.explanation.document import Compared, Document, Step, Table, Wrong
from softgrad.explanation.formula import Math, Num, Words
from softgrad.explanation.render.formula_latex import as_latex

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#$])")


def as_markdown(document: Document) -> str:
    """The document, under one heading of the first level."""
    blocks = [f"# {_prose(document.title)}", *map(_prose, document.intro)]
    for part, steps in document.numbered_parts():
        blocks.append(f"## {_prose(part.title)}")
        for number, step in steps:
            blocks += [f"### {number}. {_prose(step.title)}", *_step(step)]
    return "\n\n".join(blocks) + "\n"


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
    yield "\n".join([texts[0], f"|{' ---: |' * len(table.head)}", *texts[1:]])
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
    """A block quote, so that a wrong number is not mistaken for a right one."""
    return "\n".join(
        [
            f"> **Wrong: {_prose(wrong.title)}.** {_prose(wrong.explanation)}",
            ">",
            f"> `{wrong.line}`",
            ">",
            f"> gives ${as_latex(wrong.gives)}$",
            ">",
            f"> right ${as_latex(wrong.right)}$",
        ]
    )


def _prose(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
