"""What mkdocs.yml cannot say: the page that `sg.explain` writes, and links to files that are not on the site."""

import re

from mkdocs.structure.files import File

import softgrad as sg

LOGITS, TARGET = [2.0, 1.0, 0.1], 0
OUTSIDE = re.compile(r"\[([^]]+)\]\(\.\./[^)]+\)")  # from a page in docs/ to a file of the repository


def on_files(files, config):
    """The derivation, made anew by every build."""
    files.append(File.generated(config, "derivation.md", content=sg.explain(LOGITS, TARGET)._repr_html_()))


def on_page_markdown(markdown, page, **_):
    """Of a link to a file of the repository, its text."""
    return OUTSIDE.sub(r"\1", markdown) if "/" not in page.file.src_uri else markdown
