"""Mistakes that concern whole gradients, not one line: all 0, exchanged, times a constant, an updated parameter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from softgrad.check.diagnose.naming import names_of_factor
from softgrad.check.diagnose.wording import in_words_of
from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.check.report.findings import plain_mistake
from softgrad.check.report.mistake import Mistake
from softgrad.formulas.edits import CONSTANTS
from softgrad.formulas.language import IMPOSSIBLE, run


def is_zero(backward: KnownBackward) -> bool:
    """Whether every gradient is 0 everywhere, on every draw."""
    return not any(np.any(draw.grads[i]) for draw in backward.draws for i in backward.keys)


def times_a_constant(backward: KnownBackward) -> Iterator[Mistake]:
    """Every gradient is the right one times the same constant. Two constants may be equal, such as 2 and K."""
    for constant in CONSTANTS:
        if all(_is_times(backward, n, constant) for n in range(len(backward.draws))):
            for name in names_of_factor(constant, backward.text):
                found = plain_mistake(
                    name, f"every gradient is the right one {constant}, on {len(backward.draws)} draws"
                )
                yield in_words_of(backward, found)


def _is_times(backward: KnownBackward, n: int, constant: str) -> bool:
    try:
        factor = run((f"factor = 1.0 {constant}",), backward.quantities(n))["factor"]
    except IMPOSSIBLE:
        return False
    return all(backward.is_users(n, i, right * factor) for i, right in backward.right(n).items())


def exchanged(backward: KnownBackward) -> Iterator[Mistake]:
    """Two gradients of the same shape stand in each other's place."""
    wrong = backward.wrong()
    for i, j in itertools.combinations(wrong, 2):
        swapped = {i: j, j: i}
        if len(wrong) == 2 and all(
            backward.is_users(n, one, backward.right(n)[other])
            for n in range(len(backward.draws))
            for one, other in swapped.items()
        ):
            names = [backward.function.grads[one] for one in (i, j)]
            yield plain_mistake("gradients-exchanged", f"{names[0]} is the right {names[1]}, and the other way round")


def parameter_returned(backward: KnownBackward) -> Iterator[Mistake]:
    """W - rate * dW was returned instead of dW. The rate is read off the first draw."""
    i = backward.wrong()[0]
    draw, right = backward.draws[0], np.asarray(backward.right(0)[i])
    if draw.grads[i].shape != draw.arrays[i].shape or not right.any():
        return
    step = np.reshape(right, draw.arrays[i].shape)
    rate = float(f"{float((step * (draw.arrays[i] - draw.grads[i])).sum() / (step * step).sum()):.6g}")
    if rate and all(
        backward.is_users(n, k, one.arrays[k] - rate * np.reshape(backward.right(n)[k], one.arrays[k].shape))
        for n, one in enumerate(backward.draws)
        for k in backward.keys
    ):
        name, sign = ("parameter-for-gradient", "minus") if rate > 0 else ("update-sign", "plus")
        yield plain_mistake(name, f"what is returned is the array {sign} {abs(rate):g} times its gradient")
