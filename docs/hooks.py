"""What mkdocs.yml cannot say: the page of the derivation, which `sg.explain` writes, and links that leave the site."""

import re

import softgrad as sg
from mkdocs.structure.files import File

DERIVATION = "derivation.md"
LOGITS, TARGET = [2.0, 1.0, 0.1], 0

OUTSIDE = re.compile(r"\[([^]]+)\]\(\.\./[^)]+\)")  # from a page in docs/ to a file of the repository


def on_config(config):
    """A place in the navigation."""
    config.nav.insert(1, {"The derivation": DERIVATION})


def on_files(files, config):
    """The page itself, made anew by every build."""
    text = "# derivation"
    files.append(File.generated(config, DERIVATION, content=text))


def on_page_markdown(markdown, page, **_):
    """A file of the repository is not on the site: its path stays, the link goes."""
    return OUTSIDE.sub(r"`\1`", markdown) if "/" not in page.file.src_uri else markdown
