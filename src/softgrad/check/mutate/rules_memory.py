"""Changes of what flows back through indices and shapes: repeated indices, the order of memory, another place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.mutate.rules_products import equal_axes
from softgrad.check.trace.contractions import einsum_contribution
from softgrad.check.trace.node import Node
from softgrad.check.trace.operations import added_up
from softgrad.formulas.numbers import Array

MOST_AXES = 4  # whose orders are all tried


def of_gather(where: Where, nodes: list[Node], k: int) -> Iterator[Candidate]:
    """Changes of an index, a slice, a reshape or a transpose."""
    node = nodes[0]
    parent = node.parents[0]
    if any(len(np.unique(one.static["index"])) < one.value.size for one in nodes):
        yield Candidate("repeated-indices", where, k, _assigned(False), 1.0)
        yield Candidate("repeated-indices", where, k, _assigned(True), 1.2)
        for leading in range(1, len(node.shape)):
            yield Candidate("repeated-indices", where, k, _assigned_by_rows(leading), 1.1)
    if node.value.size == parent.value.size:
        for order in ("CF", "FC", "FF"):
            yield Candidate("memory-order", where, k, _in_order(*order), 1.3)
        yield Candidate("memory-order", where, k, _reversed_shape, 1.4)
    if len(node.shape) > 1:
        yield Candidate("memory-order", where, k, _entries_in_order, 1.3)
    for axes in equal_axes(parent.shape):
        is_matrix = min(axes) == len(parent.shape) - 2  # other axes belong to no matrix product
        kind, told = ("transposed-product", {"variant": "result"}) if is_matrix else ("memory-order", {})
        if is_matrix and len(node.shape) < len(parent.shape):  # one entry, or a row
            kind, told = "wrong-indices", {}
        yield Candidate(kind, where, k, _swapped_result(axes), 1.3, told)
    for axis in range(len(node.shape)):
        if node.shape[axis] > 1:
            yield Candidate("memory-order", where, k, _turned(axis), 1.5, {"variant": "reversed", "axis": axis})
    for axis in range(len(parent.shape)):
        for by in (-1, 1):
            yield Candidate("wrong-indices", where, k, _shifted(by, axis), 1.7, {"variant": "shifted"})


def of_chain(draw: Draw, where: Where, nodes: list[Node], k: int, ends: list[Node]) -> Iterator[Candidate]:
    """Changes of several views in a row, taken together.

    Args:
        draw: the graph they belong to.
        where: the first view.
        nodes: its repetitions.
        k: its operand.
        ends: the last view of each.
    """
    first, last = nodes[0], ends[0]
    parent = first.parents[k]
    if last.value.size == parent.value.size and 1 < len(last.shape) <= MOST_AXES:
        for axes in permutations(range(len(last.shape))):
            for turned in (False, True) if len(parent.shape) > 1 else (False,):
                yield Candidate("memory-order", where, k, _reordered(axes, turned), 1.3 + 0.1 * turned)
    for axis in _repeated_axes(parent, last):
        for interleaved in (False, True):
            yield Candidate("memory-order", where, k, _summed_over_repeats(axis, interleaved), 1.3)
    if first is not last:
        for one in (False, True):
            yield Candidate("repeated-indices", where, k, _assigned_through(one), 1.2 + 0.1 * one)
    if len(nodes) > 1:
        kind, variant = ("memory-order", "pieces") if _are_pieces(draw, nodes) else ("wrong-iteration", "index")
        for by in (-1, 1, 0):
            yield Candidate(kind, where, k, _with_index_of(by), 1.5, {"variant": variant})


def _are_pieces(draw: Draw, nodes: list[Node]) -> bool:
    """Whether views are the parts of one array, as chunk gives them: a loop would do the same with each of them."""
    uses = [{(taker.site, i) for taker, i in draw.graph.consumers.get(node, ())} for node in nodes]
    return len({node.parents[0] for node in nodes}) == 1 and all(uses[0].isdisjoint(one) for one in uses[1:])


def _repeated_axes(parent: Node, last: Node) -> list[int]:
    """The axis along which entries are repeated, if that is all that the views do."""
    if len(last.shape) != len(parent.shape):
        return []
    pairs = list(zip(parent.shape, last.shape, strict=True))
    axes = [axis for axis, (n, m) in enumerate(pairs) if n != m]
    return [axis for axis, (n, m) in enumerate(pairs) if len(axes) == 1 and n != m and n > 1 and m % n == 0]


def _summed_over_repeats(axis: int, interleaved: bool) -> Rule:
    """The sum over repeats, as if each entry (or all of them in turn) were repeated where it is the other way."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        arrived, shape = adjoint(end_of_views(draw, node)), node.parents[k].shape
        repeats = arrived.shape[axis] // shape[axis]
        parts = (shape[axis], repeats) if interleaved else (repeats, shape[axis])
        return np.asarray(arrived.reshape(*shape[:axis], *parts, *shape[axis + 1 :]).sum(axis=axis + interleaved))

    return rule


