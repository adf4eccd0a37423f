"""A report as HTML: one element for a notebook, or a page. No script, nothing to download.

Text takes the colour of what is around it, and marks are translucent. So it is legible in the light and in the dark
theme of a notebook, which no style sheet can ask for. `report.css` is embedded; its class names begin with sg-.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files

from softgrad.check.report.heat_map import heat_map
from softgrad.check.report.lines import marked
from softgrad.check.report.pictures import Pictures
from softgrad.check.report.source import SourceLine
from softgrad.check.report.step_plot import step_plot
from softgrad.check.report.summary import Summary

VERDICTS = {True: "right", False: "wrong", None: "unchecked"}
GRADIENTS_SHOWN = 12


def as_html_page(title: str, fragments: Iterable[str]) -> str:
    """A whole page with one report or several."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n</head>\n"
        '<body style="margin: 0 auto; max-width: 66rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif">\n'
        + "\n<hr style='margin: 2rem 0; opacity: 0.3'>\n".join(fragments)
        + "\n</body>\n</html>\n"
    )


def as_html(summary: Summary, pictures: Pictures | None = None, titles: Sequence[str] = ()) -> str:
    """The report as a <div>; all texts are escaped. Titles say above it what was checked."""
    parts = [f"<style>{_style()}</style>"]
    if titles:
        parts.append(_tag("h3", titles[0]))
        parts += [_tag("p", text, "sg-quiet") for text in titles[1:]]
    parts.append(_tag("p", summary.headline, f"sg-verdict sg-{VERDICTS[summary.ok]}"))
    if summary.place:
        parts.append(f"<p>{_tag('code', summary.place)}</p>")
    if summary.title:
        parts.append(_tag("h3", summary.title))
        parts.append(f"<p>{_prose(summary.explanation)}</p>")
    parts.append(_beside(summary))
    if pictures is not None:
        parts.append(_drawn(pictures))
    parts += [_tag("p", remark) for remark in summary.remarks]
    parts.append(_list(summary.facts))
    if summary.gradients:
        parts.append(_gradients(summary))
    if summary.footer:
        more = f"; {pictures.calls:,} more for the pictures" if pictures is not None and pictures.calls else ""
        parts.append(_tag("p", summary.footer + more, "sg-quiet"))
    return f'<div class="sg-report">{"".join(parts)}</div>'


@cache
def _style() -> str:
    return files("softgrad.check.report").joinpath("report.css").read_text(encoding="utf-8")


def _beside(summary: Summary) -> str:
    """The user's line and the line to write, beside each other."""
    line, (label, fix), panels = summary.line, _fix(summary), []
    code, comment = _parted(fix)
    own, right = ("", "") if line is None else (escape(line.statement), escape(code))
    if line is not None and line.statement and label.startswith("in "):  # code, not a formula
        own, right = marked(line.statement, code)
    if line is not None:
        panels.append(f'<div class="sg-panel">{_tag("p", line.place)}{_rows(line, own)}{_list(line.notes)}</div>')
    others = _table([one for one in summary.lines if one != (label, fix)])
    if fix:
        label = f"write instead, {label}" if label.startswith("in ") else label
        right = f"<pre>{right or escape(code)}{escape(comment)}</pre>"
        panels.append(f'<div class="sg-panel">{_tag("p", label)}{right}{others}</div>')
    elif others:
        panels.append(f'<div class="sg-panel">{others}</div>')
    return f'<div class="sg-beside">{"".join(panels)}</div>' if panels else ""


def _fix(summary: Summary) -> tuple[str, str]:
    """The line to write, or else the formula, with its label."""
    labelled = [line for line in summary.lines if line[0] != "found"]
    return labelled[-1] if labelled else ("", "")


def _parted(code: str) -> tuple[str, str]:
    """Code, and the comment behind it."""
    code, mark, comment = code.partition("  #")
    return code, mark + comment


def _rows(line: SourceLine, own: str) -> str:
    """The source around a line, with the statement marked; `own` is the statement as HTML."""
    if not line.around:
        return f"<pre><mark>{line.number:>4}  {own}</mark></pre>" if own else ""
    (first, last), (begin, end) = line.statement_rows, line.function_rows
    own_rows = iter(own.split("\n"))
    shown = []
    for number, row in enumerate(line.around, line.first):
        if not begin <= number <= end:
            continue
        if first <= number <= last:
            margin, rest = row[: len(row) - len(row.lstrip())], row.strip()
            comment = rest[len(line.text) :] if first == last and rest.startswith(line.text) else ""
            shown.append(f"<mark>{number:>4}  {margin}{next(own_rows, '')}{escape(comment)}</mark>")
        else:
            shown.append(_tag("span", f"{number:>4}  {row}"))
    return f'<pre class="sg-rows">{"".join(shown)}</pre>'


def _drawn(pictures: Pictures) -> str:
    drawn = []
    if pictures.entries is not None:
        drawn.append(heat_map(pictures.entries, pictures.rtol))
    if pictures.curve is not None:
        drawn.append(step_plot(pictures.curve, pictures.rtol))
    return f'<div class="sg-beside">{"".join(drawn)}</div>' if drawn else ""


def _gradients(summary: Summary) -> str:
    """One row per gradient, wrong ones first."""
    ordered = sorted(summary.gradients, key=lambda one: one.ok)
    rows = [
        f"<tr>{_tag('td', one.name)}{_tag('td', str(one.shape))}{_tag('td', 'right' if one.ok else 'wrong')}"
        f"{_tag('td', one.error)}</tr>"
        for one in ordered[:GRADIENTS_SHOWN]
    ]
    left = len(ordered) - GRADIENTS_SHOWN
    more = f"<tr>{_tag('td', f'{left} more')}<td></td><td></td><td></td></tr>" if left > 0 else ""
    head = "".join(_tag("th", name, "sg-quiet") for name in ("gradient", "shape", "", "largest relative error"))
    return f'<table class="sg-gradients"><tr>{head}</tr>{"".join(rows)}{more}</table>'


def _table(lines: Sequence[tuple[str, str]]) -> str:
    rows = [f"<tr>{_tag('td', label, 'sg-quiet')}<td>{_tag('code', text)}</td></tr>" for label, text in lines]
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_prose(text)}</li>' for text in texts)}</ul>" if texts else ""


def _prose(text: str) -> str:
    """A text whose parts in backticks are code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _tag(name: str, text: str, look: str = "") -> str:
    look = f' class="{look}"' if look else ""
    return f"<{name}{look}>{escape(text)}</{name}>"
