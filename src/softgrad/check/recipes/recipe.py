"""A recipe: how a known function is computed forwards, and how its backward pass should run, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from softgrad.formulas.language import IMPOSSIBLE, Layout, Names, functions, run, substituted
from softgrad.formulas.numbers import Array, nearly_equal

BATCHED = ("z", "p", "x", "y", "t_", "s_", "mask", "mask_")


class Step(NamedTuple):
    """A line of the backward pass, written with the catalogue's names and read with this function's: dz is dz2."""

    template: str
    names: tuple[tuple[str, str], ...] = ()

    @property
    def line(self) -> str:
        """The line with this function's names."""
        return renamed(self.template, self.names)

    def own(self, expression: str) -> str:
        """Another expression of the catalogue, as the right-hand side of this line."""
        return f"{self.line.partition(' = ')[0]} = {renamed(expression, self.names)}"


@lru_cache(maxsize=8192)
def renamed(text: str, names: tuple[tuple[str, str], ...]) -> str:
    """A line or an expression with its names replaced."""
    return substituted(text, dict(names))


@dataclass(frozen=True)
class Recipe:
    """A function that is known: its forward lines, and the lines of its backward pass from the last to the first."""

    title: str
    layout: Layout
    roles: Mapping[str, int]  # what each of the user's arrays is called
    grads: Mapping[int, str]  # the quantity that is the gradient at one of them
    prefix: tuple[str, ...]  # up to the logits
    head: tuple[str, ...]  # from the logits to the output
    output: str
    backward: tuple[Step, ...]
    upstream: str = "g"  # what the gradient that arrives at the output is called
    logits: str = "z"
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def batched(self) -> tuple[str, ...]:
        """The roles whose arrays have an entry for each sample."""
        return tuple(name for name in self.roles if name in BATCHED)

    def forward(self, arrays: Sequence[Any]) -> Names:
        """Every quantity of the forward pass."""
        names = functions(self.layout)
        names.update(self.constants)
        names.update({name: arrays[i] for name, i in self.roles.items()})
        run(self.prefix, names)
        names.update(counts(np.shape(names[self.logits]), self.layout))
        return run(self.head, names)

    def arriving(self, names: Names, grad_output: Any) -> Names:
        """The same with the gradient that arrives."""
        names[self.upstream] = np.asarray(grad_output, dtype=float)
        if "reg" in self.constants:  # a penalty is part of the loss: what arrives there multiplies its gradient too
            names["reg"] = self.constants["reg"] * names[self.upstream]
        return names


def counts(shape: tuple[int, ...], layout: Layout) -> dict[str, float]:
    """K classes and m rows; and of a batch of sequences or of images, which have several, each length: m_0, m_1, ..."""
    classes = shape[layout.class_axis] if shape else 1
    named = {"K": float(classes), "m": float(np.prod(shape) / classes) if classes else 0.0}
    lengths = layout.batch_axes if len(shape) > 2 else ()
    return named | {f"m_{n}": float(shape[axis]) for n, axis in enumerate(lengths)}


def matches(recipe: Recipe, arrays: Sequence[Any], output: Array, *, rtol: float = 1e-8) -> bool:
    """Whether the recipe computes what the user's function does."""
    try:
        return nearly_equal(recipe.forward(arrays)[recipe.output], output, rtol=rtol)
    except IMPOSSIBLE:
        return False
