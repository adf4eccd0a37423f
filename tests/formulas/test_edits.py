"""Every way of getting a line wrong: each family of edits is there, each change once, and the line itself never."""

import ast

import numpy as np
import pytest

from check.right_lines import LAYOUTS, layouts_of, quantities, right_lines
from softgrad.formulas.edits import CONSTANTS, STAND_INS, edits
from softgrad.formulas.language import IMPOSSIBLE, run, split

SOFTMAX = "dz = p * (dp - sum_k(p * dp))"
ALIKE = (("p", ("z", "t")), ("dp", ("p",)), ("sum_k", ()))

FAMILIES = {  # what somebody did: (the right line, the wrong one, the kind of change, the part changed, its stand-in)
    "a factor dropped": ("dz = c * dz", "dz = dz", "without", "* c", ""),
    "the other factor dropped": ("dz = da * a", "dz = da", "without", "* a", ""),
    "a term dropped": ("dz = p - t", "dz = p", "without", "- t", ""),
    "the first term dropped": ("dz = p - t", "dz = -t", "without", "+ p", ""),
    "a divisor dropped": ("dz = dz / m", "dz = dz", "without", "/ m", ""),
    "a power dropped": ("dz = da * (1 - a ** 2)", "dz = da * (1 - a)", "without", "** 2", ""),
    "a factor inside dropped": (SOFTMAX, "dz = p * (dp - sum_k(dp))", "without", "* p", ""),
    "a term doubled": ("dz = p - t", "dz = p - 2 * t", "twice", "- t", ""),
    "the first term doubled": ("dz = p - t", "dz = 2 * p - t", "twice", "+ p", ""),
    "a factor applied twice": ("dz = da * a", "dz = da * a * a", "twice", "* a", ""),
    "a divisor applied twice": ("dz = dz / m", "dz = dz / m / m", "twice", "/ m", ""),
    "a divisor multiplied": ("dz = dz / T", "dz = dz * T", "inverted", "/ T", ""),
    "a factor divided by": ("dz = da * a", "dz = da / a", "inverted", "* a", ""),
    "a sign": ("dz = p - t", "dz = p + t", "sign", "t", ""),
    "a sign inside": (SOFTMAX, "dz = p * (dp + sum_k(p * dp))", "sign", "sum_k(p * dp)", ""),
    "a minus lost": ("dp = -t / p", "dp = t / p", "sign", "t", ""),
    "z for p": ("dz = p - t", "dz = z - t", "instead", "p", "z"),
    "z for p in every place": (SOFTMAX, "dz = z * (dp - sum_k(z * dp))", "instead", "p", "z"),
    "z for p in one place": (SOFTMAX, "dz = z * (dp - sum_k(p * dp))", "instead", "p", "z"),
    "t for p": ("dz = p - t", "dz = t - t", "instead", "p", "t"),
    "p for dp": (SOFTMAX, "dz = p * (p - sum_k(p * p))", "instead", "dp", "p"),
    "one minus": ("dz = da * a", "dz = da * (1 - a)", "instead", "a", "1 - a"),
    "softmax twice": ("dz = p - t", "dz = softmax(p) - t", "instead", "p", "softmax(p)"),
    "the upstream forgotten": (SOFTMAX, "dz = p * (1 - sum_k(p * 1))", "instead", "dp", "1"),
    "the other axis": (SOFTMAX, "dz = p * (dp - sum_m(p * dp))", "reduced", "sum_k(p * dp)", "sum_m"),
    "over everything": (SOFTMAX, "dz = p * (dp - sum_all(p * dp))", "reduced", "sum_k(p * dp)", "sum_all"),
    "a mean": ("db = sum_m(dz)", "db = mean_m(dz)", "reduced", "sum_m(dz)", "mean_m"),
    "a scalar": ("db = sum_m(dz)", "db = sum_all(dz)", "reduced", "sum_m(dz)", "sum_all"),
    "an assignment for a sum": ("db = sum_m(dz)", "db = last_m(dz)", "reduced", "sum_m(dz)", "last_m"),
    "no sum": ("db = sum_m(dz)", "db = dz", "reduced", "sum_m(dz)", "nothing"),
    "a transpose left out": ("dx = dz @ W.T", "dx = dz @ W", "transposed", "W.T", "W"),
    "the whole transposed": ("dW = x.T @ dz", "dW = (x.T @ dz).T", "transposed", "dW", "dW.T"),
    "factors exchanged": ("dW = x.T @ dz", "dW = dz @ x.T", "exchanged", "x.T @ dz", ""),
    "one sample of a product": ("dW = x.T @ dz", "dW = last_m(x).T @ last_m(dz)", "reduced", "x.T @ dz", "last_m"),
    "one column of a product": ("dW = dz @ x.T", "dW = last_m(dz) @ last_m(x).T", "reduced", "dz @ x.T", "last_m"),
    **{f"the whole {by}": (SOFTMAX, f"dz = ({SOFTMAX[5:]}) {by}", "times", "dz", by) for by in CONSTANTS},
}


