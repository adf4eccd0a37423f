"""Hooks of mkdocs, for what a page has in the repository and on the site in different forms."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fill import NAMES, derivation

OUTSIDE = re.compile(r"(\[[^]]+\])\(\.\./([^)]+)\)")  # a link from a page in docs/ to a file of the repository
REPOSITORY = "https://github.com/softgrad/softgrad/tree/main"
PICTURE = re.compile(r'<picture>\s*<source .*srcset="(.+?)">\s*<img src="(.+?)" alt="(.+?)".*>\s*</picture>')
HEADING = "\n    options: {show_root_heading: true, show_root_full_path: false, show_root_toc_entry: true}"


def on_page_markdown(markdown, page, **_):
    """Puts docstrings in the place of names, makes pictures follow the switch to dark, and mends links to files."""
    if page.file.src_uri == "derivation.md":
        return derivation()._repr_html_()  # its formulas are MathML, which needs no script
    markdown = NAMES.sub(lambda found: _docstrings(found[2], found[3]), markdown)
    markdown = PICTURE.sub(r"![\3](\2#only-light)\n![\3](\1#only-dark)", markdown)
    return markdown if "/" in page.file.src_uri else OUTSIDE.sub(rf"\1({REPOSITORY}/\2)", markdown)


def _docstrings(module, names):
    if names is None:
        return f"::: {module}\n"
    return "".join(f"::: {module}.{name}{HEADING}\n\n" for name in names.split())
