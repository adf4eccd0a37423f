"""A report as HTML for a notebook: one element, no script, no style sheet.

Text takes the notebook's own colour, so that it reads on light and on dark; only the verdict has a ground of its own.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from softgrad.check.report_text import UNNAMED, how, lines_of, others, unnamed, verdict

if TYPE_CHECKING:
    from softgrad.check.report import Mistake, Report

GROUNDS = {True: "#1a7f37", False: "#b3261e", None: "#7a5200"}  # white stands on each at a contrast above 5
CODE = "background: rgba(127, 127, 127, 0.15); border-radius: 3px; padding: 1px 5px; white-space: pre-wrap"


def as_html(report: Report) -> str:
    """The report as a <div>; every text of it is escaped."""
    parts = [_tag("span", verdict(report), f"background: {GROUNDS[report.ok]}; color: #fff; padding: 2px 8px")]
    if report.where is not None and not report.ok:
        parts.append(f'<p style="margin: 0.5em 0">{_tag("code", str(report.where), CODE)}</p>')
    if report.mistake is not None:
        parts.append(_mistake(report.mistake))
    if len(report.mistakes) > 1:
        parts.append(_tag("p", f"Fits as well: {others(report)}"))
    if unnamed(report):
        parts.append(_tag("p", UNNAMED))
    if report.facts:
        parts.append(f'<ul style="margin: 0.5em 0">{"".join(_tag("li", fact) for fact in report.facts)}</ul>')
    if how(report):
        parts.append(_tag("p", how(report), "opacity: 0.7; margin: 0.5em 0"))
    return f'<div style="max-width: 60em; line-height: 1.5">{"".join(parts)}</div>'


def _mistake(mistake: Mistake) -> str:
    rows = "".join(
        f'<tr style="background: none">{_tag("td", label, "opacity: 0.7; text-align: left; white-space: nowrap")}'
        f'<td style="text-align: left">{_tag("code", text, CODE)}</td></tr>'
        for label, text in lines_of(mistake).items()
    )
    title = _tag("p", mistake.title, "font-weight: bold; margin: 0.8em 0 0.2em")
    explanation = _tag("p", mistake.explanation, "margin: 0.2em 0 0.5em")
    return f'{title}{explanation}<table style="margin: 0">{rows}</table>'


def _tag(name: str, text: str, style: str = "") -> str:
    style = f' style="{style}"' if style else ""
    return f"<{name}{style}>{escape(text)}</{name}>"
