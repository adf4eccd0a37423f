"""Tables, labels and weights as a network takes them: dense rows, class indices, one weight per row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from softgrad._arrays import Array
from softgrad.errors import DataError, LabelError
from softgrad.estimator.parameters import NAME
from softgrad.nn.objective import read_sample_weight

AT_ONCE = 8192  # rows of a sparse table that are dense at the same time, and rows that are predicted together


def read_labels(y: Any) -> Array:
    """The labels in one dimension."""
    labels: Array = column_or_1d(y, warn=True)
    check_classification_targets(labels)
    return labels


def read_classes(labels: Array, classes: Any = None) -> Array:
    """The classes in ascending order: those given, or those of the labels."""
    return np.unique(labels if classes is None else column_or_1d(classes))


def class_indices(labels: Array, classes: Array, function: str) -> Array:
    """The index of each label among the classes, which are in ascending order.

    Raises:
        LabelError: a label is none of the classes.
    """
    try:
        found = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
        unknown = classes[found] != labels
    except TypeError:  # labels of another type than the classes, which cannot be compared
        found, unknown = np.zeros(len(labels), np.intp), np.ones(len(labels), bool)
    if np.any(unknown):
        at = int(np.argmax(unknown))
        known = ", ".join(repr(value) for value in classes[:10].tolist()) + ", ..." * (len(classes) > 10)
        raise _LabelNotKnown(f"{function}: y[{at}] is {labels[at : at + 1].tolist()[0]!r}, wanted one of {known}")
    return found


class _LabelNotKnown(LabelError, ValueError):
    """A label that is none of the classes; a ValueError too, since scikit-learn raises that."""


def row_weights(
    target: Array, classes: Array, sample_weight: Any, class_weight: Any, function: str = f"{NAME}.fit"
) -> Array | None:
    """The sample weight of each row times the weight of its class; None if neither is given."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(len(target), sample_weight)
    weight = read_sample_weight(function, sample_weight, len(target))
    if weight is not None and not weight.any():
        raise DataError(f"{function}: every sample_weight is zero, wanted at least one positive weight")
    if class_weight is None:
        return weight
    rows = np.ones(len(target)) if weight is None else weight
    if isinstance(class_weight, Mapping):
        unknown = [label for label in class_weight if label not in classes.tolist()]
        if unknown:
            raise DataError(
                f"{function}: class_weight has {unknown[0]!r}, which is none of the classes "
                f"{', '.join(map(repr, classes[:10].tolist()))}; leave it out"
            )
        of_class = np.array([float(class_weight.get(label, 1.0)) for label in classes.tolist()])
    else:  # balanced: the weights of each class add up to the same
        sums = np.bincount(target, rows, len(classes))
        of_class = rows.sum() / (np.count_nonzero(sums) * np.where(sums > 0, sums, 1.0))
    weighted: Array = rows * of_class[target]
    if not weighted.any():
        raise DataError(f"{function}: the weight of every row is zero; give a class of y a positive class_weight")
    return weighted


def chunks(x: Any, size: int = AT_ONCE) -> Iterator[tuple[slice, Array]]:
    """Some rows at a time, dense."""
    for start in range(0, x.shape[0], size):
        rows = slice(start, min(start + size, x.shape[0]))
        yield rows, dense(x[rows])


def dense(x: Any) -> Array:
    """The rows as an array."""
    array: Array = x.toarray() if issparse(x) else x
    return array
