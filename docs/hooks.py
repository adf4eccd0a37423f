"""Hooks of mkdocs: they add the page written by `sg.explain`, and remove links to files outside the site."""

import re

from mkdocs.structure.files import File

import softgrad as sg

LOGITS, TARGET = [2.0, 1.0, 0.1], 0
OUTSIDE = re.compile(r"\[([^]]+)\]\(\.\./[^)]+\)")  # from a page in docs/ to a file of the repository


def on_files(files, config):
    """Adds the derivation, which is generated in every build."""
    files.append(File.generated(config, "derivation.md", content=sg.explain(LOGITS, TARGET)._repr_html_()))


def on_page_markdown(markdown, page, **_):
    """Replaces each link to a file of the repository by its text."""
    return OUTSIDE.sub(r"\1", markdown) if "/" not in page.file.src_uri else markdown
