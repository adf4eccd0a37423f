"""Parquet files that are read in blocks of rows, in memory that does not grow with the file.

Each row is drawn for training, validation or test by a random number of its own, which follows from the seed and the
number of the row alone. One pass over the file finds the classes, and how each column is read; `summaries` keeps what
that needs. An epoch reads pieces of blocks in a new random order, and mixes some at a time before it cuts batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, quoted
from softgrad.data.classes import FRACTIONS, check_counts, check_drawn, class_indices, name_classes
from softgrad.data.columns import text_column
from softgrad.data.encoding import Encoding
from softgrad.data.fitting import Fitting
from softgrad.data.parquet_files import damaged, load_polars, to_table
from softgrad.data.summaries import Kind
from softgrad.data.table import Table
from softgrad.data.tables import BUNDLED, PARQUET, read_table
from softgrad.data.unlabelled import Unlabelled
from softgrad.errors import DataError

BLOCK_ROWS, BLOCK_VALUES = 2**15, 2**22  # of a block, at most
PIECES = 4  # of a block
PIECES_MIXED = 16  # which are shuffled together, so that a batch has rows from many places of the file
BLOCKS_SAMPLED = 8  # a sample has rows of so many
MOST_TEXTS = 10_000  # different cells of a column of text that are kept
TRAIN, VALIDATION, TEST = range(3)


class Stream:
    """A Parquet file whose rows are read a block at a time.

    Args:
        source: the path of the file, which is not compressed as a whole.

    Raises:
        DataError: there is no such file; it is no Parquet file, damaged, or has no rows.
        MissingPackageError: polars is not installed.
    """

    def __init__(self, source: str) -> None:
        polars = load_polars()
        if not _is_parquet(source):
            raise DataError(f"{source} is not a Parquet file, wanted the path of one, which can be read in blocks")
        self.source = source
        self._errors = (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError)
        self._scan = polars.scan_parquet(source, glob=False)
        self.names: list[str] = self._read(lambda: self._scan.collect_schema().names())
        self.rows: int = self._read(lambda: self._scan.select(polars.len()).collect().item())
        if not self.rows:
            raise DataError(f"{source} has {len(self.names)} columns but no rows; wanted at least one row")

    def block(self, first: int, rows: int, names: Sequence[str] | None = None) -> Table:
        """The rows from number `first` on, counted from 0; only the named columns, if names are given."""
        scan = self._scan if names is None else self._scan.select(names)
        return to_table(self.source, self._read(lambda: scan.slice(first, rows).collect()), first)

    def blocks(self, width: int, names: Sequence[str] | None = None) -> Iterator[Table]:
        """All rows in order, in blocks for a matrix of `width` columns."""
        for first in self.starts(width).tolist():
            yield self.block(first, block_rows(width), names)

    def starts(self, width: int) -> Array:
        """The first rows of these blocks."""
        return np.arange(0, self.rows, block_rows(width))

    def _read(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except self._errors as error:
            raise damaged(self.source, error) from error


def read_parts(
    source: str, *, target: str | None = None, array: str | None = None, width: int = 1
) -> tuple[int, Iterator[Table]]:
    """The number of rows of a table, and the table in parts: a Parquet file in blocks, anything else at once.

    Args:
        source: as `read_table`.
        target: as `read_table`.
        array: as `read_table`.
        width: the number of columns of the matrix that is made of each part.

    Raises:
        DataError: as `read_table`.
        MissingPackageError: as `read_table`.
    """
    if source not in BUNDLED and _is_parquet(source):
        stream = Stream(source)
        return stream.rows, stream.blocks(max(width, len(stream.names)))
    table = read_table(source, target=target, array=array)
    return len(table.lines), iter([table])


def _is_parquet(source: str) -> bool:
    path = Path(source)
    with suppress(OSError, ValueError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(len(PARQUET)) == PARQUET
    return False


def block_rows(width: int) -> int:
    """The number of rows in a block, for a matrix of `width` columns."""
    return max(1, min(BLOCK_ROWS, BLOCK_VALUES // max(width, 1)))


def draw_sets(first: int, rows: int, *, seed: int, fractions: tuple[float, float, float] = FRACTIONS) -> Array:
    """The sets of some rows, of shape (rows,): 0 is training, 1 validation, 2 test.

    Args:
        first: the number of the first row.
        rows: how many rows follow.
        seed: the seed. The set of a row depends on it and on the number of the row alone.
        fractions: the parts of the rows for training, validation and test, up to chance.

    Example:
        >>> from softgrad.data.streams import draw_sets
        >>> bool((draw_sets(7, 3, seed=0) == draw_sets(0, 10, seed=0)[7:]).all())
        True
    """
    generator = np.random.Generator(np.random.Philox(key=seed).advance(first // 4))  # which draws 4 numbers at a time
    return np.digitize(generator.random(first % 4 + rows)[first % 4 :], np.cumsum(fractions[:2]))


class StreamedTable(NamedTuple):
    """A table that is read in blocks: its classes, and how its columns are read."""

    stream: Stream
    target: str
    classes: tuple[str, ...]
    encoding: Encoding
    counts: Array  # (3, K): the rows of each class in each set
    missing: Mapping[str, int]  # the number of missing cells of the columns that have any
    seed: int
    fractions: tuple[float, float, float]
    notes: tuple[str, ...] = ()  # about the rows that are left out

    @classmethod
    def fit(
        cls,
        stream: Stream,
        target: str,
        *,
        kinds: Mapping[str, Kind] | None = None,
        missing: Iterable[str] = (),
        seed: int,
        fractions: tuple[float, float, float] = FRACTIONS,
        on_block: Callable[[], object] = lambda: None,
    ) -> StreamedTable:
        """Reads the file once, and decides how its columns are read, as `Encoding.fit` does.

        The rules are the same, but for columns of text with more than 10,000 different cells: they are left out. Rows
        without a class are left out, too.

        Args:
            stream: the file.
            target: the column that holds the class.
            kinds: as `Encoding.fit`.
            missing: as `Encoding.fit`.
            seed: of the split.
            fractions: the parts of the rows for training, validation and test, up to chance.
            on_block: is called after each block.

        Raises:
            DataError: as `read_classes`, `split` and `Encoding.fit`; there are more than 10,000 classes.
        """
        features = [name for name in stream.names if name != target]
        fitting, of_labels = Fitting(features, kinds, MOST_TEXTS, missing), LabelCounts(stream.source, target)
        first, unlabelled = 0, Unlabelled(target)
        for whole in stream.blocks(len(stream.names)):
            table = unlabelled.leave_out(whole)
            drawn = draw_sets(first, len(whole.lines), seed=seed, fractions=fractions)
            sets = drawn[np.asarray(table.lines) - 1 - first]
            of_labels.add(text_column(table, target), sets)
            fitting.add(table, sets == TRAIN)
            first += len(whole.lines)
            on_block()
        notes = unlabelled.notes(stream.source)
        empty = Table(stream.source, {}, range(1, stream.rows + 1), None, place="row")
        index_of, classes = name_classes(empty, target, set(of_labels.counts))
        counts = np.zeros((3, len(classes)), np.int64)
        for label, of_sets in of_labels.counts.items():
            counts[:, index_of[label]] += of_sets
        check_counts(empty, counts.sum(axis=0), classes, fractions)
        check_drawn(empty, counts, classes)
        encoding = Encoding(fitting.columns(empty))
        missing_cells = fitting.missing(encoding.columns)
        return cls(stream, target, classes, encoding, counts, missing_cells, seed, fractions, notes)

    def blocks(self, which: int) -> Iterator[tuple[Array, Array]]:
        """The rows of a set, x in float32 and the class indices, a block at a time.

        Args:
            which: the set, as `draw_sets` numbers them.
        """
        return self._of_set(which, self._tables(self.starts, block_rows(self.encoding.width)))

    def blocks_of_all(self) -> Iterator[tuple[Array, Array, Array]]:
        """All rows in order: their sets, x in float32 and the class indices, a block at a time."""
        for table, sets in self._tables(self.starts, block_rows(self.encoding.width)):
            yield sets, *self._encode(table)

    def _tables(self, starts: Sequence[int], rows: int) -> Iterator[tuple[Table, Array]]:
        names = [*(column.name for column in self.encoding.columns if column.width), self.target]
        for first in starts:
            table, sets = self._labelled(first, rows, names)
            if len(sets):
                yield table, sets

    def _labelled(self, first: int, rows: int, names: Sequence[str] | None = None) -> tuple[Table, Array]:
        """The rows of a block that have a class, and their sets."""
        whole = self.stream.block(first, rows, names)
        table = Unlabelled(self.target).leave_out(whole)
        sets = draw_sets(first, len(whole.lines), seed=self.seed, fractions=self.fractions)
        return table, sets[np.asarray(table.lines) - 1 - first]

    def _of_set(self, which: int, tables: Iterable[tuple[Table, Array]]) -> Iterator[tuple[Array, Array]]:
        for table, sets in tables:
            if (sets == which).any():
                yield self._encode(table.rows(np.flatnonzero(sets == which)))

    def _encode(self, table: Table) -> tuple[Array, Array]:
        x = self.encoding.transform(table).astype(np.float32)
        return x, class_indices(table, self.target, self.classes)

    @property
    def starts(self) -> list[int]:
        """The first rows of the blocks."""
        starts: list[int] = self.stream.starts(self.encoding.width).tolist()
        return starts

    def sample(self, rows: int) -> tuple[Table, Array]:
        """Some rows of every set, at most so many of each, from a few blocks in random order; and their sets."""
        order = np.random.default_rng(self.seed).permutation(self.starts)[:BLOCKS_SAMPLED].tolist()
        tables, sets = [], []
        for first in order:
            table, drawn = self._labelled(first, block_rows(self.encoding.width))
            kept = np.sort(np.concatenate([np.flatnonzero(drawn == i)[: -(-rows // len(order))] for i in range(3)]))
            tables.append(table.rows(kept))
            sets.append(drawn[kept])
        names = list(tables[0].columns)
        columns = {name: np.concatenate([table.columns[name] for table in tables]) for name in names}
        lines = np.concatenate([table.lines for table in tables])
        return tables[0]._replace(columns=columns, lines=lines, notes=self.notes), np.concatenate(sets)

    def batches(self, epoch: int, size: int) -> Iterator[tuple[Array, Array]]:
        """The training rows in batches of `size` rows, in an order that depends on the seed and the epoch alone."""
        rng = np.random.default_rng([self.seed, epoch])
        piece = max(1, block_rows(self.encoding.width) // PIECES)
        order = rng.permutation(np.arange(0, self.stream.rows, piece)).tolist()
        groups = [order[i : i + PIECES_MIXED] for i in range(0, len(order), PIECES_MIXED)]
        left: list[tuple[Array, Array]] = []  # over from the last group: less than a batch
        for i, group in enumerate(groups):
            blocks = [*left, *self._of_set(TRAIN, self._tables(group, piece))]
            if not blocks:
                continue
            x, labels = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
            mixed = rng.permutation(len(labels))
            end = len(mixed) if i == len(groups) - 1 else len(mixed) - len(mixed) % size
            for start in range(0, end, size):
                rows = mixed[start : min(start + size, end)]
                yield x[rows], labels[rows]
            left = [(x[mixed[end:]], labels[mixed[end:]])]


class LabelCounts:
    """The number of rows of each class in each set, by the text of the class."""

    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = source, target
        self.counts: dict[str, Array] = {}

    def add(self, labels: Array, sets: Array) -> None:
        """Takes the labels of some rows, and their sets."""
        different, inverse = np.unique(labels, return_inverse=True)
        counts = np.zeros((len(different), 3), np.int64)
        np.add.at(counts, (inverse, sets), 1)
        for label, of_sets in zip(different.tolist(), counts, strict=True):
            self.counts[label] = self.counts.get(label, 0) + of_sets
        if len(self.counts) > MOST_TEXTS:
            raise DataError(
                f"{self.source}: column {quoted(self.target)} has more than {MOST_TEXTS:,} classes, such as "
                f"{list_names(list(self.counts)[:3])}; choose another target column"
            )
