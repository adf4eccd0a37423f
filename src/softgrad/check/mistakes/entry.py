"""What the catalogue is made of: an entry, and a wrong line that is known to be it."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A mistake by name, with a paragraph for somebody who made it."""

    name: str
    title: str
    explanation: str


class Listed(NamedTuple):
    """A wrong expression that people write in place of a right line; two names where it is two mistakes at once."""

    right: str
    wrong: str
    name: str
    second: str | None = None
