"""What the catalogue is made of: mistakes by name, and the wrong lines in which they show."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A mistake, explained to somebody who made it.

    The texts may contain {m}, {K} and {samples}, which a report replaces by what these are in the user's function: "the
    number of samples", "the number of classes" and "samples", or others.
    """

    name: str  # a slug, for code to read
    title: str
    explanation: str  # a paragraph


class WrongLine(NamedTuple):
    """An expression that people write in the place of a right line."""

    right: str  # a line: "dz = p - t"
    wrong: str  # an expression: "t - p"
    name: str  # the entry that describes it
    second: str | None = None  # another entry, where it is two mistakes at once


class EditName(NamedTuple):
    """A row of the table that says what an edit of a right line is called.

    The patterns are regular expressions; the numbers of layers are removed before they are compared.
    """

    kind: str  # of the edit: "without", "twice", ...
    part: str  # pattern of what was changed
    replacement: str  # pattern of what stands in its place
    name: str | None  # the entry that describes it, or None where the edit has no name
    second: str | None = None  # another entry, where it could be either
    target: str = ".*"  # pattern of the quantity that the line computes
    line: str = ""  # pattern that occurs in the right line
    result: str = ""  # pattern that occurs in the line after the edit
    program: str = ""  # pattern that occurs in the lines of the whole function
