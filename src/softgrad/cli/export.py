"""`softgrad export`: a trained model as an ONNX file, for programs without softgrad."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from softgrad._files import check_writable, write_whole
from softgrad._messages import list_names, quoted
from softgrad.cli.console import output
from softgrad.cli.exporting.onnx_model import export as to_onnx
from softgrad.cli.exporting.onnx_model import opset
from softgrad.cli.model import ARGUMENT, load
from softgrad.errors import OptionError


def export(
    model: Annotated[Path, typer.Argument(help=ARGUMENT)],
    out: Annotated[Path, typer.Argument(help="The file to write, which ends in .onnx.", metavar="FILE.onnx")],
) -> None:
    """Write a trained model as ONNX: its preprocessing, its network and the names of its classes.

    The file has an input for each column of the table, of shape (rows, 1): float64 for numbers, with NaN where one is
    missing, and strings for categories and dates, as they are in the table. If all columns are numbers, there is one
    input X, float64 of shape (rows, columns). The outputs are the label and the probabilities of each row.
    """
    if out.suffix != ".onnx":
        raise OptionError(f"export: {quoted(str(out))} does not end in .onnx; wanted a path such as model.onnx")
    trained = load("export", model)
    if os.path.realpath(out) == os.path.realpath(trained.path):
        raise OptionError(f"export: {out} is the model itself; choose another path")
    if not out.parent.exists():
        raise OptionError(f"export: {out} cannot be written, since {out.parent} does not exist; make this folder first")
    check_writable(out)
    exported = to_onnx(trained)
    write_whole(out, exported.content)
    kinds = {name: "text" if dtype is str else "numbers" for name, (dtype, _) in exported.inputs.items()}
    for kind in ("numbers", "text"):
        names = [name for name in kinds if kinds[name] == kind]
        if names:
            output(f"inputs of {kind}: {list_names(names)}")
    output(f"outputs: {list_names(exported.outputs)}")
    output(f"{out}: {len(exported.content):,} bytes, operators of {opset()}")
