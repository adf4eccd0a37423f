"""Changes of the derivative of a function for one of the uses of its result alone: cos(a) for the second sin(a)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.mutate.rules_edges import NON_LINEAR, of_edge
from softgrad.check.mutate.stretches import where_of
from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array

DEARER = 0.3  # than the same change for all uses
MOST_USES = 4
KINDS = ("forward-value", "left-out", "derivative-at-output")


def of_uses(draw: Draw, where: Where, node: Node) -> Iterator[Candidate]:
    """For each use of the result, the changes of the operation.

    Args:
        draw: the graph they belong to.
        where: the nodes.
        node: one of them.
    """
    if node.op not in NON_LINEAR or len(node.parents) != 1:
        return
    found = [(where_of(draw, taker), j) for taker, j in draw.graph.consumers.get(node, ())]
    uses = list(dict.fromkeys((use, j) for use, j in found if use is not None))
    if not 1 < len(uses) <= MOST_USES:
        return
    for use, j in uses:
        for one in of_edge(where, node, 0):
            if one.kind in KINDS:
                rule, base = _of_use(one.rule, use, j), _of_others(use, j)
                yield replace(one, rule=rule, base=base, cost=one.cost + DEARER, told={**one.told, "use": use})


def _arriving(draw: Draw, adjoint: Adjoint, node: Node, use: Where, j: int) -> Array:
    """What arrives at a node from one of its uses."""
    flows = [draw.flow(taker, j, adjoint(taker)) for taker in use.nodes(draw) if _takes(taker, j, node)]
    if not flows:
        raise Misfit
    return np.asarray(sum(flows[1:], flows[0]))


def _takes(taker: Node, j: int, node: Node) -> bool:
    return j < len(taker.parents) and taker.parents[j] is node


def _of_use(rule: Rule, use: Where, j: int) -> Rule:
    def changed(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        part = _arriving(draw, adjoint, node, use, j)
        return rule(draw, adjoint, node, k, part, draw.flow(node, k, part))

    return changed


def _of_others(use: Where, j: int) -> Rule:
    def rest(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return right - draw.flow(node, k, _arriving(draw, adjoint, node, use, j))

    return rest
