"""The table that a network is trained on: read, split, and as a matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, quoted
from softgrad.data import Encoding, NumberColumn, Split, Table, read_classes, read_table, split
from softgrad.errors import DataError, OptionError


class Problem(NamedTuple):
    """A table that was read and split."""

    table: Table
    target: str
    x: Array  # (N, D) float64
    labels: Array  # (N)
    classes: tuple[str, ...]
    encoding: Encoding
    rows: Split

    def subset(self, rows: Array) -> tuple[Array, Array]:
        """The given rows of x, and their labels."""
        return self.x[rows], self.labels[rows]

    def summary(self) -> list[str]:
        """The source and the sizes of the table, and how its columns were read, in one line each."""
        N, D = self.x.shape
        subsets = ", ".join(f"{len(rows):,} {name}" for name, rows in self.rows._asdict().items())
        numbers = [column.name for column in self.encoding.columns if isinstance(column, NumberColumn)]
        texts = [column.name for column in self.encoding.columns if not isinstance(column, NumberColumn)]
        lines = [f"{self.table.source}: {N:,} rows of {D} features in {len(self.classes)} classes ({subsets})"]
        if self.table.target is None:  # the columns of a bundled set are known
            parts = [f"{kind}: {list_names(names)}" for kind, names in (("numbers", numbers), ("text", texts)) if names]
            lines.append("; ".join([*parts, f"classes: {list_names(self.classes)}"]))
        return lines


def read_problem(
    data: str, target: str | None, seed: int, fractions: tuple[float, float, float], stratify: bool
) -> Problem:
    """Reads and splits the table that `softgrad train` is given.

    Raises:
        OptionError: `target` is missing, or the table defines its own.
        DataError: as `read_table`, `read_classes`, `split` and `Encoding.fit`.
    """
    table = read_table(data)
    if table.target is not None and target is not None:
        raise OptionError(f"train: {data} already has a target; leave out --target {quoted(target)}")
    column = table.target or target
    if column is None:
        raise OptionError(
            f"train: --target is missing; name the column of {data} that holds the class: {list_names(table.columns)}"
        )
    labels, classes = read_classes(table, column)
    features = [name for name in table.columns if name != column]
    if not features:
        raise DataError(f"{data} has no column besides the target {quoted(column)}; wanted at least one feature column")
    rows = split(table, labels, classes, seed=seed, fractions=fractions, stratify=stratify)
    encoding = Encoding.fit(table, features, rows.train)
    return Problem(table, column, encoding.transform(table), labels, classes, encoding, rows)


def balanced_weights(labels: Array) -> Array:
    """A weight per class, N / (K * its rows), with which each class counts alike; labels has rows of every class."""
    from sklearn.utils.class_weight import compute_class_weight

    weights: Array = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    return weights