def end_of_views(draw: Draw, node: Node) -> Node:
    """The last of the views that follow each other, each the only use of the one before."""
    while True:
        takers = draw.graph.consumers.get(node, [])
        if len(takers) != 1 or takers[0][0].op != "gather":
            return node
        node = takers[0][0]


def _reordered(axes: tuple[int, ...], turned: bool) -> Rule:
    """The gradient of the last view, transposed and reshaped in some way."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        arrived = adjoint(end_of_views(draw, node)).transpose(axes)
        shape = node.parents[k].shape
        return arrived.reshape(shape[::-1]).T if turned else arrived.reshape(shape)

    return rule


def _assigned_through(first: bool) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        end, index = end_of_views(draw, node), node.static["index"]
        views = []
        one = node
        while one is not end:
            one = draw.graph.consumers[one][0][0]
            views.append(one)
        for view in views:
            index = index.ravel()[view.static["index"]]
        index, values = index.ravel(), adjoint(end).ravel()
        if len(np.unique(index)) == index.size:
            raise Misfit
        result = np.zeros(node.parents[k].value.size)
        result[index[::-1] if first else index] = values[::-1] if first else values
        return result.reshape(node.parents[k].shape)

    return rule


def _with_index_of(by: int) -> Rule:
    """The gradient is put where that of another repetition belongs: the next, the one before, or (0) in reverse."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        assert node.site is not None
        group = draw.places[node.site, node.callers]
        at = node.repetition + by if by else len(group) - 1 - node.repetition
        if not 0 <= at < len(group) or group[at].shape != node.shape:
            if by:
                return np.zeros(node.parents[k].shape)
            raise Misfit
        result = np.zeros(node.parents[k].value.size)
        np.add.at(result, group[at].static["index"].ravel(), g.ravel())
        return result.reshape(node.parents[k].shape)

    return rule


