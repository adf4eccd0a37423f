"""The tables: one per question, and one of all goals. They are printed on a terminal or written as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

from benchmarks.goals import Result
from benchmarks.providers import PEERS, SOFTGRAD, SOFTGRAD_OUT, SOFTGRAD_TORCH
from benchmarks.record import Record, Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.table import Table

BUSY = 10  # percent; a note is added if the load at the start was higher
WIDTH = 150  # columns of the output if standard output is not a terminal
CAPTION = (
    'Times are medians. "plain" is a call that returns a new array: its memory is allocated and freed in every call, '
    'page faults included, as in the calls of the other libraries. "out=" is a call that writes to an existing array. '
    '"tensors" is softgrad.torch: the module of the loss with autograd, or the function. "MB moved" is the least that '
    'must be read and written, and "GB/s" is MB moved divided by the time with out=. The column of a library shows its '
    'time divided by the time of softgrad\'s plain call. "copy" is the time of np.copyto divided by the time of '
    "softgrad with out=. np.copyto copies half of the bytes moved to an existing array, in one thread or in several, "
    "whichever is faster."
)
GOALS_CAPTION = (
    'The columns "wanted" and "found" are ratios: the time of the fastest library in the column "against", divided by '
    "the time of softgrad's plain call, or of the call that is named after the question. Against the copy, the ratio "
    "is the time of the copy divided by the time of softgrad with out=. Columns are compared with softgrad's own rows. "
    "For a goal at every size, the worst size is shown."
)


def console() -> Console:
    """A console for standard output, which is wide enough for a table even if it is not a terminal."""
    from rich.console import Console

    output = Console(markup=False, highlight=False)
    return output if output.is_terminal else Console(markup=False, highlight=False, width=WIDTH)


def progress() -> Status:
    """A status line on standard error, on a terminal only. It is refreshed rarely, to use little processor time."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False).status("", refresh_per_second=2)


def empty(columns: Sequence[str], *, title: str = "", markdown: bool = False) -> Table:
    """A table without rows, with a frame or as Markdown. A Markdown table has no title."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=None if markdown else title or None,
        title_justify="left",
        box=box.MARKDOWN if markdown else box.HEAVY_HEAD,
    )
    for column in columns:
        table.add_column(column, justify="left" if markdown else "right", no_wrap=True)
    return table


def text(table: Table) -> str:
    """The table as text, whose lines are not wrapped."""
    from rich.console import Console

    console = Console(file=StringIO(), width=1000, markup=False, highlight=False)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()) + "\n"


def table(record: Record, *, markdown: bool = False) -> Table:
    """The table of a question, with one row per size. CAPTION explains the columns."""
    tensors = ["tensors, ms"] if SOFTGRAD_TORCH in record.lines() else []
    columns = ("rows x classes", "MB moved", "GB/s", "plain, ms", "out=, ms", *tensors, *PEERS, "copy")
    table = empty(columns, title=record.title, markdown=markdown)
    for row in record.rows:
        table.add_row(
            f"{row.rows:,} x {row.classes:,}",
            f"{float(f'{row.bytes_moved / 1e6:.3g}'):,g}",
            _number(row.gigabytes_per_second(), ".3g"),
            _milliseconds(row, SOFTGRAD),
            _milliseconds(row, SOFTGRAD_OUT),
            *(_milliseconds(row, SOFTGRAD_TORCH) for _ in tensors),
            *(_peer(record, row, peer) for peer in PEERS),
            _number(row.copy_ratio(), ".2f"),
        )
    return table


def goals(results: Sequence[Result], *, markdown: bool = False) -> Table:
    """The table of goals and results, with one row per goal. GOALS_CAPTION explains the columns."""
    columns = ("question", "rows x classes", "against", "fastest", "wanted", "found", "")
    table = empty(columns, title="goals", markdown=markdown)
    for result in results:
        goal, size = result.goal, result.size
        table.add_row(
            goal.question if goal.ours == SOFTGRAD else f"{goal.question}, {goal.ours.removeprefix('softgrad, ')}",
            "every size" if size is None else str(size) if goal.size else f"{size} (worst)",
            "every peer" if goal.against == PEERS else ", ".join(goal.against),
            result.fastest,
            f"{goal.wanted:g}",
            _number(result.value, ".2f"),
            result.verdict(),
        )
    return table


def notes(record: Record) -> list[str]:
    """A sentence for each provider that is not installed, and for each line that was not timed."""
    sentences = [f"{name} is not installed: {install}" for name, install in record.absent.items()]
    if (percent := int(record.machine.get("percent_busy_before", 0))) > BUSY:
        sentences.append(f"other processes used {percent} % of the processors at the start")
    reasons: dict[tuple[str, str], list[Row]] = {}
    for row in record.rows:
        for line, reason in row.not_timed.items():
            reasons.setdefault((line, reason), []).append(row)
    for (line, reason), rows in reasons.items():
        where = "" if len(rows) == len(record.rows) else f" at {', '.join(f'{r.rows:,} x {r.classes:,}' for r in rows)}"
        sentences.append(f"{line} was not timed{where}: {reason}")
    return sentences


def _peer(record: Record, row: Row, peer: str) -> str:
    if peer in record.absent:
        return "absent"
    return "not timed" if peer in row.not_timed else _number(row.time_ratio(peer), ".1f")


def _milliseconds(row: Row, line: str) -> str:
    seconds = row.median(line)
    return _number(None if seconds is None else 1000 * seconds, ".3g")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
