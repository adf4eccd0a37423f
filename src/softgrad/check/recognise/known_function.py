"""A function that the checker knows: the lines that compute it, and the lines of its right backward pass."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from softgrad.formulas.language import IMPOSSIBLE, Layout, Names, functions, run, substituted
from softgrad.formulas.numbers import Array, nearly_equal

BATCHED = ("z", "p", "x", "y", "t_", "s_", "mask", "mask_")  # roles of arrays that have an entry for each sample


OF_A_PENALTY = "dW = g * dW"  # the last line of a penalty that stands alone


class BackwardLine(NamedTuple):
    """A line of a backward pass: written with the names of the catalogue, and with those of this function.

    The catalogue says "dz = da * (z > 0)"; in the first layer of a network that is "dz1 = da1 * (z1 > 0)".
    """

    template: str
    names: tuple[tuple[str, str], ...] = ()  # (name in the catalogue, name in this function)

    @property
    def line(self) -> str:
        """The line with this function's names."""
        return _renamed(self.template, self.names)

    def with_expression(self, expression: str) -> str:
        """The line with another expression of the catalogue on its right-hand side."""
        return f"{self.line.partition(' = ')[0]} = {_renamed(expression, self.names)}"


@lru_cache(maxsize=8192)
def _renamed(text: str, names: tuple[tuple[str, str], ...]) -> str:
    return substituted(text, dict(names))


@dataclass(frozen=True)
class KnownFunction:
    """A function with its forward lines, and with its backward lines from the output to the inputs."""

    title: str
    layout: Layout
    roles: Mapping[str, int]  # name in the lines, to the number of the user's array that it stands for
    grads: Mapping[int, str]  # number of an array, to the name of its gradient
    to_logits: tuple[str, ...]  # forward lines up to the logits
    from_logits: tuple[str, ...]  # forward lines from the logits to the output
    output: str
    backward: tuple[BackwardLine, ...]
    upstream: str = "g"  # the name of the gradient that arrives at the output
    logits: str = "z"
    resizable: Mapping[int, int] = field(
        default_factory=dict
    )  # for some arrays: an axis whose length may change, at once
    entries: str = "classes"  # what the class axis holds, in words; "" where the layout is not worth telling
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def described(self) -> str:
        """The title and the layout. One sample has no mean over the samples."""
        title = self.title
        if self.layout.ndim == 1:
            title = re.sub("^the (mean|sum) over the samples of ", "", title)
        layout = str(self.layout).replace("classes", self.entries)
        return f"{title}, {layout}" if self.entries else title

    def batch_axes(self, arrays: Sequence[Array]) -> dict[int, int] | None:
        """The axis that counts the samples, for the number of each array that has one; None where it cannot be told.

        A function that is no chain of layers says by itself which axes may get another length.
        """
        if self.resizable:
            return dict(self.resizable)
        roles = [self.roles[name] for name in self.roles if name in BATCHED]
        if self.layout.ndim < 2 or any(i >= len(arrays) for i in roles):
            return None  # one sample; or the data belongs to the function itself
        # Without the classes, the axis of the rows comes first.
        return {i: self.layout.batch_axes[0] if arrays[i].ndim == self.layout.ndim else 0 for i in roles}

    def forward(self, arrays: Sequence[Any]) -> Names:
        """Every quantity of the forward pass."""
        names = functions(self.layout)
        names.update(self.constants)
        names.update({name: arrays[i] for name, i in self.roles.items()})
        run(self.to_logits, names)
        names.update(counts(np.shape(names[self.logits]), self.layout))
        return run(self.from_logits, names)

    def with_upstream(self, names: Names, grad_output: Any) -> Names:
        """The quantities of the forward pass, and the gradient that arrives."""
        names[self.upstream] = np.asarray(grad_output, dtype=float)
        of_its_own = any(step.template == OF_A_PENALTY for step in self.backward)
        if "reg" in self.constants and not of_its_own:  # a penalty is part of the loss: what arrives multiplies it too
            names["reg"] = self.constants["reg"] * names[self.upstream]
        return names

    def matches(self, arrays: Sequence[Any], output: Array, *, rtol: float = 1e-8) -> bool:
        """Whether the lines give this output."""
        try:
            return nearly_equal(self.forward(arrays)[self.output], output, rtol=rtol)
        except IMPOSSIBLE:
            return False


def counts(shape: tuple[int, ...], layout: Layout) -> dict[str, float]:
    """The numbers K of classes and m of rows; with several batch axes, also the length of each: m_0, m_1, ..."""
    classes = shape[layout.class_axis] if shape else 1
    named = {"K": float(classes), "m": float(np.prod(shape) / classes) if classes else 0.0}
    lengths = layout.batch_axes if len(shape) > 2 else ()
    return named | {f"m_{n}": float(shape[axis]) for n, axis in enumerate(lengths)}
