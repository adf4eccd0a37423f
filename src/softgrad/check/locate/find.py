"""Finds the line where a backward pass goes wrong, on several draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from softgrad.check.locate.candidate import Candidate
from softgrad.check.locate.choose import Choice
from softgrad.check.locate.factors import Factors
from softgrad.check.locate.mended import Mended, same_on_all
from softgrad.check.locate.suspects import Backward
from softgrad.check.locate.words import Words
from softgrad.check.report.source import SourceLine, source_line
from softgrad.check.user.arguments import Key

MOST_WORK = 60_000  # nodes visited on one draw, beyond which no other draw is looked at


class _Found(NamedTuple):
    choice: Choice
    candidate: Candidate


def find_line(runs: Sequence[Backward], names: Mapping[Key, str]) -> SourceLine | None:
    """The line that most draws point at; None where none does.

    Args:
        runs: the backward pass at the inputs given, then at others.
        names: of the inputs.
    """
    found: list[_Found] = []
    for run in runs:
        if not run.wrong:
            continue
        choice = Choice(run, np.random.default_rng(0))
        candidate = found[0].candidate if found and choice.holds(found[0].candidate) else choice.best()
        if candidate is not None:
            found.append(_Found(choice, candidate))
        if choice.repairs.projections.work > MOST_WORK:
            break
    if not found:
        return None
    counts = Counter(one.candidate.line for one in found)
    line, count = counts.most_common(1)[0]
    first = next(one for one in found if one.candidate.line == line)
    factors = Factors(first.choice.backward, names, count)
    notes = Words(first.choice.backward, names, factors).notes(first.candidate)
    notes.append(f"found on {count} of {len(found)} draws{_loop(first.candidate)}")
    there = [one for one in found if one.candidate.line == line]
    return replace(source_line(line.file, line.number, line.function, tuple(notes)), mended=_mended(there))


def _mended(found: Sequence[_Found]) -> str:
    """The statement as it should be; "" where that is not known."""
    line = found[0].candidate.line
    try:
        mended, ways = Mended(line.file, line.number), []
        for one in found:
            backward = one.choice.backward
            ways.append(mended.ways(backward, one.candidate, backward.held.get((line.file, line.function), {})))
    except Exception:  # a text that is shown besides: the line does without
        return ""
    return same_on_all(ways)


def _loop(candidate: Candidate) -> str:
    repair = candidate.repair
    return ", in every pass through the loop" if repair is not None and len(repair.nodes) > 1 else ""
