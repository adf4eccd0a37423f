"""The sections of a report that show metrics: the results, the classes, the training, the calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from softgrad.report import figures
from softgrad.report.document import Figure, Figures, Paragraph, Section, Table
from softgrad.report.words import counted_rows, name_of, number, percent

SETS = {"train": "training", "validation": "validation", "test": "test"}
MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "auc": "AUC",
    "calibration_error": "ECE",
}
MOST_CLASSES = 50  # in a table
MOST_IN_MATRIX = 30  # classes; of more, the most frequent mix-ups are listed
MOST_MIX_UPS = 20
MOST_EPOCHS = 20  # in a table


def headline(metrics: Mapping[str, Any]) -> Paragraph:
    """What the model reaches, and what is reached without one, in one sentence."""
    baseline = metrics["baseline"]
    return Paragraph(
        f"Of {metrics['test_rows']:,} test rows, the model predicts {percent(metrics['test_accuracy'])} correctly. "
        f"Always answering {name_of(baseline['class'])}, the commonest class of the training rows, is right for "
        f"{percent(baseline['accuracy'])}."
    )


def results(metrics: Mapping[str, Any]) -> Section:
    """The measures of each set of rows, beside those of the baseline."""
    rows = [
        (word, f"{metrics[f'{name}_rows']:,}", *(number(metrics[f"{name}_{measure}"]) for measure in MEASURES))
        for name, word in SETS.items()
    ]
    if metrics["uncalibrated"]:
        before = (number(metrics["uncalibrated"][f"test_{measure}"]) for measure in MEASURES)
        rows.append(("test, before calibration", f"{metrics['test_rows']:,}", *before))
    auc = 0.5 if metrics["test_auc"] is not None else None
    baseline = {"auc": auc, "calibration_error": None, **metrics["baseline"]}
    rows.append((f"always {name_of(baseline['class'])}", "", *(number(baseline[measure]) for measure in MEASURES)))
    folds = metrics["cross_validation"]
    return Section(
        "results",
        "Results",
        [
            Table("The sets of rows, and the test rows without a model", ("", "rows", *MEASURES.values()), rows),
            *([_folds(folds)] if folds else []),
            Paragraph(
                f"The last row{' of each table' if folds else ''} is reached without a model: by answering the "
                "commonest class each time, with the frequencies of the training classes as probabilities. The "
                "balanced accuracy is the mean of the recalls of the classes. The log loss is the mean of -log p of "
                "the right class. AUC is the area under the ROC curve, averaged over the classes, each against the "
                "others. ECE is the expected calibration error: the mean distance between the confidence of the "
                "predictions and their accuracy."
            ),
        ],
    )


def _folds(folds: Mapping[str, Any]) -> Table:
    """The measures of cross-validation."""
    rows = [
        (f"fold {i}", f"{fold['rows']:,}", *(number(fold[measure]) for measure in MEASURES))
        for i, fold in enumerate(folds["each"], start=1)
    ]
    baseline = folds["baseline"]
    others = {"mean": folds["mean"], "deviation": folds["deviation"], f"always {name_of(baseline['class'])}": baseline}
    rows += [(name, "", *(number(each.get(measure)) for measure in MEASURES)) for name, each in others.items()]
    caption = f"Cross-validation: the test rows of {folds['folds']} folds"
    return Table(caption, ("", "rows", *MEASURES.values()), rows)


def classes(metrics: Mapping[str, Any]) -> Section:
    """Precision and recall of each class, and which classes are taken for which."""
    each, caption = metrics["test_classes"], "The classes of the test rows"
    names = [of["class"] for of in each]
    if len(each) > MOST_CLASSES:
        caption = f"The {MOST_CLASSES} classes of the test rows with the lowest recall, of {len(each):,}"
        each = sorted(each, key=lambda of: 2.0 if of["recall"] is None else of["recall"])[:MOST_CLASSES]
    rows = [(name_of(of["class"]), f"{of['rows']:,}", number(of["precision"]), number(of["recall"])) for of in each]
    table = Table(caption, ("class", "rows", "precision", "recall"), rows)
    confusion = np.array(metrics["test_confusion"])
    shown = [_matrix(names, confusion)] if len(names) <= MOST_IN_MATRIX else []
    if len(names) > MOST_IN_MATRIX or np.trace(confusion) < confusion.sum():
        shown.append(_mix_ups(names, confusion))
    explained = Paragraph(
        "The precision of a class is the part of its predictions that is right, or - if it is never predicted. Its "
        "recall is the part of its rows that is found."
    )
    return Section("classes", "Classes", [table, explained, *shown])


def _matrix(names: Sequence[str], confusion: np.ndarray[Any, Any]) -> Table:
    parts = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    rows = [
        (name_of(name), *(f"{n:,}" for n in counts)) for name, counts in zip(names, confusion.tolist(), strict=True)
    ]
    return Table(
        "Confusion matrix: the test rows by class (down) and prediction (across)",
        ("class", *(name_of(name, 24) for name in names)),
        rows,
        shades=[tuple(row) for row in parts.tolist()],
    )


def _mix_ups(names: Sequence[str], confusion: np.ndarray[Any, Any]) -> Table:
    wrong = confusion - np.diag(np.diag(confusion))
    order = [i for i in np.argsort(-wrong, axis=None, kind="stable")[:MOST_MIX_UPS].tolist() if wrong.flat[i]]
    rows = []
    for i in order:
        true, predicted = divmod(i, len(names))
        count, of = int(wrong[true, predicted]), int(confusion[true].sum())
        rows.append((name_of(names[true]), name_of(names[predicted]), f"{count:,}", f"{of:,}"))
    caption = "The most frequent mistakes"
    return Table(caption, ("class", "predicted", "rows", "of"), rows, texts=2)


def training(metrics: Mapping[str, Any]) -> Section:
    """The losses and the learning rate of each epoch."""
    history = metrics.get("history")
    count = "1 epoch" if metrics["epochs"] == 1 else f"{metrics['epochs']:,} epochs"
    text = f"{count} in {metrics['training_seconds']:.1f} seconds."
    if not history:
        return Section("training", "Training", [Paragraph(f"{text} The run recorded no epochs.")])
    best = min(history, key=lambda each: each["validation_loss"])["epoch"]
    text += f" The parameters of epoch {best:,} were kept, which has the lowest validation loss."
    drawn = [Figure(figures.losses(history, best), "The loss after each epoch")]
    if len({each["learning_rate"] for each in history}) == 1:
        text += f" The learning rate was {history[0]['learning_rate']:.3g}."
    else:
        drawn.append(Figure(figures.learning_rates(history), "The learning rate of each epoch"))
    return Section("training", "Training", [Paragraph(text), Figures(drawn), _epochs(history, best)])


def _epochs(history: Sequence[Mapping[str, Any]], best: int) -> Table:
    kept = set(np.linspace(0, len(history) - 1, min(MOST_EPOCHS, len(history))).round().astype(int).tolist())
    rows = [
        (str(each["epoch"]), f"{each['loss']:.4g}", f"{each['validation_loss']:.4g}", f"{each['learning_rate']:.3g}")
        for i, each in enumerate(history)
        if i in kept or each["epoch"] == best
    ]
    some = "" if len(rows) == len(history) else f", {len(rows)} of them"
    return Table(f"The epochs{some}", ("epoch", "loss", "validation loss", "learning rate"), rows, is_folded=True)


def calibration(metrics: Mapping[str, Any], details: Mapping[str, Any]) -> Section:
    """The reliability diagrams, and the expected calibration errors."""
    use = (
        "The model uses it."
        if metrics["uncalibrated"]
        else "The model does not use it; softgrad train --calibrate makes one that does."
    )
    before, after = details["reliability"]["before"], details["reliability"]["after"]
    losses, errors = details["log_losses"], details["errors"]
    rows = counted_rows(details["rows"], metrics["test_rows"])
    return Section(
        "calibration",
        "Calibration",
        [
            Paragraph(
                "The confidence of a prediction is its probability. Of the rows that are predicted with a confidence "
                "of 0.8, four in five should be right. The expected calibration error is the mean distance between "
                f"the confidence and the accuracy, over {len(before)} groups of {rows}. The temperature, by which "
                f"the logits are divided, was fitted on the validation rows. It changes no prediction. {use}"
            ),
            Table(
                "The probabilities of the test rows",
                ("", "temperature", "log loss", "expected calibration error"),
                [
                    ("before calibration", "1", number(losses["before"]), number(errors["before"])),
                    (
                        "after calibration",
                        number(details["temperature"]),
                        number(losses["after"]),
                        number(errors["after"]),
                    ),
                ],
            ),
            Figures(
                [
                    Figure(figures.reliability("before", before, "before calibration"), ""),
                    Figure(figures.reliability("after", after, "after calibration"), ""),
                ]
            ),
            Paragraph(
                "A bar is the accuracy of a group of rows, and its dot is at their mean confidence. On the dashed "
                "line, the two are equal. Below it, the model is too sure."
            ),
            Table(
                "The groups of the diagrams",
                (
                    "confidence",
                    *(f"{what} {when}" for when in ("before", "after") for what in ("rows", "mean", "accuracy")),
                ),
                list(_groups(before, after)),
                is_folded=True,
            ),
        ],
    )


def _groups(*diagrams: Sequence[Sequence[Any]]) -> Iterator[tuple[str, ...]]:
    for i, pair in enumerate(zip(*diagrams, strict=True)):
        count = len(diagrams[0])
        cells = [cell for rows, mean, accuracy in pair for cell in (f"{rows:,}", number(mean), number(accuracy))]
        yield (f"{i / count:.1f} to {(i + 1) / count:.1f}", *cells)
