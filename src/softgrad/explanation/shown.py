"""What the steps share: numbers of a row as parts of formulas, the wrong lines beside the right one, differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from softgrad._arrays import Array
from softgrad.explanation.formula import Math, Num, Sub, Vec
from softgrad.explanation.known import Known
from softgrad.explanation.point import VECTOR, Point
from softgrad.explanation.step import Compared, Wrong
from softgrad.explanation.wrong import entry, wrong_line
from softgrad.formulas.language import Layout
from softgrad.formulas.notation import as_numpy

WRITTEN_OUT = 4  # classes whose lines are written one by one; the vectors beside them show more
SAME = 1e-9  # relative: a wrong line that gives the right numbers here shows nothing


def num(known: Known, *index: int) -> Num:
    """One number."""
    return Num(float(known.value[index]), float(known.error[index]))


def vec(at: Point, known: Known) -> Vec:
    """The entries of the classes that are shown."""
    return Vec(tuple(num(known, i) for i in at.shown), at.left_out)


def p(i: int | str) -> Sub:
    """p_i."""
    return Sub("p", str(i))


def t(i: int | str) -> Sub:
    """t_i."""
    return Sub("t", str(i))


def z(i: int | str) -> Sub:
    """z_i."""
    return Sub("z", str(i))


def classes_left_out(at: Point) -> str:
    """A sentence where not every class is shown; "" elsewhere."""
    return f"{at.left_out:,} of {at.z.value.size:,} classes are left out" if at.left_out else ""


def main_class(at: Point) -> int:
    """The class whose numbers stand for all: that of the largest target."""
    return max(at.shown, key=lambda i: (at.t.value[i], -i))


def compared(at: Point, what: Math, result: Known) -> Compared:
    """A gradient beside the differences of the loss."""
    by_differences = at.dz_by_differences
    entries = (num(by_differences, a) for a in range(len(at.shown)))
    return Compared(what, Vec(tuple(entries), at.left_out), largest(result.value[list(at.shown)], by_differences.value))


def largest(result: Array, differences: Array) -> Num:
    """How far they are apart, to two digits: it is rounding."""
    apart = float(np.max(np.abs(result - differences)))
    return Num(apart, 0.0, at_most=1)


def wrong(at: Point, right: str, names: Sequence[str], result: Known) -> tuple[Wrong, ...]:
    """The wrong lines of these names in place of the right line, where they give other numbers."""
    lines = ((name, wrong_line(right, name)) for name in names)
    found = ((name, line, at.line(line.partition(" = ")[2])) for name, line in lines)
    return tuple(
        wrong_of(name, line, VECTOR, vec(at, gives), vec(at, result))
        for name, line, gives in found
        if differ(gives.value, result.value)
    )


def wrong_of(name: str, line: str, layout: Layout, gives: Math, right: Math) -> Wrong:
    """A wrong line with the words of the catalogue."""
    words = entry(name)
    return Wrong(
        name, words.title, words.explanation, as_numpy(line, layout, keepdims=layout.class_axis == 0), gives, right
    )


def differ(a: Array, b: Array) -> bool:
    """Whether two results are told apart."""
    a, b = np.squeeze(a), np.squeeze(b)
    return a.shape != b.shape or not np.allclose(a, b, rtol=SAME, atol=0)
