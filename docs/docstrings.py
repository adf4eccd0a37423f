"""An extension of griffe that prepares the plain text of docstrings for the site.

The heading `Example:` becomes griffe's `Examples:`. <x, y>, an inner product, is escaped: Markdown would take it for an
HTML tag. Formulas that stand on lines of their own are typeset, as formulas.toml says.
"""

import html
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import griffe
from latex2mathml.converter import convert

LATEX = tomllib.loads((Path(__file__).parent / "formulas.toml").read_text())
DISPLAYED = re.compile(
    r"(?:^ {4}.*\n|^\n(?= {4}))+", re.MULTILINE
)  # lines with an indent, and empty lines between them
SPACES = re.compile(r" {3,}")  # between the formulas of a line, or between a formula and a note
ALIGNED = re.compile(r" +(=|<-) +")


def cells(line: str) -> list[str]:
    """The formulas and notes of a displayed line. A line that is one formula with wide spaces has one cell."""
    line = ALIGNED.sub(r" \1 ", line.strip())
    return [line] if line in LATEX else SPACES.split(line)


def displayed(docstring: str) -> Iterator[re.Match[str]]:
    """The blocks of the docstring in which a formula is displayed."""
    for block in DISPLAYED.finditer(docstring + "\n"):
        if any(cell in LATEX for line in block[0].splitlines() for cell in cells(line)):
            yield block


def typeset(docstring: str) -> str:
    """The docstring with its displayed formulas as MathML, which browsers show without a script."""
    for block in reversed(list(displayed(docstring))):
        rows = [f"<tr>{''.join(map(_cell, cells(line)))}</tr>" for line in block[0].splitlines() if line]
        table = f'\n<div class="sg-formulas"><table>{"".join(rows)}</table></div>\n'
        docstring = docstring[: block.start()] + table + docstring[block.end() :]
    return docstring


def _cell(text: str) -> str:
    return f"<td>{convert(LATEX[text]) if text in LATEX else html.escape(text)}</td>"


class PlainText(griffe.Extension):
    """Prepares the docstring of every object."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Called for every object of the package after it is read."""
        if obj.docstring is not None:
            lines = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n").split("\n")
            escaped = (line if line.startswith(" ") else line.replace("<", "&lt;") for line in lines)
            obj.docstring.value = typeset("\n".join(escaped))
