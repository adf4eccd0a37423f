"""The wrong lines come from the checker's catalogue."""

import numpy as np
import pytest

import softgrad as sg
from cases import DERIVED
from explanation.walk import numbers, steps
from softgrad.check.catalogue import ENTRIES
from softgrad.explanation.render.formula_text import as_text
from softgrad.explanation.steps.wrong_lines import wrong_line

COMMON = {
    "only the diagonal": "diagonal-only",
    "the sum of a row, which is always 0": "jacobian-summed",
    "the derivative of softmax applied to p - t": "softmax-derivative-again",
    "a missing minus": "sign",
    "2 (p - t)": "factor-2",
}


@pytest.mark.parametrize("mistake", COMMON)
def test_common_mistakes_are_shown(mistake):
    names = [wrong.name for step in steps(sg.explain([2, 1, 0.1], 0)) for wrong in step.wrong]
    assert COMMON[mistake] in names


@pytest.mark.parametrize("loss", DERIVED)
def test_titles_and_explanations_come_from_the_catalogue(loss):
    found = [wrong for step in steps(sg.explain([2, 1, 0.1], 0, loss=loss)) for wrong in step.wrong]
    assert len(found) > 10
    for wrong in found:
        entry = ENTRIES[wrong.name]
        assert (wrong.title, wrong.explanation) == (entry.title, entry.explanation.replace("{samples}", "rows"))


def test_the_checker_gives_a_wrong_line_the_same_name():

    def softmax(z):
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    step = next(
        s for s in steps(sg.explain([2, 1, 0.1], [0.5, 0.3, 0.2])) if s.title.startswith("The product with the J")
    )
    lines = {wrong.name: wrong.line.removeprefix("dz = ") for wrong in step.wrong}
    assert len(lines) == 4
    for name, line in lines.items():
        report = sg.check_vjp(softmax, lambda z, p, dp, line=line: eval(line, {"np": np, "p": p, "dp": dp}), np.eye(3))
        assert name in [mistake.name for mistake in report.mistakes]


@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("loss", DERIVED)
def test_a_reader_can_run_the_wrong_lines(loss, layout):
    """Each wrong line runs in NumPy, and its result has the numbers and the shape that are shown."""
    rows = layout == "rows"
    z, x, W = (a if rows else a.T for a in (np.array([[2, 1, 0.1], [0, 3, -1]]), np.array([[1, 2], [3, 1]]),
                                            np.array([[-1, 2, 0], [-2, 1, -1]])))  # fmt: skip
    explanation = sg.explain(z, [0, 2], loss=loss, layout=layout)
    batch = {"np": np, "x": x, "W": W, "m": 2, "K": 3, "dz": explanation.grad}
    one = [sg.explain(row, label, loss=loss) for row, label in zip(z if rows else z.T, [0, 2], strict=True)]
    ran = 0
    for title, step in [(part.title, step) for part in explanation.parts for step in part.steps]:
        if title.startswith("Row"):
            r = int(title[-1])
            p, t = sg.softmax(z if rows else z.T)[r], np.eye(3)[[0, 2][r]]
            names = {"np": np, "p": p, "t": t, "dp": p - t if loss == "squared_error" else -t / p, "K": 3, "m": 1}
        elif title == "The batch":
            names = {**batch, "dz": one[0].grad}
        else:
            names = dict(batch)
        for wrong in step.wrong:
            made = dict(names)
            exec(wrong.line, made)
            made = made[wrong.line[:2]]
            shown = numbers(wrong.gives)
            assert [float(n.digits) for n in shown] == pytest.approx(np.ravel(made)[: len(shown)], rel=1e-5, abs=1e-6)
            if "shape" in as_text(wrong.gives):
                assert as_text(wrong.gives).endswith(f"shape {np.shape(made)}"), wrong.line
            ran += 1
    assert ran >= 30


def test_an_unknown_name_is_an_error():
    with pytest.raises(LookupError, match="no wrong line 'nonsense' for 'dz = p - t'"):
        wrong_line("dz = p - t", "nonsense")


def test_a_line_that_gives_the_right_numbers_is_not_shown_as_wrong():
    """Where the target equals p, many of the wrong lines give the right numbers."""
    explanation = sg.explain([0.0, 0.0], [0.5, 0.5])
    for step in steps(explanation):
        for wrong in step.wrong:
            assert wrong.gives != wrong.right, (step.title, wrong.name)
