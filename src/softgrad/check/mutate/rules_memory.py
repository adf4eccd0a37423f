"""Changes of what flows back through indices and shapes: repeated indices, the order of memory, another place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.mutate.rules_products import equal_axes
from softgrad.check.trace.contractions import einsum_contribution
from softgrad.check.trace.node import Node
from softgrad.check.trace.operations import added_up
from softgrad.formulas.numbers import Array


def of_gather(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    """Changes of an index, a slice, a reshape or a transpose."""
    index, parent = node.static["index"], node.parents[0]
    flat = index.ravel()
    if len(np.unique(flat)) < flat.size:
        yield Candidate("repeated-indices", where, k, _assigned(False), 1.0)
        yield Candidate("repeated-indices", where, k, _assigned(True), 1.2)
        for leading in range(1, index.ndim):
            yield Candidate("repeated-indices", where, k, _assigned_by_rows(leading), 1.1)
    if flat.size == parent.value.size:
        for order in ("CF", "FC", "FF"):
            yield Candidate("memory-order", where, k, _in_order(*order), 1.3)
        yield Candidate("memory-order", where, k, _reversed_shape, 1.4)
        for axes in equal_axes(parent.shape):
            yield Candidate("transposed-product", where, k, _swapped_result(axes), 1.3, {"variant": "result"})
    if not where.site or node.static["kind"] != "reshape":
        for shift in (-1, 1):
            yield Candidate("wrong-operand", where, k, _shifted(shift), 1.8, {"variant": "index"})


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


def _shifted(by: int) -> Rule:
    """The gradient is put one entry further along the last axis, or the axis before."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        if not right.ndim:
            raise Misfit
        return np.roll(right, by, axis=0)

    return rule


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
    return Candidate(kind, where, None, rule, 1.2 + 0.1 * (not last) + 0.05 * entries, {"last": last})


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

    return Candidate("only-the-last", where, None, rule, 1.1 + 0.1 * last, {"last": last, "variant": "one"})
