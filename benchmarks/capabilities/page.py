"""Writes the tables into docs/torch.md, between the comments that name them. People write the rest of the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import tables
from benchmarks.capabilities.judging import NOTHING
from benchmarks.capabilities.measure import Record
from benchmarks.capabilities.questions import SECTIONS
from benchmarks.capabilities.reports import REPORTS

if TYPE_CHECKING:
    from rich.table import Table

PAGE = Path(__file__).parents[2] / "docs" / "torch.md"
OPEN_REPORTS = "Open reports"
TABLES = (*SECTIONS, OPEN_REPORTS)
BETWEEN = "<!-- {title} -->\n(.*?)<!-- end -->"
VERSIONS = "Versions"
BREAK = "<br>"  # between a report and its links


def table(record: Record, title: str, *, markdown: bool = False) -> Table:
    """A table with a column per library."""
    if title == OPEN_REPORTS:
        grid = tables.empty(["", "exact", *record.cells], title=title, markdown=markdown)
        for name, report in REPORTS.items():
            links = BREAK + ", ".join(map(_link, report.links)) if markdown else ""
            cells = _cells(record, name, markdown=markdown)
            grid.add_row(name + links, record.exact.get(name, NOTHING), *cells)
        return grid
    grid = tables.empty(["", *record.cells], title=title, markdown=markdown)
    for name in SECTIONS[title]:
        grid.add_row(name, *_cells(record, name, markdown=markdown))
    return grid


def write(record: Record, path: Path = PAGE) -> Path:
    """Replaces the tables and the versions of the page, and returns its path."""
    versions = ", ".join(f"{package} {version}" for package, version in sorted(record.versions.items()))
    left_out = "".join(f" {name} was not installed." for name in record.left_out)
    texts = {title: tables.text(table(record, title, markdown=True)) for title in TABLES}
    texts[VERSIONS] = f"Measured on {record.date[:10]} with {versions}; {record.processor}.{left_out}\n"
    text = path.read_text()
    for title, new in texts.items():
        marked = f"<!-- {title} -->\n\n{new}\n<!-- end -->"
        between = BETWEEN.format(title=re.escape(title))
        text, found = re.subn(between, lambda _, marked=marked: marked, text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{path}: wanted one place for the table {title!r}, found {found}")
    path.write_text(text)
    return path


def read(title: str, path: Path = PAGE) -> list[list[str]]:
    """The cells of a table of the page, without links: its header, then its rows."""
    (text,) = re.findall(BETWEEN.format(title=title), path.read_text(), flags=re.DOTALL)
    lines = [
        [cell.partition(BREAK)[0].strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()
    ]
    return [lines[0], *lines[2:]]


def _cells(record: Record, name: str, *, markdown: bool) -> list[str]:
    cells = [cells.get(name, NOTHING) for cells in record.cells.values()]
    return cells if markdown else [cell.replace("**", "") for cell in cells]


def _link(address: str) -> str:
    repository, _, number = address.partition("#")
    return f"[{repository.partition('/')[2]}#{number}](https://github.com/{repository}/issues/{number})"
