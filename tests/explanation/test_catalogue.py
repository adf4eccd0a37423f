"""The wrong lines are those of the checker's catalogue."""

import pytest

import softgrad as sg
from explanation.walk import steps
from softgrad.check.mistakes import ENTRIES
from softgrad.explanation.wrong import wrong_line

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

    import numpy as np

    step = next(
        s for s in steps(sg.explain([2, 1, 0.1], [0.5, 0.3, 0.2])) if s.title.startswith("The product with the J")
    )
    lines = {wrong.name: wrong.line.removeprefix("dz = ") for wrong in step.wrong if "zeros(" not in wrong.line}
    assert len(lines) == 3
    for name, line in lines.items():
        report = sg.check_vjp(softmax, lambda z, p, dp, line=line: eval(line, {"np": np, "p": p, "dp": dp}), np.eye(3))
        assert name in [mistake.name for mistake in report.mistakes]


def test_a_name_that_is_not_there():
    with pytest.raises(LookupError, match="no line 'nonsense' for 'dz = p - t'"):
        wrong_line("dz = p - t", "nonsense")


def test_what_gives_the_right_numbers_is_not_shown_as_wrong():
    """With the target's distribution equal to p, many a wrong line is right."""
    explanation = sg.explain([0.0, 0.0], [0.5, 0.5])
    for step in steps(explanation):
        for wrong in step.wrong:
            assert wrong.gives != wrong.right, (step.title, wrong.name)
