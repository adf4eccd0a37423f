"""Which mistake was made: the backward pass of a known function is run with every wrong line, one at a time.

A wrong line explains the gradients if it gives the user's numbers on every draw, and the right line does not. Where no single one does, two are tried: a wrong line and a constant, then two wrong lines.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.mistakes import ENTRIES, LISTED, Entry
from softgrad.check.mistakes.changes import CONSTANTS, changes
from softgrad.check.mistakes.lines import Array, Names, as_formula, as_numpy, run, split
from softgrad.check.mistakes.names import made_entry, named
from softgrad.check.mistakes.scale import named as named_scale
from softgrad.check.recipes import Recipe, Step, fits
from softgrad.check.report import Mistake

SECONDS = 1.2  # that the search for two mistakes at once may take
SHORT = 5  # lines of a backward pass in which every two wrong lines are tried together
MADE = 2  # changes without a name of their own that a report lists

# What a line raises that cannot be meant: of other shapes, or with quantities that this function does not have.
IMPOSSIBLE = (ValueError, IndexError, TypeError, NameError, ZeroDivisionError, AttributeError)


class Draw(NamedTuple):
    """One set of inputs with the upstream gradient and the gradients that the user's function gave, by array."""

    arrays: Sequence[Array]
    upstream: Array
    grads: Mapping[int, Array]


class Wrong(NamedTuple):
    """A line in place of a right one."""

    step: int
    line: str
    entries: tuple[Entry, ...]
    known: bool  # by the catalogue, or made of the change


class _Pass(NamedTuple):
    """The right backward pass on one draw: the names before each line, and the gradients at its end."""

    before: tuple[Names, ...]
    right: Mapping[int, Any]


