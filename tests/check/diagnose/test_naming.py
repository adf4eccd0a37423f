"""What an edit of a right line is called: by the catalogue, or by a name made of the edit itself."""

import re

import pytest

from check.right_lines import right_lines
from softgrad.check.catalogue import ENTRIES
from softgrad.check.diagnose.naming import describe, names_of_edit
from softgrad.formulas.edits import Edit, edits

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
    "no minus": ("dz = -dz", Edit("", "sign", "dz"), "", ("sign",)),
    "softmax of z for z": ("dz = da * (z > 0)", Edit("", "instead", "z", "softmax(z)"), "", ()),
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
def test_what_an_edit_is_called(case):
    line, edit, program, names = CALLED[case]
    assert names_of_edit(edit, line, program) == names


@pytest.mark.parametrize("line", right_lines())
def test_a_made_name_says_the_edit(line):
    for edit in edits(line, (("p", ("t",)), ("dp", ("p",)))):
        entry = describe(edit, line)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
        assert entry.name not in ENTRIES
        assert "{" not in entry.title
        assert edit.line in entry.explanation
        assert line in entry.explanation
