"""The catalogue holds together: every wrong line is wrong and has a name, every name has its words and can be given."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from check.right_lines import LAYOUTS, layouts_of, quantities, right_lines
from softgrad import check
from softgrad.check.mistakes import ENTRIES, LISTED, findings, layers, losses, scale, softmax
from softgrad.check.mistakes.names import made_entry, named
from softgrad.formulas.edits import Edit, edits
from softgrad.formulas.language import IMPOSSIBLE, run, split

ROOMS = (findings, layers, losses, scale, softmax)
QUANTITIES = ("p", "z", "dp", "da", "dz", "a", "t", "logp")
PROGRAMS = ("", "dz = dz / m", "dz = dz / T", "dz = dz / (m * K)")  # what a name of a constant depends on

NO_OTHER = {  # listed lines that differ from the right one only in what a vector has not
    "last_m": "a vector has one sample only",
    "first_m": "a vector has one sample only",
    " / m": "m is 1 for a vector",
}


def case_name(listed):
    return f"{listed.right} -> {listed.wrong}"


def of_square_weights(line):
    return "W" in line.partition("= ")[2]  # a weight that is not transposed fits where the layer has as many units


@pytest.mark.parametrize("right", sorted({listed.right for listed in LISTED}))
def test_every_listed_line_is_one_that_a_recipe_uses(right):
    assert right in right_lines()


@pytest.mark.parametrize("listed", LISTED, ids=case_name)
def test_every_listed_wrong_line_can_be_run_and_is_wrong(listed):
    target, outcomes = split(listed.right)[0], []
    for layout in layouts_of(listed.right):
        names = quantities(listed.right, LAYOUTS[layout], square=of_square_weights(listed.right))
        right = run((listed.right,), dict(names))[target]
        try:
            wrong = run((f"{target} = {listed.wrong}",), dict(names))[target]
        except IMPOSSIBLE:
            continue
        outcomes.append(np.shape(wrong) != np.shape(right) or not np.allclose(wrong, right, rtol=1e-13, atol=0))
    assert outcomes, "it can be run in no layout"
    if not ("outer" in listed.right and any(part in listed.wrong for part in NO_OTHER)):
        assert any(outcomes)


def test_no_wrong_line_is_listed_twice():
    """Nor as a right one: two readings of one line would be two names for it."""
    seen = [(listed.right, ast.unparse(ast.parse(listed.wrong))) for listed in LISTED]
    assert sorted({one for one in seen if seen.count(one) > 1}) == []


@pytest.mark.parametrize("listed", LISTED, ids=case_name)
def test_every_listed_name_is_an_entry(listed):
    assert listed.name in ENTRIES
    assert listed.second is None or listed.second in ENTRIES
    assert listed.name != listed.second


# ---- entries ----


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_has_its_words(name):
    entry = ENTRIES[name]
    assert entry.name == name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert len(entry.title) >= 15
    assert not entry.title.endswith(".")
    assert len(entry.explanation) >= 40
    assert entry.explanation.endswith(".")
    assert "  " not in entry.explanation


@pytest.mark.parametrize("part", ["name", "title"])
def test_no_two_entries_are_called_the_same(part):
    called = [getattr(entry, part) for room in ROOMS for entry in room.ENTRIES]
    assert sorted(called) == sorted(set(called))


def test_no_two_entries_have_the_same_words():
    words = [entry.explanation for entry in ENTRIES.values()]
    assert len(words) == len(set(words))


def names_of_changes():
    """The names that edits of the right lines are given, each quantity swapped for every other."""
    found = set()
    for template in right_lines():
        line = template.replace("dz = da", "dz1 = da1").replace("dz @", "dz1 @")
        used = {node.id for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Name)}
        alike = tuple((name, tuple(q for q in (*QUANTITIES, "z2", "da2") if q != name)) for name in sorted(used))
        for edit in edits(line, alike):
            for program in PROGRAMS:
                found.update(named(edit, line, program))
    return found


def names_in_sources():
    """The findings: names that the engine adds by itself, as texts in its files."""
    folder = Path(inspect.getfile(check)).parent
    trees = [ast.parse(path.read_text()) for path in folder.glob("*.py")]
    return {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}


OF_CHANGES, IN_SOURCES = names_of_changes(), names_in_sources()
GIVEN = {listed.name for listed in LISTED} | {listed.second for listed in LISTED} | OF_CHANGES | IN_SOURCES


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_can_be_given(name):
    assert name in GIVEN


def test_every_name_of_a_change_is_an_entry():
    assert ENTRIES.keys() >= OF_CHANGES


# ---- what a change is called ----

CALLED = {  # what somebody did: (the right line, the change, the program, names)
    "no mean": ("dz = dz / m", Edit("", "without", "/ m"), "", ("mean-missing",)),
    "a mean twice": ("dz = dz / m", Edit("", "twice", "/ m"), "", ("mean-twice",)),
    "a mean inverted": ("dz = dz / m", Edit("", "inverted", "/ m"), "", ("mean-inverted",)),
    "K for m": ("dz = dz / m", Edit("", "instead", "m", "K"), "", ("divided-by-classes",)),
    "the size for m": ("dz = dz / m", Edit("", "instead", "m", "m * K"), "", ("divided-by-size",)),
    "a sum times m": ("dz = p - t", Edit("", "times", "dz", "* m"), "", ("multiplied-by-samples",)),
    "a mean times m": ("dz = p - t", Edit("", "times", "dz", "* m"), "dz = dz / m", ("mean-missing",)),
    "a sum over m": ("dz = p - t", Edit("", "times", "dz", "/ m"), "", ("mean-extra",)),
    "a mean over m": ("dz = p - t", Edit("", "times", "dz", "/ m"), "dz = dz / m", ("mean-twice",)),
    "times T": ("dz = p - t", Edit("", "times", "dz", "* T"), "dz = dz / T", ("temperature-missing",)),
    "the sign": ("dz = p - t", Edit("", "times", "dz", "* -1"), "", ("sign",)),
    "bits": ("dz = p - t", Edit("", "times", "dz", "/ log(2)"), "", ("log-base",)),
    "no temperature": ("dz = dz / T", Edit("", "without", "/ T"), "", ("temperature-missing",)),
    "the wrong axis": ("dz = dp - p * sum_k(dp)", Edit("", "reduced", "sum_k(dp)", "sum_m"), "", ("wrong-axis",)),
    "everything": ("dz = p", Edit("", "reduced", "sum_k(dp)", "sum_all"), "", ("inner-product-over-batch",)),
    "z for p": ("dz = p * dp", Edit("", "instead", "p", "z"), "", ("derivative-at-input",)),
    "dp for p": ("dz = p * dp", Edit("", "instead", "p", "dp"), "", ("derivative-at-upstream",)),
    "1 for dp": ("dz = p * dp", Edit("", "instead", "dp", "1"), "", ("upstream-ignored",)),
    "one of dp": ("dz = p * dp", Edit("", "instead", "dp", "first(dp)"), "", ("upstream-first-only",)),
    "a shift": ("dz = p - t", Edit("", "instead", "t", "shift(t)"), "", ("label-off-by-one",)),
    "W": ("dx = dz @ W.T", Edit("", "transposed", "W.T", "W"), "", ("weight-not-transposed",)),
    "dW of a layer": ("dW2 = x", Edit("", "transposed", "dW2", "dW2.T"), "", ("weight-gradient-transposed",)),
    "another layer": ("dz1 = da1 * (z1 > 0)", Edit("", "instead", "z1", "z2"), "",
                      ("activation-derivative-wrong-layer",)),
    "a for z": ("dz1 = da1 * (z1 > 0)", Edit("", "instead", "z1", "a1"), "", ("activation-derivative-at-output",)),
    "z for a": ("dz1 = da1 * (1 - a1 ** 2)", Edit("", "instead", "a1", "z1"), "",
                ("activation-derivative-at-input",)),
    "z for a in dW": ("dW2 = a1.T @ dz2", Edit("", "instead", "a1", "z1"), "", ("activation-for-input",)),
    "x for a in dW": ("dW2 = a1.T @ dz2", Edit("", "instead", "a1", "x"), "", ("input-for-activation",)),
    "one sample": ("dW = x.T @ dz", Edit("", "reduced", "x.T @ dz", "last_m"), "", ("last-sample-only",)),
    "a factor nobody has a name for": ("dz = p * dp", Edit("", "twice", "* p"), "", ()),
    "a term nobody has a name for": ("dz = p - t", Edit("", "twice", "- t"), "", ()),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLED)
def test_what_a_change_is_called(case):
    line, edit, program, names = CALLED[case]
    assert named(edit, line, program) == names


@pytest.mark.parametrize("line", right_lines())
def test_a_made_name_says_the_change(line):
    for edit in edits(line, (("p", ("t",)), ("dp", ("p",)))):
        entry = made_entry(edit, line)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
        assert entry.name not in ENTRIES
        assert "{" not in entry.title
        assert edit.line in entry.explanation
        assert line in entry.explanation
