"""Iterations that converge: a gradient by implicit differentiation is right only where forward has settled.

In y = tanh(w y + x), repeated until y no longer changes, the gradient is that of the fixed point. At other inputs the
repetition may not converge. Then the fixed point is not what forward returns, and the gradient tells nothing about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from softgrad.check.sampling.sampler import Sample, Sampler
from softgrad.check.trace import Graph, Site, trace_forward

LEAST = 8  # rounds of a loop
MOVES = 1e-3  # the least relative change in the first rounds
SETTLED = 1e-5  # the largest in the last


def settled_loops(sampler: Sampler, sample: Sample) -> Sequence[Site]:
    """The operations in loops whose results change in the first rounds, and no longer in the last, at a sample."""
    graph = trace_forward(sampler.functions, sample.arrays)
    if graph is None:
        return ()
    return [
        site
        for site, nodes in _rounds(graph).items()
        if len(nodes) >= LEAST and _change(nodes[0], nodes[1]) > MOVES and _change(*nodes[-2:]) < SETTLED
    ]


def is_settled(sampler: Sampler, sample: Sample, loops: Sequence[Site]) -> bool:
    """Whether these loops have settled at a sample, too; so it is taken where the trace is lost."""
    graph = trace_forward(sampler.functions, sample.arrays)
    if graph is None:
        return True
    rounds = _rounds(graph)
    return all(_change(*rounds[site][-2:]) < SETTLED for site in loops if len(rounds.get(site, ())) >= LEAST)


def _rounds(graph: Graph) -> Mapping[Site, Sequence[np.ndarray]]:
    return {site: [node.value for node in nodes if node.active] for site, nodes in graph.groups.items()}


def _change(before: np.ndarray, after: np.ndarray) -> float:
    """How much a round changes an array, relative to its largest entry; infinite if it has no number for that."""
    if before.shape != after.shape or not np.isfinite(after).all():
        return np.inf
    size = float(np.abs(after).max(initial=0.0))
    return float(np.abs(after - before).max(initial=0.0)) / size if size else 0.0
