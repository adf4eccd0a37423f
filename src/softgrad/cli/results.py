"""What a trained network reaches on each set of rows, beside what is reached without a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, quoted
from softgrad.cli.console import output
from softgrad.cli.problem import Problem
from softgrad.data import Split
from softgrad.losses import cross_entropy
from softgrad.nn import Network

LARGEST_SHOWN = 12  # classes of a confusion matrix that fits on a terminal
MOST_CLASSES = 30  # of which precision and recall are shown
NAME_LENGTH = 24


def measure(network: Network, problem: Problem) -> dict[str, Any]:
    """The metrics of the training, validation and test set, and those of the baseline on the test set.

    The baseline answers the commonest class of the training rows, with the frequencies of their classes as its
    probabilities. A measure that does not exist is None: the precision of a class that is never predicted, and the area
    under the ROC curve (AUC) where all rows are of one class.
    """
    from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

    metrics: dict[str, Any] = {}
    for name, rows in problem.rows._asdict().items():
        metrics |= {f"{name}_{key}": value for key, value in _subset(network, *problem.subset(rows)).items()}

    x, labels = problem.subset(problem.rows.test)
    every = np.arange(len(problem.classes))
    predicted = network.predict(x)
    precision, recall, _, support = precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=np.nan
    )
    counts = np.bincount(problem.labels[problem.rows.train], minlength=len(every))
    commonest = int(counts.argmax())
    frequencies = np.tile(counts / counts.sum(), (len(labels), 1))
    metrics["baseline"] = {
        "class": problem.classes[commonest],
        "accuracy": float((labels == commonest).mean()),
        "balanced_accuracy": 1 / len(np.unique(labels)) if (labels == commonest).any() else 0.0,
        "log_loss": float(log_loss(labels, frequencies, labels=every)),
    }
    metrics["test_classes"] = [
        {"class": name, "rows": int(n), "precision": _or_none(p), "recall": _or_none(r)}
        for name, n, p, r in zip(problem.classes, support, precision, recall, strict=True)
    ]
    metrics["test_confusion"] = confusion_matrix(labels, predicted, labels=every).tolist()
    return metrics


def _subset(network: Network, x: Array, labels: Array) -> dict[str, float | None]:
    from sklearn.metrics import recall_score

    predicted, present = network.predict(x), np.unique(labels)
    return {
        "rows": len(labels),
        "accuracy": float((predicted == labels).mean()),
        # of the classes that occur: scikit-learn's balanced_accuracy_score warns of any other that is predicted
        "balanced_accuracy": float(recall_score(labels, predicted, labels=present, average="macro", zero_division=0)),
        "loss": float(network.loss(x, labels)),
        "log_loss": float(cross_entropy(network.logits(x), labels)),  # from logits, so that no probability is 0
        "auc": _auc(labels, network.predict_proba(x)),
    }


def _auc(labels: Array, probs: Array) -> float | None:
    """The mean area under the ROC curves of each class against the others."""
    from sklearn.metrics import roc_auc_score

    present = np.unique(labels)
    if len(present) < 2:
        return None
    return float(np.mean([roc_auc_score(labels == k, probs[:, k]) for k in present]))


def warning(metrics: dict[str, Any], *, balanced: bool, more_epochs: bool) -> str | None:
    """One sentence if the model is no better than the baseline, or if it never predicts a class; else None.

    Args:
        metrics: what `measure` gives.
        balanced: whether the classes were weighted, so that the balanced accuracy counts.
        more_epochs: whether training ended at the largest number of epochs.
    """
    baseline, name = metrics["baseline"], "balanced_accuracy" if balanced else "accuracy"
    reached, without = metrics[f"test_{name}"], baseline[name]
    predicted = np.sum(metrics["test_confusion"], axis=0)
    never = [
        each["class"]
        for each, count in zip(metrics["test_classes"], predicted, strict=True)
        if each["rows"] > count == 0
    ]
    tries = [] if balanced else ["--class-weight balanced"]
    tries += ["more --epochs"] if more_epochs else []
    if not tries:
        tries = ["other columns, or other --hidden units"]
    try_these = f"try {' or '.join(tries)}"
    if reached <= without:
        also = f", and it never predicts {list_names(never, 3)}" if never else ""
        return (
            f"on the test rows the model is no better than always answering {quoted(baseline['class'])}: its "
            f"{name.replace('_', ' ')} is {reached:.4f}, and {without:.4f} is reached without a model{also}; "
            f"{try_these}"
        )
    if never:
        return f"on the test rows the model never predicts {list_names(never, 3)}; {try_these}"
    return None


def show(metrics: dict[str, Any]) -> None:
    """Prints the metrics as tables, and the warning."""
    _show_sets(metrics)
    _show_classes(metrics["test_classes"])
    _show_confusion([each["class"] for each in metrics["test_classes"]], metrics["test_confusion"])
    if metrics["warning"]:
        output(f"warning: {metrics['warning']}")


def _show_sets(metrics: dict[str, Any]) -> None:
    columns = ("accuracy", "balanced_accuracy", "log_loss", "auc")
    rows = [
        (name, f"{metrics[f'{name}_rows']:,}", *(_number(metrics[f"{name}_{column}"]) for column in columns))
        for name in Split._fields
    ]
    baseline = metrics["baseline"] | {"auc": 0.5 if metrics["test_auc"] is not None else None}
    rows.append((f"always {_name(baseline['class'])}", "", *(_number(baseline[column]) for column in columns)))
    caption = f"{metrics['epochs']} epochs in {metrics['training_seconds']:.1f} seconds"
    _grid(("", "rows", "accuracy", "balanced accuracy", "log loss", "AUC"), rows, caption=caption)


def _show_classes(classes: Sequence[dict[str, Any]]) -> None:
    title = "classes of the test rows"
    if len(classes) > MOST_CLASSES:
        title = f"the {MOST_CLASSES} classes of the test rows with the lowest recall, of {len(classes):,}"
        classes = sorted(classes, key=lambda each: 2.0 if each["recall"] is None else each["recall"])[:MOST_CLASSES]
    rows = [
        (_name(each["class"]), f"{each['rows']:,}", _number(each["precision"]), _number(each["recall"]))
        for each in classes
    ]
    _grid(("class", "rows", "precision", "recall"), rows, title=title)


def _show_confusion(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> None:
    if len(classes) > LARGEST_SHOWN:
        output(f"the confusion matrix of {len(classes):,} classes is in metrics.json")
        return
    rows = [(_name(name), *map(str, counts)) for name, counts in zip(classes, confusion, strict=True)]
    _grid(("class", *map(_name, classes)), rows, title="test rows by class (down) and prediction (across)")


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", caption: str = "") -> None:
    """Prints a table whose first column is text, and whose other columns are numbers."""
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(title=title or None, caption=caption or None, title_justify="left")
    for i, name in enumerate(header):
        grid.add_column(Text(name), justify="right" if i else "left")
    for row in rows:
        grid.add_row(*map(Text, row))
    output(grid)


def _name(text: str) -> str:
    return quoted(text, NAME_LENGTH)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
