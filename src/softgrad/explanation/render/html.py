"""A document as HTML: one file, formulas as MathML, no scripts, nothing to download.

`page.css` is embedded. Its class names begin with sg-, so that they do not clash with those of a notebook.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files

from softgrad.explanation.document import Compared, Document, Step, Table, Wrong
from softgrad.explanation.formula import Math, Num, Words
from softgrad.explanation.render.formula_mathml import as_mathml
from softgrad.explanation.render.formula_text import as_text


def as_html_page(document: Document) -> str:
    """A whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(document.title)}</title>\n</head>\n"
        f'<body style="margin: 0">\n{as_html_fragment(document)}\n</body>\n</html>\n'
    )


def as_html_fragment(document: Document) -> str:
    """One <div> element, which is the body of the page and is what a notebook shows."""
    parts = [f"<h1>{escape(document.title)}</h1>", *(f"<p>{escape(text)}</p>" for text in document.intro)]
    for part, steps in document.numbered_parts():
        parts.append(f"<h2>{escape(part.title)}</h2>")
        for number, step in steps:
            parts.append(f"<section><h3>{number}. {escape(step.title)}</h3>{''.join(_step(step))}</section>")
    return f'<div class="sg-explanation"><style>{_style()}</style>\n' + "\n".join(parts) + "\n</div>"


@cache
def _style() -> str:
    return files("softgrad.explanation.render").joinpath("page.css").read_text(encoding="utf-8")


def _step(step: Step) -> Iterator[str]:
    if step.why:
        yield f"<p>{escape(step.why)}</p>"
    for kind, formulas in (("formula", step.formulas), ("numbers", step.numbers)):
        for formula in formulas:
            yield f'<div class="sg-{kind}">{as_mathml(formula)}</div>'
    for table in step.tables:
        yield _table(table)
    for compared in step.compared:
        yield _compared(compared)
    for wrong in step.wrong:
        yield _wrong(wrong)


def _table(table: Table) -> str:
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    head = "".join(f"<th>{_cell(cell)}</th>" for cell in table.head)
    rows = "".join(f"<tr>{''.join(_cells(table, n))}</tr>" for n in range(len(table.rows)))
    left_out = f'<p class="sg-note">({escape(table.left_out)})</p>' if table.left_out else ""
    return (
        f'<div class="sg-wide"><table class="sg-{table.look}">{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{left_out}"
    )


def _cells(table: Table, n: int) -> Iterator[str]:
    first, *others = table.rows[n]
    yield f"<th>{_cell(first)}</th>"
    for k, cell in enumerate(others):
        if table.look == "heat" and isinstance(cell, Num):
            yield _heat(cell, _largest(table), as_text(table.hover[n][k]))
        elif table.look == "bars" and isinstance(cell, Num):
            letter = as_text(table.head[k + 1])
            yield f'<td>{_cell(cell)}<div class="sg-bar sg-{letter}" style="width: {100 * cell.value:.1f}%"></div></td>'
        else:
            yield f"<td>{_cell(cell)}</td>"


def _largest(table: Table) -> float:
    return max((abs(cell.value) for line in table.rows for cell in line if isinstance(cell, Num)), default=0.0)


def _heat(cell: Num, largest: float, hover: str) -> str:
    """A cell with one background colour above 0 and another below, stronger for larger numbers."""
    strength = round(60 * abs(cell.value) / largest) if largest else 0
    colour = "plus" if cell.value > 0 else "minus"
    return (
        f'<td tabindex="0" '
        f'style="background: color-mix(in srgb, var(--sg-{colour}) {strength}%, transparent)">'
        f'{_cell(cell)}<span class="sg-hover">{escape(hover)}</span></td>'
    )


def _cell(cell: Math) -> str:
    if isinstance(cell, Words):
        return escape(cell.text)
    if isinstance(cell, str):
        return f"<i>{cell}</i>" if cell.isalpha() else escape(cell)
    return as_mathml(cell)


def _compared(compared: Compared) -> str:
    what, largest = as_mathml(compared.what), as_mathml(compared.largest)
    given = f"Central differences give {as_mathml(compared.differences)}. " if compared.differences else ""
    return f'<p class="sg-wide sg-compared">{given}{what} differs from central differences by at most {largest}.</p>'


def _wrong(wrong: Wrong) -> str:
    return (
        f'<aside class="sg-wrong" data-name="{escape(wrong.name)}">'
        f"<p><b>Wrong: {escape(wrong.title)}</b></p><p>{escape(wrong.explanation)}</p>"
        f'<div class="sg-wide"><code>{escape(wrong.line)}</code></div>'
        f'<div class="sg-wide"><table class="sg-plain"><tbody>'
        f"<tr><td>gives</td><td>{as_mathml(wrong.gives)}</td></tr>"
        f"<tr><td>right</td><td>{as_mathml(wrong.right)}</td></tr></tbody></table></div></aside>"
    )
