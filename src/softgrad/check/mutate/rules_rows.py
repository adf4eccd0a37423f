"""Rows that are taken by one list of indices and given back by another: the targets of edges for their sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Ref, Where
from softgrad.check.mutate.draw import Adjoint, Draw
from softgrad.check.mutate.stretches import where_of
from softgrad.check.trace.node import Node
from softgrad.check.trace.operations import added_up
from softgrad.formulas.numbers import Array

MOST_LISTS = 8
OPS = ("gather", "scatter_add")


def of_rows(draw: Draw, where: Where, node: Node, k: int) -> Iterator[Candidate]:
    """What flows back to rows is added to those that another operation takes or gives.

    Args:
        draw: the graph they belong to.
        where: views that take rows.
        node: one of them.
        k: their operand.
    """
    own = _rows(node)
    if own is None:
        return
    tried: list[Array] = [own]
    for other in draw.live:
        rows = _rows(other) if other.op in OPS and other is not node else None
        if rows is None or rows.shape != own.shape or rows.max() >= len(node.parents[0].value):
            continue
        there = where_of(draw, other)
        if there is not None and not any(np.array_equal(rows, one) for one in tried):
            tried.append(rows)
            yield _at_rows_of(where, k, there)
            if len(tried) > MOST_LISTS:
                return


def _at_rows_of(where: Where, k: int, there: Where) -> Candidate:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, j: Any, g: Array, right: Array) -> Array:
        rows, own = _rows(Ref(there).node(draw, node)), _rows(node)
        if rows is None or own is None or rows.shape != own.shape or rows.max() >= len(right):
            raise Misfit
        width = right.size // len(right)
        return added_up(rows[:, None] * width + np.arange(width), g, right.shape)

    return Candidate("wrong-indices", where, k, rule, 1.3, {"variant": "rows", "rows": there})


def _rows(node: Node) -> Array | None:
    """Which rows an operation takes or gives, if it takes whole rows by a list of indices."""
    index, whole = node.static["index"], node.parents[0].shape
    if not whole or not index.size or node.static.get("kind") == "reshape":
        return None
    width = int(np.prod(whole[1:]))
    if not width or index.size % width:
        return None
    index = index.reshape(-1, width)
    rows = index[:, 0] // width
    is_whole = np.array_equal(index, rows[:, None] * width + np.arange(width))
    return rows if is_whole and len(rows) > 1 else None
