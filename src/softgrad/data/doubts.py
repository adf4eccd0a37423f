"""What makes results too good or useless: columns that tell the class, rows in two sets, rare classes, amounts.

A column tells the class if each of its categories occurs with one class, or if its numbers or dates, in order, fall
into one stretch per class. Missing cells count as one more category, or as a stretch of their own. In a table of few
rows this happens by chance: if the classes were shuffled, it would with a probability of at most

    chance = A / (N! / (n_1! ... n_K!))        n_k rows have class k; A = K^c for c categories, K! for stretches

and the column is named if that is less than CHANCE.

Copies of training rows among the test rows are named if they can change the accuracy by its standard error, which is at
most 1 / (2 sqrt(n)) for n test rows. In a table of few columns with few values, rows are the same by chance. The copies
must be twice as many as there would be if every column were shuffled among the rows of each class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import lgamma, log, sqrt

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names, quoted
from softgrad._numerals import to_number
from softgrad.data.classes import MIN_ROWS_PER_CLASS, Split, rare_classes
from softgrad.data.encoding import Encoding
from softgrad.data.kinds import DATE_PARTS, CategoryColumn, DateColumn, LeftOut

CHANCE = 1e-6
FIRST_ROWS = 1000  # most columns tell the classes not even of these, which is found out sooner
ROWS_AT_ONCE = 256
MOST_AMOUNTS = 10  # numbers with decimals as classes: more are rather what regression predicts


def doubts(
    x: Array,  # (N, D)
    labels: Array,  # (N)
    encoding: Encoding,
    rows: Split,
    classes: Sequence[str],
) -> list[str]:
    """What to know before the results are believed, one sentence each. `x` is as `encoding` makes it."""
    said = []
    rare = [classes[k] for k in np.flatnonzero(rare_classes(np.bincount(labels, minlength=len(classes)))).tolist()]
    if rare:
        said.append(
            f"all rows of {list_names(rare, 3)} are training rows, since there are fewer than {MIN_ROWS_PER_CLASS} of "
            "each, so the results say nothing of them; add rows, or merge rare classes"
        )
    if len(classes) > MOST_AMOUNTS and _are_amounts(classes):
        said.append(
            f"the target has {len(classes)} different numbers with decimals, such as {quoted(classes[0])}: each is a "
            "class of its own, and their order is not used; if they are amounts, put them into ranges"
        )
    names = telling_columns(x, labels, encoding)
    if names:
        which = "column" if len(names) == 1 else "each of the columns"
        said.append(
            f"{which} {list_names(names, 3)} alone tells the class of every row; leave it out with --drop if it is "
            "known only after the class"
        )
    count = repeated_rows(x, labels, encoding, rows)
    if count:
        said.append(
            f"{count:,} of the {len(rows.test):,} test rows are the same as a training row, more than by chance; if "
            "the table has copies of rows, remove them, since the results are then better than for new rows"
        )
    return said


def telling_columns(x: Array, labels: Array, encoding: Encoding) -> list[str]:
    """The names of the columns that tell the class of every row."""
    names, start = [], 0
    for column in encoding.columns:
        cells = x[:, start : start + column.width]
        start += column.width
        if isinstance(column, LeftOut):
            continue
        if isinstance(column, CategoryColumn):
            found = all(_pure(cells[:n], labels[:n]) for n in (FIRST_ROWS, None))
        else:
            at = DATE_PARTS.index("days since") if isinstance(column, DateColumn) else 0
            values = np.where(cells[:, -1] == 1, -np.inf, cells[:, at]) if column.missing else cells[:, at]
            found = all(_in_stretches(values[:n], labels[:n]) for n in (FIRST_ROWS, None))
        if found and _log_chance(cells, labels, in_order=not isinstance(column, CategoryColumn)) < log(CHANCE):
            names.append(column.name)
    return names


def repeated_rows(x: Array, labels: Array, encoding: Encoding, rows: Split) -> int:
    """The number of test rows with the cells and the class of a training row; 0 if they are few or there by chance."""
    known = set(_keys(x, labels, rows.train))
    count = sum(key in known for key in _keys(x, labels, rows.test))
    many = sqrt(len(rows.test)) / 2
    if count <= many:
        return 0
    by_chance = sum(key in known for key in _keys_of_shuffled(x, labels, encoding, rows.test))
    return count if count - by_chance > max(many, by_chance) else 0


def _are_amounts(classes: Sequence[str]) -> bool:
    """Whether all classes are numbers, and some of them have decimals."""
    numbers = [to_number(name) for name in classes]
    return None not in numbers and any(number != int(number) for number in numbers if number is not None)


def _keys(x: Array, labels: Array, rows: Array) -> Iterator[int]:
    for row in rows:  # one at a time, since x may be large; + 0.0 gives -0.0 the bytes of 0.0
        yield hash(((x[row] + 0.0).tobytes(), int(labels[row])))


def _keys_of_shuffled(x: Array, labels: Array, encoding: Encoding, rows: Array) -> Iterator[int]:
    """The keys of made-up rows: the classes are the same, and each cell is that of a random row of its class."""
    rng, width = np.random.default_rng(0), np.cumsum([0, *(column.width for column in encoding.columns)])
    for k in np.unique(labels[rows]):
        sources, left = np.flatnonzero(labels == k), int((labels[rows] == k).sum())
        while left > 0:
            size = min(left, ROWS_AT_ONCE)
            columns = [x[rng.choice(sources, size), start:end] for start, end in pairwise(width)]
            yield from _keys(np.concatenate(columns, axis=1), np.full(size, k), np.arange(size))
            left -= size


def _pure(cells: Array, labels: Array) -> bool:
    """Whether equal cells have equal labels."""
    _, group = np.unique(cells, axis=0, return_inverse=True)
    pairs = np.unique(np.column_stack([group, labels]), axis=0)
    return len(pairs) == len(np.unique(group))


def _in_stretches(values: Array, labels: Array) -> bool:
    """Whether the labels of the ordered values change as seldom as they can, and never among equal values."""
    order = np.lexsort((labels, values))
    changes = labels[order][1:] != labels[order][:-1]
    equal = values[order][1:] == values[order][:-1]
    most = len(np.unique(labels)) - 1 + bool(np.isneginf(values).any())
    return not (changes & equal).any() and int(changes.sum()) <= most


def _log_chance(cells: Array, labels: Array, *, in_order: bool) -> float:
    counts = np.bincount(labels)
    K = np.count_nonzero(counts)
    ways = lgamma(K + 1) + log(K) if in_order else len(np.unique(cells, axis=0)) * log(K)
    return ways + sum(lgamma(n + 1) for n in counts.tolist()) - lgamma(len(labels) + 1)
