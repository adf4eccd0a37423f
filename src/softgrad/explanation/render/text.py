"""A document as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from softgrad.explanation.document import Answer, Compared, Document, Mine, Step, Table, Wrong
from softgrad.explanation.formula import Math, Vec, Words
from softgrad.explanation.render.bars import bars
from softgrad.explanation.render.formula_text import as_text

WIDTH = 96
MARGIN = "    "


def as_plain_text(document: Document, width: int) -> str:
    """The document as text. Prose is wrapped to `width` columns; formulas and tables are not."""
    lines = [document.title, "=" * len(document.title)]
    for n, sentence in enumerate(document.intro):
        lines += _wrapped(sentence, width, "")
        if n == 0:
            lines += _answer(document.answer, document.mine, width)
    for part, steps in document.numbered_parts():
        lines += ["", part.title, "-" * len(part.title)]
        for number, step in steps:
            lines += ["", f"{number}. {step.title}", *_step(step, width)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _answer(answer: Answer, mine: Mine | None, width: int) -> Iterator[str]:
    yield from _block(answer.lines)
    for table in answer.tables:
        yield ""
        yield from _table(table)
    if mine is not None:
        yield ""
        for paragraph in (f"{mine.verdict}.", *mine.reasons):
            yield from _wrapped(paragraph, width, MARGIN)
    if answer.lines:
        yield ""


def _step(step: Step, width: int) -> Iterator[str]:
    if step.why:
        yield from _wrapped(step.why, width, "   ")
    yield from _block(step.formulas)
    yield from _block(step.numbers)
    for table in step.tables:
        yield ""
        yield from _table(table)
    for compared in step.compared:
        yield ""
        yield from _compared(compared)
    for wrong in step.wrong:
        yield ""
        yield from _wrong(wrong, width)


def _block(formulas: tuple[Math, ...]) -> Iterator[str]:
    if formulas:
        yield ""
    for formula in formulas:
        yield MARGIN + as_text(formula)


def _wrapped(text: str, width: int, margin: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=margin, subsequent_indent=margin, break_long_words=False)


def _table(table: Table) -> Iterator[str]:
    """A table with columns as wide as their widest entry. Words and vectors are aligned left, numbers right."""
    if table.title:
        yield MARGIN + table.title
    cells = [[as_text(cell) for cell in line] for line in (table.head, *table.rows)]
    if table.look == "bars":
        cells[0].append("")
        for line, (_, *numbers) in zip(cells[1:], table.rows, strict=True):
            line.append(
                "  ".join(f"{as_text(of)} {bar}" for of, bar in zip(table.head[1:], bars(numbers), strict=True))
            )
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    left = [isinstance(cell, Words | Vec) for cell in table.rows[0]] + [True] * (len(columns) - len(table.head))
    for line in cells:
        yield MARGIN + "  ".join(
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(line, widths, left, strict=True)
        )
    if table.left_out:
        yield f"{MARGIN}({table.left_out})"


def _compared(compared: Compared) -> Iterator[str]:
    what, largest = as_text(compared.what), as_text(compared.largest)
    if compared.differences is not None:
        yield f"{MARGIN}central differences give {as_text(compared.differences)}"
    yield f"{MARGIN}{what} differs from central differences by at most {largest}"


def _wrong(wrong: Wrong, width: int) -> Iterator[str]:
    yield f"{MARGIN}wrong: {wrong.title}{' (your gradient)' if wrong.is_readers else ''}"
    yield from _wrapped(wrong.explanation, width, MARGIN + "  ")
    yield f"{MARGIN}  {wrong.line}"
    yield f"{MARGIN}  gives  {as_text(wrong.gives)}"
    yield f"{MARGIN}  right  {as_text(wrong.right)}"
