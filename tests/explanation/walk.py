"""Helpers to walk through an explanation: its steps, the sides of a formula, and the numbers in it."""

from softgrad.explanation.formula import Num, Row, Vec
from softgrad.explanation.render.formula_text import as_text


def numbers(part):
    """All numbers of a formula, in order."""
    if isinstance(part, Num):
        return [part]
    if isinstance(part, Row | Vec):
        parts = part.parts if isinstance(part, Row) else part.entries
    else:
        parts = (
            [value for value in vars(part).values() if not isinstance(value, int)] if hasattr(part, "__dict__") else []
        )
    return [number for inner in parts for number in numbers(inner)]


def sides(formula):
    """The sides of a formula: what stands left of the first equals sign, as text, and the other sides."""
    split = [[]]
    for part in formula.parts:
        if part == "=":
            split.append([])
        else:
            split[-1].append(part)
    first, *others = (Row(tuple(side)) for side in split)
    return as_text(first), others


def step(explanation, title):
    """The first step whose title begins like this."""
    return next(step for part in explanation.parts for step in part.steps if step.title.startswith(title))


def steps(explanation):
    return [step for part in explanation.parts for step in part.steps]
