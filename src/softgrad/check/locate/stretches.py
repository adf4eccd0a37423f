"""The derivatives of stretches of the forward pass that work entry by entry, such as x * sigmoid(x) by x."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from softgrad.check.trace.elementwise import PARTIALS
from softgrad.check.trace.graph import Graph, Node
from softgrad.check.trace.operations import local_derivative
from softgrad.formulas.numbers import Array

LONGEST = 24  # operations after the beginning
MOST = 4000  # operations visited
MOST_ENTRIES = 3_000_000  # of the derivatives


def derivatives_of_stretches(graph: Graph) -> Iterator[Array]:
    """The derivative of each value by each earlier one that reaches it entry by entry alone.

    Those of single operations are left out.
    """
    visits, entries = 0, 0
    for i, begin in enumerate(graph.live):
        if len(graph.consumers[begin]) == 0 or begin.value.size < 2:
            continue
        by: dict[Node, Array | None] = {begin: np.ones(begin.shape)}
        for node in graph.live[i + 1 : i + 1 + LONGEST]:
            if not any(parent in by for parent in node.parents):
                continue
            visits += 1
            if visits > MOST or entries > MOST_ENTRIES:
                return
            by[node] = found = _through(node, by)
            if found is None:
                continue
            entries += found.size
            if begin not in node.parents or len([one for one in node.parents if one in by]) > 1:
                yield found


def _through(node: Node, by: dict[Node, Array | None]) -> Array | None:
    """The derivative of a node, from those of its operands; None where it is not one of each entry alone."""
    total: Array | None = None
    if node.op not in PARTIALS:
        return None
    for k, parent in enumerate(node.parents):
        if parent not in by:
            continue
        above, local = by[parent], local_derivative(node, k)
        if above is None or local is None or parent.shape != node.shape:
            return None
        total = local * above if total is None else total + local * above
    return total
