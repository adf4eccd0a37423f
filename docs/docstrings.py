"""An extension of griffe that prepares the plain text of docstrings for the site.

The heading `Example:` becomes griffe's `Examples:`. <x, y>, an inner product, is escaped: Markdown would take it for an
HTML tag. Formulas are typeset, as formulas.toml says: on lines of their own, and in the sentences before the arguments.
"""

import html
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import griffe
from latex2mathml.converter import convert

FORMULAS = tomllib.loads((Path(__file__).parent / "formulas.toml").read_text())
LATEX, INLINE = FORMULAS["displayed"], FORMULAS["inline"]
IN_A_SENTENCE = re.compile(rf"(?<![\w`])({'|'.join(map(re.escape, sorted(INLINE, key=len, reverse=True)))})(?![\w`^(])")
SECTION = re.compile(r"\n(?=[A-Z][a-z]+:\n )")
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


def sentences(docstring: str) -> str:
    """The docstring with the formulas in its sentences as MathML, and <x, y> escaped."""
    text, *sections = SECTION.split(docstring, maxsplit=1)
    lines = [line if line.startswith(" ") else _sentence(line) for line in text.split("\n")]
    rest = [line if line.startswith(" ") else line.replace("<", "&lt;") for line in "\n".join(sections).split("\n")]
    return "\n".join([*lines, *rest] if sections else lines)


def _sentence(line: str) -> str:
    parts = IN_A_SENTENCE.split(line)  # text and formulas in turn
    return "".join(_inline(INLINE[part]) if i % 2 else part.replace("<", "&lt;") for i, part in enumerate(parts))


def _inline(latex: str) -> str:
    """The formula in parts, between which a line may break: before the second equals sign, and later ones."""
    left, *right = latex.split(" = ")
    parts = [" = ".join([left, *right[:1]]), *(f"= {side}" for side in right[1:])]
    return f"<span>{' '.join(map(convert, parts))}</span>"  # without <span>, <math> ends a paragraph


def _cell(text: str) -> str:
    return f"<td>{convert(LATEX[text]) if text in LATEX else html.escape(text)}</td>"


class PlainText(griffe.Extension):
    """Prepares the docstring of every object."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Called for every object of the package after it is read."""
        if obj.docstring is not None:
            obj.docstring.value = typeset(sentences(obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")))
