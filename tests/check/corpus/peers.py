"""The corpus through other gradient checkers: the mistakes that each detects and names, the right ones that it flags.

    cd tests && python -m check.corpus.peers            prints the table in Markdown

torch.autograd.gradcheck sees the functions as a torch.autograd.Function through NumPy, as PyTorch's tutorial "Creating
Extensions Using NumPy and SciPy" writes one. scipy.optimize.check_grad is given the output in a random direction, a
scalar, and its gradient; it returns the size of the error, taken for a mistake above 1e-4 of the gradient's size (or of
1). Both get float64 wherever there is a gradient, and pass arrays on without copies, as their users do.

A checker names a mistake if what it says is true of the cause, and more than that two numbers differ: an exception
about shapes counts, "Jacobian mismatch" does not.
"""

import importlib.util
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from check.corpus import CASES, MISTAKES, RIGHT, UNNAMED
from check.corpus.problem import Problem, with_leaves

SHAPES = {"wrong-shape", "transposed", "bias-not-summed", "bias-summed-to-scalar"}
SAYS = {  # words of a message: the names that it gives
    "not reentrant": {"accumulated-gradient"},  # torch
    "not multiplied by grad_output": {"upstream-ignored"},  # torch
    "invalid gradient": SHAPES,  # torch
    "could not be broadcast": SHAPES,  # NumPy, within SciPy's difference
    "same shape": SHAPES,
}


class Answer(NamedTuple):
    detected: bool
    message: str = ""
    mistake: str | None = None  # where a checker has names of its own

    def names(self, case):
        """Whether it gives a name that is true of the case."""
        given = {self.mistake} if self.mistake else set()
        given |= {name for words, names in SAYS.items() if words in self.message for name in names}
        return bool(given & case.names)


def by_torch(case):
    import torch

    problem = Problem(case)
    places = list(problem.arrays)

    def run(tensors):
        arrays = {place: tensor.detach().numpy() for place, tensor in zip(places, tensors, strict=True)}
        inputs = with_leaves(problem.inputs, arrays)
        return inputs, problem.forward(*inputs)

    class Numpy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            ctx.save_for_backward(*tensors)
            return torch.from_numpy(np.array(run(tensors)[1], dtype=float))

        @staticmethod
        def backward(ctx, upstream):
            inputs, output = run(ctx.saved_tensors)  # again: another forward may have filled the function's cache since
            grads = problem.gradients_at(inputs, output, upstream.numpy())
            scale = upstream if case.kind == "grad" else 1  # a loss's gradient knows nothing of an upstream
            return tuple(scale * torch.from_numpy(np.array(grads[place])) for place in places)

    tensors = [torch.tensor(problem.arrays[place], requires_grad=True) for place in places]
    try:
        torch.autograd.gradcheck(Numpy.apply, tensors)
    except Exception as mismatch:  # whatever it says of it
        return Answer(True, str(mismatch))
    return Answer(False)


def by_scipy(case):
    from scipy.optimize import check_grad

    problem = Problem(case)

    ends = np.cumsum([array.size for array in problem.arrays.values()])[:-1]

    def inputs_at(x):
        parts = zip(problem.arrays.items(), np.split(x, ends), strict=True)
        return with_leaves(problem.inputs, {place: part.reshape(array.shape) for (place, array), part in parts})

    def value(x):
        return np.sum(problem.upstream * problem.forward(*inputs_at(x)), dtype=float)

    def gradient(x):
        inputs = inputs_at(x)
        grads = problem.gradients_at(inputs, problem.forward(*inputs), problem.upstream)
        return np.concatenate([np.ravel(grads[place]) for place in problem.arrays])

    x = np.concatenate([np.ravel(array) for array in problem.arrays.values()])
    try:
        error = check_grad(value, gradient, x)
        size = np.linalg.norm(gradient(x))
    except Exception as refused:
        return Answer(True, str(refused))
    return Answer(not error <= 1e-4 * max(1, size))


def by_softgrad(case):
    import softgrad

    first, second, inputs = case.make(np.random.default_rng(0))
    check = softgrad.check_vjp if case.kind == "vjp" else softgrad.check_grad
    report = check(first, second, *inputs, **case.options)
    return Answer(not report.ok, str(report), report.mistake and report.mistake.name)


CHECKERS: dict[str, tuple[str, Callable]] = {  # name: (package, what asks it)
    "softgrad": ("softgrad", by_softgrad),
    "torch.autograd.gradcheck": ("torch", by_torch),
    "scipy.optimize.check_grad": ("scipy", by_scipy),
}


class Row(NamedTuple):
    detected: int  # of MISTAKES
    named: int  # of those that have a name
    flagged: int  # of RIGHT


def ask(checker, case):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return CHECKERS[checker][1](case)


def table(checkers=tuple(CHECKERS)):
    """The counts of each checker whose package is installed."""
    rows = {}
    for checker in checkers:
        if importlib.util.find_spec(CHECKERS[checker][0]):
            answers = {case.name: ask(checker, case) for case in CASES}
            rows[checker] = Row(
                detected=sum(answers[case.name].detected for case in MISTAKES),
                named=sum(answers[case.name].detected and answers[case.name].names(case) for case in MISTAKES),
                flagged=sum(answers[case.name].detected for case in RIGHT),
            )
    return rows


def markdown(rows):
    mistakes, with_a_name = len(MISTAKES), sum(case.mistake != UNNAMED for case in MISTAKES)
    lines = [
        f"| checker | detected, of {mistakes} mistakes | named, of {with_a_name} | flagged, of {len(RIGHT)} right |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {checker} | {row.detected} | {row.named} | {row.flagged} |" for checker, row in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(table()))
