"""Mistakes in more than one line, or in one line and a constant, for gradients that no single wrong line explains."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from softgrad.check.catalogue import ENTRIES, Entry
from softgrad.check.catalogue.dense import INPUT
from softgrad.check.catalogue.edit_names import NO_UPSTREAM
from softgrad.check.diagnose.candidates import Candidate, candidates, edited
from softgrad.check.diagnose.naming import names_of_factor
from softgrad.check.diagnose.wording import mistakes_of
from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.check.recognise.tries import Tries
from softgrad.check.report.mistake import Mistake
from softgrad.formulas.edits import CONSTANTS
from softgrad.formulas.language import split

FEW_LINES = 5  # a backward pass so short that all pairs of wrong lines are tried
MOST_LAYERS = 3  # mistakes that are reported of one network
TWO_EDITS = Entry(
    "two-edits",
    "Two things in one line are wrong",
    "The line as it should be differs in two places from what was written.",
)


def updated_weights(backward: KnownBackward) -> Iterator[Mistake]:
    """The weights were updated before the gradient passed through them. The rate is read off a wrong gradient."""
    inputs = {n: step for n, step in enumerate(backward.steps) if step.template in INPUT}
    wrong = backward.wrong()
    if not inputs or not wrong:
        return

    def after_step(rate: float) -> dict[int, str]:
        updated = f"(W - {rate!r} * dW)"
        return {n: step.with_expression(split(step.template)[1].replace("W", updated)) for n, step in inputs.items()}

    i = wrong[0]
    right = backward.right(0)[i]
    way, seen = backward.predicted(0, after_step(1.0))[i] - right, np.asarray(backward.draws[0].grads[i])
    if way.shape != seen.shape or not (way * way).sum():
        return
    rate = float(f"{float((way * (seen - right)).sum() / (way * way).sum()):.6g}")
    changed = after_step(rate)
    if rate and backward.explains(changed):
        n = min(changed)
        yield from mistakes_of(backward, [Candidate(n, changed[n], (ENTRIES["updated-weights"],), True)])


def layer_by_layer(backward: KnownBackward, tries: Tries) -> Iterator[Mistake]:
    """What explains the first wrong gradient from the end of a network, then what explains the rest."""
    if len(backward.keys) < 2:
        return
    done: dict[int, str] = {}
    mistakes: list[Mistake] = []
    left = backward.wrong()
    while left and len(mistakes) < MOST_LAYERS:
        best = next(filter(None, (_best_for(backward, i, left, done, tries) for i in left)), None)
        if best is None:
            break
        done[best.step] = best.line
        names = {mistake.name for mistake in mistakes}
        found = [mistake for mistake in mistakes_of(backward, [best]) if mistake.name not in names]
        mistakes += [replace(mistake, also=bool(names) or mistake.also) for mistake in found]
        left = [i for i in left if not backward.explains(done, [i])]
    grads = ", ".join(backward.function.grads[i] for i in left)
    for mistake in mistakes:
        rest = f"; {grads} {'is' if len(left) == 1 else 'are'} wrong in another way too" if left else ""
        yield replace(mistake, evidence=mistake.evidence + rest)


def _best_for(
    backward: KnownBackward, one: int, left: Sequence[int], done: Mapping[int, str], tries: Tries
) -> Candidate | None:
    """Of the wrong lines that explain one gradient and spoil no right one, the one that explains most of those left."""
    off = backward.wrong()
    kept = [one, *(i for i in backward.keys if i not in off)]
    best, most = None, (0, False)
    for candidate in candidates(backward):
        if tries.is_spent():
            break
        changed = {**done, candidate.step: candidate.line}
        if candidate.step not in done and backward.explains(changed, kept):
            score = (sum(backward.explains(changed, [i]) for i in left), candidate.has_name)
            if score > most:
                best, most = candidate, score
    return best


def line_and_constant(backward: KnownBackward, tries: Tries) -> Iterator[Mistake]:
    """A wrong line, and the whole gradient times a constant."""
    first, expression = split(backward.lines[0])
    for candidate in candidates(backward):
        own = split(candidate.line)[1] if candidate.step == 0 else expression
        for constant in CONSTANTS:
            if tries.is_spent():
                return
            changed = {candidate.step: candidate.line, 0: f"{first} = ({own}) {constant}"}
            if backward.explains(changed):
                scale = [ENTRIES[name] for name in names_of_factor(constant, backward.text)[:1]]
                both = candidate._replace(entries=(*candidate.entries, *scale), at_once=True)
                yield from mistakes_of(backward, [both], changed)
                return


def pair_of_lines(backward: KnownBackward, tries: Tries) -> Iterator[Mistake]:
    """Two wrong lines of a short backward pass, or a wrong line that is edited once more."""
    if len(backward.steps) > FEW_LINES:
        return
    every = list(candidates(backward))
    for first in every:
        for second in every:
            if tries.is_spent():
                return
            changed = {first.step: first.line, second.step: second.line}
            if second.step > first.step and backward.explains(changed):
                yield from mistakes_of(backward, [first], changed)
                yield from (replace(one, also=True) for one in mistakes_of(backward, [second], changed))
                return
        for again in edited(backward, first.step, first.line):
            if tries.is_spent():
                return
            if backward.explains({again.step: again.line}):
                entries = _still_true((first, again))
                yield from mistakes_of(backward, [again._replace(entries=entries or (TWO_EDITS,), at_once=True)])
                return


def _still_true(edits: Sequence[Candidate]) -> tuple[Entry, ...]:
    """The names of two edits of one line that are true of the last: what the second one uses again is not unused."""
    entries = [entry for one in edits if one.has_name for entry in one.entries]
    if re.search(NO_UPSTREAM, edits[-1].line):
        return tuple(entries)
    return tuple(entry for entry in entries if entry.name != "upstream-ignored")
