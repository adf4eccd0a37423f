"""Common mistakes: wrong lines of the checker's catalogue, found by the right line and the name of the mistake."""

from __future__ import annotations

import re
from functools import lru_cache

from softgrad.check.catalogue import ENTRIES, WRONG_LINES, Entry
from softgrad.check.diagnose.naming import names_of_edit
from softgrad.formulas.edits import edits
from softgrad.formulas.language import split

WORDS = {"m": "the number of rows", "K": "the number of classes", "samples": "rows"}  # for the {m} of an entry


@lru_cache
def wrong_line(right: str, name: str) -> str:
    """The wrong line with this name: a line of the catalogue, or the right line with an edit of the catalogue."""
    target = split(right)[0]
    for known in WRONG_LINES:
        if (known.right, known.name, known.second) == (right, name, None):
            return f"{target} = {known.wrong}"
    for edit in edits(right, (("m", ()),)):
        if names_of_edit(edit, right, right) == (name,):
            return edit.line
    raise LookupError(f"the catalogue has no wrong line {name!r} for {right!r}")


def entry(name: str) -> Entry:
    """The title and explanation of a mistake, in the words of a batch of rows."""
    title, explanation = (re.sub(r"\{(\w+)\}", lambda found: WORDS[found[1]], text) for text in ENTRIES[name][1:])
    return Entry(name, title, explanation)
