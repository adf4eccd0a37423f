"""How numbers and names are written in a report."""

from __future__ import annotations

LONGEST_NAME = 40


def number(value: float | None) -> str:
    """Four decimals, as the terminal shows it; - for a measure that does not exist."""
    return "-" if value is None else f"{value:.4f}"


def percent(value: float) -> str:
    """A part of 1 as a percentage."""
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def counted_rows(rows: int, of_rows: int) -> str:
    """The test rows that something was computed from: all, or a sample of them."""
    return f"{'the' if rows == of_rows else 'a sample of'} {rows:,} test rows"


def name_of(text: str, limit: int = LONGEST_NAME) -> str:
    """The name of a class or column on one line, shortened if it is long."""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else ascii(c)[1:-1] for c in text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
