"""Which mistake was made: the backward pass of a known function is run with every wrong line, one at a time.

A wrong line explains the gradients if it gives the user's numbers on every draw, and the right line does not. Where no
single one does, two are tried: the whole times a constant, a wrong line in each of two layers, two in a short pass.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from softgrad.check.backward import Backward, Wrong
from softgrad.check.catalogue import ENTRIES, Entry
from softgrad.check.catalogue.dense import INPUT
from softgrad.check.diagnose.naming import names_of_factor
from softgrad.check.recipes.budget import Budget
from softgrad.check.report import Mistake
from softgrad.formulas.edits import CONSTANTS
from softgrad.formulas.language import IMPOSSIBLE, run, split, substituted
from softgrad.formulas.notation import as_formula, as_numpy

TRIES, SECONDS = 12_000, 4.0  # that the search for one wrong line may take, and that for two of them
SHORT = 5  # lines of a backward pass in which every two wrong lines are tried together
MADE = 2  # changes without a name of their own that a report lists
ANY_CAUSE = (
    "factor-2",
    "factor-half",
    "multiplied-by-classes",
    "multiplied-by-samples",
)  # names that say little: after the others
PLAIN = ("p", "logp", "z", "r", "loss", "y", "y_")  # names that need no comment
LAYERS = 3  # mistakes that are told of one network


def diagnose(backward: Backward) -> tuple[Mistake, ...]:
    """All mistakes that explain the gradients, those with a name first; a pair one behind the other."""
    singles = list(_singles(backward, Budget(TRIES, SECONDS)))
    if _is_nothing(backward):
        zero = _plain("zero-gradient", f"every gradient is 0, on {len(backward.draws)} draws")
        return (zero, *_told(backward, [wrong for wrong in singles if wrong.known]))
    if singles:
        return _told(backward, singles)
    budget = Budget(TRIES, SECONDS)
    for found in (
        _in_all(backward),
        _exchanged(backward),
        _parameter_returned(backward),
        _updated_weights(backward),
        _by_layers(backward, budget),
        _with_constant(backward, budget),
        _in_twos(backward, budget),
    ):
        mistakes = tuple(found)
        if mistakes:
            return mistakes
    return ()


def _singles(backward: Backward, budget: Budget) -> Iterator[Wrong]:
    for wrong in backward.wrong_lines():
        if budget.is_spent():
            return
        if _explains(backward, {wrong.step: wrong.line}):
            yield wrong


# ---- more than one wrong line ----


def _is_nothing(backward: Backward) -> bool:
    """Whether every gradient is 0 everywhere, on every draw."""
    return not any(np.any(draw.grads[i]) for draw in backward.draws for i in backward.keys)


def _exchanged(backward: Backward) -> Iterator[Mistake]:
    """Two gradients of the same shape, each in the other's place."""
    wrong = backward.wrong()
    for i, j in itertools.combinations(wrong, 2):
        swapped = {i: j, j: i}
        if len(wrong) == 2 and all(
            backward.fits(n, one, backward.right(n)[other])
            for n in range(len(backward.draws))
            for one, other in swapped.items()
        ):
            names = [backward.recipe.grads[one] for one in (i, j)]
            yield _plain("gradients-exchanged", f"{names[0]} is the right {names[1]}, and the other way round")


def _parameter_returned(backward: Backward) -> Iterator[Mistake]:
    """W - rate * dW in the place of dW."""
    i = backward.wrong()[0]
    draw, right = backward.draws[0], np.asarray(backward.right(0)[i])
    if draw.grads[i].shape != draw.arrays[i].shape or not right.any():
        return
    step = np.reshape(right, draw.arrays[i].shape)
    rate = float(f"{float((step * (draw.arrays[i] - draw.grads[i])).sum() / (step * step).sum()):.6g}")
    if rate and all(
        backward.fits(n, k, one.arrays[k] - rate * np.reshape(backward.right(n)[k], one.arrays[k].shape))
        for n, one in enumerate(backward.draws)
        for k in backward.keys
    ):
        name, sign = ("parameter-for-gradient", "minus") if rate > 0 else ("update-sign", "plus")
        yield _plain(name, f"what is returned is the array {sign} {abs(rate):g} times its gradient")


def _plain(name: str, evidence: str) -> Mistake:
    entry = ENTRIES[name]
    return Mistake(entry.name, entry.title, entry.explanation, "", "", evidence)


