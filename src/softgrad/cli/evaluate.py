"""`softgrad evaluate`: what a trained network reaches on a table whose classes are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from softgrad._messages import list_names, quoted
from softgrad.cli import results
from softgrad.cli.console import output, progress
from softgrad.cli.model import ARGUMENT, Model, load
from softgrad.data import Table, class_indices
from softgrad.data.encoding import Novelties
from softgrad.data.streams import read_parts
from softgrad.data.tables import SOURCES
from softgrad.data.unlabelled import Unlabelled
from softgrad.errors import DataError, OptionError


def evaluate(
    model: Annotated[Path, typer.Argument(help=ARGUMENT)],
    data: Annotated[
        str,
        typer.Argument(help=f"A table with the columns of the training data and the class. {SOURCES}"),
    ],
    target: Annotated[
        str | None, typer.Option(help="The column that holds the class.  [default: the one of the training]")
    ] = None,
    array: Annotated[
        str | None, typer.Option(help="The array of an .npz file that holds the inputs.  [default: x]", metavar="NAME")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Measure a trained model on DATA: the results that softgrad train prints of its test rows.

    They are beside those of always answering the class that was the commonest in training. Columns are matched by name.
    Rows without a class are left out.
    """
    trained = load("evaluate", model)
    N, parts = read_parts(data, target=target, array=array, width=trained.encoding.width)
    novelties, blocks, indices = Novelties(trained.encoding), [], []
    unlabelled: Unlabelled | None = None
    with progress("evaluating", N) as bar:
        for whole in parts:
            column = _target(trained, whole, target)
            unlabelled = Unlabelled(column) if unlabelled is None else unlabelled
            table = unlabelled.leave_out(whole)
            indices.append(class_indices(table, column, trained.classes))
            for block in trained.logits(table):
                blocks.append(block)
                bar.advance(steps=len(block))
            novelties.add(table)
    without_class = () if unlabelled is None else unlabelled.notes(table.source)
    logits, labels = np.concatenate(blocks), np.concatenate(indices)
    of_classes, confusion = results.measure_classes(logits, labels, trained.classes)
    metrics: dict[str, Any] = {
        "model": str(trained.path),
        "dataset": data,
        "target": column,
        "rows": len(labels),
        **results.measure_rows(logits, labels),
        "baseline": results.measure_baseline(labels, trained.class_rows("evaluate")),
        "classes": of_classes,
        "confusion": confusion,
    }
    for note in [*table.notes, *without_class, *novelties.notes()]:
        typer.echo(f"softgrad: {note}", err=True)
    if as_json:
        typer.echo(json.dumps(metrics, indent=2))
        return
    output(f"{table.source}: {len(labels):,} rows, whose class is in column {quoted(column)}")
    results.show_sets([("all rows", metrics)], metrics["baseline"])
    results.show_classes(of_classes, confusion, "rows")


def _target(trained: Model, table: Table, target: str | None) -> str:
    """The name of the column that holds the class."""
    if target is not None:
        return target
    column = trained.metrics.get("target")
    if not isinstance(column, str):
        raise OptionError(f"evaluate: {trained.path} does not say which column holds the class; name it with --target")
    if column not in table.columns and table.target is None:
        raise DataError(
            f"evaluate: {table.source} has no column {quoted(column)}, which held the class in training; its columns "
            f"are {list_names(table.columns)}; name the one that holds the class with --target, or use softgrad predict"
        )
    return column if column in table.columns else str(table.target)
