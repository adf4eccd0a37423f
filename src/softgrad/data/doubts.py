"""What in a table makes results too good: columns that tell the class, rows that are in two sets, rare classes.

A column tells the class if each of its categories occurs with one class, or if its numbers or dates, in order, fall
into one stretch per class. Missing cells count as one more category, or as a stretch of their own. In a table of few
rows this happens by chance: if the classes were shuffled, it would with a probability of at most

    chance = A / (N! / (n_1! ... n_K!))        n_k rows have class k; A = K^c for c categories, K! for stretches

and the column is named if that is less than CHANCE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import lgamma, log

import numpy as np

from softgrad._arrays import Array
from softgrad._messages import list_names
from softgrad.data.classes import MIN_ROWS_PER_CLASS, Split, rare_classes
from softgrad.data.encoding import Encoding
from softgrad.data.kinds import DATE_PARTS, CategoryColumn, DateColumn, LeftOut

CHANCE = 1e-6
FIRST_ROWS = 1000  # most columns tell the classes not even of these, which is found out sooner


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
    names = telling_columns(x, labels, encoding)
    if names:
        which = "column" if len(names) == 1 else "each of the columns"
        said.append(
            f"{which} {list_names(names, 3)} alone tells the class of every row; leave it out with --drop if it is "
            "known only once the class is"
        )
    count = repeated_rows(x, labels, rows)
    if count:
        said.append(
            f"{count:,} of the {len(rows.test):,} test rows {'is' if count == 1 else 'are'} the same as a training "
            "row, so the results may be better than for new rows; remove the rows that are copies of others"
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


def repeated_rows(x: Array, labels: Array, rows: Split) -> int:
    """The number of test rows with the cells and the class of a training row."""

    def keys(of: Array) -> Iterator[int]:
        for row in of:  # one at a time, since x may be large; + 0.0 gives -0.0 the bytes of 0.0
            yield hash(((x[row] + 0.0).tobytes(), int(labels[row])))

    known = set(keys(rows.train))
    return sum(key in known for key in keys(rows.test))


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
