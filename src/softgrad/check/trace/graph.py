"""The graph of a traced function, and its exact gradient.

A change of the backward pass in one place is an object with the methods of `Change`; the gradient with that change is

    graph.gradients(upstream, change)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from softgrad.check.trace.node import Node, Site
from softgrad.check.trace.operations import contribution
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

__all__ = ["Change", "Graph", "Node", "Site", "ancestry", "contribution", "groups_of"]

CANCELLED = 1e-10  # a gradient this small beside its terms is rounding


class Change(Protocol):
    """A change of the backward pass."""

    def contribution(self, node: Node, k: int, g: Array, right: Array) -> Array | None:
        """What flows from a node to its k-th parent in place of `right`; None for `right` itself."""

    def adjoint(self, node: Node, g: Array) -> Array | None:
        """The gradient of a node in place of the sum g of what flows to it; None for g itself."""


class Graph:
    """The operations of one run of a function.

    Attributes:
        nodes: every node, in the order of computation; constants and what does not depend on inputs are among them.
        inputs: the node of each array of the inputs.
        output: the node of the result.
        untraced: operations through which the trace was lost, such as "np.convolve, line 9".
    """

    def __init__(
        self, nodes: Sequence[Node], inputs: Mapping[Key, Node], output: Node, untraced: tuple[str, ...] = ()
    ) -> None:
        self.nodes, self.inputs, self.output, self.untraced = list(nodes), dict(inputs), output, untraced

    @cached_property
    def groups(self) -> dict[Site, list[Node]]:
        """The nodes of each site: all repetitions of one operation of the source."""
        return groups_of(self.nodes)

    @cached_property
    def live(self) -> list[Node]:
        """The nodes that derivatives flow through: active, and part of the output; in the order of computation."""
        needed = {self.output}
        for node in reversed(self.nodes):
            if node in needed:
                needed.update(parent for parent in node.parents if parent.active)
        return [node for node in self.nodes if node in needed and node.active]

    @cached_property
    def consumers(self) -> dict[Node, list[tuple[Node, int]]]:
        """Which live nodes take each live node, and as which operand."""
        taken: dict[Node, list[tuple[Node, int]]] = {node: [] for node in self.live}
        for node in self.live:
            for k, parent in enumerate(node.parents):
                if parent in taken:
                    taken[parent].append((node, k))
        return taken

    @cached_property
    def silent(self) -> frozenset[Node]:
        """Nodes whose gradient is 0 whatever the upstream: the maximum taken off before exp, and views of it.

        Rounding leaves about 1e-17 there. It is taken as 0 and not followed further, or any change of it would fit.
        """
        upstream = np.random.default_rng(7).normal(size=self.output.shape)
        found: set[Node] = set()
        candidates = [node for node in self.live if node.op in ("max", "min", "maximum", "minimum")]
        if not candidates:
            return frozenset()
        adjoints = self._swept(upstream, None, frozenset())
        for node in candidates:
            takers = self._takers(node)
            size = max((np.abs(adjoints[one]).max(initial=0.0) for one in takers if one in adjoints), default=0.0)
            is_reached = node in adjoints and node is not self.output and bool(takers)
            if is_reached and np.abs(adjoints[node]).max(initial=0.0) <= CANCELLED * size:
                found.add(node)
        for node in self.live:
            operands = [parent for parent in node.parents if parent.active]
            if node.op in ("gather", "assemble") and operands and all(one in found for one in operands):
                found.add(node)
        return frozenset(found)

    def _takers(self, node: Node) -> list[Node]:
        """The nodes that take a node, through views."""
        takers: list[Node] = []
        for taker, _ in self.consumers[node]:
            takers += self._takers(taker) if taker.op in ("gather", "assemble") else [taker]
        return takers

    def adjoints(self, upstream: Array, change: Change | None = None) -> dict[Node, Array]:
        """The gradient of <upstream, output> with respect to every live node that it depends on."""
        return self._swept(upstream, change, self.silent)

    def gradients(self, upstream: Array, change: Change | None = None) -> dict[Key, Array]:
        """The gradient with respect to every array of the inputs; zeros where the output does not depend on it."""
        adjoints = self.adjoints(upstream, change)
        return {key: adjoints.get(node, np.zeros(node.shape)) for key, node in self.inputs.items()}

    def _swept(self, upstream: Array, change: Change | None, silent: frozenset[Node]) -> dict[Node, Array]:
        sums: dict[Node, Array] = {self.output: np.asarray(upstream, dtype=float).reshape(self.output.shape)}
        with np.errstate(all="ignore"):
            for node in reversed(self.live):
                if node not in sums:
                    continue
                if change is not None:
                    other = change.adjoint(node, sums[node])
                    sums[node] = sums[node] if other is None else other
                for k, parent in enumerate(node.parents):
                    if not parent.active or parent in silent:
                        continue
                    flow = contribution(node, k, sums[node])
                    if change is not None:
                        other = change.contribution(node, k, sums[node], flow)
                        flow = flow if other is None else other
                    sums[parent] = sums[parent] + flow if parent in sums else flow
        return sums


def ancestry(nodes: Iterable[Node]) -> set[Node]:
    """Some nodes, and every node that they are made of."""
    found = set(nodes)
    waiting = list(found)
    while waiting:
        for parent in waiting.pop().parents:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def groups_of(nodes: Sequence[Node]) -> dict[Site, list[Node]]:
    """The nodes of each site, in order."""
    groups: dict[Site, list[Node]] = {}
    for node in nodes:
        if node.site is not None:
            groups.setdefault(node.site, []).append(node)
    return groups
