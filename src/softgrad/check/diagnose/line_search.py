"""Which mistake was made: the backward pass of a known function is run with every wrong line, one at a time.

A wrong line explains the gradients if it gives the user's numbers on every draw, and the right line does not. Where no
single line does, other causes are tried: a constant factor, exchanged gradients, and two mistakes at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from softgrad.check.diagnose import several_lines, whole_gradient
from softgrad.check.diagnose.candidates import Candidate, candidates
from softgrad.check.diagnose.wording import mistakes_of
from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.check.recognise.tries import Tries
from softgrad.check.report.findings import plain_mistake
from softgrad.check.report.mistake import Mistake

MOST_TRIES = 14_000  # of the search for one wrong line, and of that for two


def mistakes_in_lines(backward: KnownBackward) -> tuple[Mistake, ...]:
    """All mistakes that explain the gradients, those with a name first."""
    single = list(_single_lines(backward, Tries(MOST_TRIES, backward.draws[0].arrays)))
    if whole_gradient.is_zero(backward):
        zero = plain_mistake("zero-gradient", f"every gradient is 0, on {len(backward.draws)} draws")
        return (zero, *mistakes_of(backward, [one for one in single if one.has_name]))
    if single:
        return mistakes_of(backward, single)
    tries = Tries(MOST_TRIES, backward.draws[0].arrays)
    for found in (
        whole_gradient.times_a_constant(backward),
        whole_gradient.exchanged(backward),
        whole_gradient.parameter_returned(backward),
        several_lines.updated_weights(backward),
        several_lines.layer_by_layer(backward, tries),
        several_lines.line_and_constant(backward, tries),
        several_lines.pair_of_lines(backward, tries),
    ):
        mistakes = tuple(found)
        if mistakes:
            return mistakes
    return ()


def _single_lines(backward: KnownBackward, tries: Tries) -> Iterator[Candidate]:
    for candidate in candidates(backward):
        if tries.is_spent():
            return
        if backward.explains({candidate.step: candidate.line}):
            yield candidate
