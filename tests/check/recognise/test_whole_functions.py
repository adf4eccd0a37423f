"""Each listed wrong line of a norm, of attention, of a lookup or a penalty gets its name, as a user's backward pass."""

import numpy as np
import pytest

import softgrad as sg
from check.whole_functions import functions
from softgrad.check.catalogue import attention, normalisation, penalties
from softgrad.formulas.language import IMPOSSIBLE, run

WRONG = [*normalisation.WRONG_LINES, *attention.WRONG_LINES, *penalties.WRONG_LINES]
SAME_NUMBERS = {  # (title, wrong expression): another name that comes first, and why
    ("self-attention", "(dy @ v.T).T"): ("wrong-axis", "exp(z) is symmetric, and the gradients of q and k are added"),
}
EVERY = 12  # of these cases, CI runs one; the others are thorough


class Planted:
    """A known function as a user would have it, with one line of its backward pass wrong."""

    def __init__(self, function, arrays, output, step, wrong):
        self.function, self.arrays, self.output = function, arrays, output
        self.lines = [one.line for one in function.backward]
        self.lines[step] = function.backward[step].with_expression(wrong.wrong)

    def forward(self, *arrays):
        return np.array(self.function.forward(arrays)[self.function.output], dtype=float)

    def backward(self, arrays, upstream):
        names = run(self.lines, self.function.with_upstream(self.function.forward(arrays), upstream))
        return tuple(
            np.reshape(names[self.function.grads[i]], array.shape).astype(float) if i in self.function.grads else None
            for i, array in enumerate(arrays)
        )

    def can_be_run(self):
        try:
            self.backward(self.arrays, np.ones(self.output.shape))
        except IMPOSSIBLE:
            return False
        return True

    def report(self):
        if self.output.ndim:
            return sg.check_vjp(self.forward, lambda *given: self.backward(given[:-2], given[-1]), *self.arrays)
        wrt = tuple(range(len(self.arrays)))
        return sg.check_grad(self.forward, lambda *given: self.backward(given, 1.0), *self.arrays, wrt=wrt)


def planted():
    """Every wrong line in every function that has its right line; each once for a title."""
    found = {}
    for function, arrays, output in functions():
        for step, line in enumerate(function.backward):
            for wrong in WRONG:
                if wrong.right == line.template and (function.title, wrong) not in found:
                    one = Planted(function, arrays, output, step, wrong)
                    if one.can_be_run():
                        found[function.title, wrong] = one
    return found


PLANTED = planted()
CASES = [
    pytest.param(title, wrong, id=f"{title}: {wrong.wrong}", marks=pytest.mark.thorough if n % EVERY else ())
    for n, (title, wrong) in enumerate(PLANTED)
]


@pytest.mark.parametrize(("title", "wrong"), CASES)
def test_a_listed_wrong_line_gets_its_name(title, wrong):
    names = [mistake.name for mistake in PLANTED[title, wrong].report().mistakes]
    other, _ = SAME_NUMBERS.get((title, wrong.wrong), (None, ""))
    assert names[0] == (other or wrong.name)
    assert wrong.name in names


def test_most_of_the_listed_lines_can_be_planted():
    assert len({wrong for _, wrong in PLANTED}) > 0.85 * len(set(WRONG))
