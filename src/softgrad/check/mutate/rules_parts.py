"""Wrong lines of the backward pass of a known function that is part of a larger one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from softgrad.check.catalogue import WRONG_LINES
from softgrad.check.catalogue.normalisation import RMS, UNIT
from softgrad.check.mutate.candidate import Candidate, Misfit, Ref, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.mutate.parts import NAMES, STANDARD, Part
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
    for wrong in _over_other_axes(right, part.b.value.ndim if len(part.axes) == 1 else 2):
        if wrong not in seen:
            seen.add(wrong)
            name = "norm-axis" if "xhat" in right else "wrong-axis" if part.line in TO_SOFTMAX else "broadcast-sum"
            yield _with_line(part, a, b, f"{target} = {wrong}", name, 1.2)
    if part.line in MEANS:
        yield from _of_norm(draw, part, a, b)
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
    return Candidate(kind, a, None, _rule(part, b, line), cost, told, base=_others(b))


def _rule(part: Part, b: Where, line: str) -> Rule:
    """By another line than the right one."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        end = _end(draw, node, b)
        return _value(part, line, node, end, adjoint(end))

    return rule


def _others(b: Where) -> Rule:
    """What arrives at the input of the function in other ways: a base."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return _rest(draw, adjoint, node, _end(draw, node, b), g)

    return rule


def _end(draw: Draw, node: Node, b: Where) -> Node:
    end = Ref(b).node(draw, node)
    if end not in draw.adjoints or end.shape != node.shape or not draw.depends(end, node):
        raise Misfit
    return end


def _rest(draw: Draw, adjoint: Adjoint, node: Node, end: Node, g: Array) -> Array:
    """What arrives at the input of the function in other ways."""
    return np.asarray(g - pulled(draw, node, end, adjoint(end), between(draw, node, end)))


def _value(part: Part, line: str, node: Node, end: Node, g: Array) -> Array:
    value = part.value(line, node, end, g)
    if value is None:
        raise Misfit
    return value


def _of_norm(draw: Draw, part: Part, a: Where, b: Where) -> Iterator[Candidate]:
    """Of a normalisation: a factor of all its means, and a scale that is applied after them."""
    told = {"end": b, "function": NAMES[part.line], "right": part.line}
    alone, means = MEANS[part.line]

    def base(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        end = _end(draw, node, b)
        return _rest(draw, adjoint, node, end, g) + _value(part, alone, node, end, adjoint(end))

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        end = _end(draw, node, b)
        return _value(part, means, node, end, adjoint(end))

    yield Candidate("wrong-factor", a, None, rule, 1.2, {**told, "variant": "means"}, base=base)
    n = math.prod(part.b.shape[axis] for axis in part.axes)
    for length in (length for length in range(2, n) if n % length == 0):
        for strided in (False, True):
            in_blocks = _in_blocks(part, b, length, strided)
            blocks = {**told, "variant": "blocks", "length": length, "of": n}
            yield Candidate("norm-axis", a, None, in_blocks, 1.2, blocks, base=_others(b))
    for taker, k in draw.graph.consumers.get(part.b, ()):
        if taker.op == "multiply" and taker.shape == part.b.shape:
            there = where_of(draw, taker)
            if there is not None:
                scaled = {**told, "variant": "scaled after", "scale": (taker, 1 - k)}
                yield Candidate("wrong-operand", a, None, _scaled_after(part, b, there, k), 1.3, scaled)


MEANS = {  # of a normalisation: its line without the means, and the means alone
    STANDARD: ("dx = dxhat / std", "dx = -(mean_k(dxhat) + xhat * mean_k(dxhat * xhat)) / std"),
    RMS: ("dx = dxhat / rms", "dx = -xhat * mean_k(dxhat * xhat) / rms"),
    UNIT: ("dx = dy / length", "dx = -y * sum_k(dy * y) / length"),
}


def _in_blocks(part: Part, b: Where, length: int, strided: bool) -> Rule:
    """The means run over a part of the entries that are normalised together: one channel of a group."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        end = _end(draw, node, b)
        value = part.value_in_blocks(node, end, adjoint(end), length, strided=strided)
        if value is None:
            raise Misfit
        return value

    return rule


def _scaled_after(part: Part, b: Where, taker: Where, k: int) -> Rule:
    """The gradient is multiplied by the scale of the next operation after the means, and not before them."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, j: Any, g: Array, right: Array) -> Array:
        end = _end(draw, node, b)
        product = Ref(taker).node(draw, node)
        if product not in draw.adjoints or product.parents[k] is not end:
            raise Misfit
        value = _value(part, part.line, node, end, adjoint(product)) * product.parents[1 - k].value
        return np.asarray(_rest(draw, adjoint, node, end, g) + value)

    return rule
