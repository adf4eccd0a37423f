"""The tables, one a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.providers import COPY, PROVIDERS, SOFTGRAD, SOFTGRAD_OUT
from benchmarks.record import Record, Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.table import Table

BUSY = 10  # percent, above which the reader is told
WIDTH = 130  # of a table that goes into a file
PEERS = [entry.name for entry in PROVIDERS if entry.name not in (SOFTGRAD, COPY)]
CAPTION = (
    "Under a peer: how many times as long as softgrad's plain call it takes. Under copy: the speed of softgrad as a "
    "share of that of a plain copy of the same bytes. GB/s and copy are those of out=, or of the plain call without it."
)


def console() -> Console:
    """Standard output, wide enough for a table even where it is no terminal."""
    from rich.console import Console

    output = Console(markup=False, highlight=False)
    return output if output.is_terminal else Console(markup=False, highlight=False, width=WIDTH)


def progress() -> Status:
    """A line on standard error that says what is under way, on a terminal only."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False).status("")


def table(record: Record) -> Table:
    """Rows are sizes, columns what was found."""
    from rich.table import Table

    drawn = Table(title=record.title, caption=CAPTION, caption_justify="left", title_justify="left")
    for column in ("rows x classes", "MB moved", "GB/s", "plain, ms", "out=, ms", *PEERS, "copy"):
        drawn.add_column(column, justify="right", no_wrap=True)
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
