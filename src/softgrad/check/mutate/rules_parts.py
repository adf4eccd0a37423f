"""Wrong lines of the backward pass of a known function that is part of a larger one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from softgrad.check.catalogue import WRONG_LINES
from softgrad.check.mutate.candidate import Candidate, Misfit, Ref, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.mutate.parts import NAMES, Part, value_of
from softgrad.check.mutate.stretches import between, pulled, where_of
from softgrad.check.trace.node import Node
from softgrad.formulas.edits import edits
from softgrad.formulas.language import split
from softgrad.formulas.numbers import Array

OF_EDITS = {  # what an edit of a line is called where the catalogue has no name for the wrong line
    "without": "left-out",
    "twice": "applied-twice",
    "inverted": "wrong-factor",
    "sign": "wrong-sign",
    "instead": "wrong-operand",
    "reduced": "broadcast-sum",
    "times": "wrong-factor",
}
ALIKE = {
    "dp": ("p", "z"),
    "p": ("z", "dp"),
    "xhat": ("x", "dxhat"),
    "dxhat": ("xhat", "x"),
    "y": ("x", "dy"),
    "dy": ("y",),
}


def of_part(draw: Draw, part: Part) -> Iterator[Candidate]:
    """The wrong lines of the catalogue, then those in which a sum runs over another axis, then all edits."""
    a, b = where_of(draw, part.a), where_of(draw, part.b)
    if a is None or b is None:
        return
    target, right = split(part.line)
    seen = {right}
    for known in WRONG_LINES:
        if known.right == part.line and known.wrong not in seen:
            seen.add(known.wrong)
            yield _with_line(part, a, b, f"{target} = {known.wrong}", known.name, 1.1)
    for wrong in _over_other_axes(right, part.b.value.ndim):
        if wrong not in seen:
            seen.add(wrong)
            name = "norm-axis" if "xhat" in right else "wrong-axis" if part.line in TO_SOFTMAX else "broadcast-sum"
            yield _with_line(part, a, b, f"{target} = {wrong}", name, 1.2)
    used = sorted(set(re.findall(r"[a-z]+", right)) & ALIKE.keys())
    for edit in edits(part.line, tuple((name, ALIKE[name]) for name in used)):
        kind = OF_EDITS.get(edit.kind)
        if kind is not None and split(edit.line)[1] not in seen:
            yield _with_line(part, a, b, edit.line, kind, 1.75)


TO_SOFTMAX = tuple(line for line, name in NAMES.items() if "softmax" in name)


def _over_other_axes(right: str, ndim: int) -> Iterator[str]:
    """The line with one of its sums, or all of them, over another axis."""
    places = [found.start() for found in re.finditer(r"_k\(", right)]
    for i in range(ndim):
        for place in places:
            yield f"{right[:place]}_{i}({right[place + 3 :]}"
        if len(places) > 1:
            yield right.replace("_k(", f"_{i}(")


def _with_line(part: Part, a: Where, b: Where, line: str, kind: str, cost: float) -> Candidate:
    told = {"end": b, "function": NAMES[part.line], "right": part.line, "wrong": line}
    return Candidate(kind, a, None, _rule(part, b, line), cost, told)


def _rule(part: Part, b: Where, line: str) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        end = Ref(b).node(draw, node)
        if end not in draw.adjoints or end.shape != node.shape or not draw.depends(end, node):
            raise Misfit
        arrives = adjoint(end)
        wrong = value_of(line, part.names(draw, node, end, arrives), node.shape)
        if wrong is None:
            raise Misfit
        return np.asarray(g - pulled(draw, node, end, arrives, between(draw, node, end)) + wrong)

    return rule
