"""`softgrad predict`: one prediction for each row of a table, from a trained network."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from softgrad import _json, nn
from softgrad._arrays import Array
from softgrad._files import check_writable, write_whole
from softgrad._messages import one_line
from softgrad.data import Encoding, read_table
from softgrad.data.tables import BUNDLED
from softgrad.errors import ModelError, OptionError


def predict(
    model: Annotated[
        Path, typer.Argument(help="The folder that softgrad train wrote, or the model.safetensors in it.")
    ],
    data: Annotated[
        str,
        typer.Argument(
            help=f"A CSV file with the columns of the training data; - for standard input; or {', '.join(BUNDLED)}."
        ),
    ],
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of to standard output.")] = None,
) -> None:
    """Predict the class of each row of DATA, as CSV.

    Columns are matched by name. Columns that the model was not trained on are ignored.
    """
    file = model / "model.safetensors" if model.is_dir() else model
    if out is not None and os.path.realpath(out) in (os.path.realpath(file), os.path.realpath(data)):
        raise OptionError(f"predict: --out is {out}, which is also an input; choose another --out")
    if out is not None:
        check_writable(out)
    network, classes, encoding = _load(file)
    table = read_table(data)
    text = _as_csv(network.predict_proba(encoding.transform(table)), classes, proba)
    for note in [*table.notes, *encoding.notes(table)]:
        typer.echo(f"softgrad: {note}", err=True)
    if out is None:
        sys.stdout.write(text)
        return
    write_whole(out, text.encode())


def _load(path: Path) -> tuple[nn.Network, tuple[str, ...], Encoding]:
    network, facts = nn.load(path)
    try:
        classes = _json.texts(facts.get("classes"), "classes")
        encoding = Encoding.from_json(facts.get("encoding"))
        fits = encoding.width, len(classes)
        sizes = network.in_features, network.logits(np.zeros((1, network.in_features))).shape[1]
        if fits != sizes:
            raise ValueError(
                f"its columns and classes are for a network with {fits[0]} inputs and {fits[1]} outputs, but that has "
                f"{sizes[0]} and {sizes[1]}"
            )
    except ValueError as error:
        raise ModelError(
            f"predict: {path} does not hold the columns and classes of a table: {one_line(str(error), 200)}; wanted a "
            "model that softgrad train wrote"
        ) from error
    return network, classes, encoding


def _as_csv(probs: Array, classes: Sequence[str], proba: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["prediction", *(f"probability {name}" for name in classes if proba)])
    for row, best in zip(probs, probs.argmax(axis=1), strict=True):
        shown: list[Any] = [np.format_float_positional(p, unique=True) for p in row] if proba else []
        writer.writerow([classes[best], *shown])
    return text.getvalue()
