"""Training on a Parquet file that is read in blocks: its rows as a Trainer takes them, and what is reached, by sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from softgrad._arrays import Array
from softgrad.cli.results import COLUMNS
from softgrad.cli.tally import Tally
from softgrad.data import Split
from softgrad.data.streams import StreamedTable
from softgrad.nn import Network


class Feed:
    """The rows of a streamed table, as a Trainer takes them.

    Args:
        streamed: the table.
        batch_size: the number of rows of a batch.
        weight: a weight for each class, or None.
    """

    def __init__(self, streamed: StreamedTable, batch_size: int, weight: Array | None) -> None:
        self.streamed, self.batch_size, self.weight = streamed, batch_size, weight

    def batches(self, epoch: int) -> Iterator[tuple[Array, ...]]:
        """The training rows of an epoch."""
        return map(self._weighted, self.streamed.batches(epoch, self.batch_size))

    def validation(self) -> Iterator[tuple[Array, ...]]:
        """The validation set."""
        return map(self._weighted, self.streamed.blocks(Split._fields.index("validation")))

    def _weighted(self, batch: tuple[Array, Array]) -> tuple[Array, ...]:
        return batch if self.weight is None else (*batch, self.weight[batch[1]])


def measure(network: Network, streamed: StreamedTable, temperature: float = 1.0) -> dict[str, Any]:
    """The metrics of the sets and of the baseline, as `results.measure` gives them, in one pass over the table."""
    sets = range(len(Split._fields))
    tallies, losses = [Tally(len(streamed.classes), temperature) for _ in sets], np.zeros(len(sets))
    for drawn, x, labels in streamed.blocks_of_all():
        logits = network.logits(x)
        for i in sets:
            rows = np.flatnonzero(drawn == i)
            if len(rows):
                losses[i] += float(network.objective.loss(logits[rows], labels[rows])) * len(rows)
                tallies[i].add(logits[rows], labels[rows])
    metrics: dict[str, Any] = {}
    for name, tally, loss in zip(Split._fields, tallies, losses.tolist(), strict=True):
        measured = {"rows": tally.rows, "loss": loss / tally.rows, **tally.metrics()}
        metrics |= {f"{name}_{key}": value for key, value in measured.items()}
    counts = streamed.counts[0]
    metrics["train_classes"] = [
        {"class": name, "rows": int(n)} for name, n in zip(streamed.classes, counts, strict=True)
    ]
    metrics["baseline"] = tally.baseline(metrics["train_classes"])
    of_classes, confusion = tally.classes(streamed.classes)
    return metrics | {"test_classes": of_classes, "test_confusion": confusion}


def measure_uncalibrated(network: Network, streamed: StreamedTable) -> dict[str, float | None]:
    """The metrics of the validation and the test set without a temperature."""
    metrics = measure(network, streamed)
    return {f"{name}_{key}": metrics[f"{name}_{key}"] for name in ("validation", "test") for key in COLUMNS}
