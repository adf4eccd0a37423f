"""Writes docs/performance.md from the saved results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from textwrap import fill

from benchmarks import goals, plots, tables
from benchmarks.record import Record

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
WIDTH = 120  # of its prose

TEXT = Template("""\
# Performance

This page compares the time that softgrad takes with that of other libraries. All libraries get the same inputs on the
same machine. The dtype is float32 unless the name of a question or a heading says otherwise.

## Goals

$goals_caption

$goals
## How to read the tables

$caption

$questions## How it was measured

    python -m benchmarks        # then: python -m benchmarks page

- Every library runs in its own process, and reads the same inputs into its own memory. One process works at a time,
  after a pause in which the threads of the previous one go to sleep.
- In every round all libraries are timed, in a new random order. The tables show medians over the rounds. The times of
  all rounds are in [benchmarks/results](../benchmarks/results).
- The first call, in which just-in-time compilers compile, is not timed. Its result is compared with float64: all rows
  of a small result; the first, the last and some other rows of a large one. If the result is wrong, this is reported
  and the call is not timed.
- One sample is the median of the calls that fit into $sample_seconds seconds, after one call that warms up threads and
  caches. If this call takes more than $long_call seconds, it is the sample. A library whose samples add up to more than
  $max_seconds seconds is not timed in the following rounds. The garbage collector is off.
- torch runs in eager mode: the loss with autograd, softmax with torch's own backward kernels. torch.compile compiles
  every size separately. jax.jit uses the loss of optax. The NumPy code is written by hand with few temporary arrays,
  and computes 16-bit inputs in float32. SciPy uses softmax and log_softmax of scipy.special.
- The logits are normally distributed with a standard deviation of 3; the classes are uniformly distributed.

## Machine and versions

$machines
""")


def write(records: Mapping[str, Record], path: Path = PAGE) -> Path:
    """Writes the page, and its plots in the folder images/ beside it."""
    from benchmarks.runner import MAX_SECONDS, SAMPLE_SECONDS
    from benchmarks.worker import LONG_CALL

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        TEXT.substitute(
            goals_caption=fill(tables.GOALS_CAPTION, WIDTH),
            goals=tables.text(tables.goals(goals.evaluate(records), markdown=True)),
            caption=fill(tables.CAPTION, WIDTH),
            questions="".join(_question(record, path.parent) for record in records.values()),
            sample_seconds=SAMPLE_SECONDS,
            long_call=LONG_CALL,
            max_seconds=f"{MAX_SECONDS:g}",
            machines="\n".join(_machines(records)),
        )
    )
    return path


def _question(record: Record, folder: Path) -> str:
    paragraphs = [f"## {record.title}\n"]
    if len(record.sweep()) > 1:
        plot = plots.draw(record, folder / "images")
        paragraphs.append(f"![Time against size]({plot.relative_to(folder)})\n")
    paragraphs.append(tables.text(tables.table(record, markdown=True)))
    if notes := tables.notes(record):
        paragraphs.append("".join(f"- {note}\n" for note in notes))
    return "\n".join(paragraphs) + "\n"


def _machines(records: Mapping[str, Record]) -> list[str]:
    """One line for every different machine and set of versions."""
    lines: dict[str, list[str]] = {}
    for record in records.values():
        machine = record.machine
        line = (
            f"{machine['processor']}, {machine['processors']} processors, {machine['memory_gib']} GiB; "
            f"{machine['system']}; Python {machine['python']}; "
            + ", ".join(f"{package} {version}" for package, version in sorted(record.versions.items()))
        )
        lines.setdefault(line, []).append(record.date[:10])
    return [f"- {' and '.join(sorted(set(dates)))}: {line}" for line, dates in lines.items()]