def _in_all(backward: Backward) -> Iterator[Mistake]:
    """Every gradient times the same constant, what a regulariser adds included."""
    for constant in CONSTANTS:
        if all(_is_times(backward, n, constant) for n in range(len(backward.draws))):
            for name in names_of_factor(constant, backward.text):
                yield _plain(name, f"every gradient is the right one {constant}, on {len(backward.draws)} draws")
            return


def _is_times(backward: Backward, n: int, constant: str) -> bool:
    try:
        by = run((f"by = 1.0 {constant}",), backward.names(n))["by"]
    except IMPOSSIBLE:
        return False
    return all(backward.fits(n, i, right * by) for i, right in backward.right(n).items())


def _updated_weights(backward: Backward) -> Iterator[Mistake]:
    """The weights of the backward pass are those after a step, whose size is read off the first wrong gradient."""
    inputs = {n: step for n, step in enumerate(backward.steps) if step.template in INPUT}
    wrong = backward.wrong()
    if not inputs or not wrong:
        return

    def after(rate: float) -> dict[int, str]:
        updated = f"(W - {rate!r} * dW)"
        return {n: step.own(split(step.template)[1].replace("W", updated)) for n, step in inputs.items()}

    i = wrong[0]
    without = backward.right(0)[i]
    way, seen = backward.predicted(0, after(1.0))[i] - without, np.asarray(backward.draws[0].grads[i])
    if way.shape != seen.shape or not (way * way).sum():
        return
    rate = float(f"{float((way * (seen - without)).sum() / (way * way).sum()):.6g}")
    changed = after(rate)
    if rate and backward.explains(changed):
        n = min(changed)
        yield from _told(backward, [Wrong(n, changed[n], (ENTRIES["updated-weights"],), True)])


def _by_layers(backward: Backward, budget: Budget) -> Iterator[Mistake]:
    """Of a network: what explains the first wrong gradient from the end, then what explains the rest."""
    if len(backward.keys) < 2:
        return
    done: dict[int, str] = {}
    told: list[Mistake] = []
    left = backward.wrong()
    while left and len(told) < LAYERS:
        best = next(filter(None, (_for_one(backward, i, left, done, budget) for i in left)), None)
        if best is None:
            break
        done[best.step] = best.line
        names = {mistake.name for mistake in told}
        told += [mistake for mistake in _told(backward, [best]) if mistake.name not in names]
        left = [i for i in left if not backward.explains(done, [i])]
    grads = ", ".join(backward.recipe.grads[i] for i in left)
    for mistake in told:
        rest = f"; {grads} wrong in another way too" if left else ""
        yield replace(mistake, evidence=mistake.evidence + rest)


def _for_one(
    backward: Backward, one: int, left: Sequence[int], done: Mapping[int, str], budget: Budget
) -> Wrong | None:
    """What explains one of the gradients left, and leaves alone what is right; of these, what explains the most."""
    off = backward.wrong()
    kept = [one, *(i for i in backward.keys if i not in off)]
    best, most = None, (0, False)
    for wrong in backward.wrong_lines():
        if budget.is_spent():
            break
        changed = {**done, wrong.step: wrong.line}
        if wrong.step not in done and backward.explains(changed, kept):
            score = (sum(backward.explains(changed, [i]) for i in left), wrong.known)
            if score > most:
                best, most = wrong, score
    return best


def _with_constant(backward: Backward, budget: Budget) -> Iterator[Mistake]:
    """A wrong line, and the whole times a constant."""
    first, expression = split(backward.lines[0])
    for wrong in backward.wrong_lines():
        own = split(wrong.line)[1] if wrong.step == 0 else expression
        for constant in CONSTANTS:
            if budget.is_spent():
                return
            changed = {wrong.step: wrong.line, 0: f"{first} = ({own}) {constant}"}
            if _explains(backward, changed):
                scale = ENTRIES[names_of_factor(constant, backward.text)[0]]
                both = Wrong(wrong.step, changed[wrong.step], (*wrong.entries, scale), wrong.known)
                yield from _told(backward, [both])
                return


