"""The usual mistakes: wrong lines of the checker's catalogue, looked up by the right line and the mistake's name."""

from __future__ import annotations

from functools import lru_cache

from softgrad.check.mistakes import ENTRIES, LISTED, Entry
from softgrad.check.mistakes.changes import changes
from softgrad.check.mistakes.lines import split
from softgrad.check.mistakes.names import named


@lru_cache
def wrong_line(right: str, name: str) -> str:
    """The wrong line with this name: from the catalogue's list, or made from the right line by one of its changes."""
    target = split(right)[0]
    for listed in LISTED:
        if (listed.right, listed.name, listed.second) == (right, name, None):
            return f"{target} = {listed.wrong}"
    for change in changes(right, (("m", ()),)):
        if named(change, right, right) == (name,):
            return change.line
    raise LookupError(f"the catalogue has no line {name!r} for {right!r}")


def entry(name: str) -> Entry:
    """The title and explanation of a mistake."""
    return ENTRIES[name]
