"""`softgrad predict`: one prediction for each row of a table, from a trained network."""

from __future__ import annotations

import csv
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
import typer

from softgrad._arrays import Array
from softgrad._files import check_writable, write_whole
from softgrad.cli.console import progress
from softgrad.cli.model import ARGUMENT, file_of, load
from softgrad.data.encoding import Novelties
from softgrad.data.streams import read_parts
from softgrad.data.tables import SOURCES
from softgrad.errors import OptionError

IN_MEMORY = 2**26  # bytes of the predictions; more are kept in a temporary file


def predict(
    model: Annotated[Path, typer.Argument(help=ARGUMENT)],
    data: Annotated[
        str,
        typer.Argument(help=f"A table with the columns of the training data. {SOURCES}"),
    ],
    array: Annotated[
        str | None, typer.Option(help="The array of an .npz file that holds the inputs.  [default: x]", metavar="NAME")
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of to standard output.")] = None,
) -> None:
    """Predict the class of each row of DATA, as CSV.

    Columns are matched by name. Columns that the model was not trained on are ignored.
    """
    file = file_of(model)
    if out is not None and os.path.realpath(out) in (os.path.realpath(file), os.path.realpath(data)):
        raise OptionError(f"predict: --out is {out}, which is also an input; choose another --out")
    if out is not None:
        if not out.parent.exists():
            raise OptionError(f"predict: --out is {out}, but {out.parent} does not exist; make this folder first")
        check_writable(out)
    trained = load("predict", file)
    N, parts = read_parts(data, array=array, width=trained.encoding.width)
    novelties, notes = Novelties(trained.encoding), list[str]()
    # No line is written before the last row is read, since that may be an error.
    with tempfile.SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", newline="") as lines:
        with progress("predicting", N) as bar:
            _write_header(lines, trained.classes, proba)
            for table in parts:
                for probs in trained.probabilities(table):
                    _write_rows(lines, probs, trained.classes, proba)
                    bar.advance(steps=len(probs))
                novelties.add(table)
                notes = list(table.notes)
        for note in [*notes, *novelties.notes()]:
            typer.echo(f"softgrad: {note}", err=True)
        lines.seek(0)
        if out is None:
            shutil.copyfileobj(lines, sys.stdout)
        else:
            write_whole(out, (text.encode() for text in iter(lambda: lines.read(2**20), "")))


def _write_header(lines: IO[str], classes: Sequence[str], proba: bool) -> None:
    _write(lines, [["prediction", *(f"probability {name}" for name in classes if proba)]])


def _write_rows(lines: IO[str], probs: Array, classes: Sequence[str], proba: bool) -> None:
    best = probs.argmax(axis=1)
    shown: Iterable[list[str]] = ([] for _ in best)
    if proba:
        shown = ([np.format_float_positional(p, unique=True) for p in row] for row in probs)
    _write(lines, ([classes[k], *cells] for k, cells in zip(best, shown, strict=True)))


def _write(lines: IO[str], rows: Iterable[Sequence[Any]]) -> None:
    csv.writer(lines, lineterminator="\n").writerows(rows)
