"""The wrong lines that may stand in the place of a right one: those of the catalogue, then all edits of the line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from softgrad.check.catalogue import ENTRIES, WRONG_LINES, Entry
from softgrad.check.diagnose.naming import describe, names_of_edit
from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.formulas.edits import edits
from softgrad.formulas.language import split

NOT_SWAPPED_IN = ("y", "r")  # quantities of the forward pass that nobody uses in a gradient


class Candidate(NamedTuple):
    """A wrong line in the place of a right one."""

    step: int  # the number of the right line
    line: str
    entries: tuple[Entry, ...]  # what it is called
    has_name: bool  # whether the entries are of the catalogue; otherwise they describe the edit
    at_once: bool = False  # whether the entries are several mistakes at once; otherwise it is any one of them


def candidates(backward: KnownBackward) -> Iterator[Candidate]:
    """All wrong lines in the place of each line of a backward pass."""
    for n in range(len(backward.steps)):
        for candidate in _in_place_of(backward, n):
            # A vector is one sample: there is nothing to sum over.
            if backward.function.layout.ndim > 1 or "_m(" not in candidate.line:
                yield candidate


def _in_place_of(backward: KnownBackward, n: int) -> Iterator[Candidate]:
    step = backward.steps[n]
    seen = {step.line}
    for known in WRONG_LINES:
        if known.right == step.template:
            line = step.with_expression(known.wrong)
            seen.add(line)
            names = [name for name in (known.name, known.second) if name is not None]
            yield Candidate(n, line, tuple(ENTRIES[name] for name in names), True, at_once=True)
    yield from (candidate for candidate in edited(backward, n, step.line) if candidate.line not in seen)


def edited(backward: KnownBackward, n: int, line: str) -> Iterator[Candidate]:
    """All edits of a line that stands in the n-th place."""
    for edit in edits(line, _alike(backward, n, line)):
        names = names_of_edit(edit, backward.lines[n], backward.text)
        entries = tuple(ENTRIES[name] for name in names) or (describe(edit, backward.lines[n]),)
        yield Candidate(n, edit.line, entries, bool(names))


def _alike(backward: KnownBackward, n: int, line: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """For each quantity of a line, the other quantities of its shape that are known before the line."""
    names = backward.quantities(0, n)
    shapes = {
        name: np.shape(value)
        for name, value in names.items()
        if isinstance(value, np.ndarray) and value.ndim and not name.endswith("_") and name not in NOT_SWAPPED_IN
    }
    target, expression = split(line)
    used = sorted({node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)} - {target})
    return tuple(
        (name, tuple(other for other in shapes if other != name and shapes[other] == shapes.get(name)))
        for name in used
        if name in names and not callable(names[name])
    )
