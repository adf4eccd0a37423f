"""What a trained network reaches on each set of rows, beside what is reached without a model."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, quoted
from softgrad.cli.console import output
from softgrad.cli.problem import Problem
from softgrad.data import Split
from softgrad.losses import cross_entropy
from softgrad.nn import Network
from softgrad.softmax import softmax

LARGEST_SHOWN = 12  # classes of a confusion matrix that fits on a terminal
MOST_CLASSES = 30  # of which precision and recall are shown
NAME_LENGTH = 24
LEAST = 4  # characters of a column, in a narrow terminal
FAR_WORSE = 10  # times the log loss without a model: the training has not converged
UNEVEN = 2  # times as many rows as the rarest class: from there on, --class-weight changes the predictions
COLUMNS = {  # the metrics that are shown of each set, and their names
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "log_loss": "log loss",
    "auc": "AUC",
    "calibration_error": "ECE",
}


def measure(network: Network, problem: Problem, temperature: float = 1.0) -> dict[str, Any]:
    """The metrics of the training, validation and test set, and those of the baseline on the test set.

    The baseline answers the commonest class of the training rows, with the frequencies of their classes as its
    probabilities. A measure that does not exist is None: the precision of a class that is never predicted, and the area
    under the ROC curve (AUC) where all rows are of one class.
    """
    metrics: dict[str, Any] = {}
    for name, rows in problem.rows._asdict().items():
        x, labels = problem.subset(rows)
        logits = network.logits(x)
        metrics[f"{name}_rows"] = len(labels)
        measured = {"loss": float(network.objective.loss(logits, labels)), **measure_rows(logits, labels, temperature)}
        metrics |= {f"{name}_{key}": value for key, value in measured.items()}

    metrics["train_classes"] = class_sizes(problem.labels[problem.rows.train], problem.classes)
    metrics["baseline"] = measure_baseline(labels, metrics["train_classes"])
    of_classes, confusion = measure_classes(logits, labels, problem.classes)
    return metrics | {"test_classes": of_classes, "test_confusion": confusion}


def class_sizes(labels: Array, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The number of rows of each class."""
    counts = np.bincount(labels, minlength=len(classes))
    return [{"class": name, "rows": int(n)} for name, n in zip(classes, counts, strict=True)]


def measure_uncalibrated(network: Network, problem: Problem) -> dict[str, float | None]:
    """The metrics of the validation and the test set without a temperature."""
    metrics: dict[str, float | None] = {}
    for name in ("validation", "test"):
        x, labels = problem.subset(getattr(problem.rows, name))
        metrics |= {f"{name}_{key}": value for key, value in measure_rows(network.logits(x), labels).items()}
    return metrics


def measure_rows(logits: Array, labels: Array, temperature: float = 1.0) -> dict[str, float | None]:
    """The metrics of some rows: those that do not depend on the other rows of the table."""
    from sklearn.metrics import recall_score

    from softgrad.estimator.calibration import expected_calibration_error, reliability

    predicted, present = logits.argmax(axis=1), np.unique(labels)
    probs = softmax(logits, temperature=temperature)
    return {
        "accuracy": float((predicted == labels).mean()),
        # of the classes that occur: scikit-learn's balanced_accuracy_score warns of any other that is predicted
        "balanced_accuracy": float(recall_score(labels, predicted, labels=present, average="macro", zero_division=0)),
        "log_loss": float(cross_entropy(logits, labels, temperature=temperature)),  # of logits: no probability is 0
        "auc": _auc(labels, probs),
        "calibration_error": expected_calibration_error(reliability(probs, labels)),
    }


def measure_classes(
    logits: Array, labels: Array, classes: Sequence[str]
) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """The number of rows, the precision and the recall of each class, and the confusion matrix."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    every, predicted = np.arange(len(classes)), logits.argmax(axis=1)
    precision, recall, _, support = precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=np.nan
    )
    of_classes = [
        {"class": name, "rows": int(n), "precision": _or_none(p), "recall": _or_none(r)}
        for name, n, p, r in zip(classes, support, precision, recall, strict=True)
    ]
    return of_classes, confusion_matrix(labels, predicted, labels=every).tolist()


def measure_baseline(labels: Array, train_classes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The results of answering the commonest class of the training rows each time."""
    counts = np.array([each["rows"] for each in train_classes], dtype=np.float64)
    commonest = int(counts.argmax())
    frequencies = counts / counts.sum()
    return {
        "class": train_classes[commonest]["class"],
        "accuracy": float((labels == commonest).mean()),
        "balanced_accuracy": 1 / len(np.unique(labels)) if (labels == commonest).any() else 0.0,
        "log_loss": float(-np.log(frequencies[labels]).mean()),
    }


