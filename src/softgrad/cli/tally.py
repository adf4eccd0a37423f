"""The metrics of rows that are seen a block at a time, from sums over the rows.

They are those of results.py, but for the area under the ROC curve (AUC), which needs all rows in order. Here arsinh(o)
is counted in steps of 1/1200, where o = log(p / (1 - p)) are the log-odds of a class. Two rows in the same step count
as equal. Log-odds tell probabilities apart that are rounded to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from softgrad._arrays import Array
from softgrad.logsumexp import logsumexp
from softgrad.losses import cross_entropy
from softgrad.softmax import log_softmax, softmax

PER_UNIT, LARGEST = 1200, 13  # steps of arsinh(o), from -13 to 13, which is that of 220,000
STEPS = 2 * PER_UNIT * LARGEST + 1
MOST_CLASSES = 100  # whose areas are computed: each takes half a megabyte


class Tally:
    """Sums over rows.

    Args:
        classes: K, the number of classes.
        temperature: by which the logits are divided.
    """

    def __init__(self, classes: int, temperature: float = 1.0) -> None:
        from softgrad.estimator.calibration import GROUPS

        self.temperature = temperature
        self.log_loss = 0.0
        self.confusion = np.zeros((classes, classes), np.int64)  # by class, and by prediction
        self.groups = np.zeros((GROUPS, 3))  # of confidence: the rows, the sum of confidence, and the right predictions
        self.steps = np.zeros((classes if classes <= MOST_CLASSES else 0, 2, STEPS), np.int64)

    def add(self, logits: Array, labels: Array) -> None:
        """Takes rows."""
        from softgrad.estimator.calibration import reliability

        wide = logits.astype(np.float64)
        probs = softmax(wide, temperature=self.temperature)
        self.log_loss += float(cross_entropy(wide, labels, temperature=self.temperature, reduction="sum"))
        np.add.at(self.confusion, (labels, logits.argmax(axis=1)), 1)
        for sums, group in zip(self.groups, reliability(probs, labels), strict=True):
            sums += group.rows * np.array([1.0, group.confidence or 0.0, group.accuracy or 0.0])
        if len(self.steps):
            scaled = np.clip(np.arcsinh(_log_odds(wide / self.temperature)), -LARGEST, LARGEST)
            steps = np.rint((scaled + LARGEST) * PER_UNIT).astype(int)
            for k, of_class in enumerate(self.steps):
                for right in (0, 1):
                    of_class[right] += np.bincount(steps[(labels == k) == right, k], minlength=STEPS)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.confusion.sum())

    def metrics(self) -> dict[str, float | None]:
        """The metrics of the rows, under the names of `results.measure_rows`."""
        of_class, right = self.confusion.sum(axis=1), self.confusion.diagonal()
        distances = np.abs(self.groups[:, 1] - self.groups[:, 2])
        return {
            "accuracy": float(right.sum() / self.rows),
            "balanced_accuracy": float((right[of_class > 0] / of_class[of_class > 0]).mean()),
            "log_loss": self.log_loss / self.rows,
            "auc": self._auc(),
            "calibration_error": float(distances.sum() / self.rows),
        }

    def classes(self, names: Sequence[str]) -> tuple[list[dict[str, Any]], list[list[int]]]:
        """The number of rows, the precision and the recall of each class, and the confusion matrix."""
        of_class, predicted, right = self.confusion.sum(axis=1), self.confusion.sum(axis=0), self.confusion.diagonal()
        of_classes = [
            {"class": name, "rows": int(n), "precision": _part(k, of), "recall": _part(k, n)}
            for name, n, of, k in zip(names, of_class, predicted, right, strict=True)
        ]
        return of_classes, self.confusion.tolist()

    def baseline(self, train_classes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What is reached by answering the commonest class of the training rows, whose sizes `train_classes` has."""
        counts = np.array([each["rows"] for each in train_classes], dtype=np.float64)
        of_class, commonest = self.confusion.sum(axis=1), int(counts.argmax())
        present = of_class > 0
        return {
            "class": train_classes[commonest]["class"],
            "accuracy": float(of_class[commonest] / self.rows),
            "balanced_accuracy": float(1 / present.sum()) if present[commonest] else 0.0,
            "log_loss": float(-(of_class[present] * np.log(counts[present] / counts.sum())).sum() / self.rows),
        }

    def _auc(self) -> float | None:
        """The mean area under the ROC curves of each class against the others."""
        areas = []
        for others, of_class in self.steps.astype(np.float64):
            pairs = of_class.sum() * others.sum()
            if pairs:
                areas.append((of_class * (np.cumsum(others) - others / 2)).sum() / pairs)
        return float(np.mean(areas)) if areas else None


def _log_odds(logits: Array) -> Array:
    """log(p / (1 - p)) of each class: z_k less the logsumexp of the other logits."""
    log_probs = log_softmax(logits)
    with np.errstate(divide="ignore"):
        odds = log_probs - np.log1p(-np.exp(log_probs))
    rows, top = np.arange(len(logits)), logits.argmax(axis=1)  # whose 1 - p may be rounded
    others = logits.copy()
    others[rows, top] = -np.inf
    odds[rows, top] = logits[rows, top] - logsumexp(others)
    return odds


def _part(n: int, of: int) -> float | None:
    return float(n / of) if of else None
