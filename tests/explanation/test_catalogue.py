"""The wrong lines are those of the checker's catalogue."""

import numpy as np
import pytest

import softgrad as sg
from explanation.walk import numbers, steps
from softgrad.check.catalogue import ENTRIES
from softgrad.explanation.render.formula_text import as_text
from softgrad.explanation.steps.wrong_lines import wrong_line

ASKED = {  # by the question that this project answers
    "the diagonal alone": "diagonal-only",
    "the row sum that is always 0": "jacobian-summed",
    "the softmax derivative on top of p - t": "softmax-derivative-again",
    "the dropped minus": "sign",
    "2 (p - t)": "factor-2",
}


@pytest.mark.parametrize("reason", ASKED)
def test_the_usual_mistakes_are_shown(reason):
    names = [wrong.name for step in steps(sg.explain([2, 1, 0.1], 0)) for wrong in step.wrong]
    assert ASKED[reason] in names


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "kl_divergence"])
def test_words_are_those_of_the_catalogue(loss):
    found = [wrong for step in steps(sg.explain([2, 1, 0.1], 0, loss=loss)) for wrong in step.wrong]
    assert len(found) > 10
    for wrong in found:
        entry = ENTRIES[wrong.name]
        assert (wrong.title, wrong.explanation) == (entry.title, entry.explanation)


def test_the_checker_names_them_so():
    """A backward pass with a line that is shown as wrong gets the name that it is shown under."""

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
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "kl_divergence"])
def test_a_reader_can_run_the_wrong_lines(loss, layout):
    """Each is NumPy as it stands, gives what is shown, and has the shape that is shown."""
    rows = layout == "rows"
    z, x, W = (a if rows else a.T for a in (np.array([[2, 1, 0.1], [0, 3, -1]]), np.array([[1, 2], [3, 1]]),
                                            np.array([[-1, 2, 0], [-2, 1, -1]])))  # fmt: skip
    explanation = sg.explain(z, [0, 2], loss=loss, layout=layout)
    batch = {"np": np, "x": x, "W": W, "m": 2, "K": 3, "dz": explanation.grad}
    one = [sg.explain(row, label, loss=loss) for row, label in zip(z if rows else z.T, [0, 2], strict=True)]
    places = [(part.title, step) for part in explanation.parts for step in part.steps]
    ran = 0
    for part, step in places:
        if part.startswith("Row"):
            r = int(part[-1])
            p, t = sg.softmax(z if rows else z.T)[r], np.eye(3)[[0, 2][r]]
            names = {"np": np, "p": p, "t": t, "dp": p - t if loss == "squared_error" else -t / p, "K": 3, "m": 1}
        elif part == "The batch":
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


def test_a_name_that_is_not_there():
    with pytest.raises(LookupError, match="no wrong line 'nonsense' for 'dz = p - t'"):
        wrong_line("dz = p - t", "nonsense")


def test_what_gives_the_right_numbers_is_not_shown_as_wrong():
    """With the target's distribution equal to p, many a wrong line is right."""
    explanation = sg.explain([0.0, 0.0], [0.5, 0.5])
    for step in steps(explanation):
        for wrong in step.wrong:
            assert wrong.gives != wrong.right, (step.title, wrong.name)
