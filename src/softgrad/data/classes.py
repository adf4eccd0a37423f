"""The classes of the rows, and a split of the rows in which every class is in each part."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad._extras import needs
from softgrad._messages import counted, quoted
from softgrad._numerals import to_number
from softgrad.data.columns import text_column
from softgrad.data.tables import Table
from softgrad.errors import DataError

# Fractions of all rows. The remaining three fifths are for training.
TEST_FRACTION, VALIDATION_FRACTION = 0.2, 0.2
MIN_ROWS_PER_CLASS = 3


@explained
def read_classes(table: Table, target: str) -> tuple[Array, tuple[str, ...]]:
    """The class index of each row, of shape (N,), and the names of the classes.

    If every cell is a number, the classes are numbers: 1, 1.0 and 1e0 are one class, whose name is the shortest of its
    spellings, and the classes are in ascending order. Otherwise the classes are texts, and 1 and 1.0 are two of them;
    those that are numbers come first, in ascending order, and the others follow, sorted as Python sorts strings.

    Raises:
        DataError: there is no such column, a cell of it is empty, or all its cells are the same.

    Example:
        >>> indices, names = sg.data.read_classes(sg.data.read_table("iris"), "target")
        >>> names
        ('setosa', 'versicolor', 'virginica')
    """
    labels = text_column(table, target).tolist()
    names = set(labels)
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
            f"{table.source}: column {quoted(target)} is {quoted(order[0])} in all {len(labels)} rows, wanted at least "
            "2 classes; choose another target column, or add rows of other classes"
        )
    index_of = {key: index for index, key in enumerate(classes)}
    return np.array([index_of[key_of[label]] for label in labels]), tuple(classes.values())


class Split(NamedTuple):
    """The row indices of the training, the validation and the test set. Each row is in exactly one of them."""

    train: Array
    validation: Array
    test: Array


@explained
def split(table: Table, target: Array, classes: Sequence[str], *, seed: int) -> Split:
    """Draws a stratified split: a fifth of the rows for the test, a fifth for validation, the rest for training.

    Args:
        table: the table, which the error messages name.
        target: the class index of each row, of shape (N,).
        classes: the names of the classes.
        seed: the seed of the random split.

    Raises:
        DataError: a class has fewer than 3 rows, or there are fewer than 5 rows per class on average.
        MissingPackageError: scikit-learn is not installed.

    Example:
        >>> table = sg.data.read_table("iris")
        >>> indices, names = sg.data.read_classes(table, "target")
        >>> [len(rows) for rows in sg.data.split(table, indices, names, seed=0)]
        [90, 30, 30]
    """
    with needs("split", "scikit-learn", extra="cli"):
        from sklearn.model_selection import train_test_split

    counts = np.bincount(target, minlength=len(classes))
    if counts.min() < MIN_ROWS_PER_CLASS:
        raise DataError(
            f"{table.source}: class {quoted(classes[int(counts.argmin())])} has {counted(counts.min(), 'row')}, wanted "
            f"at least {MIN_ROWS_PER_CLASS}: one each for training, validation and test; merge rare classes or remove "
            "their rows"
        )
    if len(target) < 5 * len(classes):
        raise DataError(
            f"{table.source}: there are {len(target)} rows for {len(classes)} classes, wanted at least "
            f"{5 * len(classes)} rows; add rows, or merge classes"
        )
    rows, test = train_test_split(np.arange(len(target)), test_size=TEST_FRACTION, stratify=target, random_state=seed)
    fraction_of_rest = VALIDATION_FRACTION / (1 - TEST_FRACTION)
    train, validation = train_test_split(rows, test_size=fraction_of_rest, stratify=target[rows], random_state=seed)
    return Split(train, validation, test)
