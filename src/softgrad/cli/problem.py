"""The table that a network is trained on: read, split, and as a matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, list_some, quoted
from softgrad.cli.console import progress
from softgrad.cli.training.config import RunConfig
from softgrad.data import Encoding, Split, Table, class_indices, read_classes, read_table, split
from softgrad.data.columns import check_name
from softgrad.data.doubts import doubts
from softgrad.data.streams import Stream, StreamedTable
from softgrad.data.summaries import Kind
from softgrad.data.tables import BUNDLED
from softgrad.data.unlabelled import Unlabelled
from softgrad.errors import DataError, OptionError

ROWS_SAMPLED = 10_000  # of each set, of a table that is read in blocks


class Problem(NamedTuple):
    """A table that was read and split."""

    table: Table
    target: str
    x: Array  # (N, D) float64
    labels: Array  # (N)
    classes: tuple[str, ...]
    encoding: Encoding
    rows: Split
    kinds: Mapping[str, Kind]  # of the columns for which the user says it
    missing: Sequence[str] = ()  # texts that stand for a missing number, beside the usual ones
    streamed: StreamedTable | None = None  # the whole of the table, if only a sample of it is here
    doubts: Sequence[str] = ()  # what makes its results too good

    def subset(self, rows: Array) -> tuple[Array, Array]:
        """The given rows of x, and their labels."""
        return self.x[rows], self.labels[rows]

    def with_split(self, rows: Split) -> Problem:
        """The same table with another split, encoded as its training rows have it.

        How a column is read, as numbers or dates say, does not depend on the split.
        """
        names = [column.name for column in self.encoding.columns]
        encoding = Encoding.fit(self.table, names, rows.train, kinds=self.kinds, missing=self.missing)
        return self._replace(x=encoding.transform(self.table), encoding=encoding, rows=rows)

    def checksum(self) -> str:
        """The SHA-256 of all that the training depends on: the features, the labels, the classes and the split.

        Of a table that is read in blocks it takes the sample, the sizes of the classes, and how the columns are read,
        with the means and deviations of the training rows.
        """
        import hashlib

        found = hashlib.sha256(repr((self.x.shape, self.classes)).encode(errors="surrogateescape"))
        for array in (self.x, self.labels, *self.rows):
            found.update(np.ascontiguousarray(array).data)
        if self.streamed is not None:
            found.update(repr((self.streamed.counts.tolist(), self.encoding.columns)).encode(errors="surrogateescape"))
        return found.hexdigest()

    def summary(self) -> list[str]:
        """The source and the sizes of the table, and how its columns were read, in one line each."""
        D = self.x.shape[1]
        sizes = dict(zip(Split._fields, map(len, self.rows), strict=True))
        if self.streamed is not None:
            sizes = dict(zip(Split._fields, self.streamed.counts.sum(axis=1).tolist(), strict=True))
        N, subsets = sum(sizes.values()), ", ".join(f"{n:,} {name}" for name, n in sizes.items())
        features = "feature" if D == 1 else "features"
        lines = [f"{self.table.source}: {N:,} rows of {D:,} {features} in {len(self.classes)} classes ({subsets})"]
        lines += self.table.notes
        if self.table.target is None:  # the columns of a bundled set are known
            missing_cells = self.encoding.missing(self.table) if self.streamed is None else self.streamed.missing
            counts = sorted(missing_cells.items(), key=lambda each: -each[1])
            missing = [f"{quoted(name)} in {count:,} row{'s' * (count != 1)}" for name, count in counts]
            lines += self.encoding.describe()
            lines += [f"missing cells: {list_some(missing)}"] if missing else []
            lines.append(f"classes: {list_names(self.classes)}")
            folded = Counter(name.casefold() for name in self.classes)
            alike = [name for name in self.classes if folded[name.casefold()] > 1]
            if alike:
                lines.append(f"classes that differ in capitals alone, and are not merged: {list_names(alike)}")
        return lines + [f"warning: {doubt}" for doubt in self.doubts]


def read_problem(config: RunConfig) -> Problem:
    """Reads and splits the table that `softgrad train` is given.

    Raises:
        OptionError: the target is missing, or the table defines its own; a column has two kinds, or is the target.
        DataError: as `read_table`, `read_classes`, `split` and `Encoding.fit`; with --stream, as `Stream`.
    """
    if config.stream:
        return _read_in_blocks(config)
    table = read_table(config.data, target=config.target, array=config.array)
    column = _target(config, table)
    table = labelled(table, column)
    labels, classes = read_classes(table, column)
    features = [name for name in table.columns if name != column]
    rows = split(table, labels, classes, seed=config.seed, fractions=config.fractions, stratify=config.stratify)
    kinds = _kinds(config.kinds, table, column)
    missing = config.missing_texts
    encoding = Encoding.fit(table, features, rows.train, kinds=kinds, missing=missing)
    x = encoding.transform(table)
    doubted = () if config.data in BUNDLED else doubts(x, labels, encoding, rows, classes)
    return Problem(table, column, x, labels, classes, encoding, rows, kinds, missing, doubts=doubted)


def _read_in_blocks(config: RunConfig) -> Problem:
    stream = Stream(config.data)
    first_row = stream.block(0, 1)
    column = _target(config, first_row)
    kinds = _kinds(config.kinds, first_row, column)
    with progress("reading the table", len(stream.starts(len(stream.names)))) as bar:
        streamed = StreamedTable.fit(
            stream,
            column,
            kinds=kinds,
            missing=config.missing_texts,
            seed=config.seed,
            fractions=config.fractions,
            on_block=bar.advance,
        )
    sample, sets = streamed.sample(ROWS_SAMPLED)
    x, labels = streamed.encoding.transform(sample), class_indices(sample, column, streamed.classes)
    rows = Split(*(np.flatnonzero(sets == i) for i in range(len(Split._fields))))
    return Problem(
        sample, column, x, labels, streamed.classes, streamed.encoding, rows, kinds, config.missing_texts, streamed
    )


def labelled(table: Table, target: str) -> Table:
    """The rows of a table that have a class. A note of the table says how many have none.

    Raises:
        DataError: no row has a class.
    """
    unlabelled = Unlabelled(target)
    left = unlabelled.leave_out(table)
    return left._replace(notes=(*table.notes, *unlabelled.notes(table.source)))


def _target(config: RunConfig, table: Table) -> str:
    """The column that holds the class."""
    data, target = config.data, config.target
    if data in BUNDLED and target is not None:
        raise OptionError(f"train: {data} already has a target; leave out --target {quoted(target)}")
    column = table.target or target
    if column is None:
        what, names = ("array", table.others) if table.others else ("column", tuple(table.columns))
        raise OptionError(
            f"train: --target is missing; name the {what} of {data} that holds the class: {list_names(names)}"
        )
    check_name(table, column)
    if len(table.columns) == 1:
        raise DataError(f"{data} has no column besides the target {quoted(column)}; wanted at least one feature column")
    return column


def _kinds(given: Mapping[Kind, Sequence[str]], table: Table, target: str) -> dict[str, Kind]:
    """The kind of each named column. A text that is no name of a column is a list of names, separated by commas."""
    kinds: dict[str, Kind] = {}
    for kind, texts in given.items():
        for text in texts:
            for name in [text] if text in table.columns else [part.strip() for part in text.split(",")]:
                check_name(table, name)
                if name == target:
                    raise OptionError(f"train: column {quoted(name)} is the target; name only other columns")
                if kinds.setdefault(name, kind) != kind:
                    raise OptionError(
                        f"train: column {quoted(name)} is named as {kinds[name]} and as {kind}; name it once"
                    )
    return kinds


def balanced_weights(counts: Array) -> Array:
    """A weight per class, N / (K * its rows), with which each class counts alike; `counts` has the rows of each."""
    weights: Array = counts.sum() / ((counts > 0).sum() * np.maximum(counts, 1))
    return weights
