"""The content of a report, before it is HTML or Markdown: sections of text, tables, figures and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias


class Paragraph(NamedTuple):
    """A paragraph; one that is a warning stands out."""

    text: str
    is_warning: bool = False
    kind: str = "paragraph"


class Table(NamedTuple):
    """A table. The first cell of each row names the row."""

    caption: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: int = 1  # the number of columns, from the left, that hold text; the others hold numbers
    shades: Sequence[tuple[float, ...]] = ()  # (rows, columns of numbers): how strongly a cell is shaded, 0 to 1
    is_folded: bool = False  # whether a page shows it only when asked: the numbers of a figure
    kind: str = "table"


class Figure(NamedTuple):
    """A plot, which Markdown leaves out: a table holds its numbers."""

    svg: str
    caption: str
    kind: str = "figure"


class Figures(NamedTuple):
    """Plots side by side."""

    figures: Sequence[Figure]
    kind: str = "figures"


class Picture(NamedTuple):
    """A small image of the data."""

    png: str  # in base64
    alt: str
    caption: str


class Pictures(NamedTuple):
    """Small images in a row, which Markdown leaves out: a table says what they show."""

    pictures: Sequence[Picture]
    kind: str = "pictures"


Block: TypeAlias = Paragraph | Table | Figures | Pictures


class Section(NamedTuple):
    """A heading and what is below it."""

    name: str  # for links
    title: str
    blocks: Sequence[Block]


class Document(NamedTuple):
    """A whole report."""

    title: str
    intro: Sequence[Paragraph]
    sections: Sequence[Section]
