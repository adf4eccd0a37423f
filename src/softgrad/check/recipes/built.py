"""Chain and head put together, if they give the user's output; with a penalty on the weights, if that is left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.catalogue.weights import LASSO, RIDGE
from softgrad.check.recipes.chains import Chain
from softgrad.check.recipes.head import Head
from softgrad.check.recipes.recipe import Recipe, Step, counts
from softgrad.formulas.language import IMPOSSIBLE, Names, functions, run
from softgrad.formulas.numbers import Array, nearly_equal

DIGITS = 4  # of a constant that somebody would write


class Penalty(NamedTuple):
    """What a regulariser takes of each weight, and what that adds to its gradient."""

    title: str
    term: str
    backward: str


PENALTIES = (
    Penalty("||W||²/2", "sum_all(W ** 2) / 2", RIDGE),
    Penalty("||W||₁", "sum_all(abs(W))", LASSO),
)


class Front:
    """A chain, run on the user's arrays up to the logits.

    Raises:
        ValueError: the arrays do not fit the chain.
    """

    def __init__(self, chain: Chain, arrays: Sequence[Any], rtol: float) -> None:
        self.chain = chain
        self.rtol = rtol
        self.arrays = arrays
        names = functions(chain.layout)
        names.update(chain.constants)
        names.update({name: arrays[i] for name, i in chain.roles.items()})
        run(chain.forward, names)
        self.logits: Array = names[chain.logits]
        shape, axis = np.shape(self.logits), chain.layout.class_axis
        if len(shape) != chain.layout.ndim or not shape[axis]:
            raise ValueError("no logits")
        names.update(counts(shape, chain.layout))
        self._names = names

    def _own(self) -> dict[str, str]:
        """What a head's names are in the chain: z is z2 behind two layers."""
        return dict(self.chain.names) if self.chain.forward else {}

    def _run(self, head: Head) -> Names | None:
        """The head's lines, run behind the chain's."""
        own, names = self._own(), dict(self._names)
        if not self.chain.forward:
            names[head.at] = names["z"]
        names.update(head.constants)
        names.update({name: self.arrays[i] for name, i in head.roles.items()})
        try:
            return run((_in_words(line, own) for line in head.forward), names)
        except IMPOSSIBLE:
            return None

    def with_head(self, head: Head, output: Array) -> Recipe | None:
        """The recipe, if it gives the output."""
        names = self._run(head)
        result = self._own().get(head.output, head.output)
        return self._recipe(head) if names is not None and nearly_equal(names[result], output, rtol=self.rtol) else None

    def with_penalty(self, head: Head, output: Array) -> Recipe | None:
        """The loss and a multiple of the squared weights, or of their sizes, which is read off the output."""
        names = self._run(head)
        if names is None or np.ndim(names["loss"]):
            return None
        for penalty in PENALTIES:
            terms = " + ".join(penalty.term.replace("W", w) for w in self.chain.weights)
            size = float(run((f"size = {terms}",), dict(self._names))["size"])
            reg = (float(output) - float(names["loss"])) / size if size else 0.0
            if 1e-9 < reg < 1e3 and _few_digits(reg, names["m"]):
                recipe = self._recipe(head)
                return replace(
                    recipe,
                    title=f"{recipe.title}, with a penalty {reg:.6g} {penalty.title}",
                    head=(*recipe.head, f"loss = loss + reg * ({terms})"),
                    backward=tuple(one for step in recipe.backward for one in (step, *_penalised(step, penalty))),
                    constants={**recipe.constants, "reg": reg},
                )
        return None

    def _recipe(self, head: Head) -> Recipe:
        chain, own, bare = self.chain, self._own(), not self.chain.forward
        behind = f" behind {chain.title}" if chain.title and head.title else chain.title
        back = tuple(Step(line, tuple(own.items())) for line in head.backward)
        return Recipe(
            title=head.title + behind,
            layout=chain.layout,
            roles={head.at if bare else name: i for name, i in chain.roles.items()} | dict(head.roles),
            grads={i: f"d{head.at}" if bare else name for i, name in chain.grads.items()},
            prefix=chain.forward,
            head=tuple(_in_words(line, own) for line in head.forward),
            output=own.get(head.output, head.output),
            backward=(*back, *chain.backward),
            upstream=own.get(head.upstream, head.upstream),
            logits=head.at if bare else chain.logits,
            constants={**chain.constants, **head.constants},
        )


def _penalised(step: Step, penalty: Penalty) -> tuple[Step, ...]:
    """What a penalty adds behind the line of a weight's gradient."""
    names = dict(step.names)
    own = tuple((name, names.get(name, name)) for name in ("dW", "W"))
    return (Step(penalty.backward, own),) if step.template.startswith("dW = ") else ()


def _few_digits(number: float, m: float) -> bool:
    """Whether a number is one that somebody would write, by itself, twice, or divided by m."""
    scaled = (number * by for by in (1.0, 2.0, m, 2 * m))
    return any(abs(float(f"{one:.{DIGITS}g}") - one) <= 1e-7 * abs(one) for one in scaled)


def _in_words(line: str, own: Mapping[str, str]) -> str:
    for name, word in own.items():
        line = re.sub(rf"\b{name}\b", word, line)
    return line
