"""The difference of a gradient from the right one as a small grid of colours, in SVG.

Two axes are shown: of more, the slice with the worst entry. In a grid that would be larger than MOST_ROWS x
MOST_COLUMNS, each cell stands for several entries, and shows the one that is furthest off.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from softgrad.check.report.mistake import Place
from softgrad.check.report.pictures import Entries
from softgrad.formulas.numbers import Array

MOST_ROWS, MOST_COLUMNS = 12, 16
NUMBERED = 8  # up to so many columns, each cell shows its number
LEFT, TOP = 34, 22  # of the grid: the room for the indices
WIDE, NARROW, HEIGHT = 54, 26, 26  # of a cell
FAINT, STRONG = 0.12, 0.75  # the opacity of the smallest and of the largest difference
VANISHING = 1e-9  # beside the largest difference


class _Plane(NamedTuple):
    """The last two axes of a gradient."""

    name: str
    got: Array
    wanted: Array
    worst: tuple[int, int]
    corner: tuple[int, int]  # where it begins in the gradient
    before: tuple[int, ...]  # the indices on the axes that are not shown
    axes: int  # of the gradient

    def place(self, row: int, column: int) -> Place:
        """One entry, with its index in the gradient."""
        index = (*self.before, row + self.corner[0], column + self.corner[1])[len(self.before) + 2 - self.axes :]
        return Place(self.name, index, float(self.got[row, column]), float(self.wanted[row, column]))


def heat_map(entries: Entries, rtol: float) -> str:
    """A <figure>: the grid, and in words what it shows."""
    plane = _plane(entries)
    off = _off(plane, rtol)
    rows, columns = _edges(off.shape[0], MOST_ROWS), _edges(off.shape[1], MOST_COLUMNS)
    finite = np.abs(off[np.isfinite(off)])
    largest = float(finite.max(initial=0.0))
    wide = WIDE if len(columns) - 1 <= NUMBERED else NARROW
    parts, marked = [], ""
    for r, (top, bottom) in enumerate(pairwise(rows)):
        if plane.axes > 1:
            parts.append(_text(LEFT - 6, TOP + r * HEIGHT + 17, top + plane.corner[0], "end"))
        for c, (left, right) in enumerate(pairwise(columns)):
            at = _furthest(off, slice(top, bottom), slice(left, right))
            x, y, value = LEFT + c * wide, TOP + r * HEIGHT, float(off[at])
            parts.append(_cell(x, y, wide, value, largest, str(plane.place(*at))))
            if top <= plane.worst[0] < bottom and left <= plane.worst[1] < right:
                marked = (
                    f'<rect x="{x + 1}" y="{y + 1}" width="{wide - 3}" height="{HEIGHT - 3}" fill="none" '
                    f'stroke="currentColor" stroke-width="2"/>'
                )
    for c, left in enumerate(columns[:-1]):
        if plane.axes and (wide == WIDE or c % 2 == 0):
            parts.append(_text(LEFT + (c + 0.5) * wide, TOP - 7, left + plane.corner[1], "middle"))
    width, height = LEFT + (len(columns) - 1) * wide + 2, TOP + (len(rows) - 1) * HEIGHT + 2
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" style="max-width: {width}px" role="img" '
        f'aria-label="The gradient minus the right one">{"".join(parts)}{marked}</svg>'
        f"<figcaption>{escape(_caption(entries, plane, off, rows, columns))}</figcaption></figure>"
    )


def _plane(entries: Entries) -> _Plane:
    got, wanted, worst, corner = entries.got, entries.wanted, entries.worst, entries.corner
    before = tuple(i + start for i, start in zip(worst[:-2], corner[:-2], strict=True))
    if got.ndim < 2:
        got, wanted = got.reshape(1, -1), wanted.reshape(1, -1)
    else:
        got, wanted = got[worst[:-2]], wanted[worst[:-2]]
    (row, column), (first_row, first_column) = (0, 0, *worst)[-2:], (0, 0, *corner)[-2:]
    return _Plane(entries.name, got, wanted, (row, column), (first_row, first_column), before, len(entries.whole))


def _off(plane: _Plane, rtol: float) -> Array:
    """The differences, 0 where they pass; infinite where only one of the two is finite, NaN where none is known."""
    with np.errstate(all="ignore"):
        off = plane.got - plane.wanted
        size = np.fmax(np.abs(plane.got), np.abs(plane.wanted))
    off = np.where(np.isfinite(plane.got) | ~np.isfinite(plane.wanted), off, np.inf)
    off = np.where(np.abs(off) <= rtol * size, 0.0, off)
    largest = float(np.abs(off[np.isfinite(off)]).max(initial=0.0))
    return np.where(np.abs(off) < VANISHING * largest, 0.0, off)


def _edges(count: int, most: int) -> list[int]:
    """Where the cells of an axis begin, and its end."""
    each = max(1, -(-count // most))
    return [*range(0, count, each), count]


def _furthest(off: Array, rows: slice, columns: slice) -> tuple[int, int]:
    part = np.nan_to_num(np.abs(off[rows, columns]), nan=-1.0, posinf=np.inf)
    row, column = np.unravel_index(int(np.argmax(part)), part.shape)
    return rows.start + int(row), columns.start + int(column)


def _cell(x: float, y: float, wide: int, value: float, largest: float, title: str) -> str:
    if not np.isfinite(value):
        colour, strength, number = "off", STRONG, "" if np.isnan(value) else "NaN"
        strength = 0.0 if np.isnan(value) else strength
    else:
        colour, number = ("more" if value > 0 else "less"), _short(value)
        strength = FAINT + (STRONG - FAINT) * abs(value) / largest if value else 0.0
    shown = _text(x + wide / 2, y + 17, number, "middle", quiet=not value) if wide == WIDE else ""
    return (
        f'<g><title>{escape(title)}</title><rect x="{x}" y="{y}" width="{wide - 1}" height="{HEIGHT - 1}" '
        f'style="fill: var(--sg-{colour})" fill-opacity="{strength:.2f}" stroke="currentColor" stroke-opacity="0.25"/>'
        f"{shown}</g>"
    )


def _short(value: float) -> str:
    """A difference in at most six characters: "+0.094", "-2e-4"."""
    if not value:
        return "0"
    if 1e-3 <= abs(value) < 1e3:
        return f"{value:+.2g}" if abs(value) < 100 else f"{value:+.0f}"
    mantissa, _, power = f"{value:+.0e}".partition("e")
    return f"{mantissa}e{int(power)}"


def _text(x: float, y: float, text: object, anchor: str, *, quiet: bool = True) -> str:
    look = ' class="sg-quiet"' if quiet else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{look}>{text}</text>'


def _caption(entries: Entries, plane: _Plane, off: Array, rows: list[int], columns: list[int]) -> str:
    what, shape = f"The gradient of {entries.name}", entries.whole
    if plane.before:
        what += f" at [{', '.join(map(str, plane.before))}, :, :]"
    if entries.got.shape != shape:
        what += f", of shape {shape}, around its worst entry"
    wrong = int((off != 0).sum() - np.isnan(off).sum())
    said = f"{what} minus the right one: {wrong} of {off.size} {'entries' if off.size > 1 else 'entry'}"
    said += " is wrong" if wrong == 1 else " are wrong"
    each = (rows[1] - rows[0]) * (columns[1] - columns[0])
    if each > 1:
        said += f"; each cell shows the worst of up to {each}"
    return f"{said}. In the frame: {plane.place(*plane.worst)}."
