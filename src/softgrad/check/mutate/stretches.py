"""Stretches of the graph: from a node a to a later one b of the same shape.

Where all operations between work entry by entry, the derivative of b by a is one number for each entry. Otherwise it is
a matrix, and only its product with a gradient is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.mutate.candidate import Misfit, Where
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.forward import evaluated
from softgrad.check.trace.elementwise import PARTIALS, partial
from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array

LONGEST = 9  # operations that work entry by entry
MOST_BETWEEN = 24  # nodes of any other stretch
OF_A_NODE = 4  # contributions that cost as much as one operation computed again
MOST_WAYS, MOST_TERMS = 8, 40
SMALL = 64  # entries of a node whose matrix is computed whole


def where_of(draw: Draw, node: Node) -> Where | None:
    """A node's place, with all its repetitions."""
    if node.site is not None:
        return Where(node.site, node.callers)
    return next((Where(None, key=key) for key, one in draw.graph.inputs.items() if one is node), None)


class Pair(NamedTuple):
    """One repetition of a stretch."""

    a: Node
    b: Node
    derivative: Array | None  # of b by a, entry by entry
    length: int
    curved: bool = True  # whether the derivative depends on a
    cuts: bool = False  # whether it begins or ends within a function that people differentiate as a whole


def elementwise_from(draw: Draw, b: Node) -> dict[Node, Pair]:
    """The stretches that end at b and work entry by entry, by their first node."""
    cache: dict[Node, dict[Node, Pair]] = draw.__dict__.setdefault("stretches", {})
    if b in cache:
        return cache[b]
    sums: dict[Node, Array] = {b: np.ones(b.shape)}
    length = {b: 0}
    pending = [b]
    with np.errstate(all="ignore"):
        while pending:
            node = max(pending, key=lambda one: one.index)
            pending.remove(node)
            if node.op not in PARTIALS or length[node] >= LONGEST:
                continue
            for k in draw.edges(node):
                parent = node.parents[k]
                if parent.shape != b.shape:
                    continue
                local = partial(node.op, k, node.value, [one.value for one in node.parents])
                if parent in sums:
                    sums[parent] = sums[parent] + sums[node] * local
                else:
                    sums[parent] = sums[node] * local
                    pending.append(parent)
                length[parent] = min(length.get(parent, 99), length[node] + 1)
    cache[b] = {
        a: Pair(a, b, one, length[a], _is_curved(draw, a, b), is_inside(draw, a, True) or is_inside(draw, b, False))
        for a, one in sums.items()
        if a is not b
    }
    return cache[b]


def _is_curved(draw: Draw, a: Node, b: Node) -> bool:
    """Whether some operation on the way from a to b is no sum, no difference and no product with something else."""
    pending, seen = [b], set()
    while pending:
        node = pending.pop()
        if node is a or node in seen or node.op not in PARTIALS or node not in draw.order or not draw.depends(node, a):
            continue
        seen.add(node)
        linear = node.op in ("add", "subtract", "negative", "positive")
        product = node.op == "multiply" and node.parents[0] is not node.parents[1]
        quotient = node.op == "divide" and not node.parents[1].active
        if not (linear or product or quotient):
            return True
        pending += node.parents
    return False


def is_inside(draw: Draw, node: Node, start: bool) -> bool:
    """Whether a node is an intermediate value of a sigmoid 1 / (1 + exp(-x)), or of a softmax."""
    takers = [one for one, _ in draw.graph.consumers.get(node, ())]
    if node.op == "exp":
        return {"sum", "divide"} <= {one.op for one in takers} or any(is_inside(draw, one, False) for one in takers)
    if node.op == "negative":
        return start and any(one.op == "exp" and is_inside(draw, one, start) for one in takers)
    if node.op == "add":
        one = any(parent.op == "constant" and parent.value.size == 1 for parent in node.parents)
        of_exp = any(parent.op == "exp" for parent in node.parents)
        return one and of_exp and any(taker.op in ("divide", "reciprocal") for taker in takers)
    return False


def repetitions(draw: Draw, a: Where, b: Where) -> dict[Node, Pair]:
    """The stretches between two places, by their first node: only those in which each is followed by one of the other.

    Raises:
        Misfit: there is none.
    """
    cache: dict[Any, dict[Node, Pair] | None] = draw.__dict__.setdefault("pairs", {})
    if (a, b) not in cache:
        firsts = set(a.nodes(draw))
        found: dict[Node, Pair] | None = {}
        for end in b.nodes(draw):
            for first, pair in elementwise_from(draw, end).items():
                if first in firsts and found is not None:
                    if first in found and pair.length >= found[first].length:
                        continue
                    found[first] = pair
        cache[a, b] = found
    result = cache[a, b]
    if not result:
        raise Misfit
    return result


