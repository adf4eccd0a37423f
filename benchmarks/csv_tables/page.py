"""Writes the tables of docs/train-on-my-csv.md, between the comments that name them. People write the rest of it."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import tables
from benchmarks.csv_tables.measure import BASELINE, MEASURES, SOFTGRAD, Result

if TYPE_CHECKING:
    from rich.table import Table

PAGE = Path(__file__).parents[2] / "docs" / "train-on-my-csv.md"
BETWEEN = "<!-- {title} -->\n(.*?)<!-- end -->"


def files(results: Mapping[str, Result], *, markdown: bool = False) -> Table:
    """What is in each file, and what it takes to read it."""
    dirt = ["what is in the file"] if markdown else []  # too long for a terminal
    table = tables.empty(
        ["table", "rows", "columns", *dirt, "arguments of read_csv", "lines of Python"], markdown=markdown
    )
    for name, result in results.items():
        size, effort = (result.rows, result.columns), (result.arguments, result.lines)
        table.add_row(name, *(f"{n:,}" for n in size), *(result.dirt for _ in dirt), *map(str, effort))
    return table


def figures(results: Mapping[str, Result], *, markdown: bool = False) -> Table:
    """The means and standard deviations over the splits, one row for each table and library."""
    table = tables.empty(("table", "", *MEASURES, "seconds"), markdown=markdown)
    for name, result in results.items():
        for library, values in result.figures.items():
            seconds = statistics.median(values["seconds"]) if "seconds" in values else None
            table.add_row(
                name if library == SOFTGRAD else "",
                library,
                *(_mean(values[measure], deviation=library != BASELINE) for measure in MEASURES),
                "" if seconds is None else f"{seconds:.1f}",
            )
    return table


def write(results: Mapping[str, Result], path: Path = PAGE) -> Path:
    """Replaces the tables of the page, and returns its path."""
    versions = sorted(
        {f"{package} {version}" for each in results.values() for package, version in each.versions.items()}
    )
    processors = sorted({str(each.machine["processor"]) for each in results.values()})
    texts = {
        "Files": tables.text(files(results, markdown=True)),
        "Figures": tables.text(figures(results, markdown=True)),
        "Versions": f"Measured with {', '.join(versions)}; {' and '.join(processors)}, other programs at work.\n",
    }
    text = path.read_text()
    for title, new in texts.items():
        marked = f"<!-- {title} -->\n\n{new}\n<!-- end -->"
        text, found = re.subn(BETWEEN.format(title=title), lambda _, marked=marked: marked, text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{path}: wanted one place for the table {title!r}, found {found}")
    path.write_text(text)
    return path


def _mean(values: list[float], *, deviation: bool) -> str:
    mean = f"{statistics.fmean(values):.3f}"
    return f"{mean} ± {statistics.pstdev(values):.3f}" if deviation and len(values) > 1 else mean
