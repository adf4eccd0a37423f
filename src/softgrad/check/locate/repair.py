"""Which values of the backward pass, replaced by a known array, mend the wrong gradients.

Tried are: a value, or one operand where it is used, is replaced by a known array; a known array is added to it; it is
multiplied by a factor. In a loop, all repetitions of a line are changed together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from softgrad.check.locate.known import Known
from softgrad.check.locate.projections import Projections
from softgrad.check.locate.suspects import Backward
from softgrad.check.trace.graph import Node
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

MOST_ENTRIES = 3_000_000  # of all known arrays of one shape
SMALLEST = 1e-6  # a factor that is less is none
MOST_DISTINCT = 1000  # entries that are compared
SEARCH = 20  # the work of one search at one place, in visits of nodes
MOST_PAIRS = 400  # of repetitions backward and forward
STEPS = [(step, shift) for shift in (0, -1, 1) for step in (-1, 1)]  # backwards or forwards through the forward pass
LINEAR = {  # operations that are linear in these operands
    **dict.fromkeys(("add", "subtract", "multiply", "where", "scatter_add"), (0, 1)),
    **dict.fromkeys(("divide", "negative", "sum", "mean", "gather", "write", "cast", "cumsum"), (0,)),
    "einsum": (0, 1, 2),
    "assemble": (0, 1, 2, 3),
}
ORDERS = {
    2: ((1, 0),),
    3: ((0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)),
    4: ((0, 1, 3, 2), (0, 2, 1, 3), (0, 2, 3, 1), (0, 3, 1, 2), (1, 0, 2, 3)),
}


Fits = Sequence[tuple[Known, str]]  # known arrays that fit a place, and their layout there


class Repair(NamedTuple):
    """One change of the backward pass that mends gradients.

    Attributes:
        nodes: those whose value changes: all repetitions of a place.
        operand: which operand of the node changes, where only this use of a value does; -1 for the value itself.
        how: "replaced", "added", "scaled", "multiplied" or "divided".
        arrays: for each node, the known array that replaces its value, or is added to it, or by which it is
            multiplied or divided; None where nothing changes.
        layout: of the known arrays: "", "transposed" or "reshaped".
        factor: of the known array, or of the value.
        mended: the gradients that are right then.
    """

    nodes: tuple[Node, ...]
    operand: int
    how: str
    arrays: tuple[Known | None, ...]
    layout: str
    factor: float
    mended: frozenset[Key]


class Repairs:
    """Looks for repairs of one backward pass."""

    def __init__(self, backward: Backward, rng: np.random.Generator) -> None:
        self.backward = backward
        self.projections = Projections(backward, rng)
        self._pools: dict[tuple[int, ...], tuple[list[tuple[Known, str]], Array]] = {}
        self._groups: list[list[Known]] | None = None

    def at(self, node: Node, operand: int = -1) -> Iterator[Repair]:
        """The repairs at one value, or at one operand of it."""
        value = node.value if operand < 0 else node.parents[operand].value
        if value.dtype.kind not in "fb" or not value.size:
            return
        self.projections.work += SEARCH
        flow = self.projections.of([node], operand)[0]
        if flow.shape[1] != value.size or not np.isfinite(flow).all() or not flow.any():
            return
        numbers = np.where(np.isfinite(value), value, 0.0).ravel().astype(float)
        own, size = flow @ numbers, np.abs(flow) @ np.abs(numbers)
        known, rows = self._pool(value.shape)
        if known:
            changes, sizes = rows @ flow.T, np.abs(rows) @ np.abs(flow).T
            yield from self._replaced(node, operand, known, changes - own, sizes + size)
            yield from self._multiples(node, operand, known, changes, sizes, own, size)
            yield from self._added(node, operand, known, changes, sizes, value.size)
        yield from self._scaled((node,), operand, own, size)

    def _replaced(self, node: Node, operand: int, known: Fits, changes: Array, sizes: Array) -> Iterator[Repair]:
        """A known array stands in the place of the value."""
        for (one, layout), mended in zip(known, self.projections.mended(changes, sizes), strict=True):
            if mended:
                yield Repair((node,), operand, "replaced", (one,), layout, 1.0, mended)

    def _multiples(
        self, node: Node, operand: int, known: Fits, changes: Array, sizes: Array, own: Array, size: Array
    ) -> Iterator[Repair]:
        """A known gradient times a simple factor mends it: the division by the number of rows may come at the end."""
        factors = self.projections.factors(changes, sizes, own)
        numbers = [
            i for i, f in factors if known[i][0].kind in ("gradient", "share") and is_simple(f) and abs(f - 1) > 1e-6
        ]
        found = dict(factors)
        every = np.array([found[i] for i in numbers])[:, None]
        if numbers:
            changed = self.projections.mended(every * changes[numbers] - own, np.abs(every) * sizes[numbers] + size)
            for i, mended in zip(numbers, changed, strict=True):
                if mended:
                    yield Repair((node,), operand, "replaced", (known[i][0],), known[i][1], found[i], mended)

    def _added(
        self, node: Node, operand: int, known: Fits, changes: Array, sizes: Array, entries: int
    ) -> Iterator[Repair]:
        """A known array is missing as a term. Any multiple of it fits a single number: there the factor is 1 or -1."""
        factors = self.projections.factors(changes, sizes)
        factors = [(i, f) for i, f in factors if entries > 1 or abs(abs(f) - 1) < 1e-6]
        if not factors:
            return
        numbers, every = [i for i, _ in factors], np.array([f for _, f in factors])[:, None]
        changed = self.projections.mended(every * changes[numbers], np.abs(every) * sizes[numbers])
        for (i, factor), mended in zip(factors, changed, strict=True):
            if mended:
                yield Repair((node,), operand, "added", (known[i][0],), known[i][1], factor, mended)

    def edits(self, nodes: Sequence[Node], operand: int = -1) -> Iterator[Repair]:
        """A sign, a simple factor or a known factor is missing, in the value or in one operand of all repetitions.

        What the others of the nodes are computed from must not be changed by it.
        """
        values = [node.value if operand < 0 else node.parents[operand].value for node in nodes]
        if any(value.dtype.kind != "f" or not np.isfinite(value).all() for value in values):
            return
        self.projections.work += SEARCH
        flows = self.projections.of_each(nodes, operand)
        if any(flow.shape[1] != value.size for flow, value in zip(flows, values, strict=True)):
            return
        products = [flow * value.ravel() for flow, value in zip(flows, values, strict=True)]
        own = np.sum([one.sum(axis=1) for one in products], axis=0)
        size = np.sum([np.abs(one).sum(axis=1) for one in products], axis=0)
        if not np.isfinite(own).all() or not size.any():
            return
        for repair in self._scaled(tuple(nodes), operand, own, size):
            if is_simple(repair.factor):
                yield repair
        if len(nodes) > 1 or values[0].size < 2:
            return
        known, rows = self._pool(values[0].shape)
        for how, factors in (("multiplied", rows), ("divided", 1 / np.where(rows == 0, np.inf, rows))):
            if known:
                changes, sizes = factors @ products[0].T, np.abs(factors) @ np.abs(products[0]).T
                for (one, layout), mended in zip(
                    known, self.projections.mended(changes - own, sizes + size), strict=True
                ):
                    if mended and layout != "reshaped":
                        yield Repair((nodes[0],), operand, how, (one,), layout, 1.0, mended)

    def _scaled(self, nodes: tuple[Node, ...], operand: int, own: Array, size: Array) -> Iterator[Repair]:
        for _, factor in self.projections.factors(own[None], size[None]):
            mended = self.projections.mended(factor * own[None], size[None])[0]
            if mended and _is_told(1 + factor, nodes, operand):
                yield Repair(nodes, operand, "scaled", (None,) * len(nodes), "", 1 + factor, mended)

    def _pool(self, shape: tuple[int, ...]) -> tuple[list[tuple[Known, str]], Array]:
        """The known arrays that fit a shape, and their numbers in rows."""
        if shape not in self._pools:
            size = math.prod(shape)
            known = self.backward.known
            found = [
                fit for one in (*known.all, *known.masks) if one.value.size == size for fit in _fitting(one, shape)
            ]
            found = found[: max(1, MOST_ENTRIES // max(size, 1))]
            rows = np.array([row for _, _, row in found], dtype=float).reshape(len(found), size)
            self._pools[shape] = [(one, layout) for one, layout, _ in found], rows
        return self._pools[shape]

    def together(self, nodes: Sequence[Node]) -> Iterator[Repair]:
        """The repairs at all repetitions of one place."""
        projections = self.projections
        is_chain = projections.is_chain(nodes)
        effects = _Effects(nodes, projections.of_all(nodes) if is_chain else projections.of(nodes))
        complete: _Effects | None = None if is_chain else effects
        if not effects.is_finite:
            return
        for group in self._known_groups():
            if not _may_match(len(group), len(nodes)):
                continue
            ways = _picks(len(nodes), len(group))
            found = effects.of(group, ways)
            if found is None or (is_chain and not projections.may_mend_all(*found[:2])):
                continue
            complete = complete or _Effects(nodes, projections.of(nodes))
            found = complete.of(group, ways) if is_chain else found
            assert found is not None
            changes, sizes, layout = found
            for picks, mended in zip(ways, projections.mended(changes, sizes), strict=True):
                if mended:
                    arrays = tuple(group[t] if t >= 0 else None for t in picks)
                    yield Repair(tuple(nodes), -1, "replaced", arrays, layout, 1.0, mended)
        if not is_chain:
            yield from self._scaled(tuple(nodes), -1, effects.own.sum(axis=0), effects.size.sum(axis=0))

    def _known_groups(self) -> list[list[Known]]:
        """Known arrays of one place of the forward pass, by repetition."""
        if self._groups is None:
            known = self.backward.known
            found: dict[object, list[Known]] = {}
            for one in known.all:
                if one.node.site is not None:
                    found.setdefault((one.node.site, one.kind, one.operand), []).append(one)
                    found.setdefault((one.node.site, one.node.callers, one.kind, one.operand), []).append(one)
            for node in known.graph.live:  # the gradients of what one place takes: that of the first state too
                for k, parent in enumerate(node.parents):
                    if node.site is not None and parent in known.gradients:
                        one = Known(known.gradients[parent], "gradient", parent)
                        found.setdefault((node.site, "operand", k), []).append(one)
            distinct = {tuple((one.node, one.kind, one.operand) for one in group): group for group in found.values()}
            self._groups = [group for group in distinct.values() if len(group) > 1]
        return self._groups


class _Effects:
    """What known arrays in the places of some nodes do to the projections."""

    def __init__(self, nodes: Sequence[Node], flows: Sequence[Array]) -> None:
        self._nodes, self._flows = nodes, flows
        values = [np.where(np.isfinite(node.value), node.value, 0.0).ravel() for node in nodes]
        self.own = np.array([flow @ value for flow, value in zip(flows, values, strict=True)])
        self.size = np.array([np.abs(flow) @ np.abs(value) for flow, value in zip(flows, values, strict=True)])
        self.is_finite = bool(np.isfinite(self.own).all())
        self._together = np.array(flows) if len({node.shape for node in nodes}) == 1 else None

    def of(self, group: Sequence[Known], ways: Sequence[Sequence[int]]) -> tuple[Array, Array, str] | None:
        """For each way, the changes of the projections and the size of their terms; the layout of the arrays.

        None if an array does not fit the node whose place it would take in every way.
        """
        table = self._table(group)
        if table is None:
            return None
        changes, sizes, layout = table
        order = np.arange(len(self._nodes))
        kept = [[(r, t) for r, t in zip(order, picks, strict=True) if t >= 0] for picks in ways]
        picked = [tuple(np.array(pairs).T) if pairs else (order[:0], order[:0]) for pairs in kept]
        return (
            np.array([changes[one].sum(axis=0) for one in picked]),
            np.array([sizes[one].sum(axis=0) for one in picked]),
            layout,
        )

    def _table(self, group: Sequence[Known]) -> tuple[Array, Array, str] | None:
        """The effect of array t in the place of node r: (r, t, projections); NaN where it does not fit."""
        if self._together is not None and len({one.value.shape for one in group}) == 1:
            fits = [next(_fitting(one, self._nodes[0].shape), None) for one in group]
            if fits[0] is None:
                return None
            rows = np.array([fit[2] for fit in fits if fit is not None], dtype=float)
            changes = self._together @ rows.T  # (nodes, projections, arrays)
            sizes = np.abs(self._together) @ np.abs(rows).T
            changes, sizes, layout = changes.transpose(0, 2, 1), sizes.transpose(0, 2, 1), fits[0][1]
        else:
            shape = (len(self._nodes), len(group), self.own.shape[1])
            changes, sizes, layout = np.full(shape, np.nan), np.zeros(shape), ""  # mixed shapes
            for r, node in enumerate(self._nodes):
                for t, one in enumerate(group):
                    fit = next(_fitting(one, node.shape), None)
                    if fit is not None:
                        changes[r, t] = self._flows[r] @ fit[2]
                        sizes[r, t] = np.abs(self._flows[r]) @ np.abs(fit[2])
        return changes - self.own[:, None], sizes + self.size[:, None], layout


def _picks(backward: int, forward: int) -> list[list[int]]:
    """Which repetition forward belongs to each repetition backward; -1 for none."""
    ways = [[(forward - 1 - r if step < 0 else r) + shift for r in range(backward)] for step, shift in STEPS]
    return [[t if 0 <= t < forward else -1 for t in way] for way in ways]


def _fitting(one: Known, shape: tuple[int, ...]) -> Iterator[tuple[Known, str, Array]]:
    """The ways in which a known array fits a shape: the layout, and the numbers in the order of C."""
    value, wanted = one.value.squeeze(), tuple(n for n in shape if n != 1)
    if value.size != math.prod(shape):
        return
    if value.shape == wanted:
        yield one, "", value.ravel()
    for order in ORDERS.get(value.ndim, ()):
        if tuple(value.shape[i] for i in order) == wanted:
            yield one, "transposed", value.transpose(order).ravel()
    if value.shape != wanted and one.kind in ("gradient", "share"):
        yield one, "reshaped", value.ravel()


def _is_told(factor: float, nodes: Sequence[Node], operand: int) -> bool:
    """Whether a factor is evidence: not where it removes a value, or is any number that fits one other number."""
    if abs(factor) < SMALLEST or abs(factor) > 1 / SMALLEST:
        return False
    if is_simple(factor):
        return True
    values = [(node if operand < 0 else node.parents[operand]).value for node in nodes]
    return len(np.unique(np.concatenate([one.ravel()[:MOST_DISTINCT] for one in values]))) > 1


def layouts_of(one: Known, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """The layouts in which a known array fits a shape, and its numbers in each."""
    return ((layout, row) for _, layout, row in _fitting(one, shape))


def _may_match(forward: int, backward: int) -> bool:
    return abs(forward - backward) <= 1 or forward * backward <= MOST_PAIRS


def groups_in(backward: Backward, nodes: Sequence[Node]) -> list[list[Node]]:
    """All repetitions of the places of some nodes, also if they are called from several lines."""
    by_place: dict[object, list[Node]] = {}
    for node in backward.nodes:
        if node.site is not None and node.active:
            by_place.setdefault((node.site, node.callers), []).append(node)
            by_place.setdefault(node.site, []).append(node)
    found: dict[tuple[Node, ...], list[Node]] = {}
    for node in nodes:
        for place in ((node.site, node.callers), node.site):
            group = by_place.get(place, [])
            if len(group) > 1:
                found[tuple(group)] = group
    return list(found.values())


def is_simple(factor: float) -> bool:
    """Whether a factor is a small integer, or 1 divided by one."""
    ways = (abs(factor), 1 / abs(factor)) if factor else ()
    return any(abs(one - round(one)) < 1e-6 and one < 1000 for one in ways)
