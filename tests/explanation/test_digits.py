"""Every number in the derivation of one row, including the wrong ones, agrees with mpmath in all digits shown."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import softgrad as sg
from cases import DERIVED
from explanation.cases import VECTORS
from explanation.exact import assert_shown_right, exact_row, wrong_at_p, wrong_at_z
from explanation.walk import numbers, sides, steps
from softgrad.explanation.formula import Words
from softgrad.explanation.render.formula_text import as_text
from softgrad.explanation.steps import row_values

ALL = list(itertools.product(VECTORS, DERIVED))
AT_P = "The gradient at the probabilities"


def explained(logits, target, loss):
    return sg.explain(logits, target, loss=loss), exact_row(logits, target, loss)


def shown_classes(steps):
    return [int(line[0]) for line in steps[2].tables[0].rows]


def named(x, shown):
    """The left-hand sides of the formulas, and their exact values: one number, or one for each class shown."""
    at = {"z": x.z, "s": x.s, "e": x.e, "p": x.p, "∂L/∂p": x.dp, "∂L/∂z": x.dz, "Jᵀ ∂L/∂p": x.dz}
    values = {name: [vector[i] for i in shown] for name, vector in at.items()}
    values |= {f"{name}_{i}": [vector[i]] for name, vector in at.items() for i in shown}
    values |= {f"J[{i}, {j}]": [x.J[i][j]] for i in shown for j in shown}
    for i in shown:
        values[f"column {i} of J:  "] = []
    return values | {"L": [x.L], "Σ_j e_j": [x.S], "⟨∂L/∂p, p⟩": [x.inner]}


def every_value(x):
    """The values that may stand between the left-hand side of a formula and its result."""
    vectors = (x.z, x.s, x.e, x.p, x.t, x.dp, x.dz, *x.J)
    return [*itertools.chain(*vectors), x.S, x.L, x.inner, max(x.z)]


def is_shown_right(number, value):
    try:
        assert_shown_right(number, value, "")
    except AssertionError:
        return False
    return True


def check_row(explanation, x):
    steps = explanation.parts[0].steps
    shown = shown_classes(steps)
    values, allowed = named(x, shown), every_value(x)
    for step in steps:
        for formula in step.numbers:
            check_formula(formula, values, allowed, x, shown)
        check_tables(step, x, shown)
        check_wrong(step, x, shown)
        check_differences(step)


def check_formula(formula, values, allowed, x, shown):
    if isinstance(formula, Words):
        return
    left, others = sides(formula)
    if left.startswith("diagonal of J"):
        for number, i in zip(numbers(formula), shown, strict=True):
            assert_shown_right(number, x.J[i][i], "the diagonal")
        return
    if left.startswith("column"):
        j = int(left.split()[1])
        assert_all_right(numbers(formula), [x.J[i][j] for i in shown], left)
        return
    *between, last = others
    assert_all_right(numbers(last), values[left], left)
    for number in (number for side in between for number in numbers(side)):
        assert any(is_shown_right(number, value) for value in allowed), f"{left}: no value here is {number.digits}"


def assert_all_right(found, wanted, what):
    for number, value in zip(found, wanted, strict=True):
        assert_shown_right(number, value, what)


def check_tables(step, x, shown):
    for table in step.tables:
        for i, line in zip(shown, table.rows, strict=True):
            wanted = {"bars": [x.p[i], x.t[i]], "heat": [x.J[i][j] for j in shown]}[table.look]
            assert_all_right(line[1:], wanted, table.title)
        for i, entries in zip(shown, table.hover, strict=True) if table.hover else ():
            for j, entry in zip(shown, entries, strict=True):
                assert sides(entry)[0] == f"J[{i}, {j}]"
                assert_shown_right(numbers(entry)[-1], x.J[i][j], "hover")


def check_wrong(step, x, shown):
    at_p = step.title == AT_P or (
        step.title.startswith("The shortcut") and "dp =" in "".join(w.line for w in step.wrong)
    )
    for wrong in step.wrong:
        values = (wrong_at_p if at_p else wrong_at_z)(x, wrong.name)
        right = x.dp if at_p else x.dz
        assert wrong.line.startswith("dp =" if at_p else "dz =")
        assert_all_right(numbers(wrong.gives), [values[i] for i in shown], wrong.name)
        assert_all_right(numbers(wrong.right), [right[i] for i in shown], wrong.name)


def check_differences(step):
    for compared in step.compared:
        assert compared.largest.value < 1e-6, step.title


@pytest.mark.parametrize(("case", "loss"), ALL)
def test_every_digit_is_right(case, loss):
    explanation, x = explained(*VECTORS[case], loss)
    check_row(explanation, x)
    assert abs(explanation.loss - x.L) <= 1e-14 * max(1, abs(x.L))
    assert np.shape(explanation.grad) == np.shape(VECTORS[case][0])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-150, 150), min_size=1, max_size=6), st.data(), st.sampled_from(DERIVED))
def test_every_digit_is_right_of_any_logits(logits, data, loss):
    if data.draw(st.booleans()):
        target = data.draw(st.integers(0, len(logits) - 1))
    else:
        counts = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(logits), max_size=len(logits)))) + 0.0
        target = (counts + (counts.sum() == 0)) / (counts.sum() or len(counts))
    check_row(*explained(logits, target, loss))


@pytest.mark.parametrize("loss", DERIVED)
def test_six_digits_where_nothing_cancels(loss):
    """Digits are dropped only where they are uncertain."""
    steps = sg.explain([2, 1, 0.1], 0, loss=loss).parts[0].steps
    found = [number for step in steps for formula in step.numbers for number in numbers(formula)]
    assert len(found) > 50
    for number in found:
        assert not number.value or f"{number.value:.6g}" == number.digits


@pytest.mark.parametrize("case", ["three logits", "target is the smallest", "soft target", "target 0 at a class"])
@pytest.mark.parametrize("loss", DERIVED)
def test_a_formula_with_numbers_gives_its_result(case, loss):
    """Each side of a formula with numbers is evaluated as Python, and compared with the result shown."""
    logits, target = VECTORS[case]
    rows = sg.explain([logits, logits[::-1]], [target, target], loss=loss) if np.ndim(target) else None
    computed = 0
    for step in steps(rows or sg.explain(logits, target, loss=loss)):
        entries = [entry for table in step.tables for line in table.hover for entry in line]
        for formula in (*step.numbers, *entries):
            texts = [] if isinstance(formula, Words) else [as_text(side) for side in sides(formula)[1]]
            *between, last = texts or [""]
            for side in between:
                if re.fullmatch(r"[\d.e+\-·/²() log]+", side):
                    assert as_computed(side) == pytest.approx(float(last), rel=1e-4, abs=2e-5), as_text(formula)
                    computed += 1
    assert computed > 25


def as_computed(text):
    """The value of an expression of numbers, in which a multiplication sign may be missing."""
    text = text.replace("·", "*").replace("²", "**2")
    text = re.sub(r"log ([\d.]+)", r"log(\1)", text)
    return eval(re.sub(r"(?<=[\d)]) \(", " * (", text), {"log": math.log})


SLIPS = {
    "a probability is wrong": lambda at: at.p.value.__setitem__(0, at.p.value[0] * (1 + 1e-5)),
    "the gradient has the wrong sign": lambda at: at.dz.value.__imul__(-1),
    "the gradient at p is shifted": lambda at: at.dp.value.__iadd__(0.1),
    "the diagonal of the Jacobian is 0": lambda at: np.fill_diagonal(at.jacobian.value, 0),
    "the last digit is wrong": lambda at: at.dz.value.__imul__(1 + 1e-6),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_slip_is_caught(slip, monkeypatch):
    """The slip changes the values of a row after they are computed and before they are shown."""
    first = row_values.RowValues.__init__

    def slipped(self, *arguments):
        first(self, *arguments)
        for name in ("p", "dp", "dz", "jacobian"):
            known = getattr(self, name)
            setattr(self, name, known._replace(value=known.value.copy()))
        SLIPS[slip](self)

    monkeypatch.setattr(row_values.RowValues, "__init__", slipped)
    with pytest.raises(AssertionError):
        check_row(*explained([2, 1, 0.1], 0, "cross_entropy"))
