"""A trained model as ONNX: its columns, its network and its answers, with their names."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from softgrad import __version__
from softgrad._extras import needs
from softgrad.cli.exporting import columns, network
from softgrad.cli.exporting.dates import dates
from softgrad.cli.exporting.graph import OPSETS, Graph
from softgrad.cli.model import Model
from softgrad.data.kinds import CategoryColumn, DateColumn, NumberColumn

MATRIX = "X"  # the input of a model whose columns are all numbers
LABEL, PROBABILITIES = "label", "probabilities"


class Exported(NamedTuple):
    """The content of a file, and the names in it."""

    content: bytes
    inputs: dict[str, tuple[Any, int | None]]  # each with its dtype and number of columns
    outputs: tuple[str, str]


def export(trained: Model) -> Exported:
    """The model as ONNX. The checker of ONNX has accepted it.

    Raises:
        MissingPackageError: onnx is not installed.
    """
    used = [column for column in trained.encoding.columns if column.width]
    inputs: dict[str, tuple[Any, int | None]] = {
        column.name: (np.float64 if isinstance(column, NumberColumn) else str, 1) for column in used
    }
    if all(isinstance(column, NumberColumn) for column in used):
        inputs = {MATRIX: (np.float64, len(used))}
    label, probabilities = (_unused(name, inputs) for name in (LABEL, PROBABILITIES))
    graph = Graph([*inputs, label, probabilities])
    x = graph.cast(_matrix(graph, trained, inputs), trained.network.dtype)
    logits = network.logits(graph, x, trained.network)
    temperature = trained.network.dtype.type(trained.temperature)
    network.answers(graph, logits, trained.classes, temperature, label, probabilities)
    outputs = {label: (str, None), probabilities: (trained.network.dtype, len(trained.classes))}
    model = graph.model(inputs, outputs)
    _describe(model, trained, [column.name for column in used])
    with needs("export", "onnx", extra="onnx"):
        from onnx.checker import check_model
    check_model(model, full_check=True)
    return Exported(model.SerializeToString(deterministic=True), inputs, (label, probabilities))


def _matrix(graph: Graph, trained: Model, inputs: dict[str, Any]) -> str:
    """The matrix x, float64 of shape (N, D), with its columns in the order of the network."""
    parts: list[str] = []
    order: list[int] = []  # of each column of the parts: which column of x it is
    numbers: list[NumberColumn] = []
    places: list[int] = []
    start = 0
    for column in trained.encoding.columns:
        if isinstance(column, NumberColumn):
            numbers.append(column)
            places.append(start)
        elif isinstance(column, DateColumn):
            parts.append(dates(graph, column.name, column))
        elif isinstance(column, CategoryColumn) and column.width:
            parts.append(columns.category(graph, column.name, column))
        if not isinstance(column, NumberColumn):
            order += range(start, start + column.width)
        start += column.width
    if numbers:
        names = [column.name for column in numbers]
        values = MATRIX if MATRIX in inputs and not parts else graph.op("Concat", *names, axis=1)
        parts.append(columns.numbers(graph, values, numbers))
        order += columns.order_of_numbers(numbers, places)
    x = graph.op("Concat", *parts, axis=1)
    if order == sorted(order):
        return x
    return graph.op("Gather", x, graph.constant(np.argsort(order)), axis=1)


def _describe(model: Any, trained: Model, names: list[str]) -> None:
    """Adds what no node needs: the version, the names of the classes and the columns."""
    from onnx import helper

    model.producer_version = __version__
    helper.set_model_props(
        model,
        {
            "softgrad_version": __version__,
            "classes": json.dumps(trained.classes),
            "columns": json.dumps(names),
            "temperature": repr(trained.temperature),
        },
    )


def _unused(name: str, inputs: dict[str, Any]) -> str:
    while name in inputs:
        name += "_"
    return name


def opset() -> str:
    """The versions of the operators, as text."""
    return ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in OPSETS.items())
