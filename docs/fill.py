"""Writes into the pages what comes from other files: `python docs/fill.py`. The tests compare both.

A comment in a page says what stands below it:

    <!-- examples/notes.py -->                        a block with the text of the file
    <!-- examples/flowers.csv, first 5 lines -->      a block with its first lines
    <!-- api softgrad.softmax -->  <!-- end -->       the public names of a module
    <!-- api softgrad.check: Report Mistake -->       some of its names

Between `api` and `end` the page lists names, for those who read it in the repository. On the site, hooks.py puts their
docstrings in its place. derivation.md is an explanation in Markdown, with formulas in LaTeX; the site shows its HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import griffe

    from softgrad.explanation import Explanation

DOCS = Path(__file__).parent
EXAMPLE = re.compile(r"(<!-- (examples/\S+?)(?:, first (\d+) lines)? -->\n+```.*\n)(?:.*\n)*?(```\n)")
NAMES = re.compile(r"(<!-- api (\S+?)(?:: (.+?))? -->\n)(?:.*\n)*?(<!-- end -->\n)")


def derivation() -> Explanation:
    """The explanation that derivation.md shows."""
    import softgrad as sg

    return sg.explain([2.0, 1.0, 0.1], 0)


def with_examples(page: Path) -> str:
    """The text of a page, with the examples as they are now."""
    return EXAMPLE.sub(lambda found: f"{found[1]}{_lines(found[2], found[3])}{found[4]}", page.read_text())


def with_names(page: Path) -> str:
    """The text of a page, with the names as they are now."""
    return NAMES.sub(lambda found: f"{found[1]}\n{_list(found[2], found[3], page)}\n{found[4]}", page.read_text())


def described(module: str, names: str | None) -> Iterator[griffe.Object]:
    """The names of a module that a page describes: those given, or all public ones defined in the module."""
    members = source_of(module).members
    for name in names.split() if names else members:
        member = members[name]
        if names or (member.is_public and not member.is_alias and not member.is_module and member.docstring):
            yield member.final_target if member.is_alias else member


def source_of(module: str) -> griffe.Object:
    """A module as griffe reads its source, without importing it."""
    return _package()[module.removeprefix("softgrad.")]


@cache
def _package() -> griffe.Object:
    import griffe

    return griffe.load("softgrad", search_paths=[str(DOCS.parent / "src")])


def _lines(file: str, count: str | None) -> str:
    lines = (DOCS / file).read_text().splitlines(keepends=True)
    return "".join(lines[: int(count)] if count else lines)


def _list(module: str, names: str | None, page: Path) -> str:
    """One line per name: a link to its file, and the first sentence of its docstring."""
    up = "../" * len(page.relative_to(DOCS).parts)
    lines = []
    for member in described(module, names):
        summary = member.docstring.value.partition("\n\n")[0].replace("\n", " ").replace("<", "&lt;")
        file = member.filepath.relative_to(DOCS.parent)
        lines.append(f"- [`{member.name}`]({up}{file}): {summary}\n")
    return "".join(lines)


if __name__ == "__main__":
    (DOCS / "derivation.md").write_text(derivation().to_markdown())
    for page in DOCS.rglob("*.md"):
        page.write_text(with_examples(page))
        page.write_text(with_names(page))