def _entries_in_order(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
    """The entries are put where they belong, and are read in the other order of memory."""
    result = np.zeros(node.parents[0].value.size)
    np.add.at(result, node.static["index"].ravel(), g.ravel(order="F"))
    return result.reshape(node.parents[0].shape)


def _turned(axis: int) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return draw.flow(node, k, np.flip(g, axis))

    return rule


def of_assembly(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    """Changes of an array that is put together: the gradient of one part is read where another one stands."""
    there, _ = node.static["pieces"][k]
    for axis, position in enumerate(np.unravel_index(there, node.shape)):
        length = node.shape[axis] - int(np.ptp(position)) - 1
        for start in {0, length} - {int(position.min())}:
            shift = start - int(position.min())
            yield Candidate("wrong-part", where, k, _from_elsewhere(axis, shift), 1.3)
        if length:
            yield Candidate("transposed-product", where, k, _with_transposed_part(axis), 1.3, {"variant": "part"})


def _from_elsewhere(axis: int, shift: int) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        there, here = node.static["pieces"][k]
        at = list(np.unravel_index(there, node.shape))
        at[axis] = at[axis] + shift
        return added_up(here, g[tuple(at)], node.parents[k].shape)

    return rule


def _with_transposed_part(axis: int) -> Rule:
    """In a product with what was put together, those rows of the other matrix that meet this part are transposed."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        there, here = node.static["pieces"][k]
        positions = np.unique(np.unravel_index(there, node.shape)[axis])
        takers = draw.graph.consumers.get(node, [])
        if len(takers) != 1 or takers[0][0].op != "einsum" or len(takers[0][0].parents) != 2:
            raise Misfit
        (product, j), i = takers[0], 1 - takers[0][1]
        matrix = product.parents[i].value.copy()
        if matrix.ndim != 2 or sorted(matrix.shape) != sorted((len(positions), node.shape[axis])):
            raise Misfit
        rows = matrix if matrix.shape[0] == node.shape[axis] else matrix.T
        rows[positions] = rows[positions].T
        return added_up(
            here, einsum_contribution(product, j, adjoint(product), {i: matrix}).ravel()[there], right.shape
        )

    return rule


def _assigned(first: bool) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        result, index, values = np.zeros(node.parents[0].value.size), node.static["index"].ravel(), g.ravel()
        if first:
            index, values = index[::-1], values[::-1]
        result[index] = values
        return result.reshape(node.parents[0].shape)

    return rule


def _assigned_by_rows(leading: int) -> Rule:
    """Each row of indices is added at once: an entry that a row names twice gets one of the two."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        result = np.zeros(node.parents[0].value.size)
        index = node.static["index"]
        rows = int(np.prod(index.shape[:leading]))
        for numbers, values in zip(index.reshape(rows, -1), g.reshape(rows, -1), strict=True):
            result[numbers] += values
        return result.reshape(node.parents[0].shape)

    return rule


def _in_order(read: Any, written: Any) -> Rule:
    """The gradient is read in one order and written in another."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return g.ravel(order=read).reshape(node.parents[0].shape, order=written)

    return rule


def _reversed_shape(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
    return g.reshape(node.parents[0].shape[::-1]).T


def _swapped_result(axes: tuple[int, int]) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return np.swapaxes(right, *axes)

    return rule


def _shifted(by: int, axis: int) -> Rule:
    """The gradient is put one entry further along an axis."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return np.roll(right, by, axis=axis)

    return rule


def of_parts(where: Where, takers: list[tuple[Where, int]]) -> Candidate:
    """Every part of a packed array is written in the other order of memory."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        result = g
        for taker, operand in _uses(draw, node, takers):
            if taker.op == "gather" and len(taker.shape) > 1:
                arrived = adjoint(taker)
                result = result - draw.flow(taker, operand, arrived)
                result = result + _entries_in_order(draw, adjoint, taker, operand, arrived, arrived)
        return result

    return Candidate("memory-order", where, None, rule, 1.3)


def overwritten(where: Where, takers: list[tuple[Where, int]], *, last: bool, entries: bool) -> Candidate:
    """Of what flows to a node from the repetitions of a loop, each overwrites what was there before.

    Args:
        where: the node.
        takers: the operations that take it, and as which operand.
        last: whether the last repetition of the forward pass is the one that stays.
        entries: whether a repetition overwrites only the entries at which it is not 0.
    """

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        parts = _uses(draw, node, takers)
        if len(parts) < 2:
            raise Misfit
        parts.sort(key=lambda one: one[0].index, reverse=not last)
        total, result = np.zeros(node.shape), np.zeros(node.shape)
        for taker, operand in parts:
            flow = draw.flow(taker, operand, adjoint(taker))
            total = total + flow
            touched = flow != 0 if entries or taker.op != "gather" else _touched(taker)
            result = np.where(touched, flow, result)
        return g - total + result

    kind = "only-the-last"
    cost = 1.2 + 0.1 * (not last) + 0.05 * entries
    return Candidate(kind, where, None, rule, cost, {"last": last}, may_scale=False)


def assigned_among(where: Where, takers: list[tuple[Where, int]], which: int, *, last: bool) -> Candidate:
    """Of several views of a node, one assigns its part of the gradient, where the others add theirs.

    Args:
        where: the node.
        takers: the views, in the order of the forward pass.
        which: the one that assigns.
        last: whether the last repetition of the forward pass comes last.
    """
    own = takers[which]

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        views = _uses(draw, node, takers)
        assigning = {one for one, _ in _uses(draw, node, [own])}
        if len(views) < 2 or not assigning or any(one.op != "gather" for one, _ in views):
            raise Misfit
        # Within one repetition of a loop, the views keep their order.
        places = {taker: i for i, (taker, _) in enumerate(takers)}
        found = {one: i for group, i in places.items() for one in group.nodes(draw)}
        views.sort(key=lambda one: (one[0].repetition if last else -one[0].repetition, found[one[0]]))
        result = np.zeros(node.value.size)
        total = np.zeros(node.shape)
        for view, operand in views:
            flow, index = adjoint(view), view.static["index"].ravel()
            total = total + draw.flow(view, operand, flow)
            if view in assigning:
                result[index] = flow.ravel()
            else:
                np.add.at(result, index, flow.ravel())
        return g - total + result.reshape(node.shape)

    told = {"variant": "assigned", "view": own[0]}
    return Candidate("only-the-last", where, None, rule, 1.25 + 0.05 * (not last), told, may_scale=False)


def _uses(draw: Draw, node: Node, takers: list[tuple[Where, int]]) -> list[tuple[Node, int]]:
    """The operations that take a node, each with the operand that it is."""
    return [
        (taker, operand)
        for group, operand in takers
        for taker in group.nodes(draw)
        if operand < len(taker.parents) and taker.parents[operand] is node
    ]


def _touched(taker: Node) -> Array:
    mask = np.zeros(taker.parents[0].value.size, dtype=bool)
    mask[taker.static["index"].ravel()] = True
    return mask.reshape(taker.parents[0].shape)


def only_one(where: Where, takers: list[tuple[Where, int]], *, last: bool) -> Candidate:
    """Only the first or the last repetition of a loop arrives."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        parts = _uses(draw, node, takers)
        if len(parts) < 2:
            raise Misfit
        parts.sort(key=lambda one: one[0].index)
        kept = parts[-1 if last else 0]
        total = np.zeros(node.shape)
        for taker, operand in parts:
            if (taker, operand) != kept:
                total = total + draw.flow(taker, operand, adjoint(taker))
        return g - total

    told = {"last": last, "variant": "one"}
    return Candidate("only-the-last", where, None, rule, 1.1 + 0.1 * last, told, may_scale=False)
