"""Dense layers and an output function put together: a known function, if it gives the user's output.

The difference between a known loss and the user's may be a penalty on the weights, whose factor is then read off it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.catalogue.weights import LASSO, RIDGE
from softgrad.check.recognise.dense_layers import DenseLayers
from softgrad.check.recognise.known_function import BackwardLine, KnownFunction, counts
from softgrad.check.recognise.output_function import OutputFunction
from softgrad.formulas.language import IMPOSSIBLE, Names, functions, run
from softgrad.formulas.numbers import Array, nearly_equal

DIGITS = 4  # of a penalty's factor that somebody would write


class Penalty(NamedTuple):
    """A penalty on each weight."""

    title: str
    term: str  # what it adds to the loss
    backward: str  # the line that adds its gradient


PENALTIES = (
    Penalty("||W||²/2", "sum_all(W ** 2) / 2", RIDGE),
    Penalty("||W||₁", "sum_all(abs(W))", LASSO),
)


class EvaluatedLayers:
    """Dense layers, evaluated on the user's arrays up to the logits.

    Raises:
        ValueError: the arrays do not fit the layers.
    """

    def __init__(self, layers: DenseLayers, arrays: Sequence[Any], rtol: float) -> None:
        self.layers = layers
        self.rtol = rtol
        self.arrays = arrays
        names = functions(layers.layout)
        names.update(layers.constants)
        names.update({name: arrays[i] for name, i in layers.roles.items()})
        run(layers.forward, names)
        self.logits: Array = names[layers.logits]
        shape, axis = np.shape(self.logits), layers.layout.class_axis
        if len(shape) != layers.layout.ndim or not shape[axis]:
            raise ValueError("the layers give no logits")
        names.update(counts(shape, layers.layout))
        self._names = names

    def with_output(self, function: OutputFunction, output: Array) -> KnownFunction | None:
        """The layers with an output function behind them, if that gives the output."""
        return next(iter(self.fitting(function, output)), None)

    def fitting(self, function: OutputFunction, output: Array, *, penalised: bool = False) -> list[KnownFunction]:
        """The same, and with a penalty too, if asked: the factor of the penalty is read off the output."""
        names = self._run(function)
        if names is None:
            return []
        result = self._own_names().get(function.output, function.output)
        fits = nearly_equal(names[result], output, rtol=self.rtol)
        found = [self._assembled(function)] if fits else []
        with_penalty = self._with_penalty(function, names, output) if penalised else None
        return found if with_penalty is None else [*found, with_penalty]

    def _with_penalty(self, loss: OutputFunction, names: Names, output: Array) -> KnownFunction | None:
        """The layers with a loss and a penalty, whose factor is read off the output."""
        if np.ndim(names["loss"]):
            return None
        for penalty, terms, size in self._penalties:
            factor = (float(output) - float(names["loss"])) / size if size else 0.0
            if 1e-9 < factor < 1e3 and _has_few_digits(factor, names["m"]):
                found = self._assembled(loss)
                half = factor / 2  # as somebody writes the penalty whose factor is an input
                as_given = any(np.ndim(one) == 0 and one == float(f"{half:.6g}") for one in self.arrays)
                is_whole = penalty.title.endswith("/2") and as_given
                told = f"{half:.6g} {penalty.title.removesuffix('/2')}" if is_whole else f"{factor:.6g} {penalty.title}"
                return replace(
                    found,
                    title=f"{found.title}, with a penalty {told}",
                    from_logits=(*found.from_logits, f"loss = loss + reg * ({terms})"),
                    backward=tuple(one for line in found.backward for one in (line, *_penalised(line, penalty))),
                    constants={**found.constants, "reg": factor},
                )
        return None

    @cached_property
    def _penalties(self) -> list[tuple[Penalty, str, float]]:
        """The penalties, each with its terms of these weights, and what they come to."""
        found = []
        for penalty in PENALTIES:
            terms = " + ".join(penalty.term.replace("W", weight) for weight in self.layers.weights)
            found.append((penalty, terms, float(run((f"size = {terms}",), dict(self._names))["size"])))
        return found

    def _own_names(self) -> dict[str, str]:
        """Maps the names of an output function to those of these layers: behind two layers, z is z2."""
        return dict(self.layers.names) if self.layers.forward else {}

    def _run(self, function: OutputFunction) -> Names | None:
        """The quantities of the output function behind the layers; None if it cannot be computed."""
        own, names = self._own_names(), dict(self._names)
        if not self.layers.forward:
            names[function.input] = names["z"]
        names.update(function.constants)
        names.update({name: self.arrays[i] for name, i in function.roles.items()})
        try:
            return run((_renamed(line, own) for line in function.forward), names)
        except IMPOSSIBLE:
            return None

    def _assembled(self, function: OutputFunction) -> KnownFunction:
        layers, own, bare = self.layers, self._own_names(), not self.layers.forward
        behind = f" behind {layers.title}" if layers.title and function.title else layers.title
        back = tuple(BackwardLine(line, tuple(own.items())) for line in function.backward)
        return KnownFunction(
            title=function.title + behind,
            layout=layers.layout,
            roles={function.input if bare else name: i for name, i in layers.roles.items()} | dict(function.roles),
            grads={i: f"d{function.input}" if bare else name for i, name in layers.grads.items()},
            to_logits=layers.forward,
            from_logits=tuple(_renamed(line, own) for line in function.forward),
            output=own.get(function.output, function.output),
            backward=(*back, *layers.backward),
            upstream=own.get(function.upstream, function.upstream),
            logits=function.input if bare else layers.logits,
            constants={**layers.constants, **function.constants},
        )


def _penalised(line: BackwardLine, penalty: Penalty) -> tuple[BackwardLine, ...]:
    """The line that a penalty adds behind the line of a weight's gradient; none behind other lines."""
    names = dict(line.names)
    own = tuple((name, names.get(name, name)) for name in ("dW", "W"))
    return (BackwardLine(penalty.backward, own),) if line.template.startswith("dW = ") else ()


def _has_few_digits(number: float, m: float) -> bool:
    """Whether somebody would write this number: by itself, its double, or either of them divided by m."""
    scaled = (number * by for by in (1.0, 2.0, m, 2 * m))
    return any(abs(float(f"{one:.{DIGITS}g}") - one) <= 1e-7 * abs(one) for one in scaled)


def _renamed(line: str, names: Mapping[str, str]) -> str:
    for name, own in names.items():
        line = re.sub(rf"\b{name}\b", own, line)
    return line
