"""The columns of a table in a graph: what each becomes in the matrix x."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from softgrad.cli.exporting.graph import ML, Graph
from softgrad.data import written
from softgrad.data.kinds import CategoryColumn, NumberColumn

# Cells that are missing, in every mixture of small and capital letters.
MISSING = sorted(
    {"".join(letters) for word in written.MISSING for letters in product(*((c.lower(), c.upper()) for c in word))}
)


def numbers(graph: Graph, values: str, columns: Sequence[NumberColumn]) -> str:
    """The standardised numbers of all columns, then the flags of those that have one, of shape (N, width).

    Args:
        graph: the graph.
        values: the numbers, float64 of shape (N, columns); NaN where a cell is missing.
        columns: how they are read.
    """
    absent = graph.op("IsNaN", values)
    values = _on_their_scales(graph, values, [column.unit for column in columns])
    centred = graph.op("Sub", values, graph.constant([column.mean for column in columns]))
    scaled = graph.op("Div", centred, graph.constant([column.scale for column in columns]))
    standardised = graph.op("Where", absent, graph.constant(0.0), scaled)
    flagged = [i for i, column in enumerate(columns) if column.missing]
    if not flagged:
        return standardised
    flags = graph.cast(graph.op("Gather", absent, graph.constant(flagged), axis=1), np.float64)
    return graph.op("Concat", standardised, flags, axis=1)


def _on_their_scales(graph: Graph, values: str, units: Sequence[float | None]) -> str:
    """The values, where a column has a unit on its logarithmic scale."""
    if not any(units):
        return values
    given = graph.constant([unit or 1.0 for unit in units])
    size = graph.op("Sub", graph.op("Log", graph.op("Add", graph.op("Abs", values), given)), graph.op("Log", given))
    scaled = graph.op("Mul", graph.op("Sign", values), size)
    return graph.op("Where", graph.constant([unit is not None for unit in units]), scaled, values)


def order_of_numbers(columns: Sequence[NumberColumn], places: Sequence[int]) -> list[int]:
    """The columns of x that `numbers` gives, one after the other; `places` has the first one of each column."""
    return [*places, *(place + 1 for column, place in zip(columns, places, strict=True) if column.missing)]


def category(graph: Graph, text: str, column: CategoryColumn) -> str:
    """The one-hot encoding of the texts, which are of shape (N, 1); where none of them is 1, the shares."""
    nowhere, other = -1, len(column.categories)
    index = graph.op(
        "LabelEncoder",
        text,
        domain=ML,
        keys_strings=[*column.categories, *MISSING],
        values_int64s=[*range(other), *([column.width - 1 if column.missing else nowhere] * len(MISSING))],
        default_int64=other if column.rare else nowhere,
    )
    one_hot = graph.cast(graph.op("Equal", index, graph.constant(np.arange(column.width)[None])), np.float64)
    if not column.shares:
        return one_hot
    shares = np.zeros((1, column.width))
    shares[0, : len(column.shares)] = column.shares
    return graph.op("Where", graph.op("Equal", index, graph.constant(nowhere)), graph.constant(shares), one_hot)


def is_missing(graph: Graph, text: str) -> str:
    """Which of the texts stand for a missing cell."""
    index = graph.op(
        "LabelEncoder",
        text,
        domain=ML,
        keys_strings=MISSING,
        values_int64s=[1] * len(MISSING),
        default_int64=0,
    )
    return graph.cast(index, np.bool_)
