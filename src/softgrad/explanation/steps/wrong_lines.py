"""The usual mistakes: wrong lines of the checker's catalogue, looked up by the right line and the mistake's name."""

from __future__ import annotations

from functools import lru_cache

from softgrad.check.catalogue import ENTRIES, WRONG_LINES, Entry
from softgrad.check.diagnose.naming import names_of_edit
from softgrad.formulas.edits import edits
from softgrad.formulas.language import split


@lru_cache
def wrong_line(right: str, name: str) -> str:
    """The wrong line with this name: from the catalogue's list, or made from the right line by one of its changes."""
    target = split(right)[0]
    for known in WRONG_LINES:
        if (known.right, known.name, known.second) == (right, name, None):
            return f"{target} = {known.wrong}"
    for edit in edits(right, (("m", ()),)):
        if names_of_edit(edit, right, right) == (name,):
            return edit.line
    raise LookupError(f"the catalogue has no line {name!r} for {right!r}")


def entry(name: str) -> Entry:
    """The title and explanation of a mistake."""
    return ENTRIES[name]
