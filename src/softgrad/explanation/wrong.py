"""What people write instead: lines of the checker's catalogue, by the right line and the name of the mistake."""

from __future__ import annotations

from functools import lru_cache

from softgrad.check.mistakes import ENTRIES, LISTED, Entry
from softgrad.check.mistakes.names import named
from softgrad.formulas.edits import edits
from softgrad.formulas.language import split


@lru_cache
def wrong_line(right: str, name: str) -> str:
    """The line that goes by this name, as the catalogue lists it, or else as a change of the right line makes it."""
    target = split(right)[0]
    for listed in LISTED:
        if (listed.right, listed.name, listed.second) == (right, name, None):
            return f"{target} = {listed.wrong}"
    for edit in edits(right, (("m", ()),)):
        if named(edit, right, right) == (name,):
            return edit.line
    raise LookupError(f"the catalogue has no line {name!r} for {right!r}")


def entry(name: str) -> Entry:
    """The words of a mistake."""
    return ENTRIES[name]