def _in_twos(backward: Backward, budget: Budget) -> Iterator[Mistake]:
    """Two wrong lines of a short backward pass, or a wrong line that is changed once more."""
    if len(backward.steps) > SHORT:
        return
    every = list(backward.wrong_lines())
    for first in every:
        for second in every:
            if budget.is_spent():
                return
            if second.step > first.step and _explains(backward, {first.step: first.line, second.step: second.line}):
                yield from (*_told(backward, [first]), *_told(backward, [second]))
                return
        for again in backward.changed(first.step, first.line):
            if budget.is_spent():
                return
            if _explains(backward, {again.step: again.line}):
                yield from _told(backward, [again._replace(entries=(*first.entries, *again.entries))])
                return


def _explains(backward: Backward, changed: Mapping[int, str]) -> bool:
    """As `Backward.explains`, for the many that do not: one draw first."""
    try:
        predicted = backward.predicted(0, changed)
    except IMPOSSIBLE:
        return False
    return all(backward.fits(0, i, predicted[i]) for i in backward.keys) and backward.explains(changed)


# ---- in words ----


def _told(backward: Backward, wrongs: Iterable[Wrong]) -> tuple[Mistake, ...]:
    """The mistakes of wrong lines, each name once; changes without a name only where there is nothing else."""
    wrongs = list(wrongs)
    known = sorted((wrong for wrong in wrongs if wrong.known), key=_rank)
    told: dict[str, Mistake] = {}
    for wrong in known or wrongs[:MADE]:
        for entry in wrong.entries:
            told.setdefault(entry.name, _mistake(backward, wrong, entry))
    return tuple(told.values())


def _rank(wrong: Wrong) -> tuple[int, bool, int]:
    """One mistake before two, a missing temperature of 2 before a factor 2, the later line before the earlier."""
    return len(wrong.entries), any(entry.name in ANY_CAUSE for entry in wrong.entries), -wrong.step


def _mistake(backward: Backward, wrong: Wrong, entry: Entry) -> Mistake:
    right = _whole(backward.lines, wrong.step)
    lines = [*backward.lines[: wrong.step], wrong.line, *backward.lines[wrong.step + 1 :]]
    count = len(backward.draws)
    return Mistake(
        name=entry.name,
        title=entry.title,
        explanation=entry.explanation,
        formula=as_formula(right),
        fix=as_numpy(right, backward.recipe.layout, keepdims=_keeps(backward, right)) + _where(backward, right),
        evidence=f"{as_formula(_whole(lines, wrong.step))} gives the gradient returned, on {count} of {count} draws",
    )


def _where(backward: Backward, line: str) -> str:
    """A comment on what the short names of a line are, in the order in which they are used."""
    target, expression = split(line)
    used = [node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)]
    said = [_what(backward, name) for name in dict.fromkeys(used) if name != target]
    return f"  # {', '.join(filter(None, said))}" if any(said) else ""


def _what(backward: Backward, name: str) -> str:
    """What a name is, where that is not plain: a count, a constant, or a line of its own."""
    recipe, layout, z = backward.recipe, backward.recipe.layout, backward.recipe.logits
    if name == "m" and layout.batch_axes:
        whole = f"m = {z}.size // {z}.shape[{layout.class_axis}]"
        return f"m = {z}.shape[{layout.batch_axes[0]}]" if layout.ndim == 2 else whole
    if name == "K":
        return f"K = {z}.shape[{layout.class_axis}]"
    value = recipe.constants.get(name)
    if value is not None and np.ndim(value) == 0:
        return f"{name} = {value:.6g}"
    own = {split(line)[0]: line for line in backward.lines if split(line)[0] in ("dp", "da")}
    own |= {split(line)[0]: line for line in recipe.head if split(line)[0] not in PLAIN}
    return as_numpy(own[name], layout) if name in own else ""


def _keeps(backward: Backward, line: str) -> bool:
    """Whether a bias is a row or a column, so that its gradient keeps the axis that is summed."""
    target = split(line)[0]
    return any(name == target and backward.draws[0].arrays[i].ndim > 1 for i, name in backward.recipe.grads.items())


def _whole(lines: Sequence[str], at: int) -> str:
    """The lines of one target, put into each other: `dz = p - t` and `dz = dz / m` are one formula."""
    target = split(lines[at])[0]
    first = last = at
    while first > 0 and split(lines[first - 1])[0] == target:
        first -= 1
    while last + 1 < len(lines) and split(lines[last + 1])[0] == target:
        last += 1
    expression = split(lines[first])[1]
    for line in lines[first + 1 : last + 1]:
        expression = substituted(split(line)[1], {target: expression})
    return f"{target} = {ast.unparse(ast.parse(expression))}"
