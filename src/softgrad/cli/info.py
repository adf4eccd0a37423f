"""`softgrad info`: what is in a model file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from softgrad._messages import list_names, quoted, text_of
from softgrad.cli import results
from softgrad.cli.console import output
from softgrad.cli.model import ARGUMENT, Model, load
from softgrad.cli.training.config import RunConfig
from softgrad.data.kinds import describe
from softgrad.errors import ModelError

MOST_SHOWN = 40  # layers, columns or classes; --json has all


def info(
    model: Annotated[Path, typer.Argument(help=ARGUMENT)],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show what a trained model is: its layers, how it reads each column, its classes, its results and its options."""
    trained = load("info", model)
    facts = collect(trained)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    output(
        f"{facts['model']}: {facts['inputs']:,} inputs, {len(facts['classes']):,} classes, {facts['parameters']:,} "
        f"parameters in {facts['dtype']}, written by softgrad {facts['version'] or 'of an unknown version'}"
    )
    _show(
        ("layer", "outputs", "parameters"),
        [(each["layer"], f"{each['outputs']:,}", f"{each['parameters']:,}") for each in facts["layers"]],
    )
    columns = [(quoted(each.name, 32), f"{each.width:,}", describe(each)) for each in trained.encoding.columns]
    _show(("column", "inputs", "how it is read"), columns, text=3)
    output(f"classes: {list_names(trained.classes, MOST_SHOWN)}")
    output(f"temperature of the probabilities: {trained.temperature:g}")
    if trained.metrics:
        _show_training(trained)


def collect(trained: Model) -> dict[str, Any]:
    """What is known of a model, for JSON."""
    layers = list(_layers(trained))
    return {
        "model": str(trained.path),
        "version": trained.version,
        "inputs": trained.network.in_features,
        "parameters": sum(each["parameters"] for each in layers),
        "dtype": str(trained.network.dtype),
        "loss": trained.network.loss_name,
        "layers": layers,
        "columns": trained.encoding.to_json(),
        "classes": list(trained.classes),
        "temperature": trained.temperature,
        "metrics": dict(trained.metrics),
    }


def _layers(trained: Model) -> Iterator[dict[str, Any]]:
    width = trained.network.in_features
    for layer in trained.network.layers:
        width = layer.out_features(width)
        parameters = sum(value.size for value in layer.parameters.values())
        yield {"layer": repr(layer), "outputs": width, "parameters": parameters}


def _show_training(trained: Model) -> None:
    """Prints the results and the options of the training."""
    metrics = trained.metrics
    try:
        results.show_stored(metrics, caption=f"training on {metrics['dataset']}, {metrics['epochs']} epochs")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"info: {trained.path} does not hold the results of a training: {text_of(error)}; wanted a model that "
            "softgrad train wrote"
        ) from error
    defaults = {each.name: each.default for each in dataclasses.fields(RunConfig) if each.name != "epochs"}
    given = [
        f"{name.replace('_', ' ')} {_option(metrics[name])}"
        for name in ("target", *(name for name in defaults if name != "target"))
        if metrics.get(name) not in (None, [], "") and not metrics[name] is defaults[name] is False
    ]
    output(f"options: {', '.join(given)}")


def _show(header: Sequence[str], rows: Sequence[Sequence[str]], *, text: int = 1) -> None:
    """Prints a table of the first rows."""
    more = len(rows) - MOST_SHOWN
    results.grid(header, rows[:MOST_SHOWN], text=text, caption=f"{more:,} more are in --json" if more > 0 else "")


def _option(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
