"""The forward pass applied to the gradient, in the place of its transpose: sums over the wrong end of an index.

What flows back through y = A x is Aᵀ dy. Where x and y have the same shape, A dy has it too: neighbours in a graph, a
shift, a cumulative sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.mutate.stretches import where_of
from softgrad.check.mutate.tangents import tangents_of
from softgrad.check.trace.node import Node
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

MOST_ENDS = 3
MOST_ENTRIES = 20_000  # of the nodes in between
MOVES = frozenset(
    ("gather", "assemble", "scatter_add", "einsum", "cumsum", "add", "subtract", "sum", "multiply", "where", "inv")
)


def applied_forward(draw: Draw, key: Key) -> Iterator[Candidate]:
    """For one input: what is made of it by sums and moves, applied to the gradient of the result."""
    start = draw.graph.inputs[key]
    if start not in draw.order or not start.shape or draw.entries > MOST_ENTRIES:
        return
    ends = [node for node in draw.live if node.shape == start.shape and node is not start and draw.depends(node, start)]
    for end in ends[-MOST_ENDS:]:
        there = where_of(draw, end)
        between = [node for node in draw.live if draw.depends(node, start) and draw.depends(end, node)]
        is_moved = any(node.op in ("scatter_add", "cumsum", "gather", "inv") for node in between)
        if there is not None and is_moved and all(node is start or node.op in MOVES for node in between):
            kind = "wrong-indices" if _is_reordered(end, start) else "transposed-product"
            told = {"variant": "forward", "end": there}
            yield Candidate(kind, Where(None, key=key), None, _forward(there), 1.5, told)


def _is_reordered(end: Node, start: Node) -> bool:
    """Whether an array is the other one in another order, as np.roll and a permutation make it."""
    if end.value.size != start.value.size:
        return False
    while end is not start and end.op == "gather" and len(np.unique(end.static["index"])) == end.value.size:
        end = end.parents[0]
    return end is start


def _forward(there: Where) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        ends = there.nodes(draw)
        if not ends or ends[-1].shape != node.shape:
            raise Misfit
        moved = tangents_of(draw.live, {node: adjoint(ends[-1])}, draw.silent)
        if ends[-1] not in moved:
            raise Misfit
        return moved[ends[-1]]

    return rule