def derivative_at(draw: Draw, pair: Pair, value: Array, without: tuple[Node, int] | None = None) -> Array:
    """The derivative of b by a where a has another value and everything else is as it was.

    Args:
        draw: the draw.
        pair: the stretch.
        value: of a.
        without: an operation, and an operand of it that is 1.

    Raises:
        Misfit: it cannot be computed.
    """
    a, b = pair.a, pair.b
    if np.shape(value) != a.shape:
        raise Misfit
    inside = between(draw, a, b)[1:]
    draw.work += OF_A_NODE * len(inside)
    values: dict[Node, Array] = {a: np.asarray(value, dtype=float)}
    slopes: dict[Node, Array] = {a: np.ones(a.shape)}
    with np.errstate(all="ignore"):
        for node in inside:
            if node.op not in PARTIALS:
                raise Misfit
            operands = [values.get(one, one.value) for one in node.parents]
            if without is not None and node is without[0]:
                operands[without[1]] = np.ones_like(operands[without[1]], dtype=float)
            values[node] = evaluated(node, operands)
            total = np.zeros(node.shape)
            for k, one in enumerate(node.parents):
                if one in slopes and one.shape == node.shape:
                    total = total + slopes[one] * partial(node.op, k, values[node], operands)
            slopes[node] = total
    return slopes[b]


def given_factors(draw: Draw, pair: Pair) -> Iterator[tuple[Node, int]]:
    """The products within a stretch with an array that depends on no input: a mask, weights."""
    for node in between(draw, pair.a, pair.b)[1:]:
        if node.op == "multiply" and node is not pair.b:
            for i, one in enumerate(node.parents):
                if not draw.depends_on_gradients(one) and one.value.size > 1:
                    yield node, i


def between(draw: Draw, a: Node, b: Node) -> list[Node]:
    """The nodes that depend on a and that b depends on, both included, in order."""
    cache: dict[tuple[Node, Node], list[Node]] = draw.__dict__.setdefault("inside", {})
    if (a, b) not in cache:
        order = draw.order
        cache[a, b] = [
            node for node in draw.live[order[a] : order[b] + 1] if draw.depends(node, a) and draw.depends(b, node)
        ]
    return cache[a, b]


def pulled(draw: Draw, a: Node, b: Node, g: Array, inside: list[Node]) -> Array:
    """What of the gradient g of b arrives at a."""
    sums: dict[Node, Array] = {b: g}
    within = set(inside)
    for node in reversed(inside):
        if node not in sums or node is a:
            continue
        for k in draw.edges(node):
            parent = node.parents[k]
            if parent in within:
                flow = draw.flow(node, k, sums[node])
                sums[parent] = sums[parent] + flow if parent in sums else flow
    return sums.get(a, np.zeros(a.shape))


def diagonal(draw: Draw, a: Node, b: Node, inside: list[Node]) -> Array:
    """The derivative of each entry of b by the same entry of a.

    Raises:
        Misfit: there are too many entries.
    """
    if a.value.size > SMALL or a.shape != b.shape:
        raise Misfit
    found = np.zeros(a.value.size)
    unit = np.zeros(a.value.size)
    for i in range(a.value.size):
        unit[i] = 1.0
        found[i] = pulled(draw, a, b, unit.reshape(a.shape), inside).flat[i]
        unit[i] = 0.0
    return found.reshape(a.shape)


def whole_stretches(draw: Draw) -> Iterator[tuple[Node, Node]]:
    """Pairs of nodes of the same shape with something between that does not work entry by entry, the shortest first."""
    found = []
    seen = set()
    for b in draw.live:
        if not b.shape or b not in draw.adjoints:
            continue
        for a in draw.live[max(0, draw.order[b] - MOST_BETWEEN) : draw.order[b]]:
            if a.shape != b.shape or not draw.depends(b, a) or a not in draw.adjoints:
                continue
            key = (a.site, a.callers, b.site, b.callers)
            if key in seen or (a in elementwise_from(draw, b) and not _has_others(draw, a, b)):
                continue
            seen.add(key)
            found.append((draw.order[b] - draw.order[a], a, b))
    found.sort(key=lambda one: one[0])
    yield from ((a, b) for _, a, b in found)


def joined_terms(draw: Draw) -> Iterator[tuple[Node, Node]]:
    """Pairs of a node and a later one to which several ways lead from it, while other ways lead elsewhere."""
    found = 0
    for a in draw.live:
        takers = [taker for taker, _ in draw.graph.consumers.get(a, ()) if taker in draw.adjoints]
        if not 3 <= len(takers) <= MOST_WAYS:
            continue
        for b in draw.live[draw.order[a] + 1 : draw.order[a] + 1 + MOST_BETWEEN]:
            ways = sum(draw.depends(b, taker) for taker in takers)
            if b in draw.adjoints and 2 <= ways < len(takers):
                found += 1
                yield a, b
                if found >= MOST_TERMS:
                    return


def _has_others(draw: Draw, a: Node, b: Node) -> bool:
    return any(node.op not in PARTIALS for node in between(draw, a, b)[1:])
