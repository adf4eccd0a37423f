"""Finding one's way in an explanation: what stands left of an equals sign, and the numbers of a formula in order."""

from softgrad.explanation.formula import Num, Row, Vec
from softgrad.explanation.render.formula_text import as_text


def numbers(part):
    """Every number of a formula, in order."""
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
    """The parts between the equals signs: the first as text."""
    split = [[]]
    for part in formula.parts:
        if part == "=":
            split.append([])
        else:
            split[-1].append(part)
    first, *others = (Row(tuple(side)) for side in split)
    return as_text(first), others


def step(explanation, title):
    """The first step of this title."""
    return next(step for part in explanation.parts for step in part.steps if step.title.startswith(title))


def steps(explanation):
    return [step for part in explanation.parts for step in part.steps]
