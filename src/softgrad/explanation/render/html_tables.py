"""A table as HTML: plain, as a heat map, or with a bar for each number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from softgrad.explanation.document import Table
from softgrad.explanation.formula import Math, Num, Words
from softgrad.explanation.render.formula_mathml import as_mathml
from softgrad.explanation.render.formula_text import as_text
from softgrad.explanation.render.prose import written


def table(table: Table) -> str:
    """The table, with its title above and what is left out below."""
    caption = f"<caption>{_caption(table.title)}</caption>" if table.title else ""
    head = "".join(f'<th scope="col">{_cell(cell)}</th>' for cell in table.head)
    rows = "".join(f"<tr>{''.join(_cells(table, n))}</tr>" for n in range(len(table.rows)))
    left_out = f'<p class="sg-note">({escape(table.left_out)})</p>' if table.left_out else ""
    return (
        f'<div class="sg-wide"><table class="sg-{table.look}">{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{left_out}"
    )


def _caption(title: str) -> str:
    """The title, with its letters as formulas."""
    return written(title, escape, escape, as_mathml)


def _cells(table: Table, n: int) -> Iterator[str]:
    first, *others = table.rows[n]
    yield f'<th scope="row">{_cell(first)}</th>'
    for k, cell in enumerate(others):
        if table.look == "heat" and isinstance(cell, Num):
            yield _heat(cell, _largest(table.rows), as_text(table.hover[n][k]) if table.hover else "")
        elif table.look == "bars" and isinstance(cell, Num):
            column = [line[k + 1] for line in table.rows]
            yield f"<td>{_cell(cell)}{_bar(cell, k, max(1.0, _largest([tuple(column)])))}</td>"
        else:
            yield f"<td>{_cell(cell)}</td>"


def _largest(rows: Iterable[tuple[Math, ...]]) -> float:
    return max((abs(cell.value) for line in rows for cell in line if isinstance(cell, Num)), default=0.0)


def _bar(cell: Num, column: int, whole: float) -> str:
    """A bar: of p and t from the left; in the third column, of the gradient, from the middle to either side."""
    if column < 2:
        width = f"width: {100 * cell.value / whole:.1f}%"
        return f'<div class="sg-track"><div class="sg-bar sg-{"pt"[column]}" style="{width}"></div></div>'
    size = 50 * abs(cell.value) / whole
    left = 50 - size if cell.value < 0 else 50
    sign = "minus" if cell.value < 0 else "plus"
    return (
        f'<div class="sg-track sg-signed"><div class="sg-bar sg-{sign}" '
        f'style="margin-left: {left:.1f}%; width: {size:.1f}%"></div></div>'
    )


def _heat(cell: Num, largest: float, hover: str) -> str:
    """A cell with one background colour above 0 and another below, stronger for larger numbers."""
    strength = round(52 * abs(cell.value) / largest) if largest else 0
    colour = "plus" if cell.value > 0 else "minus"
    shown = f'<span class="sg-hover">{escape(hover)}</span>' if hover else ""
    return (
        f'<td tabindex="0" '
        f'style="background: color-mix(in srgb, var(--sg-{colour}) {strength}%, transparent)">{_cell(cell)}{shown}</td>'
    )


def _cell(cell: Math) -> str:
    return escape(cell.text) if isinstance(cell, Words) else as_mathml(cell)
