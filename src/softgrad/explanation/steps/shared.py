"""Helpers of several steps: numbers in formulas, wrong lines, comparisons with central differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from softgrad._arrays import Array
from softgrad.explanation.document import Compared, Wrong
from softgrad.explanation.error_bounds import Bounded
from softgrad.explanation.formula import Math, Num, Sub, Vec
from softgrad.explanation.steps.row_values import VECTOR, RowValues
from softgrad.explanation.steps.wrong_lines import entry, wrong_line
from softgrad.formulas.language import Layout
from softgrad.formulas.notation import as_numpy

WRITTEN_OUT = 4  # how many classes or rows get a line of their own; vectors show more
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


def z(i: int | str) -> Sub:
    """z_i."""
    return Sub("z", str(i))


def classes_left_out(at: RowValues) -> str:
    """A note on the classes that are not shown, or "" if all are."""
    return f"{at.left_out:,} of {at.z.value.size:,} classes are left out" if at.left_out else ""


def main_class(at: RowValues) -> int:
    """The class used as the example: the one with the largest target."""
    return max(at.shown, key=lambda i: (at.t.value[i], -i))


def compared(at: RowValues, what: Math, result: Bounded) -> Compared:
    """A gradient compared with central differences of the loss."""
    by_differences = at.dz_by_differences
    entries = (num(by_differences, a) for a in range(len(at.shown)))
    return Compared(what, Vec(tuple(entries), at.left_out), largest(result.value[list(at.shown)], by_differences.value))


def largest(result: Array, differences: Array) -> Num:
    """The largest difference between the two. One digit is enough, because it is a rounding error."""
    apart = float(np.max(np.abs(result - differences)))
    return Num(apart, 0.0, at_most=1)


def wrong(at: RowValues, right: str, names: Sequence[str], result: Bounded) -> tuple[Wrong, ...]:
    """The wrong lines with these names, without those that give the same numbers as the right line."""
    lines = ((name, wrong_line(right, name)) for name in names)
    found = ((name, line, at.line(line.partition(" = ")[2])) for name, line in lines)
    return tuple(
        wrong_of(name, line, VECTOR, vec(at, gives), vec(at, result))
        for name, line, gives in found
        if differ(gives.value, result.value)
    )


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
