"""The classes of the rows, and the split of the rows into training, validation and test set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad._extras import needs
from softgrad._messages import counted, list_names, quoted
from softgrad._numerals import to_number
from softgrad.data.columns import text_column
from softgrad.data.table import Table
from softgrad.errors import DataError, OptionError

FRACTIONS = (0.6, 0.2, 0.2)  # of all rows: for training, validation and test
MIN_ROWS_PER_CLASS = 3
MOST_RARE = 0.1  # of the rows, in classes of fewer: where there are more, the target is hardly a class


@explained
def read_classes(table: Table, target: str) -> tuple[Array, tuple[str, ...]]:
    """The class index of each row, of shape (N,), and the names of the classes.

    If every cell is a number, the classes are numbers: 1, 1.0 and 1e0 are one class, whose name is the shortest of its
    spellings, and the classes are in ascending order. Otherwise the classes are texts, and 1 and 1.0 are two of them;
    those that are numbers come first, in ascending order, and the others follow, sorted as Python sorts strings.

    Raises:
        DataError: there is no such column, a row has no class, or all rows have the same.

    Example:
        >>> indices, names = sg.data.read_classes(sg.data.read_table("iris"), "target")
        >>> names
        ('setosa', 'versicolor', 'virginica')
    """
    labels = text_column(table, target).tolist()
    index_of, classes = name_classes(table, target, set(labels))
    return np.array([index_of[label] for label in labels]), classes


def name_classes(table: Table, target: str, names: set[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """The index of the class that each label stands for, and the names of the classes; as `read_classes`."""
    values = {name: to_number(name) for name in names}
    key_of: dict[str, Any] = {name: name for name in names}
    if None not in values.values():
        key_of = {name: Decimal(name) for name in names}  # exact: two long integers may be the same float
        order = sorted(names, key=lambda name: (key_of[name], len(name), name))
    else:
        order = sorted(names, key=lambda name: (values[name] is None, values[name] or 0.0, name))
    classes: dict[Any, str] = {}
    for name in order:
        classes.setdefault(key_of[name], name)
    if len(classes) < 2:
        raise DataError(
            f"{table.source}: column {quoted(target)} is {quoted(order[0])} in all {len(table.lines)} rows, wanted at "
            "least 2 classes; choose another target column, or add rows of other classes"
        )
    index_of = {key: index for index, key in enumerate(classes)}
    return {name: index_of[key_of[name]] for name in names}, tuple(classes.values())


@explained
def class_indices(table: Table, target: str, classes: Sequence[str]) -> Array:
    """The index of the class of each row, of shape (N,), among classes that are known, such as those of a model.

    A number is the class of the same value, however it is written: 1.0 is the class 1.

    Raises:
        DataError: there is no such column; a cell of it is empty, or none of the classes.

    Example:
        >>> sg.data.class_indices(sg.data.read_table("iris"), "target", ["virginica", "versicolor", "setosa"])[:3]
        array([2, 2, 2])
    """
    labels = text_column(table, target).tolist()
    index_of: dict[Any, int] = {Decimal(name): i for i, name in enumerate(classes) if to_number(name) is not None}
    if len(index_of) < len(classes):  # then 1 and 1.0 are two texts
        index_of = {}
    index_of |= {name: i for i, name in enumerate(classes)}
    found = {
        label: index_of.get(label, index_of.get(Decimal(label)) if to_number(label) is not None else None)
        for label in set(labels)
    }
    for row, label in enumerate(labels):
        if found[label] is None:
            raise DataError(
                f"{table.where(row)}: column {quoted(target)} is {quoted(label)}, wanted one of the classes "
                f"{list_names(classes)}; correct the cell or remove the row"
            )
    return np.array([found[label] for label in labels])


class Split(NamedTuple):
    """The row indices of the training, the validation and the test set. Each row is in exactly one of them."""

    train: Array
    validation: Array
    test: Array


@explained
def split(
    table: Table,
    target: Array,  # (N) class indices
    classes: Sequence[str],
    *,
    seed: int,
    fractions: tuple[float, float, float] = FRACTIONS,
    stratify: bool = True,
) -> Split:
    """Draws a split of the rows: three fifths for training, a fifth for validation, a fifth for the test.

    Classes of fewer than 3 rows have all of them among the training rows, if these are at most a tenth of the table.

    Args:
        table: the table, which the error messages name.
        target: the class index of each row.
        classes: the names of the classes.
        seed: the seed of the random split.
        fractions: the parts of the rows for training, validation and test; positive numbers whose sum is 1.
        stratify: whether every class has the same part of its rows in each set.

    Raises:
        DataError: a class has fewer than 3 rows, and more than a tenth of the rows are in such classes, or fewer than
            2 classes have more; a set would have fewer rows than there are classes; without
            `stratify`, no row of a class was drawn for training.
        OptionError: a fraction is not positive, or their sum is not 1.
        MissingPackageError: scikit-learn is not installed.

    Example:
        >>> table = sg.data.read_table("iris")
        >>> indices, names = sg.data.read_classes(table, "target")
        >>> [len(rows) for rows in sg.data.split(table, indices, names, seed=0)]
        [90, 30, 30]
    """
    with needs("split", "scikit-learn", extra="cli"):
        from sklearn.model_selection import train_test_split

    K = len(classes)
    counts = np.bincount(target, minlength=K)
    rare = rare_classes(counts)
    frequent = [name for name, few in zip(classes, rare, strict=True) if not few]
    check_counts(table, counts[~rare], frequent, fractions)
    drawn, kept = np.flatnonzero(~rare[target]), np.flatnonzero(rare[target])
    N = len(drawn)
    _, validation_fraction, test_fraction = fractions
    test_size = math.ceil(round(N * test_fraction, 6))
    validation_size = math.ceil(round((N - test_size) * validation_fraction / (1 - test_fraction), 6))
    rows, test = train_test_split(
        drawn, test_size=test_size, stratify=target[drawn] if stratify else None, random_state=seed
    )
    train, validation = train_test_split(
        rows, test_size=validation_size, stratify=target[rows] if stratify else None, random_state=seed
    )
    train = np.concatenate([train, kept])
    check_drawn(table, np.bincount(target[train], minlength=K)[None], classes)
    return Split(train, validation, test)


def rare_classes(counts: Array) -> Array:
    """Which classes have so few rows that all are training rows; `counts` has the rows of each class."""
    rare: Array = (counts > 0) & (counts < MIN_ROWS_PER_CLASS)
    if counts[rare].sum() > MOST_RARE * counts.sum() or np.count_nonzero(~rare) < 2:
        rare[:] = False
    return rare


def check_counts(table: Table, counts: Array, classes: Sequence[str], fractions: tuple[float, float, float]) -> None:
    """Checks that there are rows enough for three sets; `counts` has the rows of each class."""
    if not (min(fractions) > 0 and abs(sum(fractions) - 1) < 1e-9):
        raise OptionError(f"split: fractions is {fractions}, wanted three positive numbers whose sum is 1")
    N, K = int(counts.sum()), len(classes)
    if K * MIN_ROWS_PER_CLASS > N and all(to_number(name) is not None for name in classes):
        raise DataError(
            f"{table.source}: the target has {K:,} different numbers in {N:,} rows, wanted classes of at least "
            f"{MIN_ROWS_PER_CLASS} rows; softgrad predicts classes, so choose another target, or put the numbers into "
            "ranges"
        )
    if counts.min() < MIN_ROWS_PER_CLASS:
        raise DataError(
            f"{table.source}: class {quoted(classes[int(counts.argmin())])} has {counted(counts.min(), 'row')}, wanted "
            f"at least {MIN_ROWS_PER_CLASS}: one each for training, validation and test; merge rare classes or remove "
            "their rows"
        )
    wanted = math.ceil(round(K / min(fractions), 6))
    if wanted > N:
        raise DataError(
            f"{table.source}: there are {N} rows for {K} classes, wanted at least {wanted} rows; add rows, merge "
            "classes, or give the smallest set a larger part"
        )


def check_drawn(table: Table, counts: Array, classes: Sequence[str]) -> None:
    """Checks that every set has a row, and every class one for training; `counts` has their rows, by set and class."""
    undrawn = np.flatnonzero(counts[0] == 0)
    if len(undrawn):
        raise DataError(
            f"{table.source}: no row of class {quoted(classes[undrawn[0]])} was drawn for training, wanted at least 1; "
            "stratify the split, or use another seed"
        )
    for name, of_set in zip(Split._fields, counts, strict=False):
        if not of_set.any():
            raise DataError(f"{table.source}: no row was drawn for {name}, wanted at least 1; use another seed")
