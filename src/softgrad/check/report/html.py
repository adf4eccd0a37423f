"""A report as HTML for a notebook: one element, no script, no style sheet.

Text takes the colour of the notebook, so that it is legible in light and dark mode; only the headline has a background.
"""

from __future__ import annotations

from html import escape

from softgrad.check.report.source import SourceLine
from softgrad.check.report.summary import Summary

BACKGROUNDS = {True: "#1a7f37", False: "#b3261e", None: "#7a5200"}  # the contrast with white is above 5
CODE = "background: rgba(127, 127, 127, 0.15); border-radius: 3px; padding: 1px 5px; white-space: pre-wrap"

MARKED = "background: rgba(227, 105, 86, 0.25); color: inherit; display: inline-block; min-width: 100%"


def as_html(summary: Summary) -> str:
    """The report as a <div>; all texts are escaped."""
    parts = [_tag("span", summary.headline, f"background: {BACKGROUNDS[summary.ok]}; color: #fff; padding: 2px 8px")]
    if summary.place:
        parts.append(f'<p style="margin: 0.5em 0">{_tag("code", summary.place, CODE)}</p>')
    if summary.line is not None:
        parts.append(_line(summary.line))
    if summary.title:
        parts.append(_tag("p", summary.title, "font-weight: bold; margin: 0.8em 0 0.2em"))
        parts.append(_tag("p", summary.explanation, "margin: 0.2em 0 0.5em"))
    if summary.lines:
        parts.append(f'<table style="margin: 0">{"".join(_row(*line) for line in summary.lines)}</table>')
    parts += [_tag("p", remark) for remark in summary.remarks]
    if summary.facts:
        parts.append(f'<ul style="margin: 0.5em 0">{"".join(_tag("li", fact) for fact in summary.facts)}</ul>')
    if summary.footer:
        parts.append(_tag("p", summary.footer, "opacity: 0.7; margin: 0.5em 0"))
    return f'<div style="max-width: 60em; line-height: 1.5">{"".join(parts)}</div>'


def _line(line: SourceLine) -> str:
    """The place of a line, the source around it with the line marked, and what is known of it."""
    parts = [_tag("p", line.place, "font-weight: bold; margin: 0.8em 0 0.2em")]
    rows = []
    for i, row in enumerate(line.around or ((line.text,) if line.text else ())):
        number = line.first + i if line.around else line.number
        text = escape(f"{number:>4}  {row}")
        rows.append(f'<mark style="{MARKED}">{text}</mark>' if number == line.number else text)
    if rows:
        shown = "\n".join(rows)
        parts.append(f'<pre style="{CODE}; margin: 0.2em 0; line-height: 1.4">{shown}</pre>')
    if line.notes:
        notes = "".join(_tag("li", note) for note in line.notes)
        parts.append(f'<ul style="margin: 0.2em 0 0.5em">{notes}</ul>')
    return "".join(parts)


def _row(label: str, text: str) -> str:
    return (
        f'<tr style="background: none">{_tag("td", label, "opacity: 0.7; text-align: left; white-space: nowrap")}'
        f'<td style="text-align: left">{_tag("code", text, CODE)}</td></tr>'
    )


def _tag(name: str, text: str, style: str = "") -> str:
    style = f' style="{style}"' if style else ""
    return f"<{name}{style}>{escape(text)}</{name}>"
