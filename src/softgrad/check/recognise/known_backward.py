"""The backward pass of a known function, run on the user's numbers with its right lines or with some lines changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.recognise.known_function import KnownFunction
from softgrad.formulas.language import IMPOSSIBLE, Names, run, split
from softgrad.formulas.numbers import Array, nearly_equal

RTOL = 1e-8


class Draw(NamedTuple):
    """The user's functions at one set of inputs. An array is given by its number."""

    arrays: Sequence[Array]
    upstream: Array
    grads: Mapping[int, Array]  # what the user's backward returned


class _Run(NamedTuple):
    """The right lines, run on one draw."""

    before: tuple[Names, ...]  # the quantities known before each line
    right: Mapping[int, Any]  # the gradients


class KnownBackward:
    """The backward pass of a known function on several draws.

    Args:
        function: the function that the user's forward computes.
        draws: at least one.
        upstream: whether a gradient arrives from above. Without one, the last line "dz = g * dz" is left out.
        rtol: the relative error within which changed lines must give the user's gradient.
        allowed: the relative error within which the user's gradient passes as right.
    """

    def __init__(
        self,
        function: KnownFunction,
        draws: Sequence[Draw],
        *,
        upstream: bool,
        rtol: float = RTOL,
        allowed: float = 100 * RTOL,
    ) -> None:
        self.function = function
        self.rtol, self.allowed = rtol, allowed
        self.draws = draws
        self.steps = tuple(step for step in function.backward if upstream or "= g * d" not in step.template)
        self.lines = tuple(step.line for step in self.steps)
        self.text = "; ".join((*(step.template for step in self.steps), *function.to_logits, *function.from_logits))
        self.keys = [i for i in draws[0].grads if i in function.grads]  # the arrays whose gradients are compared
        self._runs = [self._run(draw) for draw in draws]

    def _run(self, draw: Draw) -> _Run:
        names = self.function.with_upstream(self.function.forward(draw.arrays), draw.upstream)
        before = []
        for line in self.lines:
            before.append(dict(names))
            run((line,), names)
        return _Run(tuple(before), {i: names[self.function.grads[i]] for i in self.keys})

    def right(self, n: int) -> Mapping[int, Any]:
        """The right gradients on the n-th draw."""
        return self._runs[n].right

    def quantities(self, n: int, before: int = 0) -> Names:
        """The quantities on the n-th draw that are known before a backward line."""
        return dict(self._runs[n].before[before])

    def wrong(self) -> list[int]:
        """The arrays whose gradient is wrong on some draw, in the order in which the lines compute them."""
        order = {name: n for n, name in enumerate(split(line)[0] for line in self.lines)}
        off = {i for n in range(len(self.draws)) for i in self.wrong_on(n)}
        return sorted(off, key=lambda i: order[self.function.grads[i]])

    def wrong_on(self, n: int) -> list[int]:
        """The arrays whose gradient is wrong on the n-th draw."""
        return [i for i in self.keys if not nearly_equal(self.draws[n].grads[i], self.right(n)[i], rtol=self.allowed)]

    def predicted(self, n: int, changed: Mapping[int, str]) -> Mapping[int, Any]:
        """The gradients on the n-th draw with some lines changed, by their numbers."""
        first = min(changed)
        names = self.quantities(n, first)
        run((changed.get(i, line) for i, line in enumerate(self.lines[first:], start=first)), names)
        return {i: names[self.function.grads[i]] for i in self.keys}

    def is_users(self, n: int, i: int, predicted: Any) -> bool:
        """Whether a predicted gradient of one array is the user's, on the n-th draw."""
        scale = float(np.abs(self.right(n)[i]).max(initial=0.0))
        return nearly_equal(self.draws[n].grads[i], predicted, rtol=self.rtol, scale=scale)

    def explains(self, changed: Mapping[int, str], keys: Sequence[int] | None = None) -> bool:
        """Whether the changed lines give the user's gradients (of all arrays, or of some) on every draw."""
        for n in (0, *reversed(range(1, len(self.draws)))):  # the last draw is the least like the first
            try:
                predicted = self.predicted(n, changed)
            except IMPOSSIBLE:
                return False
            if not all(self.is_users(n, i, predicted[i]) for i in (self.keys if keys is None else keys)):
                return False
        return True
