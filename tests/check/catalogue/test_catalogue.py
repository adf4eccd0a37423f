"""The catalogue holds together: every wrong line is wrong and has a name, every name has its words and can be given."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from check.right_lines import LAYOUTS, K, layouts_of, quantities, right_lines
from softgrad import check
from softgrad.check.catalogue import EDIT_NAMES, ENTRIES, WRONG_LINES, Entry, by_name
from softgrad.check.catalogue.forward_passes import NEAR_LINES
from softgrad.check.diagnose.naming import row_of_edit
from softgrad.formulas.edits import edits
from softgrad.formulas.language import IMPOSSIBLE, run, split
from together import check_all, together

QUANTITIES = ("p", "z", "dp", "da", "dz", "a", "t", "logp")
PROGRAMS = (
    "",
    "dz = dz / m",
    "dz = dz / n",
    "dz = dz / T",
    "dz = dz / (m * K)",
    "masked_softmax",
)  # what a name of a constant depends on

NO_OTHER = {  # listed lines that differ from the right one only in what a vector has not
    "last_m": "a vector has one sample only",
    "first_m": "a vector has one sample only",
    " / m": "m is 1 for a vector",
}


def case_name(wrong_line):
    return f"{wrong_line.right} -> {wrong_line.wrong}"


def of_square_weights(line):
    return "W" in line.partition("= ")[2]  # a weight that is not transposed fits where the layer has as many units


def fits_a_square_batch(wrong_line):
    """Whether the wrong line can be run only where there are as many rows as classes."""
    return "per_row(" in wrong_line.wrong or ("@" in wrong_line.wrong and "@" not in wrong_line.right)


def test_every_listed_line_is_one_that_a_recipe_uses():
    known = set(right_lines())
    assert sorted({wrong_line.right for wrong_line in WRONG_LINES} - known) == []


def assert_can_be_run_and_is_wrong(wrong_line):
    target, outcomes = split(wrong_line.right)[0], []
    for layout in layouts_of(wrong_line.right):
        rows = {"rows": K} if fits_a_square_batch(wrong_line) else {}
        names = quantities(wrong_line.right, LAYOUTS[layout], square=of_square_weights(wrong_line.right), **rows)
        right = run((wrong_line.right,), dict(names))[target]
        try:
            wrong = run((f"{target} = {wrong_line.wrong}",), dict(names))[target]
        except IMPOSSIBLE:
            continue
        outcomes.append(np.shape(wrong) != np.shape(right) or not np.allclose(wrong, right, rtol=1e-13, atol=0))
    assert outcomes, "it can be run in no layout"
    if not ("outer" in wrong_line.right and any(part in wrong_line.wrong for part in NO_OTHER)):
        assert any(outcomes)


def test_every_listed_wrong_line_can_be_run_and_is_wrong():
    check_all(assert_can_be_run_and_is_wrong, {case_name(one): (one,) for one in WRONG_LINES})


def test_no_wrong_line_is_listed_twice():
    """Nor as a right one: two readings of one line would be two names for it."""
    seen = [(wrong_line.right, ast.unparse(ast.parse(wrong_line.wrong))) for wrong_line in WRONG_LINES]
    assert sorted({one for one in seen if seen.count(one) > 1}) == []


def test_every_listed_name_is_an_entry():
    assert sorted(LISTED - {None} - ENTRIES.keys()) == []
    assert [case_name(one) for one in WRONG_LINES if one.name is None or one.name == one.second] == []


# ---- entries ----


@together(name=ENTRIES)
def test_every_entry_has_its_words(name):
    entry = ENTRIES[name]
    assert entry.name == name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert len(entry.title) >= 15
    assert not entry.title.endswith(".")
    assert len(entry.explanation) >= 40
    assert entry.explanation.endswith(".")
    assert "  " not in entry.explanation


def test_two_entries_of_one_name_are_refused():
    """When the catalogue is imported, with both places: neither silently replaces the other."""
    first, second = Entry("sign", "The sign is wrong", "..."), Entry("sign", "The minus is missing", "...")
    with pytest.raises(ValueError, match=r"two entries 'sign': scale.ENTRIES\[0\] and softmax.ENTRIES\[1\]"):
        by_name([("scale", [first]), ("softmax", [Entry("other", "Another", "..."), second])])


def test_no_two_entries_have_the_same_title():
    titles = [entry.title for entry in ENTRIES.values()]
    assert sorted(titles) == sorted(set(titles))


def test_no_two_entries_have_the_same_words():
    words = [entry.explanation for entry in ENTRIES.values()]
    assert len(words) == len(set(words))


def rows_of_edits():
    """The rows that name edits of the right lines, each quantity swapped for every other."""
    found = set()
    for template in right_lines():
        line = template.replace("dz = da", "dz1 = da1").replace("dz @", "dz1 @")
        used = {node.id for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Name)}
        alike = tuple((name, tuple(q for q in (*QUANTITIES, "z2", "a2", "da2") if q != name)) for name in sorted(used))
        for edit in edits(line, alike):
            for program in PROGRAMS:
                found.add(row_of_edit(edit, line, program))
    return found - {None}


def names_in_sources():
    """Names that the code of the checker gives by itself, as texts in its files."""
    folder = Path(inspect.getfile(check)).parent
    folders = (folder, folder.parent / "torch" / "checking")
    files = [path for one in folders for path in one.rglob("*.py") if "catalogue" not in path.parts]
    trees = [ast.parse(path.read_text()) for path in files]
    return {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}


ROWS = rows_of_edits()
OF_EDITS = {name for row in ROWS for name in (row.name, row.second)} - {None}
IN_SOURCES = names_in_sources()
LISTED = {name for wrong_line in WRONG_LINES for name in (wrong_line.name, wrong_line.second)}
GIVEN = LISTED | OF_EDITS | IN_SOURCES | {line.name for line in NEAR_LINES}


def test_every_entry_can_be_given():
    assert sorted(ENTRIES.keys() - GIVEN) == []


def test_every_name_of_an_edit_is_an_entry():
    assert sorted(OF_EDITS - ENTRIES.keys()) == []


def test_every_row_of_edit_names_is_needed():
    """Some edit of a right line is named by each."""
    assert [row for row in EDIT_NAMES if row not in ROWS] == []
