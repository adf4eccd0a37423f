"""A report as a short text: the verdict, the worst entry, what was done wrong, the line as it should be.

The text is made once, as spans (text, style); a terminal shows the styles, everything else the text alone.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softgrad.check.report import Mistake, Report

Span = tuple[str, str]  # text, and a style of rich

WIDTH = 96
MARGIN = "  "
STYLES = {True: "bold green", False: "bold red", None: "bold yellow"}
SHAPES_SHOWN = 6


def verdict(report: Report) -> str:
    """The first line: right, wrong or cannot be checked, and how large the error is."""
    if report.ok is None:
        return f"{report.function}: cannot be checked"
    error = f"largest relative error {report.error:.1e}"
    if report.ok:
        return f"{report.function}: right, {error}"
    return f"{report.function}: wrong" + (f", {error}" if report.where is not None else "")


def lines_of(mistake: Mistake) -> dict[str, str]:
    """What is had and what should be, with the names they go by."""
    lines = {"found": mistake.evidence, "should be": mistake.formula, "in NumPy": mistake.fix}
    return {label: text for label, text in lines.items() if text}


def others(report: Report) -> str:
    """The mistakes after the first, by their titles."""
    return "; ".join(mistake.title for mistake in report.mistakes[1:])


def unnamed(report: Report) -> bool:
    """Whether it is wrong, and no known mistake says how."""
    return report.ok is False and not report.mistakes


def how(report: Report) -> str:
    """Which gradients were checked, and by what method; "" where nothing was."""
    shapes = [f"{name} {tuple(map(int, shape))}" for name, shape in report.checked.items()]
    if len(shapes) > SHAPES_SHOWN:
        shapes[SHAPES_SHOWN:] = [f"{len(shapes) - SHAPES_SHOWN} more"]
    checked = f"checked {', '.join(shapes)}" if shapes else ""
    return ": ".join(filter(None, [checked, report.method]))


UNNAMED = "None of the known mistakes fits."


def spans(report: Report, width: int = WIDTH) -> list[Span]:
    """The text in parts, each with its style; prose is wrapped to `width`, lines to copy are not."""
    parts: list[Span] = [(verdict(report), STYLES[report.ok])]

    def add(text: str, style: str = "", *, margin: str = "", first: str | None = None) -> None:
        first = margin if first is None else first
        wrapped = textwrap.fill(
            text, width, initial_indent=first, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
        )
        parts.append((f"\n{wrapped}", style))

    if report.where is not None and not report.ok:
        add(str(report.where), margin=MARGIN)
    if report.mistake is not None:
        add("")
        add(report.mistake.title, "bold")
        add(report.mistake.explanation, margin=MARGIN)
        add("")
        for label, text in lines_of(report.mistake).items():
            parts += _labelled(label, text)
    if len(report.mistakes) > 1:
        add("")
        add(f"Fits as well: {others(report)}")
    if unnamed(report):
        add("")
        add(UNNAMED)
    if report.facts:
        add("")
    for fact in report.facts:
        add(fact, first="- ", margin=MARGIN)
    if how(report):
        add("")
        add(how(report), "dim")
    return parts


def _labelled(label: str, text: str) -> list[Span]:
    """A label and its lines, as they stand: they are there to be copied."""
    first, *rest = text.splitlines()
    margin = MARGIN + " " * len("should be  ")
    return [(f"\n{MARGIN}{label:<9}  ", "dim"), ("\n".join([first, *(margin + line for line in rest)]), "cyan")]
