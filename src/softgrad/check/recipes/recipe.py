"""A recipe: how a known function is computed forwards, and how its backward pass should run, line by line."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.mistakes.lines import Array, Layout, Names, functions, run

# What lines raise that cannot be meant: of other shapes, or with quantities that a function does not have.
IMPOSSIBLE = (ValueError, IndexError, TypeError, NameError, KeyError, ZeroDivisionError, AttributeError)
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
    if not names:
        return ast.unparse(ast.parse(text))
    return ast.unparse(_Renamed(dict(names)).visit(ast.parse(text)))


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """The name in this function's words."""
        return ast.Name(self._names.get(node.id, node.id), node.ctx)


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
        shape = np.shape(names[self.logits])
        names["K"] = float(shape[self.layout.class_axis]) if shape else 1.0
        names["m"] = float(np.prod(shape) / names["K"]) if shape else 1.0
        if len(shape) > 2:  # a batch of sequences or of images has several lengths that may be taken for m
            names.update({f"m_{n}": float(shape[axis]) for n, axis in enumerate(self.layout.batch_axes)})
        return run(self.head, names)

    def arriving(self, names: Names, grad_output: Any) -> Names:
        """The same with the gradient that arrives."""
        names[self.upstream] = np.asarray(grad_output, dtype=float)
        if "reg" in self.constants:  # a penalty is part of the loss: what arrives there multiplies its gradient too
            names["reg"] = self.constants["reg"] * names[self.upstream]
        return names

    def program(self, changed: Mapping[int, str] = {}) -> list[str]:
        """The lines of the backward pass, some of them changed."""
        return [changed.get(i, step.line) for i, step in enumerate(self.backward)]


def fits(got: Any, wanted: Any, *, rtol: float = 1e-8, scale: float = 0.0) -> bool:
    """Whether two arrays are the same numbers, but for rounding; axes of length 1 are not compared.

    Args:
        got: numbers.
        wanted: numbers.
        rtol: of each entry, and a hundredth of it of the largest.
        scale: of the terms that both were summed from, where that is more than what is left.
    """
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        got, wanted = np.squeeze(got), np.squeeze(wanted)
    if got.shape != wanted.shape:
        return False
    size = np.abs(wanted).max(initial=0.0)
    if not np.isfinite(size):
        return False
    slack = 0.01 * rtol * size + 1e-13 * scale + 1e-300
    return bool((np.abs(got - wanted) <= rtol * np.abs(wanted) + slack).all())


def matches(recipe: Recipe, arrays: Sequence[Any], output: Array, *, rtol: float = 1e-8) -> bool:
    """Whether the recipe computes what the user's function does."""
    try:
        return fits(recipe.forward(arrays)[recipe.output], output, rtol=rtol)
    except IMPOSSIBLE:
        return False
