"""The report of a run: what is needed for it, from its folder and its table, and its two files."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from softgrad import _json
from softgrad._arrays import Array
from softgrad._files import read_whole, write_together
from softgrad._messages import one_line, text_of
from softgrad.cli import model as models
from softgrad.cli.problem import Problem, labelled
from softgrad.cli.training.config import RunConfig
from softgrad.cli.training.fitting import fit_temperature
from softgrad.cli.training.folder import DETAILS, METRICS
from softgrad.data import Split, Table, read_classes, read_table, split
from softgrad.errors import ModelError, SoftgradError
from softgrad.nn import Network, checkpoint
from softgrad.report import stored
from softgrad.report.build import build
from softgrad.report.details import Trained, gather
from softgrad.report.write import as_html, as_markdown

HTML, MARKDOWN = "report.html", "report.md"
OPTIONS = ["dataset", *(each.name for each in dataclasses.fields(RunConfig) if each.name not in ("data", "epochs"))]


def details_of(network: Network, problem: Problem, temperature: float, seed: int) -> dict[str, Any]:
    """What the report of a run shows beside its metrics; of a table that is read in blocks, for the sampled rows."""
    trained = Trained(
        network,
        temperature,
        fit_temperature(network, problem),
        problem.classes,
        problem.encoding,
        problem.table,
        problem.x[problem.rows.test],
        problem.labels[problem.rows.test],
        problem.rows.test,
    )
    return gather(trained, seed=seed)


def write_report(folder: Path) -> Path:
    """Writes report.html and report.md into the folder of a run, and returns the path of the page.

    What the run has not kept is computed from its table, if that is still there, and kept.

    Raises:
        ModelError: this is not the folder of a run, or its files do not belong together.
        MissingPackageError: jinja2 or matplotlib is not installed.
        WriteError: a file cannot be written.
    """
    model = models.load("report", folder)
    metrics = _metrics(folder, model)
    kept = _kept(folder, metrics["model_sha256"])
    details = _from_table(model) if kept is None else kept
    try:
        document = build(metrics, details, model.encoding, OPTIONS)
    except (KeyError, TypeError, ValueError) as error:  # the seconds and the epochs are not in the model
        raise ModelError(
            f"report: {folder / METRICS} is not what softgrad train writes: {text_of(error)}; restore it"
        ) from error
    files = {folder / HTML: as_html(document).encode(), folder / MARKDOWN: as_markdown(document).encode()}
    if kept is None and not isinstance(details, str):
        files[folder / DETAILS] = stored.to_bytes(details, metrics["model_sha256"])
    write_together(files)
    return folder / HTML


def _metrics(folder: Path, model: models.Model) -> Mapping[str, Any]:
    """What metrics.json holds. What the model holds of it must be the same."""
    path = folder / METRICS
    wanted = "give the folder that softgrad train wrote"
    try:
        metrics = _json.mapping(_json.parse(read_whole(path)), "it")
    except OSError as error:
        raise ModelError(f"report: {path} cannot be read: {error.strerror or error}; {wanted}") from error
    except ValueError as error:
        raise ModelError(f"report: {path} is damaged: {one_line(str(error), 200)}; train the model again") from error
    if metrics.get("model_sha256") != checkpoint.checksum(read_whole(model.path)):
        raise ModelError(f"report: {path} belongs to another model than the one beside it; train the model again")
    if any(metrics.get(name) != value for name, value in model.metrics.items()):
        raise ModelError(f"report: {path} was changed after the training; restore it, or train the model again")
    return metrics


def _kept(folder: Path, model_sha256: str) -> Mapping[str, Any] | None:
    try:
        return stored.from_bytes(read_whole(folder / DETAILS), model_sha256)
    except OSError:
        return None


def _from_table(model: models.Model) -> dict[str, Any] | str:
    """What the run has not kept, from its table; or one sentence that says why that cannot be computed."""
    from softgrad.estimator.calibration import temperature

    metrics = model.metrics
    if metrics["dataset"] == "-":
        return "the table came from standard input, and the run kept nothing of it."
    if metrics.get("stream"):
        return "the table was read in blocks, and the run kept nothing of it."
    try:
        table = read_table(metrics["dataset"], target=metrics["target"], array=metrics.get("array"))
        table = labelled(table, metrics["target"])
        labels, classes = read_classes(table, metrics["target"])
        rows = _rows(table, labels, classes, metrics)
        x, held_out = (model.encoding.transform(table.rows(each)) for each in (rows.test, rows.validation))
    except SoftgradError as error:
        return f"the run kept nothing of its table, and {one_line(str(error), 200)}."
    same = classes == model.classes and len(x) == metrics["test_rows"]
    if not same or not math.isclose(model.network.loss(x, labels[rows.test]), metrics["test_loss"], rel_tol=1e-4):
        return f"the run kept nothing of its table, and {metrics['dataset']} has changed since."
    fitted = temperature(model.network.logits(held_out), labels[rows.validation], None, smoothed=True)
    trained = Trained(
        model.network, model.temperature, fitted, classes, model.encoding, table, x, labels[rows.test], rows.test
    )
    return gather(trained, seed=metrics["seed"])


def _rows(table: Table, labels: Array, classes: tuple[str, ...], metrics: Mapping[str, Any]) -> Split:
    options = RunConfig(data=metrics["dataset"], split=metrics["split"])
    seed, stratify = metrics["seed"], metrics["stratify"]
    return split(table, labels, classes, seed=seed, fractions=options.fractions, stratify=stratify)
