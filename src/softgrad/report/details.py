"""What a report shows beside the metrics, computed once from the model and its table, as JSON can hold it.

It is an object with

    rows          the number of test rows
    place         what the numbers of the rows count, lines or rows
    image         the height and the width, if the rows are images
    temperature   the one that fits the validation rows, whether the model uses it or not
    reliability   {"before": groups, "after": groups}: each group [rows, confidence, accuracy], see calibration.py
    log_losses    {"before": number, "after": number}
    errors        {"before": number, "after": number}: the expected calibration errors
    mistakes      how many test rows are predicted wrongly, and the worst of them
    importance    which columns matter, see importance.py
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad.data import Encoding, LeftOut, Table
from softgrad.data.columns import cells, text_of
from softgrad.losses import cross_entropy
from softgrad.nn import Network
from softgrad.report.importance import Importances, importances
from softgrad.softmax import softmax

MOST_MISTAKES = 12
MOST_CELLS = 40  # of a row
LONGEST_CELL = 120  # characters


class Trained(NamedTuple):
    """A trained network, its table, and the test rows."""

    network: Network
    temperature: float  # by which its logits are divided
    fitted: float  # the temperature that fits the validation rows, whether the model uses it or not
    classes: tuple[str, ...]
    encoding: Encoding
    table: Table
    x: Array  # (N, D), of the test rows
    labels: Array  # (N)
    rows: Array  # (N), their indices in the table


def gather(trained: Trained, *, seed: int) -> dict[str, Any]:
    """The details, of the test rows.

    Args:
        trained: the network and its table.
        seed: of the rows that are sampled and shuffled to find out which columns matter.
    """
    from softgrad.estimator.calibration import expected_calibration_error, reliability

    x, labels = trained.x, trained.labels
    logits = trained.network.logits(x)
    temperatures = {"before": 1.0, "after": trained.fitted}
    groups = {name: reliability(softmax(logits, temperature=T), labels) for name, T in temperatures.items()}
    log_losses = {name: float(cross_entropy(logits, labels, temperature=T)) for name, T in temperatures.items()}
    found = importances(
        trained.network,
        trained.encoding,
        x,
        labels,
        temperature=trained.temperature,
        image=trained.table.image,
        seed=seed,
    )
    return {
        "rows": len(labels),
        "temperature": trained.fitted,
        "reliability": {name: [list(group) for group in each] for name, each in groups.items()},
        "log_losses": log_losses,
        "errors": {name: expected_calibration_error(each) for name, each in groups.items()},
        "mistakes": _mistakes(trained, logits, labels, found),
        "importance": {
            "columns": [column._asdict() for column in found.columns],
            "of_columns": found.of_columns,
            "rows": found.rows,
            "grid": found.grid,
        },
        "image": trained.table.image,
        "place": trained.table.place,
    }


def _mistakes(trained: Trained, logits: Array, labels: Array, found: Importances) -> dict[str, Any]:
    """The rows that are predicted wrongly, those with the largest loss first, with their cells or their pixels."""
    probs = softmax(logits, temperature=trained.temperature)
    losses = cross_entropy(logits, labels, temperature=trained.temperature, reduction="none")
    predicted = logits.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-losses[wrong], kind="stable")][:MOST_MISTAKES]
    names = _names(trained.encoding, found)
    image = trained.table.image
    shown = []
    for i in worst.tolist():
        row = int(trained.rows[i])
        mistake = {
            "line": int(trained.table.lines[row]),
            "class": trained.classes[labels[i]],
            "predicted": trained.classes[predicted[i]],
            "probability": float(probs[i, predicted[i]]),
            "probability_of_class": float(probs[i, labels[i]]),
        }
        if image is None:
            mistake["cells"] = [_cell(cells(trained.table, name), row) for name in names[:MOST_CELLS]]
        else:
            pixels = [column for name, column in trained.table.columns.items() if name != trained.table.target]
            mistake["pixels"] = np.array([column[row] for column in pixels], dtype=float).reshape(image).tolist()
        shown.append(mistake)
    return {
        "count": len(wrong),
        "shown": shown,
        "columns": [] if image else names[:MOST_CELLS],
        "of_columns": len(names),
    }


def _names(encoding: Encoding, found: Importances) -> list[str]:
    """The columns that the model uses, the most important one first."""
    ranked = dict.fromkeys(column.name for column in found.columns)
    used = dict.fromkeys(column.name for column in encoding.columns if not isinstance(column, LeftOut))
    return list(ranked | used)


def _cell(column: Array, row: int) -> str:
    """A cell as a reader would write it: a number in six digits, and a date without the time if it has none."""
    text = str(text_of(column[row : row + 1])[0])
    if column.dtype.kind == "f" and text:
        text = f"{column[row]:g}"
    elif column.dtype.kind == "M":
        text = text.removesuffix(".000000").replace("T", " ")
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