def text(line):
    """A line as `ast` writes it: without needless brackets."""
    target, expression = split(line)
    return f"{target} = {ast.unparse(ast.parse(expression))}"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_changes_is_there(family):
    line, wrong, kind, what, by = FAMILIES[family]
    found = [edit for edit in edits(line, ALIKE) if text(edit.line) == text(wrong)]
    assert len(found) == 1
    assert found[0][1:] == (kind, what, by)


@pytest.mark.parametrize("line", right_lines())
def test_each_change_once_and_the_line_itself_never(line):
    lines = [text(edit.line) for edit in edits(line, ALIKE)]
    assert len(lines) == len(set(lines))
    assert text(line) not in lines
    assert all(split(one)[0] == split(line)[0] for one in lines)


WITHOUT_ARITHMETIC = (
    "dxhat = dy",
    "ds = dz",
    "dW = zeros(W)",
    "dW = summed_by_row(dy, ids, W)",
    "dW = summed_by_row(each(dy, ids), ids, W)",
)
NO_PARTS = (
    *WITHOUT_ARITHMETIC,
    "dz = da",
    "dW = outer(x, dz)",
    "dW = outer(dz, x)",
)  # a name, or a call that is no sum


@pytest.mark.parametrize("line", right_lines())
def test_changes_of_several_kinds_can_be_run(line):
    """On the quantities that the line has; those that cannot, raise what is expected of them."""
    kinds = set()
    for layout in layouts_of(line):
        for edit in edits(line, ALIKE):
            try:
                run((edit.line,), quantities(line, LAYOUTS[layout]))
                kinds.add(edit.kind)
            except IMPOSSIBLE:
                continue
    assert "times" in kinds
    assert len(kinds) >= (1 if line in NO_PARTS else 2)


NO_CHANGE = {  # a change that gives the same numbers, and why
    "dz = da * (z > 0) * (z > 0)": "a mask twice is that mask",
    "dW = dW + reg / sign(W)": "1 / sign is sign",
    "dW = reg / sign(W)": "1 / sign is sign",
    "dW = outer(x, dz) * m": "m is 1 for a vector",
    "dW = outer(x, dz) / m": "m is 1 for a vector",
    "dW = outer(dz, x) * m": "m is 1 for a vector",
    "dW = outer(dz, x) / m": "m is 1 for a vector",
}


@pytest.mark.parametrize("line", right_lines())
def test_the_changes_differ_from_the_line(line):
    """On random numbers they are other numbers: a change that is none could only name what is right."""
    names = quantities(line, LAYOUTS[layouts_of(line)[0]])
    target = split(line)[0]
    right = run((line,), dict(names))[target]
    same = []
    for edit in edits(line):
        try:
            got = run((edit.line,), dict(names))[target]
        except IMPOSSIBLE:
            continue
        if np.shape(got) == np.shape(right) and np.allclose(got, right, rtol=1e-9, equal_nan=True):
            same.append(edit.line)
    assert [one for one in same if one not in NO_CHANGE] == [] or line == "dW = zeros(W)"


@pytest.mark.parametrize("quantity", STAND_INS)
def test_every_stand_in_is_used(quantity):
    """Of layers by number too: dz2 has what dz has."""
    for name in (quantity, f"{quantity}2"):
        found = {edit.replacement for edit in edits(f"dz = {name} * u", ((name, ()),)) if edit.kind == "instead"}
        assert {ast.unparse(ast.parse(by)) for by in STAND_INS[quantity]} <= {
            ast.unparse(ast.parse(by)) for by in found
        }


def test_a_quantity_is_swapped_for_those_of_its_shape_only():
    by = {
        edit.replacement
        for edit in edits("dW2 = a1.T @ dz2", (("a1", ("z1", "x")), ("dz2", ())))
        if edit.kind == "instead"
    }
    assert {"z1", "x"} <= by
    assert "W1" not in by
