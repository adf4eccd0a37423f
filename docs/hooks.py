"""What mkdocs.yml cannot say: a page may link to a file of the repository, which is not on the site."""

import re

OUTSIDE = re.compile(r"\[([^]]+)\]\(\.\./[^)]+\)")  # from a page in docs/


def on_page_markdown(markdown, page, **_):
    """Of such a link, its text."""
    return OUTSIDE.sub(r"\1", markdown) if "/" not in page.file.src_uri else markdown
