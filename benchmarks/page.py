"""docs/performance.md, from what was saved."""

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

How long softgrad takes beside other libraries, every one on the same numbers and the same machine. float32, unless a
heading says otherwise.

## Goals

$goals_caption

$goals
## What the tables say

$caption

$questions## How it was measured

    python -m benchmarks        # then: python -m benchmarks page

- Every library runs in a process of its own and reads the same inputs into memory of its own. One process is asked at a
  time, after a pause in which the threads of the one before go to sleep.
- Every round asks all of them, in an order drawn anew; the tables show medians over the rounds, whose times are all
  kept in [benchmarks/results](../benchmarks/results).
- The first call, in which compilers compile, is not timed: it is compared with float64, all rows of small results, the
  first, the last and some between of large ones. A wrong result is named, and its call not timed.
- A sample is the median of the calls that fit into $seconds seconds, after one that wakes threads and caches; or one
  call, if that takes more than $long seconds. Who has spent $enough seconds on samples is not asked again. The garbage
  collector is off.
- torch is eager, with autograd for the loss and the kernels of its own backward passes for softmax; torch.compile
  compiles each size for itself; jax.jit has optax's loss; NumPy is written by hand with few temporaries, 16-bit inputs
  computed in float32; SciPy has scipy.special's softmax and log_softmax.
- Logits are normal with a standard deviation of 3, classes uniform.

## Machine and versions

$machines
""")


def write(records: Mapping[str, Record], path: Path = PAGE) -> Path:
    """Writes the page, and the plots that it shows beside it."""
    from benchmarks.runner import ENOUGH, SECONDS
    from benchmarks.worker import LONG

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        TEXT.substitute(
            goals_caption=fill(tables.GOALS_CAPTION, WIDTH),
            goals=tables.text(tables.goals(goals.found(records), markdown=True)),
            caption=fill(tables.CAPTION, WIDTH),
            questions="".join(_question(record, path.parent) for record in records.values()),
            seconds=SECONDS,
            long=LONG,
            enough=f"{ENOUGH:g}",
            machines="\n".join(_machines(records)),
        )
    )
    return path


def _question(record: Record, folder: Path) -> str:
    parts = [f"## {record.title}\n"]
    if len(record.sweep()) > 1:
        plot = plots.draw(record, folder / "images")
        parts.append(f"![Time against size]({plot.relative_to(folder)})\n")
    parts.append(tables.text(tables.table(record, markdown=True)))
    if notes := tables.notes(record):
        parts.append("".join(f"- {note}\n" for note in notes))
    return "\n".join(parts) + "\n"


def _machines(records: Mapping[str, Record]) -> list[str]:
    """A line for every machine and set of versions; one, if all questions were asked in one run."""
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