def _auc(labels: Array, probs: Array) -> float | None:
    """The mean area under the ROC curves of each class against the others."""
    from sklearn.metrics import roc_auc_score

    present = np.unique(labels)
    if len(present) < 2:
        return None
    return float(np.mean([roc_auc_score(labels == k, probs[:, k]) for k in present]))


def warning(metrics: dict[str, Any], *, balanced: bool, more_epochs: bool) -> str | None:
    """One sentence if the model is hardly better than the baseline, or if it never predicts a class; else None.

    Hardly better is less than one standard error of the test rows, or worse in the log loss. The latter does not count
    if the classes were weighted, since the probabilities are then those of other frequencies.

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
    counts = [each["rows"] for each in metrics["test_classes"] if each["rows"]]
    is_even = max(counts) < UNEVEN * min(counts)
    tries = [] if balanced or is_even else ["--class-weight balanced"]
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
    error = _standard_error(np.array(metrics["test_confusion"]), balanced=balanced)
    if reached - without < error:
        return (
            f"on the test rows the model is hardly better than always answering {quoted(baseline['class'])}: its "
            f"{name.replace('_', ' ')} is {reached:.4f}, {without:.4f} is reached without a model, and the standard "
            f"error is {error:.4f}; {try_these}"
        )
    if not balanced and metrics["test_log_loss"] > baseline["log_loss"]:
        far = metrics["test_log_loss"] > FAR_WORSE * baseline["log_loss"]
        tries = ["a smaller --learning-rate"] if far else ["more --epochs"] if more_epochs else []
        tries += [] if metrics["uncalibrated"] or far else ["--calibrate"]
        return (
            f"on the test rows the probabilities are worse than the frequencies of the classes: their log loss is "
            f"{_number(metrics['test_log_loss'])}, and {baseline['log_loss']:.4f} is reached without a model; try "
            f"{' or '.join(tries or ['more --weight-decay', '--dropout'])}"
        )
    return None


def _standard_error(confusion: Array, *, balanced: bool) -> float:
    """The standard error of the accuracy, or of the mean of the recalls of the classes that occur."""
    of_class, right = confusion.sum(axis=1), confusion.diagonal()
    if not balanced:
        of_class, right = of_class.sum(keepdims=True), right.sum(keepdims=True)
    recall = right[of_class > 0] / of_class[of_class > 0]
    return float(np.sqrt((recall * (1 - recall) / of_class[of_class > 0]).sum()) / len(recall))


def show(metrics: Mapping[str, Any]) -> None:
    """Prints the metrics of a training as tables, and the warning."""
    show_stored(metrics, caption=f"{metrics['epochs']} epochs in {metrics['training_seconds']:.1f} seconds")
    if metrics["uncalibrated"]:
        rows = f"the {metrics['validation_rows']:,} validation rows"
        output(f"temperature {metrics['temperature']:.4g}, by which the logits are divided, fitted to {rows}")
    show_classes(metrics["test_classes"], metrics["test_confusion"])
    if metrics["warning"]:
        output(f"warning: {metrics['warning']}")


def show_stored(metrics: Mapping[str, Any], *, caption: str = "") -> None:
    """Prints the metrics of each set of rows of a training."""
    rows = [(name, {key: metrics[f"{name}_{key}"] for key in ("rows", *COLUMNS)}) for name in Split._fields]
    if metrics.get("uncalibrated"):
        before = {key: metrics["uncalibrated"][f"test_{key}"] for key in COLUMNS}
        rows.append(("uncalibrated", {"rows": metrics["test_rows"], **before}))
    show_sets(rows, metrics["baseline"], caption=caption)


def show_sets(sets: Sequence[tuple[str, Mapping[str, Any]]], baseline: Mapping[str, Any], *, caption: str = "") -> None:
    """Prints what was measured on each set of rows, by its name, beside what is reached without a model."""
    rows = [(name, _count(of["rows"]), *(_number(of[column]) for column in COLUMNS)) for name, of in sets]
    baseline = {"auc": 0.5 if sets[-1][1]["auc"] is not None else None, "calibration_error": None, **baseline}
    rows.append((f"always {_name(baseline['class'])}", "", *(_number(baseline[column]) for column in COLUMNS)))
    grid(("", "rows", *COLUMNS.values()), rows, caption=caption)


def show_classes(
    classes: Sequence[dict[str, Any]], confusion: Sequence[Sequence[int]], rows: str = "test rows"
) -> None:
    """Prints the precision and the recall of each class, and the confusion matrix."""
    _show_classes(classes, rows)
    _show_confusion([each["class"] for each in classes], confusion, rows)


def _show_classes(classes: Sequence[dict[str, Any]], of: str) -> None:
    title = f"classes of the {of}"
    if len(classes) > MOST_CLASSES:
        title = f"the {MOST_CLASSES} classes of the {of} with the lowest recall, of {len(classes):,}"
        classes = sorted(classes, key=lambda each: 2.0 if each["recall"] is None else each["recall"])[:MOST_CLASSES]
    rows = [
        (_name(each["class"]), f"{each['rows']:,}", _number(each["precision"]), _number(each["recall"]))
        for each in classes
    ]
    grid(("class", "rows", "precision", "recall"), rows, title=title)


def _show_confusion(classes: Sequence[str], confusion: Sequence[Sequence[int]], of: str) -> None:
    if len(classes) > LARGEST_SHOWN:
        where = "in metrics.json" if of == "test rows" else "in the output of --json"
        output(f"the confusion matrix of {len(classes):,} classes is {where}")
        return
    names = columns = list(map(_name, classes))
    numbers = [str(number) for number in range(1, len(names) + 1)]
    cells = [max(len(str(count)) for count in counts) for counts in zip(*confusion, strict=True)]
    if _wide(max(map(len, names)), *map(len, names)) > _width() >= _wide(LEAST, *map(max, cells, map(len, numbers))):
        columns = numbers  # names that are cut to fit may be alike
        names = [f"{number} {name}" for number, name in zip(numbers, names, strict=True)]
    rows = [(name, *map(str, counts)) for name, counts in zip(names, confusion, strict=True)]
    grid(("class", *columns), rows, title=f"{of} by class (down) and prediction (across)")


def grid(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", caption: str = "", text: int = 1
) -> None:
    """Prints a table whose first columns, `text` of them, are text, and whose other columns are numbers.

    Where a terminal is too narrow for the numbers, each row is a line of text.
    """
    from rich.table import Table as Grid
    from rich.text import Text

    width = _width()
    cells = [max((len(row[i]) for row in rows), default=0) for i in range(len(header))]
    narrowest = [
        LEAST if i < text else max(longest, min(LEAST, len(name)))
        for i, (longest, name) in enumerate(zip(cells, header, strict=True))
    ]
    if _wide(*narrowest) > width:
        _show_lines(header, rows, title, caption, width)
        return
    table = Grid(title=title or None, caption=caption or None, title_justify="left")
    for i, name in enumerate(header):
        is_text = i < text
        table.add_column(
            Text(name), justify="left" if is_text else "right", min_width=None if is_text else narrowest[i]
        )
    for row in rows:
        table.add_row(*map(Text, row))
    output(table)


def _wide(*columns: int) -> int:
    """The width of a table, with two spaces and a rule beside each column."""
    return sum(columns) + 3 * len(columns) + 1


def _width() -> int:
    """The number of characters in a line of the terminal, 80 without one."""
    from rich.console import Console

    return Console().width


def _show_lines(header: Sequence[str], rows: Sequence[Sequence[str]], title: str, caption: str, width: int) -> None:
    """Prints the rows of a table as text: train: rows 90, accuracy 0.9444, ..."""
    texts = [title] if title else []
    for first, *others in rows:
        named = (f"{name} {cell}" for name, cell in zip(header[1:], others, strict=True) if cell)
        texts.append(f"{first}: {', '.join(named)}")
    for text in texts + ([caption] if caption else []):
        output(textwrap.fill(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))


def _name(text: str) -> str:
    return quoted(text, NAME_LENGTH)


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if abs(value) < 1e6 else f"{value:.3e}"


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
