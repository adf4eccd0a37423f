"""This build of softgrad compared with another one, for example with that of the commit before.

Both are timed in turns, each in a process of its own, and so is this build a second time: its ratio to itself, which
would be 1 on a quiet machine, is the noise. A ratio is the median of this build's times, divided by the median of the
other's. Beside it stand the quartiles of the ratios of single rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benchmarks import tables
from benchmarks.providers import PROVIDERS, SOFTGRAD, Entry
from benchmarks.questions import QUESTIONS, QUICK_SIZES
from benchmarks.record import Row
from benchmarks.runner import run

OTHER, AGAIN = "other", "again"
CAPTION = (
    "A ratio is the time of this build divided by the time of the other build, or of this build in another process: "
    "this is the noise. In brackets: the quartiles of the ratios of single rounds."
)


class Ratio(NamedTuple):
    """How many times as long one line takes as another."""

    of_medians: float
    lower: float  # the quartiles over the rounds
    upper: float

    def __str__(self) -> str:
        return f"{self.of_medians:.2f} ({self.lower:.2f}-{self.upper:.2f})"


def ratio(row: Row, line: str, other: str) -> Ratio | None:
    """The ratio of two lines; None if one of them was not timed."""
    times, others = row.seconds.get(line), row.seconds.get(other)
    if not times or not others:
        return None
    rounds = [a / b for a, b in zip(times, others, strict=False)]
    lower, _, upper = statistics.quantiles(rounds, n=4, method="inclusive") if len(rounds) > 1 else rounds * 3
    return Ratio(statistics.median(times) / statistics.median(others), lower, upper)


def entries(folder: Path) -> tuple[Entry, ...]:
    """This build, this build again, and the build in `folder`."""
    if not (folder / "softgrad" / "__init__.py").exists():
        raise ValueError(f"there is no softgrad in {folder}: it must hold softgrad/__init__.py and a compiled module")
    this = next(entry for entry in PROVIDERS if entry.name == SOFTGRAD)
    return this, this._replace(name=AGAIN), this._replace(name=OTHER, folder=str(folder.resolve()))


def main(names: Sequence[str], folder: Path, *, quick: bool, rounds: int) -> None:
    """Times the questions, and prints a table of ratios for each, and the medians of all ratios."""
    if unknown := set(names) - QUESTIONS.keys():
        raise ValueError(f"--against knows questions, not {', '.join(sorted(unknown))}; --list lists them")
    providers, console = entries(folder), tables.console()
    found: dict[str, list[float]] = {OTHER: [], AGAIN: []}
    console.print(CAPTION)
    for name in names:
        question = replace(QUESTIONS[name], sizes=QUICK_SIZES) if quick else QUESTIONS[name]
        table = tables.empty(("rows x classes", "call", "ms", "to the other", "to itself"), title=name)
        with tables.progress() as progress:
            record = run(question, providers, rounds=rounds, report=progress.update)
        for row in record.rows:
            for call in ("", ", out="):
                ratios = {against: ratio(row, SOFTGRAD + call, against + call) for against in found}
                for against, value in ratios.items():
                    found[against] += [value.of_medians] if value else []
                milliseconds = 1000 * (row.median(SOFTGRAD + call) or 0)
                size = f"{row.rows:,} x {row.classes:,}"
                table.add_row(
                    size, call.strip(", ") or "plain", f"{milliseconds:.3g}", *(str(r or "-") for r in ratios.values())
                )
        console.print(table)
        for note in tables.notes(record):
            console.print(note)
    for against, values in found.items():
        if values:
            median, spread = statistics.median(values), f"{min(values):.2f} to {max(values):.2f}"
            console.print(f"to {'itself' if against == AGAIN else 'the other'}: median {median:.3f}, {spread}")
