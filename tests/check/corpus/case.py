"""A case of the corpus: functions and inputs, and what a gradient checker ought to say of them.

    vjp case     forward(*inputs) -> output      vjp(*inputs, output, grad_output) -> a gradient, or a tuple of them
    grad case    loss(*inputs) -> scalar         grad(*inputs) -> a gradient, or a tuple of them for wrt=(0, 2)

None stands for the gradient of an input that has none.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MARK = "# planted"  # at the end of the wrong line


@dataclass(frozen=True)
class Case:
    name: str
    family: str
    kind: str  # "vjp" or "grad"
    make: Callable[..., tuple]  # rng -> (forward, vjp, inputs) or (loss, grad, inputs); nothing is shared between calls
    cause: str  # what was done wrong, or what makes a right one hard to pass
    mistake: str | None = None  # the name expected; None for a right one; UNNAMED where no name would be true
    also: tuple[str, ...] = ()  # other names that predict the very same numbers
    pair: tuple[str, ...] = ()  # both names, where two mistakes sit in one case
    options: dict[str, Any] = field(default_factory=dict)  # context, inputs, wrt: as a user would give them
    excuse: str = ""  # why plain differences cannot judge a right one
    tolerance: float = 1e-5  # how far plain differences can judge it, relative to the largest entry

    @property
    def names(self) -> set[str]:
        """Every name that is true of it; any other is a wrong one, for a mistake that is UNNAMED too."""
        return {self.mistake, *self.also, *self.pair} - {None, UNNAMED}

    @property
    def line(self) -> int | None:
        """The number of the line marked as planted, in the file of `make`; None where no line is marked."""
        text, first = inspect.getsourcelines(self.make)
        marked = [first + i for i, row in enumerate(text) if row.rstrip().endswith(MARK)]
        return marked[0] if marked else None


UNNAMED = "unnamed"  # to be found wrong, by no name


class Family:
    """Collects the cases of one file: each is a function of an rng, decorated with what is to be said of it."""

    def __init__(self, name):
        self.name = name
        self.cases = []

    def planted(self, mistake, cause, *, kind="vjp", also=(), pair=(), **options):
        return self._adds(kind, cause=cause, mistake=mistake, also=also, pair=pair, options=options)

    def right(self, cause, *, kind="vjp", excuse="", tolerance=Case.tolerance, **options):
        return self._adds(kind, cause=cause, excuse=excuse, tolerance=tolerance, options=options)

    def _adds(self, kind, **told):
        def add(make):
            self.cases.append(Case(make.__name__.replace("_", " "), self.name, kind, make, **told))
            return make

        return add
