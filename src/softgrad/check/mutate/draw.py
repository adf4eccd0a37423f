"""One draw: the graph of the forward pass at some inputs, its right backward pass, and the user's gradients there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from softgrad.check.mutate.tangents import tangents_of
from softgrad.check.trace.graph import Graph, contribution
from softgrad.check.trace.node import Node, Site
from softgrad.check.trace.operations import local_derivative, summed_to
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

DIRECTIONS = 4  # for each gradient: what a change does to it is compared in so many directions

ENTRIES_AS_ONE = 4_000  # an operation on so many entries costs twice as much as one on few
MOST_TANGENTS = 20_000_000  # entries of all tangents together
UNIT = np.ones(())  # the local derivative of a sum

Place = tuple[Site, tuple[Site, ...]]  # a site, and those of the calls around it
Adjoint = Callable[[Node], Array]
Rule = Callable[["Draw", Adjoint, Node, Any, Array, Array], Array]


class Draw:
    """The right backward pass at one set of inputs, and the user's gradients.

    Args:
        graph: of the forward pass.
        upstream: the gradient of the output.
        users: the user's gradients.
    """

    def __init__(self, graph: Graph, upstream: Array, users: Mapping[Key, Array]) -> None:
        self.graph, self.users = graph, dict(users)
        self.upstream = np.asarray(upstream, dtype=float).reshape(graph.output.shape)
        self.live, self.silent = graph.live, graph.silent
        self.work = 0  # contributions computed
        self._local: dict[tuple[Node, int], Array | None] = {}
        self._asked: int | None = None
        self._edges: dict[Node, list[int]] = {}
        self.flows: dict[tuple[Node, int], Array] = {}
        self.adjoints = self._swept()
        self.rights = {
            key: self.adjoints.get(node, np.zeros(node.shape)) for key, node in graph.inputs.items() if key in users
        }
        self.residuals = {key: self.users[key] - right for key, right in self.rights.items()}

    def flow(self, node: Node, k: int, g: Array) -> Array:
        """What flows from a node, whose gradient is g, to its k-th operand."""
        self.work += 1 + node.value.size // ENTRIES_AS_ONE
        try:
            local = self._local[node, k]
        except KeyError:
            local = self._local[node, k] = self._local_of(node, k)
        if local is None:
            return contribution(node, k, g)
        shape = node.parents[k].value.shape
        flow = g if local is UNIT else g * local
        return flow if flow.shape == shape else summed_to(flow, shape)

    def _local_of(self, node: Node, k: int) -> Array | None:
        """The local derivative of an edge; None where it does not work entry by entry, or is not finite."""
        local = local_derivative(node, k)
        if local is None or not np.isfinite(local).all():
            return None
        return UNIT if (local == 1.0).all() else local

    def edges(self, node: Node) -> list[int]:
        """The operands that derivatives flow to."""
        found = self._edges.get(node)
        if found is None:
            found = [k for k, one in enumerate(node.parents) if one.active and one not in self.silent]
            self._edges[node] = found
        return found

    def _swept(self) -> dict[Node, Array]:
        sums: dict[Node, Array] = {self.graph.output: self.upstream}
        with np.errstate(all="ignore"):
            for node in reversed(self.live):
                if node in sums:
                    for k in self.edges(node):
                        flow = self.flows[node, k] = self.flow(node, k, sums[node])
                        parent = node.parents[k]
                        sums[parent] = sums[parent] + flow if parent in sums else flow
        return sums

    def is_off(self, key: Key) -> bool:
        """Whether the user's gradient differs from the right one."""
        size = max(np.abs(self.rights[key]).max(initial=0.0), np.abs(self.users[key]).max(initial=0.0))
        return bool(np.abs(self.residuals[key]).max(initial=0.0) > 1e-9 * size + 1e-13)

    def off_entries(self, key: Key) -> int:
        """How many entries of the user's gradient differ from the right one."""
        right, users = self.rights[key], self.users[key]
        return int((np.abs(self.residuals[key]) > 1e-9 * (np.abs(right) + np.abs(users)) + 1e-13).sum())

    @cached_property
    def entries(self) -> int:
        """How many numbers the live nodes hold."""
        return sum(node.value.size for node in self.live)

    @cached_property
    def order(self) -> dict[Node, int]:
        """The place of each live node in the order of computation."""
        return {node: i for i, node in enumerate(self.live)}

    @cached_property
    def ancestors(self) -> dict[Node, int]:
        """For each live node, a bit for every live node that it depends on, itself included."""
        found: dict[Node, int] = {}
        for i, node in enumerate(self.live):
            bits = 1 << i
            for parent in node.parents:
                bits |= found.get(parent, 0)
            found[node] = bits
        return found

    def depends_on_gradients(self, node: Node) -> bool:
        """Whether a node depends on an input that a gradient is asked for."""
        if self._asked is None:
            self._asked = 0
            for key in self.rights:
                if self.graph.inputs[key] in self.order:
                    self._asked |= 1 << self.order[self.graph.inputs[key]]
        return bool(self.ancestors.get(node, 0) & self._asked)

    def depends(self, node: Node, other: Node) -> bool:
        """Whether a live node depends on another."""
        return bool(self.ancestors[node] >> self.order[other] & 1)

    @cached_property
    def places(self) -> dict[Place, list[Node]]:
        """The nodes of each place, in order: the repetitions of one operation."""
        found: dict[Place, list[Node]] = {}
        for node in self.graph.nodes:
            if node.site is not None:
                found.setdefault((node.site, node.callers), []).append(node)
        return found

    @cached_property
    def directions(self) -> dict[Key, list[Array]]:
        """Random directions for each gradient."""
        rng = np.random.default_rng(11)
        entries = self.entries * max(len(self.rights), 1)
        most = DIRECTIONS if len(self.live) < 2000 and entries * DIRECTIONS <= MOST_TANGENTS else 2
        return {
            key: [rng.normal(size=self.rights[key].shape) for _ in range(max(1, min(most, self.rights[key].size)))]
            for key in self.rights
        }

    @cached_property
    def tangents(self) -> dict[Node, Array]:
        """For each live node, its tangents in all directions, as a matrix: one row for each direction."""
        rows: dict[Node, list[Array]] = {}
        count = sum(map(len, self.directions.values()))
        n = 0
        for key, directions in self.directions.items():
            for direction in directions:
                for node, one in tangents_of(self.live, {self.graph.inputs[key]: direction}, self.silent).items():
                    rows.setdefault(node, [np.zeros(0)] * count)[n] = one.ravel()
                n += 1
        return {
            node: np.stack([row if row.size else np.zeros(node.value.size) for row in found])
            for node, found in rows.items()
        }

    @cached_property
    def blocks(self) -> dict[Key, slice]:
        """Which of the directions belong to which gradient."""
        found, n = {}, 0
        for key, directions in self.directions.items():
            found[key] = slice(n, n + len(directions))
            n += len(directions)
        return found

    def projected(self, gradients: Mapping[Key, Array]) -> Array:
        """Gradients, or changes of them, in all directions."""
        return np.array(
            [
                float((one * gradients[key]).sum()) if key in gradients else 0.0
                for key, directions in self.directions.items()
                for one in directions
            ]
        )

    def changed(self, rules: Mapping[tuple[Node, Any], Rule], nodes: Sequence[Node]) -> dict[Key, Array]:
        """How the gradients change with other rules at some edges, exactly.

        Args:
            rules: by node and operand; with None for the operand, of the gradient of the node itself.
            nodes: those of `rules`.
        """
        deltas: dict[Node, Array] = {}

        def adjoint(node: Node) -> Array:
            return self.adjoints[node] + deltas[node] if node in deltas else self.adjoints[node]

        marked = set(nodes)
        last = max((self.order[node] for node in nodes), default=-1)
        with np.errstate(all="ignore"):
            for node in reversed(self.live[: last + 1]):
                if node not in self.adjoints or (node not in deltas and node not in marked):
                    continue
                if (node, None) in rules:
                    g = adjoint(node)
                    deltas[node] = rules[node, None](self, adjoint, node, None, g, g) - self.adjoints[node]
                for k in self.edges(node):
                    if (node, k) in rules:
                        g = adjoint(node)
                        right = self.flow(node, k, g)
                        flow = rules[node, k](self, adjoint, node, k, g, right) - self.flows[node, k]
                    elif node in deltas:
                        flow = self.flow(node, k, deltas[node])
                    else:
                        continue
                    parent = node.parents[k]
                    deltas[parent] = deltas[parent] + flow if parent in deltas else flow
        inputs = self.graph.inputs
        return {key: deltas.get(inputs[key], np.zeros(right.shape)) for key, right in self.rights.items()}
