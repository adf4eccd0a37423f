"""What people write instead: lines of the checker's catalogue, by the right line and the name of the mistake."""

from __future__ import annotations

from functools import lru_cache

from softgrad.check.catalogue import ENTRIES, WRONG_LINES, Entry
from softgrad.check.diagnose.naming import names_of_edit
from softgrad.formulas.edits import edits
from softgrad.formulas.language import split


@lru_cache
def wrong_line(right: str, name: str) -> str:
    """The line that goes by this name, as the catalogue lists it, or else as a change of the right line makes it."""
    target = split(right)[0]
    for known in WRONG_LINES:
        if (known.right, known.name, known.second) == (right, name, None):
            return f"{target} = {known.wrong}"
    for edit in edits(right, (("m", ()),)):
        if names_of_edit(edit, right, right) == (name,):
            return edit.line
    raise LookupError(f"the catalogue has no line {name!r} for {right!r}")


def entry(name: str) -> Entry:
    """The words of a mistake."""
    return ENTRIES[name]
