"""What an operation does to a small change of its operands: the transpose of what flows back through it.

The product of a gradient with a direction is a few numbers. If the change of one node's gradient explains the user's
gradient, then the product of that change with the node's own tangent is known, and no pass through the graph is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from softgrad.check.trace.contractions import contract
from softgrad.check.trace.elementwise import FLAT, PARTIALS, partial
from softgrad.check.trace.graph import contribution
from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array

REDUCTIONS = ("sum", "mean", "var", "std", "max", "min", "norm", "prod", "logsumexp")
Tangents = Sequence[Array | None]  # one for each operand; None is 0


def tangent(node: Node, tangents: Tangents) -> Array:
    """The change of a node's value, to first order, from those of its operands."""
    total = np.zeros(node.shape)
    for k, one in enumerate(tangents):
        if one is not None:
            total = total + _from_operand(node, k, one)
    return total


def _from_operand(node: Node, k: int, t: Array) -> Array:
    op = node.op
    if op in FLAT:
        return np.zeros(node.shape)
    if op in PARTIALS:
        return np.asarray(partial(op, k, node.value, [one.value for one in node.parents]) * t)
    if op == "einsum":
        return contract(
            node.static["subscripts"], *[t if i == k else one.value for i, one in enumerate(node.parents)]
        ).reshape(node.shape)
    if op == "gather":
        return np.asarray(t.ravel()[node.static["index"]]).reshape(node.shape)
    if op == "assemble":
        there, here = node.static["pieces"][k]
        result = np.zeros(node.value.size)
        result[there] = t.ravel()[here]
        return result.reshape(node.shape)
    if op == "where":
        return np.where(node.static["condition"] == (k == 0), t, 0.0)
    if op == "cast":
        return t
    if op == "cumsum":
        return np.cumsum(t, axis=node.static["axis"][0])
    if op in REDUCTIONS:
        moved = contribution(node, k, np.ones(node.shape)) * t
        return np.asarray(moved.sum(axis=node.static["axis"], keepdims=node.static["keepdims"]))
    return _by_rows(node, k, t)


def _by_rows(node: Node, k: int, t: Array) -> Array:
    """For any operation: one entry of the result after the other."""
    result = np.zeros(node.value.size)
    unit = np.zeros(node.value.size)
    for i in range(node.value.size):
        unit[i] = 1.0
        result[i] = (contribution(node, k, unit.reshape(node.shape)) * t).sum()
        unit[i] = 0.0
    return result.reshape(node.shape)


def tangents_of(live: Sequence[Node], starts: Mapping[Node, Array], silent: frozenset[Node]) -> dict[Node, Array]:
    """The tangents of all nodes that depend on the nodes in `starts`."""
    found = dict(starts)
    for node in live:
        if node in found or node in silent:
            continue
        own = [found.get(one) if one not in silent else None for one in node.parents]
        if any(one is not None for one in own):
            with np.errstate(all="ignore"):
                found[node] = tangent(node, own)
    return found
