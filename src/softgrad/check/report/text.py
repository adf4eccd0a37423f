"""A report as a short text: spans of (text, style). A terminal shows the styles, everything else the text alone."""

from __future__ import annotations

import textwrap

from softgrad.check.report.summary import Summary

Span = tuple[str, str]  # text, and a style of rich

WIDTH = 96
MARGIN = "  "
STYLES = {True: "bold green", False: "bold red", None: "bold yellow"}


def spans(summary: Summary, width: int = WIDTH) -> list[Span]:
    """The text in parts, each with its style. Prose is wrapped to `width`; lines to copy are not."""
    parts: list[Span] = [(summary.headline, STYLES[summary.ok])]

    def add(text: str, style: str = "", *, margin: str = "", first: str | None = None) -> None:
        first = margin if first is None else first
        wrapped = textwrap.fill(
            text, width, initial_indent=first, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
        )
        parts.append((f"\n{wrapped}", style))

    if summary.place:
        add(summary.place, margin=MARGIN)
    if summary.line is not None:
        parts.append((f"\n\n{summary.line.place}", "bold"))
        if summary.line.text:
            parts.append((f":   {summary.line.text}", "cyan"))
        for note in summary.line.notes:
            add(note, first=MARGIN, margin=2 * MARGIN)
        if not summary.title:
            for label, text in summary.lines:
                parts += _labelled(label, text)
    if summary.title:
        add("")
        add(summary.title, "bold")
        add(summary.explanation, margin=MARGIN)
        add("")
        for label, text in summary.lines:
            parts += _labelled(label, text)
    for remark in summary.remarks:
        add("")
        add(remark)
    if summary.facts:
        add("")
    for fact in summary.facts:
        add(fact, first="- ", margin=MARGIN)
    if summary.footer:
        add("")
        add(summary.footer, "dim")
    return parts


def _labelled(label: str, text: str) -> list[Span]:
    """A label and its lines, unwrapped, so that they can be copied."""
    first, *rest = text.splitlines()
    margin = MARGIN + " " * len("should be  ")
    return [(f"\n{MARGIN}{label:<9}  ", "dim"), ("\n".join([first, *(margin + line for line in rest)]), "cyan")]
