"""The tables: one a question, and one of all goals; for a terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

from benchmarks.goals import Found
from benchmarks.providers import PEERS, SOFTGRAD, SOFTGRAD_OUT
from benchmarks.record import Record, Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.table import Table

BUSY = 10  # percent, above which the reader is told
WIDTH = 130  # of a table that goes into a file
CAPTION = (
    "Times are medians. plain: the result is a new array, whose memory is fetched and freed in every call, page faults "
    "included, as it is for every peer. out=: into an array that is there. copy: np.copyto of half of the bytes moved "
    "into an array that is there, whole or split over threads, whichever is faster. Under a peer: how many times as "
    "long as softgrad's plain call it takes. Under copy: its time as a share of softgrad's with out=. GB/s: of out=."
)
GOALS_CAPTION = (
    "Wanted and found: how many times as long as softgrad's plain call the fastest of them takes; against the copy, "
    "the copy's time as a share of that of softgrad with out=. Of a goal for every size, the worst is shown."
)


def console() -> Console:
    """Standard output, wide enough for a table even where it is no terminal."""
    from rich.console import Console

    output = Console(markup=False, highlight=False)
    return output if output.is_terminal else Console(markup=False, highlight=False, width=WIDTH)


def progress() -> Status:
    """A line on standard error that says what is under way, on a terminal only, and takes little of the processors."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False).status("", refresh_per_second=2)


def empty(columns: Sequence[str], *, title: str = "", markdown: bool = False) -> Table:
    """A table without rows: framed, or as Markdown, which has no titles."""
    from rich import box
    from rich.table import Table

    drawn = Table(
        title=None if markdown else title or None,
        title_justify="left",
        box=box.MARKDOWN if markdown else box.HEAVY_HEAD,
    )
    for column in columns:
        drawn.add_column(column, justify="left" if markdown else "right", no_wrap=True)
    return drawn


def text(drawn: Table) -> str:
    """Its lines, as long as they are."""
    from rich.console import Console

    console = Console(file=StringIO(), width=400, markup=False, highlight=False)
    console.print(drawn)
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()) + "\n"


def table(record: Record, *, markdown: bool = False) -> Table:
    """Rows are sizes, columns what was found, as CAPTION explains."""
    columns = ("rows x classes", "MB moved", "GB/s", "plain, ms", "out=, ms", *PEERS, "copy")
    drawn = empty(columns, title=record.title, markdown=markdown)
    for row in record.rows:
        drawn.add_row(
            f"{row.rows:,} x {row.classes:,}",
            f"{row.bytes_moved / 1e6:.3g}",
            _number(row.gigabytes_a_second(), ".3g"),
            _milliseconds(row, SOFTGRAD),
            _milliseconds(row, SOFTGRAD_OUT),
            *(_peer(record, row, peer) for peer in PEERS),
            _number(row.share_of_copy(), ".2f"),
        )
    return drawn


def goals(found: Sequence[Found], *, markdown: bool = False) -> Table:
    """Rows are goals, with what was found and whether it is enough, as GOALS_CAPTION explains."""
    columns = ("question", "rows x classes", "against", "fastest", "wanted", "found", "")
    drawn = empty(columns, title="goals", markdown=markdown)
    for one in found:
        size = "every size" if one.size is None else str(one.size) if one.goal.size else f"{one.size} (worst)"
        drawn.add_row(
            one.goal.question,
            size,
            "every peer" if one.goal.against == PEERS else ", ".join(one.goal.against),
            one.fastest,
            f"{one.goal.wanted:g}",
            _number(one.value, ".2f"),
            one.verdict(),
        )
    return drawn


def notes(record: Record) -> list[str]:
    """A sentence for everybody who is absent or was refused."""
    found = [f"{name} is absent: {install}" for name, install in record.absent.items()]
    if int(record.machine.get("percent_busy_before", 0)) > BUSY:
        found.append(f"the processors were {record.machine['percent_busy_before']} % busy with other work at the start")
    reasons: dict[tuple[str, str], list[Row]] = {}
    for row in record.rows:
        for line, reason in row.refused.items():
            reasons.setdefault((line, reason), []).append(row)
    for (line, reason), rows in reasons.items():
        where = "" if len(rows) == len(record.rows) else f" at {', '.join(f'{r.rows:,} x {r.classes:,}' for r in rows)}"
        found.append(f"{line} was not timed{where}: {reason}")
    return found


def _peer(record: Record, row: Row, peer: str) -> str:
    if peer in record.absent:
        return "absent"
    return "not timed" if peer in row.refused else _number(row.times_as_long(peer), ".1f")


def _milliseconds(row: Row, line: str) -> str:
    seconds = row.median(line)
    return _number(None if seconds is None else 1000 * seconds, ".3g")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
