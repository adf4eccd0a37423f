"""All changes that are tried, the likely ones first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from softgrad.check.mutate import (
    rules_applied,
    rules_constants,
    rules_edges,
    rules_linear_algebra,
    rules_memory,
    rules_nodes,
    rules_parts,
    rules_products,
    rules_rows,
    rules_stretches,
    rules_uses,
    rules_whole,
)
from softgrad.check.mutate.candidate import SUBSETS, Candidate, Ref, Where
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.parts import parts
from softgrad.check.mutate.pool import Pool
from softgrad.check.mutate.stretches import Pair, elementwise_from, is_inside, joined_terms, where_of, whole_stretches
from softgrad.check.trace.elementwise import PARTIALS
from softgrad.check.trace.node import Node

MOST_VIEWS = 8  # of one array, each of which may be assigned where the others are added
WIDER = 0.15  # dearer by this: some repetitions of a loop only


class Stages:
    """The changes of one draw's backward pass.

    Args:
        draw: any draw.
    """

    def __init__(self, draw: Draw) -> None:
        self.draw, self.pool = draw, Pool(draw)

    @cached_property
    def places(self) -> list[tuple[Where, Node]]:
        """Every place that derivatives pass, with a node in the middle of its repetitions: from the output back."""
        draw = self.draw
        found: list[tuple[Where, Node]] = []
        for (site, callers), group in draw.places.items():
            live = [node for node in group if node in draw.adjoints]
            if live:
                found.append((Where(site, callers), live[len(live) // 2]))
        several: dict[object, list[tuple[Where, Node]]] = {}
        for one in found:
            several.setdefault(one[0].site, []).append(one)
        found += [(Where(site), group[0][1]) for site, group in several.items() if len(group) > 1]  # type: ignore[arg-type]
        return sorted(found, key=lambda one: -one[1].index)

    def all(self) -> Iterator[Iterator[Candidate]]:
        """The stages, the likely changes first."""
        yield self.factors_of_edges()
        yield self.returned()
        yield self.edges()
        yield self.nodes()
        yield self.terms()
        yield self.factors_of_edges(again=True)
        yield self.arriving()
        yield self.uses()
        yield self.some_repetitions()
        yield self.stretches()
        yield self.parts()
        yield self.applied()
        yield self.everywhere()
        yield self.closed_forms(in_loops=False)
        yield self.operands()
        yield self.gradients()
        yield self.whole_stretches()
        yield self.values()
        yield self.closed_forms(in_loops=True)
        yield self.factors()

    def returned(self) -> Iterator[Candidate]:
        """Of the gradients as they are returned."""
        for key, node in self.draw.graph.inputs.items():
            if key in self.draw.rights:
                where = Where(None, key=key)
                yield from rules_whole.of_gradient(self.draw, key)
                yield from rules_nodes.of_node(where, node)

    def factors_of_edges(self, *, again: bool = False) -> Iterator[Candidate]:
        """A factor of what flows through one operation; again: where it cannot be fitted, with more numbers."""
        told = {"again": True} if again else {}
        for where, node in self.places:
            for k in self.draw.edges(node):
                yield Candidate("wrong-factor", where, k, rules_edges.scale, 1.0, told)

    def edges(self) -> Iterator[Candidate]:
        """Of what flows through one operation."""
        for where, node in self.places:
            for k in self.draw.edges(node):
                if not is_inside(self.draw, node, True):
                    for one in rules_edges.of_edge(where, node, k):
                        if one.rule is not rules_edges.scale:
                            yield one
                if node.op == "einsum":
                    yield from rules_products.of_product(where, node, k)
                    if node.site is not None and node.site.inside:
                        yield from rules_products.of_windows(where, node, k)
                    for i in range(len(node.parents)):
                        if i != k:
                            yield from rules_products.after_the_step(self.draw, where, node, k, i)
                if node.op in ("sum", "mean"):
                    yield from rules_edges.over_other_axes(where, node, k)
                yield from rules_linear_algebra.of_linear_algebra(where, node, k)
                if node.op in ("cumsum", "cumprod"):
                    yield rules_edges.summed_the_other_way(where, k)
                if node.op == "gather":
                    nodes = [one for one in where.nodes(self.draw) if one.op == "gather"]
                    yield from rules_rows.of_rows(self.draw, where, node, k)
                    yield from rules_memory.of_gather(where, nodes, k)
                    selected = rules_constants.unselected(where, node, k)
                    if selected is not None:
                        yield selected
                    ends = [rules_memory.end_of_views(self.draw, one) for one in nodes]
                    yield from rules_memory.of_chain(self.draw, where, nodes, k, ends)
                if node.op == "assemble":
                    yield from rules_memory.of_assembly(where, node, k)

    def nodes(self) -> Iterator[Candidate]:
        """Of the gradient of one node."""
        for where, node in self.places:
            yield from rules_nodes.of_node(where, node, is_output=node is self.draw.graph.output)

    def arriving(self) -> Iterator[Candidate]:
        """Of what arrives at a node from several operations, or from the repetitions of one."""
        draw = self.draw
        found = [(Where(None, key=key), node) for key, node in draw.graph.inputs.items()] + self.places
        for where, node in found:
            if node not in draw.adjoints or len(draw.graph.consumers.get(node, ())) < 2:
                continue
            takers: dict[tuple[Where, int], int] = {}
            for taker, k in draw.graph.consumers[node]:
                there = where_of(draw, taker)
                if there is not None:
                    takers[there, k] = takers.get((there, k), 0) + 1
            groups = [[one] for one, count in takers.items() if count > 1]
            if len(takers) > 1:
                groups.append(list(takers))
            yield rules_memory.of_parts(where, list(takers))
            views = [one for one in takers if all(node.op == "gather" for node in one[0].nodes(draw))]
            if 1 < len(views) <= MOST_VIEWS:
                for i in range(1, len(views)):
                    for last in (True, False):
                        yield rules_memory.assigned_among(where, views, i, last=last)
            for group in groups:
                for last in (False, True):
                    yield rules_memory.only_one(where, group, last=last)
                    for entries in (False, True):
                        yield rules_memory.overwritten(where, group, last=last, entries=entries)

    def uses(self) -> Iterator[Candidate]:
        """Of the derivative of a function, for one of the uses of its result."""
        for where, node in self.places:
            yield from rules_uses.of_uses(self.draw, where, node)

    def some_repetitions(self) -> Iterator[Candidate]:
        """Of the first or the last repetition of a loop."""
        for where, node in self.places:
            if where.callers is None or len(where.nodes(self.draw)) < 2:
                continue
            for subset in SUBSETS[1:]:
                part = where._replace(subset=subset)
                for k in (None, *self.draw.edges(node)):
                    one = Candidate("wrong-factor", part, k, rules_edges.scale, 1.05 + WIDER)
                    yield one
                for k in self.draw.edges(node):
                    if node.op == "einsum":
                        for change in rules_products.of_product(part, node, k):
                            yield replace(change, cost=change.cost + 2 * WIDER)

    @cached_property
    def pairs(self) -> list[tuple[Where, Where, Pair]]:
        """The stretches that work entry by entry, the shortest first."""
        found = []
        for where, node in self.places:
            if where.callers is None or node.op not in PARTIALS:
                continue
            for first, pair in elementwise_from(self.draw, node).items():
                start = where_of(self.draw, first)
                if start is not None and first in self.draw.adjoints and not pair.cuts:
                    found.append((start, where, pair))
        return sorted(found, key=lambda one: one[2].length)

    def stretches(self) -> Iterator[Candidate]:
        """Of stretches that work entry by entry."""
        for a, b, pair in self.pairs:
            changes = [*rules_stretches.of_stretch(a, b, pair), *self._other_results(a, b, pair)]
            changes += rules_stretches.without_factor(self.draw, a, b, pair)
            if pair.curved and len(a.nodes(self.draw)) > 1:
                changes += [
                    replace(rules_stretches.at_other(a, b, pair, Ref(a, at=at), 1.5), kind="wrong-iteration")
                    for at in (-1, 0)
                ]
            yield from changes
            for part in self._slices(pair.b):
                yield from (rules_stretches.in_slice(one, b, part) for one in changes)

    def _slices(self, node: Node) -> list[Where]:
        """The views that take different parts of a node, if there are several."""
        views = [one for one, _ in self.draw.graph.consumers.get(node, ()) if one.op == "gather"]
        if not 2 <= len(views) <= 8 or any(one.value.size >= node.value.size for one in views):
            return []
        found = [where_of(self.draw, one) for one in views]
        return list(dict.fromkeys(one for one in found if one is not None))

    def _other_results(self, a: Where, b: Where, pair: Pair) -> Iterator[Candidate]:
        if rules_stretches.formula_of_result(pair) is None:
            return
        tried: list[tuple[Ref | None, str, float]] = [(None, "wrong-operand", 1.4)]
        if len(b.nodes(self.draw)) > 1:
            tried += [(Ref(b, shift=shift), "wrong-iteration", 1.4) for shift in (-1, 1)]
        tried += [
            (ref, "wrong-operand", 1.7)
            for ref, other in self.pool.of_shape(pair.b.shape)
            if other is not pair.b and other is not pair.a
        ]
        for ref, kind, cost in tried:
            found = rules_stretches.with_result(a, b, pair, ref, kind, cost)
            if found is not None:
                yield found

    def terms(self) -> Iterator[Candidate]:
        """Of all that arrives at a node by way of another."""
        for a, b in joined_terms(self.draw):
            start, end = where_of(self.draw, a), where_of(self.draw, b)
            if start is not None and end is not None:
                yield rules_stretches.of_term(start, end)

    def parts(self) -> Iterator[Candidate]:
        """Of known functions within the graph."""
        for part in parts(self.draw):
            yield from rules_parts.of_part(self.draw, part)

    def applied(self) -> Iterator[Candidate]:
        """The forward pass in the place of its transpose."""
        for key in self.draw.rights:
            yield from rules_applied.applied_forward(self.draw, key)

    def everywhere(self) -> Iterator[Candidate]:
        """The same change wherever an operation stands, and constants in each other's place."""
        count: dict[str, set[object]] = {}
        for where, node in self.places:
            count.setdefault(node.op, set()).add(where.site)
        for op, sites in count.items():
            if len(sites) > 1 and op in rules_edges.NON_LINEAR:
                node = next(one for _, one in self.places if one.op == op)
                for one in rules_edges.of_edge(Where(None, op=op), node, 0):
                    yield replace(one, cost=one.cost + 0.4)
        yield from rules_constants.of_constants(self.draw)

    def whole_stretches(self) -> Iterator[Candidate]:
        """Of stretches with sums or products in them."""
        draw = self.draw
        for a, b in whole_stretches(draw):
            start, end = where_of(draw, a), where_of(draw, b)
            if start is not None and end is not None:
                length = draw.order[b] - draw.order[a]
                yield from rules_stretches.of_whole_stretch(start, end, a, b, length)

    def operands(self) -> Iterator[Candidate]:
        """Another array in the place of an operand."""
        for where, node in self.places:
            if where.callers is None:
                continue
            for k in self.draw.edges(node):
                for i, operand in enumerate(node.parents):
                    product = node.op in ("einsum", "multiply", "divide")
                    if (i == k and product) or node.op in ("add", "subtract") or operand.value.size < 2:
                        continue
                    if node.op != "einsum" and node.op not in PARTIALS:
                        continue
                    yield rules_products.with_gradient(where, k, i)
                    yield from self._other_operands(where, node, k, i)

    def _other_operands(self, where: Where, node: Node, k: int, i: int) -> Iterator[Candidate]:
        operand = node.parents[i]
        group = where_of(self.draw, operand)
        for ref, other in self.pool.alike(operand.shape):
            if other is operand or (np.array_equal(other.value, operand.value) and group == ref.where):
                same = ref.where == group and ref.operand is None
                if not same:
                    continue
            is_same_loop = group is not None and ref.where == group and ref.operand is None
            if is_same_loop and group is not None and len(group.nodes(self.draw)) > 1:
                others = [ref._replace(shift=shift) for shift in (0, -1, 1)] + [ref._replace(at=at) for at in (-1, 0)]
                for moved in others:
                    cost = 1.5 + 0.1 * (moved.at is not None)
                    yield rules_products.with_operand(where, k, i, moved, "wrong-iteration", cost)
            else:
                cost = 1.8 if other.shape == operand.shape else 2.0
                yield rules_products.with_operand(where, k, i, ref, "wrong-operand", cost)

    def gradients(self) -> Iterator[Candidate]:
        """The gradient of another node in the place of the result's."""
        draw = self.draw
        found = [(Where(None, key=key), node) for key, node in draw.graph.inputs.items()]
        for where, node in [*self.places, *found]:
            if (where.callers is None and where.site is not None) or node not in draw.adjoints:
                continue
            for ref, other in self.pool.of_shape(node.shape):
                if ref.operand is not None or other not in draw.adjoints or other is node:
                    continue
                later = other in draw.order and node in draw.order and draw.depends(other, node)
                kind, cost, variant = ("skipped", 1.4, "gradient") if later else ("wrong-operand", 1.9, "gradient")
                if ref.where == where:
                    kind, cost = "wrong-iteration", 1.6
                shifts = (0,) if ref.where != where else (-1, 1)
                for shift in shifts:
                    moved = ref._replace(shift=shift)
                    if where.site is None:
                        yield rules_nodes.from_other(where, moved, kind, cost)
                        continue
                    for k in draw.edges(node):
                        yield rules_products.from_gradient(where, k, moved, kind, cost, variant)

    def values(self) -> Iterator[Candidate]:
        """The derivative of a stretch taken at another value, or that of another stretch."""
        for a, b, pair in self.pairs:
            for ref, other in self.pool.of_shape(pair.a.shape):
                if other is not pair.a and other is not pair.b:
                    yield rules_stretches.at_other(a, b, pair, ref, 1.9)

    def closed_forms(self, *, in_loops: bool) -> Iterator[Candidate]:
        """A formula in the place of the derivative of a stretch; in a loop, each costs a pass through the graph."""
        pairs = [one for one in self.pairs if one[2].curved and self._is_in_loop(one[0]) is in_loops]
        for a, b, pair in pairs:
            yield from rules_stretches.closed_forms(a, b, pair)
        for a, b, pair in pairs:
            yield from rules_stretches.pieces(self.draw, a, b, pair)
            yield from rules_stretches.shifted_forms(self.draw, a, b, pair)

    def _is_in_loop(self, where: Where) -> bool:
        """Whether one of the nodes of a place depends on another."""
        nodes = where.nodes(self.draw)
        return len(nodes) > 1 and self.draw.depends(nodes[-1], nodes[0])

    def factors(self) -> Iterator[Candidate]:
        """A factor that is the value of another node."""
        for where, node in self.places:
            for k in (*self.draw.edges(node), None):
                shape = node.shape if k is None else node.parents[k].shape
                for ref, _ in self.pool.factors(shape):
                    for divided in (False, True):
                        yield rules_products.with_factor(where, k, ref, divided=divided, cost=2.0 + 0.1 * (k is None))


__all__ = ["Ref", "Stages"]
