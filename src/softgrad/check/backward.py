"""A known backward pass, run on the user's numbers: with its right lines, and with wrong ones in their place."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.catalogue import ENTRIES, WRONG_LINES, Entry
from softgrad.check.diagnose.naming import describe, names_of_edit
from softgrad.check.recipes import Recipe, Step
from softgrad.formulas.edits import edits
from softgrad.formulas.language import IMPOSSIBLE, Names, run, split
from softgrad.formulas.numbers import Array, nearly_equal

RTOL = 1e-8
NO_QUANTITIES = ("y", "r")  # of the forward pass: nobody means these in a gradient


class Draw(NamedTuple):
    """One set of inputs, the gradient that arrives, and the gradients that the user's function gave, by array."""

    arrays: Sequence[Array]
    upstream: Array
    grads: Mapping[int, Array]


class Wrong(NamedTuple):
    """A line in place of a right one."""

    step: int
    line: str
    entries: tuple[Entry, ...]
    known: bool  # by the catalogue, or made of the change


class _Run(NamedTuple):
    """The right lines on one draw: the names before each, and the gradients at the end."""

    before: tuple[Names, ...]
    right: Mapping[int, Any]


class Backward:
    """The backward pass of a recipe on several draws.

    Args:
        recipe: the function that the user's forward computes.
        draws: at least one.
        upstream: whether a gradient arrives from above; without it the last "g * dz" is no line.
        rtol: to which a wrong line's gradient must be the user's.
        allowed: to which the right one must be, for the user's to pass.
    """

    def __init__(
        self,
        recipe: Recipe,
        draws: Sequence[Draw],
        *,
        upstream: bool,
        rtol: float = RTOL,
        allowed: float = 100 * RTOL,
    ) -> None:
        self.recipe = recipe
        self.rtol, self.allowed = rtol, allowed
        self.draws = draws
        self.steps = tuple(step for step in recipe.backward if upstream or "= g * d" not in step.template)
        self.lines = tuple(step.line for step in self.steps)
        self.text = "; ".join((*(step.template for step in self.steps), *recipe.prefix, *recipe.head))
        self.keys = [i for i in draws[0].grads if i in recipe.grads]
        self._runs = [self._run(draw) for draw in draws]

    def _run(self, draw: Draw) -> _Run:
        names = self.recipe.arriving(self.recipe.forward(draw.arrays), draw.upstream)
        before = []
        for line in self.lines:
            before.append(dict(names))
            run((line,), names)
        return _Run(tuple(before), {i: names[self.recipe.grads[i]] for i in self.keys})

    def right(self, n: int) -> Mapping[int, Any]:
        """The right gradients on the n-th draw."""
        return self._runs[n].right

    def names(self, n: int) -> Names:
        """The quantities of the forward pass on the n-th draw."""
        return dict(self._runs[n].before[0])

    def wrong(self) -> list[int]:
        """The arrays whose gradient is not right on every draw, in the order in which the lines give them."""
        order = {name: n for n, name in enumerate(split(line)[0] for line in self.lines)}
        off = {i for n in range(len(self.draws)) for i in self.wrong_on(n)}
        return sorted(off, key=lambda i: order[self.recipe.grads[i]])

    def wrong_on(self, n: int) -> list[int]:
        """The arrays whose gradient is not right on the n-th draw."""
        return [i for i in self.keys if not nearly_equal(self.draws[n].grads[i], self.right(n)[i], rtol=self.allowed)]

    def predicted(self, n: int, changed: Mapping[int, str]) -> Mapping[int, Any]:
        """The gradients on the n-th draw with some lines changed."""
        first = min(changed)
        names = dict(self._runs[n].before[first])
        run((changed.get(i, line) for i, line in enumerate(self.lines[first:], start=first)), names)
        return {i: names[self.recipe.grads[i]] for i in self.keys}

    def fits(self, n: int, i: int, predicted: Any) -> bool:
        """Whether the user's gradient of one array is the predicted one."""
        scale = float(np.abs(self.right(n)[i]).max(initial=0.0))
        return nearly_equal(self.draws[n].grads[i], predicted, rtol=self.rtol, scale=scale)

    def explains(self, changed: Mapping[int, str], keys: Sequence[int] | None = None) -> bool:
        """Whether the changed lines give the user's gradients, of all arrays or of some, on every draw."""
        for n in reversed(range(len(self.draws))):  # the last draw is the least like the others
            try:
                predicted = self.predicted(n, changed)
            except IMPOSSIBLE:
                return False
            if not all(self.fits(n, i, predicted[i]) for i in (self.keys if keys is None else keys)):
                return False
        return True

    def wrong_lines(self) -> Iterator[Wrong]:
        """Every wrong line there is, in place of each right one; a vector has no samples to sum over."""
        for n, step in enumerate(self.steps):
            yield from (w for w in self._instead_of(n, step) if self.recipe.layout.ndim > 1 or "_m(" not in w.line)

    def _instead_of(self, n: int, step: Step) -> Iterator[Wrong]:
        """What the catalogue lists, then every change of the line."""
        seen = {step.line}
        for known in WRONG_LINES:
            if known.right == step.template:
                line = step.own(known.wrong)
                seen.add(line)
                names = [name for name in (known.name, known.second) if name is not None]
                yield Wrong(n, line, tuple(ENTRIES[name] for name in names), True)
        yield from (wrong for wrong in self.changed(n, step.line) if wrong.line not in seen)

    def changed(self, n: int, line: str) -> Iterator[Wrong]:
        """Every change of a line that stands in the n-th place."""
        for edit in edits(line, self._alike(n, line)):
            names = names_of_edit(edit, self.lines[n], self.text)
            entries = tuple(ENTRIES[name] for name in names) or (describe(edit, self.lines[n]),)
            yield Wrong(n, edit.line, entries, bool(names))

    def _alike(self, n: int, line: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """For each quantity of a line, the others of its shape that are known by then."""
        names = self._runs[0].before[n]
        shapes = {
            name: np.shape(value)
            for name, value in names.items()
            if isinstance(value, np.ndarray) and value.ndim and not name.endswith("_") and name not in NO_QUANTITIES
        }
        target, expression = split(line)
        used = sorted({node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)} - {target})
        return tuple(
            (name, tuple(other for other in shapes if other != name and shapes[other] == shapes.get(name)))
            for name in used
            if name in names and not callable(names[name])
        )
