"""The document of a report, from what a run has left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from softgrad.data import Encoding
from softgrad.report import measured, of_table
from softgrad.report.document import Document, Paragraph, Section, Table
from softgrad.report.words import name_of


def build(
    metrics: Mapping[str, Any],
    details: Mapping[str, Any] | str,
    encoding: Encoding,
    options: Sequence[str],
) -> Document:
    """The report of a run.

    Args:
        metrics: what metrics.json holds.
        details: what `gather` gives, or one sentence that says why there are none.
        encoding: how the columns were read.
        options: the names of the options of the training, of which `metrics` holds the values.
    """
    sections = [measured.results(metrics), measured.classes(metrics), measured.training(metrics)]
    if isinstance(details, str):
        absent = "The calibration, the worst mistakes and the columns that matter are not shown"
        sections.append(Section("details", "What is not shown", [Paragraph(f"{absent}: {details}")]))
    else:
        sections += [
            measured.calibration(metrics, details),
            of_table.mistakes(metrics, details),
            of_table.importance(metrics, details),
        ]
    image = None if isinstance(details, str) else details["image"]
    sections += [of_table.columns(encoding, image), _run(metrics, options)]
    intro = [measured.headline(metrics)]
    warnings = [*metrics.get("doubts", ()), *([metrics["warning"]] if metrics["warning"] else [])]
    intro += [Paragraph(f"Warning: {warning}.", is_warning=True) for warning in warnings]
    return Document(f"Training run: {name_of(metrics['dataset'])}", intro, sections)


def _run(metrics: Mapping[str, Any], options: Sequence[str]) -> Section:
    """The gradient check, the configuration and the versions."""
    error = metrics["gradient_error"]
    checked = (
        "The gradient was not checked before training."
        if error is None
        else "Before training, the gradient was compared with central differences in float64: the largest relative "
        f"error is {error:.1e}."
    )
    rows = [(name.replace("_", " "), _option(metrics[name])) for name in options if metrics.get(name) is not None]
    blocks: list[Any] = [Paragraph(checked), Table("The options", ("option", "value"), rows, texts=2)]
    versions = metrics.get("versions")
    if versions:
        blocks.append(Table("The versions", ("package", "version"), list(versions.items()), texts=2))
    blocks.append(Paragraph(f"The checksum of the model is {metrics['model_sha256']}."))
    return Section("run", "How the model was made", blocks)


def _option(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value)) or "none"
    return name_of(str(value))
