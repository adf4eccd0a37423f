"""The folder of a run: which files it holds, and how it is written, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from softgrad import __version__, nn
from softgrad._files import check_writable, write_together
from softgrad.cli.problem import Problem
from softgrad.nn import checkpoint

MODEL, METRICS = "model.safetensors", "metrics.json"


def default(data: str) -> Path:
    """The folder of a run on this table: softgrad-runs/table, of folder/table.csv.gz."""
    return Path("softgrad-runs") / ("standard-input" if data == "-" else Path(data.removesuffix(".gz")).stem)


def check(out: Path) -> None:
    """Checks that the folder can be written.

    Raises:
        WriteError: it cannot.
    """
    check_writable(out / MODEL, out / METRICS)


def contents(
    problem: Problem, network: nn.Network, metrics: Mapping[str, Any], seconds: Mapping[str, float]
) -> dict[str, bytes]:
    """The files of a run, by name.

    The model holds the metrics too. metrics.json names the model that they belong to, by its checksum, and adds the
    time, which would make two files of the same model differ.
    """
    facts = {
        "version": __version__,
        "classes": problem.classes,
        "encoding": problem.encoding.to_json(),
        "metrics": metrics,
    }
    model = checkpoint.to_bytes(network, facts)
    report = {**metrics, **seconds, "model_sha256": checkpoint.checksum(model)}
    return {MODEL: model, METRICS: (json.dumps(report, indent=2) + "\n").encode()}


def write(out: Path, files: Mapping[str, bytes]) -> None:
    """Writes the files of a run.

    Raises:
        WriteError: a file cannot be written. The folder is then as it was.
    """
    write_together({out / name: data for name, data in files.items()})
