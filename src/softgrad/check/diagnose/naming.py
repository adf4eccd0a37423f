"""What an edit of a right line is called: by the catalogue, or by a name made of the edit itself."""

from __future__ import annotations

import re
from functools import lru_cache

from softgrad.check.catalogue import EDIT_NAMES, EditName, Entry
from softgrad.check.catalogue.edit_names import TITLES
from softgrad.formulas.edits import Edit
from softgrad.formulas.language import split

LAYER_NUMBER = re.compile(r"(?<=[A-Za-z])\d+")  # the 2 of dz2


@lru_cache(maxsize=16384)
def row_of_edit(edit: Edit, right: str, program: str) -> EditName | None:
    """The row of the catalogue that names an edit of the line `right`.

    Args:
        edit: what was changed.
        right: the line as it should be.
        program: all lines of the function and its backward pass, which tell what is divided by what.
    """
    target, part, replacement = (LAYER_NUMBER.sub("", text) for text in (split(right)[0], edit.part, edit.replacement))
    return next(
        (
            row
            for row in EDIT_NAMES
            if row.kind == edit.kind
            and re.fullmatch(row.part, part)
            and re.fullmatch(row.replacement, replacement)
            and re.fullmatch(row.target, target)
            and re.search(row.line, right)
            and re.search(row.program, program)
            and re.search(row.result, edit.line)
        ),
        None,
    )


def names_of_edit(edit: Edit, right: str, program: str) -> tuple[str, ...]:
    """The names that the catalogue has for an edit; none where the edit can only be described. As `row_of_edit`."""
    row = row_of_edit(edit, right, program)
    return () if row is None else tuple(name for name in (row.name, row.second) if name is not None)


def names_of_factor(constant: str, program: str) -> tuple[str, ...]:
    """The names of a gradient that is the right one times a constant, such as "* 2" or "/ m"."""
    return names_of_edit(Edit("", "times", "", constant), "", program)


def describe(edit: Edit, right: str) -> Entry:
    """An entry for an edit that has no name in the catalogue."""
    name = re.sub(r"[^a-z0-9]+", "-", f"{edit.kind} {edit.part} {edit.replacement}".lower()).strip("-")
    replacement = edit.replacement.replace("nothing", "what it sums")
    title = TITLES[edit.kind].format(part=edit.part, replacement=replacement)
    return Entry(name, title[:1].upper() + title[1:], f"`{edit.line}` stands where `{right}` belongs.")
