"""Helpers of several steps: numbers in formulas, wrong lines, comparisons with central differences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from softgrad._arrays import Array
from softgrad.explanation.document import Compared, Wrong
from softgrad.explanation.error_bounds import Bounded
from softgrad.explanation.formula import Math, Num, Sub, Vec, factor, row
from softgrad.explanation.steps.row_values import VECTOR, RowValues
from softgrad.explanation.steps.wrong_lines import entry, wrong_line
from softgrad.formulas.language import Layout
from softgrad.formulas.notation import as_numpy

WRITTEN_OUT = 4  # how many classes or rows get a line of their own; vectors show more
SHOWABLE = 1e100  # a wrong line that gives more, because it divides by a probability near 0, is not shown
READ = 2e-3  # relative; how far the reader's own numbers may be from those of the wrong line that is opened
SAME = 1e-9  # relative; a wrong line whose numbers differ by less is not shown


def num(values: Bounded, *index: int) -> Num:
    """One number."""
    return Num(float(values.value[index]), float(values.error[index]))


def vec(at: RowValues, values: Bounded) -> Vec:
    """The entries of the classes shown."""
    return Vec(tuple(num(values, i) for i in at.shown), at.left_out)


def p(i: int | str) -> Sub:
    """p_i."""
    return Sub("p", str(i))


def t(i: int | str) -> Sub:
    """t_i."""
    return Sub("t", str(i))


def score(at: RowValues, i: int | str) -> Sub:
    """z_i, or with a temperature u_i."""
    return Sub(at.letter, str(i))


def log_p(at: RowValues, i: int) -> Math:
    """The logarithm of a probability: of the number, or where that is shown as 0, as a number itself."""
    return factor(num(at.log_p, i)) if at.far[i] else row("log", num(at.p, i))


def classes_left_out(at: RowValues) -> str:
    """A note on the classes that are not shown, or "" if all are."""
    return f"{at.left_out:,} of {at.z.value.size:,} classes are left out" if at.left_out else ""


def main_class(at: RowValues) -> int:
    """The class used as the example: the one with the largest target."""
    return max(at.shown, key=lambda i: (at.t.value[i], -i))


def compared(at: RowValues, what: Math, result: Bounded) -> tuple[Compared, ...]:
    """A gradient compared with central differences of the loss, if they have digits that count."""
    if not at.is_comparable:
        return ()
    by_differences = at.dz_by_differences
    entries = (num(by_differences, a) for a in range(len(at.shown)))
    apart = largest(result.value[list(at.shown)], by_differences.value)
    return (Compared(what, Vec(tuple(entries), at.left_out), apart),)


def largest(result: Array, differences: Array) -> Num:
    """The largest difference between the two. One digit is enough, because it is a rounding error."""
    apart = float(np.max(np.abs(result - differences)))
    return Num(apart, 0.0, at_most=1)


def wrong(at: RowValues, right: str, names: Sequence[str], result: Bounded) -> tuple[Wrong, ...]:
    """The wrong lines with these names, without those that give the same numbers as the right line."""
    lines = ((name, wrong_line(right, name)) for name in names)
    found = ((name, line, at.line(line.partition(" = ")[2])) for name, line in lines)
    shown = list(at.shown)
    at_scores = right.startswith("dz")
    return tuple(
        replace(
            wrong_of(name, _in_scores(at, line), VECTOR, vec(at, gives), vec(at, result)),
            is_readers=at_scores and at.mine is not None and close(at.mine, gives.value),
        )
        for name, line, gives in found
        if differ(gives.value, result.value) and np.abs(gives.value[shown]).max() < SHOWABLE
    )


def _in_scores(at: RowValues, line: str) -> str:
    """The line with du for dz, where the scores are u."""
    return line if at.letter == "z" else re.sub(r"\bdz\b", "du", line)


def close(mine: Array, gives: Array) -> bool:
    """Whether a wrong line gives the reader's own gradient, up to the digits that may have been written down."""
    return mine.shape == gives.shape and bool(np.allclose(mine, gives, rtol=READ, atol=READ * np.abs(mine).max()))


def wrong_of(name: str, line: str, layout: Layout, gives: Math, right: Math) -> Wrong:
    """A wrong line with its title and explanation from the catalogue."""
    words = entry(name)
    return Wrong(
        name, words.title, words.explanation, as_numpy(line, layout, keepdims=layout.class_axis == 0), gives, right
    )


def differ(a: Array, b: Array) -> bool:
    """Whether two results are different."""
    a, b = np.squeeze(a), np.squeeze(b)
    return a.shape != b.shape or not np.allclose(a, b, rtol=SAME, atol=0)
