"""A report as HTML and as Markdown, from templates of jinja2."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from softgrad._extras import needs
from softgrad.report.document import Document


def as_html(document: Document) -> str:
    """One page: no script, nothing to download."""
    style = files("softgrad.report").joinpath("page.css").read_text(encoding="utf-8")
    return str(_template("page.html.jinja").render(document=document, style=style))


def as_markdown(document: Document) -> str:
    """The same in Markdown; tables hold the numbers of the plots."""
    return str(_template("page.md.jinja").render(document=document))


def _template(name: str) -> Any:
    with needs("report", "jinja2", extra="report"):
        from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("softgrad.report", ""),
        autoescape=name.endswith(".html.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template(name)


def _cell(text: str) -> str:
    """A text in a line or cell of Markdown: what would be markup is escaped."""
    marked = "".join(f"\\{c}" if c in "\\`*_[]<>|~#$" else c for c in text)
    return " ".join(marked.replace("&", "&amp;").split())