class Diagnosis:
    """The search for what explains a wrong gradient.

    Args:
        recipe: the function that the user's forward computes.
        draws: at least one; a wrong line must explain all of them.
        upstream: whether the backward pass is given a gradient from above; without it the last "g * dz" is no line.
    """

    def __init__(self, recipe: Recipe, draws: Sequence[Draw], *, upstream: bool) -> None:
        self.recipe = recipe
        self.draws = draws
        self.steps = tuple(step for step in recipe.backward if upstream or step.template != "dz = g * dz")
        self.lines = tuple(step.line for step in self.steps)
        self.keys = [i for i in draws[0].grads if i in recipe.grads]
        self.passes = [self._pass(draw) for draw in draws]
        self.text = "; ".join(step.template for step in self.steps)

    def _pass(self, draw: Draw) -> _Pass:
        names = self.recipe.arriving(self.recipe.forward(draw.arrays), draw.upstream)
        before = []
        for line in self.lines:
            before.append(dict(names))
            run((line,), names)
        return _Pass(tuple(before), {i: names[self.recipe.grads[i]] for i in self.keys})

    def right(self, draw: int) -> Mapping[int, Any]:
        """The right gradients on one draw."""
        return self.passes[draw].right

    @cached_property
    def wrong(self) -> list[int]:
        """The arrays whose gradient is not right on every draw, from the end of the network to its beginning."""
        order = {name: n for n, name in enumerate(split(line)[0] for line in self.lines)}
        keys = [i for i in self.keys if not all(self._right_on(i, n) for n in range(len(self.draws)))]
        return sorted(keys, key=lambda i: order[self.recipe.grads[i]])

    def _right_on(self, i: int, n: int) -> bool:
        return fits(self.draws[n].grads[i], self.passes[n].right[i], rtol=1e-6)

    def mistakes(self) -> tuple[Mistake, ...]:
        """All that explain the gradients, those with a name first; a pair one behind the other."""
        singles = [wrong for wrong in self._everything() if self._explains({wrong.step: wrong.line}, self.keys)]
        if singles:
            return self._told(singles)
        deadline = time.perf_counter() + SECONDS
        for pairs in (
            self._in_all(),
            self._updated(),
            self._by_layers(deadline),
            self._with_constant(deadline),
            self._in_twos(deadline),
        ):
            found = list(pairs)
            if found:
                return tuple(found)
        return ()

    # ---- one wrong line ----

    def _everything(self) -> Iterator[Wrong]:
        for n, step in enumerate(self.steps):
            yield from self._of_step(n, step)

    def _of_step(self, n: int, step: Step) -> Iterator[Wrong]:
        """The wrong lines in place of one; a vector has no samples to sum over."""
        wrongs = self._written(n, step)
        yield from (w for w in wrongs if self.recipe.layout.ndim > 1 or "_m(" not in w.line)

    def _written(self, n: int, step: Step) -> Iterator[Wrong]:
        seen = {step.line}
        for listed in LISTED:
            if listed.right == step.template:
                line = step.own(listed.wrong)
                seen.add(line)
                entries = tuple(ENTRIES[name] for name in (listed.name, listed.second) if name is not None)
                yield Wrong(n, line, entries, True)
        for change in changes(step.line, self._alike(n, step.line)):
            if change.line not in seen:
                seen.add(change.line)
                names = named(change, step.line, self.text)
                entries = tuple(ENTRIES[name] for name in names) or (made_entry(change, step.line),)
                yield Wrong(n, change.line, entries, bool(names))

    def _alike(self, n: int, line: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """For each quantity of a line, the others of its shape that are known by then."""
        names = self.passes[0].before[n]
        arrays = {
            name: np.shape(value)
            for name, value in names.items()
            if isinstance(value, np.ndarray) and value.ndim and not name.endswith("_") and name not in ("y", "r", "lse")
        }
        used = sorted(
            {node.id for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Name)} - {split(line)[0]}
            | _again(line)
        )
        return tuple(
            (name, tuple(other for other in arrays if other != name and arrays[other] == arrays.get(name)))
            for name in used
            if not callable(names.get(name)) and name in names
        )

    def _predicted(self, n: int, changed: Mapping[int, str]) -> Mapping[int, Any]:
        """The gradients on one draw with some lines changed."""
        first = min(changed)
        names = dict(self.passes[n].before[first])
        run((changed.get(i, line) for i, line in enumerate(self.lines[first:], start=first)), names)
        return {i: names[self.recipe.grads[i]] for i in self.keys}

    def _explains(self, changed: Mapping[int, str], keys: Sequence[int]) -> bool:
        """Whether the changed lines give the user's gradients of these arrays on every draw."""
        for n in reversed(range(len(self.draws))):  # the last draw is the least like the others
            try:
                predicted = self._predicted(n, changed)
            except IMPOSSIBLE:
                return False  # the shapes do not allow this line
            if not all(self._fits(n, i, predicted[i]) for i in keys):
                return False
        return True

    def _fits(self, n: int, i: int, predicted: Any) -> bool:
        return fits(self.draws[n].grads[i], predicted, scale=float(np.abs(self.passes[n].right[i]).max(initial=0.0)))

    # ---- two of them ----

    def _in_all(self) -> Iterator[Mistake]:
        """Every gradient times the same constant, what a regulariser adds included."""
        for constant in CONSTANTS:
            if all(self._times(n, constant) for n in range(len(self.draws))):
                names = [split(line)[0] for line in self.lines]
                last = len(names) - 1
                for name in named_scale(constant, self.text):
                    mistake = self._mistake(Wrong(last, self.lines[last], (ENTRIES[name],), True), ENTRIES[name])
                    yield replace(
                        mistake, evidence=f"every gradient is that of the right lines {constant}", formula="", fix=""
                    )
                return

    def _times(self, n: int, constant: str) -> bool:
        try:
            by = run((f"by = 1.0 {constant}",), dict(self.passes[n].before[0]))["by"]
        except IMPOSSIBLE:
            return False
        return all(self._fits(n, i, right * by) for i, right in self.passes[n].right.items())

    def _with_constant(self, deadline: float) -> Iterator[Mistake]:
        """A wrong line, and the whole times a constant."""
        for wrong in self._everything():
            if time.perf_counter() > deadline:
                return
            for constant in CONSTANTS:
                line = f"{split(self.lines[0])[0]} = ({split(self.lines[0])[1]}) {constant}"
                if wrong.step == 0:
                    target, expression = split(wrong.line)
                    changed = {0: f"{target} = ({expression}) {constant}"}
                else:
                    changed = {0: line, wrong.step: wrong.line}
                if self._close_on_one(changed) and self._explains(changed, self.keys):
                    scale = [ENTRIES[name] for name in named_scale(constant, self.text)]
                    both = Wrong(wrong.step, changed[wrong.step], (*wrong.entries, *scale[:1]), wrong.known)
                    yield from self._told([both])
                    return

    def _close_on_one(self, changed: Mapping[int, str]) -> bool:
        try:
            predicted = self._predicted(0, changed)
        except IMPOSSIBLE:
            return False
        return all(self._fits(0, i, predicted[i]) for i in self.keys)

    def _in_twos(self, deadline: float) -> Iterator[Mistake]:
        """Two wrong lines of a short backward pass; of the same line too."""
        if len(self.steps) > SHORT:
            return
        wrongs = list(self._everything())
        for first in wrongs:
            if time.perf_counter() > deadline:
                return
            for second in wrongs:
                if second.step > first.step:
                    changed = {first.step: first.line, second.step: second.line}
                    if self._close_on_one(changed) and self._explains(changed, self.keys):
                        yield from self._told([first])
                        yield from self._told([second])
                        return
            for change in changes(first.line, self._alike(first.step, self.lines[first.step])):
                if self._close_on_one({first.step: change.line}) and self._explains(
                    {first.step: change.line}, self.keys
                ):
                    names = named(change, self.lines[first.step], self.text)
                    entries = tuple(ENTRIES[name] for name in names) or (made_entry(change, first.line),)
                    yield from self._told([Wrong(first.step, change.line, (*first.entries, *entries), first.known)])
                    return

    def _by_layers(self, deadline: float) -> Iterator[Mistake]:
        """Of a network: what explains the first wrong gradient from the end, then what explains the rest."""
        done: dict[int, str] = {}
        told: list[Mistake] = []
        left = list(self.wrong)
        if len(self.keys) < 2:
            return
        while left and len(told) < 3 and time.perf_counter() < deadline:
            found = next(filter(None, (self._for_one(i, left, done) for i in left)), [])
            if not found:
                break
            best = found[0]
            done[best.step] = best.line
            told += [mistake for mistake in self._told(found[:1]) if mistake.name not in {m.name for m in told}]
            left = [i for i in left if not self._explains(done, [i])]
        yield from told if told and not left else [self._in_part(mistake, left) for mistake in told]

    def _for_one(self, one: int, left: Sequence[int], done: Mapping[int, str]) -> list[Wrong]:
        """What explains one of the gradients left, and leaves those right that are; first what explains most of them."""
        fine = [i for i in self.keys if i not in self.wrong]
        scored: list[tuple[int, bool, int, Wrong]] = []
        for wrong in self._everything():
            if wrong.step in done:
                continue
            changed = {**done, wrong.step: wrong.line}
            if self._explains(changed, [one, *fine]):
                scored.append((sum(self._explains(changed, [i]) for i in left), wrong.known, -len(scored), wrong))
        return [wrong for *_, wrong in sorted(scored, key=lambda one: one[:3], reverse=True)]

    def _in_part(self, mistake: Mistake, left: Sequence[int]) -> Mistake:
        grads = ", ".join(self.recipe.grads[i] for i in left)
        return replace(mistake, evidence=f"{mistake.evidence}; {grads} is wrong in another way too")

    def _updated(self) -> Iterator[Mistake]:
        """The weights of the backward pass are those after a step, whose size is read off the first wrong gradient."""
        inputs = {
            n: step
            for n, step in enumerate(self.steps)
            if step.template in ("dx = dz @ W.T", "dx = dz @ W", "dx = W.T @ dz", "dx = W @ dz")
        }
        if len(inputs) < 2 or not self.wrong:
            return

        def after(rate: float) -> dict[int, str]:
            return {
                n: step.own(split(step.template)[1].replace("W", f"(W - {rate!r} * dW)")) for n, step in inputs.items()
            }

        i = self.wrong[0]
        none, one = self.passes[0].right[i], self._predicted(0, after(1.0))[i]
        way, seen = np.asarray(one - none), np.asarray(self.draws[0].grads[i] - none)
        if way.shape != seen.shape or not (way * way).sum():
            return
        rate = float((way * seen).sum() / (way * way).sum())
        rate = float(f"{rate:.6g}")
        if rate and self._explains(after(rate), self.keys):
            n = next(n for n in inputs if after(rate)[n] != self.lines[n])
            wrong = Wrong(n, after(rate)[n], (ENTRIES["updated-weights"],), True)
            yield from self._told([wrong])

    # ---- in words ----

    def _told(self, wrongs: Sequence[Wrong]) -> tuple[Mistake, ...]:
        known = sorted((wrong for wrong in wrongs if wrong.known), key=lambda wrong: (len(wrong.entries), -wrong.step))
        told: dict[str, Mistake] = {}
        for wrong in known or list(wrongs)[:MADE]:
            for entry in wrong.entries:
                told.setdefault(entry.name, self._mistake(wrong, entry))
        return tuple(told.values())

    def _mistake(self, wrong: Wrong, entry: Entry) -> Mistake:
        right, found = (
            self._whole(self.lines, wrong.step),
            self._whole({**dict(enumerate(self.lines)), wrong.step: wrong.line}, wrong.step),
        )
        count = len(self.draws)
        return Mistake(
            name=entry.name,
            title=entry.title,
            explanation=entry.explanation,
            formula=as_formula(right),
            fix=as_numpy(right, self.recipe.layout, keepdims=self._keeps(wrong.step)),
            evidence=f"{as_formula(found)} gives the gradient returned, on {count} of {count} draws",
        )

    def _keeps(self, step: int) -> bool:
        """Whether a bias is a row or a column, so that its gradient keeps the axis that is summed."""
        target = split(self.lines[step])[0]
        return any(name == target and self.draws[0].arrays[i].ndim > 1 for i, name in self.recipe.grads.items())

    def _whole(self, lines: Mapping[int, str] | Sequence[str], at: int) -> str:
        """The lines around one that have its target, put into each other: `dz = p - t`, `dz = dz / m` is one formula."""
        target = split(lines[at])[0]
        first = last = at
        while first > 0 and split(self.lines[first - 1])[0] == target:
            first -= 1
        while last + 1 < len(self.lines) and split(self.lines[last + 1])[0] == target:
            last += 1
        tree = ast.parse(split(lines[first])[1], mode="eval").body
        for n in range(first + 1, last + 1):
            tree = _Put(target, tree).visit(ast.parse(split(lines[n])[1], mode="eval").body)
        return f"{target} = {ast.unparse(ast.fix_missing_locations(tree))}"


class _Put(ast.NodeTransformer):
    """An expression in the place of a name."""

    def __init__(self, name: str, expression: ast.expr) -> None:
        self._name = name
        self._expression = expression

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The name, or the expression that it stands for."""
        return self._expression if node.id == self._name else node


def _again(line: str) -> set[str]:
    """The target of a line that reads itself."""
    target, expression = split(line)
    return (
        {target} if any(isinstance(n, ast.Name) and n.id == target for n in ast.walk(ast.parse(expression))) else set()
    )
