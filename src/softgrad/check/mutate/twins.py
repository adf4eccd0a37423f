"""An array that stands twice in one product, such as A @ A.T: what flows back by one of the two ways alone is half."""

from __future__ import annotations

import numpy as np

from softgrad.check.mutate.draw import Draw
from softgrad.check.trace.node import Node

WITHIN = 1e-9


def has_twin(draw: Draw, node: Node, k: int) -> bool:
    """Whether what flows from a node to its operand comes a second time, from another place of the same line.

    Args:
        draw: the right backward pass.
        node: the operation.
        k: the operand.
    """
    if (node, k) not in draw.flows or node.site is None:
        return False
    base, flow, own = node.parents[k], draw.flows[node, k], (node, k)
    while base.op == "gather" and base.value.size == base.parents[0].value.size:
        own, flow, base = (base, 0), draw.flow(base, 0, flow), base.parents[0]
    size = np.abs(flow).max(initial=0.0)
    return any(
        taker.site is not None
        and (taker.site.file, taker.site.number) == (node.site.file, node.site.number)
        and (taker, j) != own
        and (taker, j) in draw.flows
        and bool((np.abs(draw.flows[taker, j] - flow) <= WITHIN * size).all())
        for taker, j in draw.graph.consumers.get(base, ())
    )
