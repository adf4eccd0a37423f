"""Targets that would be read as something else than what was meant, and what to give instead.

A target in the shape of the logits holds probabilities. Class indices, counts, and the labels 0 and 1 of a binary
classifier with one logit per sample can have this shape by mistake.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from softgrad.errors import DtypeError, OptionError, ShapeError

Array: TypeAlias = npt.NDArray[Any]

TWO_LOGITS = "for labels 0 and 1 with one logit z per sample, give two: np.stack([np.zeros_like(z), z], axis=-1)"
SEEN = 1000  # entries that are read to find an example


def other_axis(target: tuple[int, ...], logits: tuple[int, ...]) -> str:
    """Words about the axis of the classes for which a target of this shape would fit; "" if there is none."""
    axes = [str(axis) for axis in range(len(logits)) if logits[:axis] + logits[axis + 1 :] == target]
    return f"; {target} fits class indices with the classes on axis {' or '.join(axes)}" if axes else ""


def refuse_names(function: str, target: Array) -> None:
    """Refuses names of classes. Numbers as text are left to the messages about dtypes."""
    text = [entry for entry in target.reshape(-1)[:SEEN].tolist() if isinstance(entry, str | bytes)]
    if text and not all(map(_is_number, text)):
        raise DtypeError(
            f"{function}: target holds names of classes, such as {text[0]!r:.40}, wanted class indices; convert them "
            "first, as np.unique(target, return_inverse=True)[1]"
        )


def refuse_misplaced_classes(function: str, target: Array, axis: int) -> None:
    """Refuses integers in the shape of the logits unless they are one-hot."""
    sums, entries = target.sum(axis=axis, dtype=np.int64), np.count_nonzero(target, axis=axis)
    wrong = (sums != 1) | (entries != 1)  # a sum of 1 with one entry that is not 0: this entry is 1
    if not np.any(wrong):
        return
    _refuse_if_binary(function, target, axis)
    row = np.argwhere(wrong)[0]
    place = [*map(str, row[:axis]), ":", *map(str, row[axis:])]
    shape = (*target.shape[:axis], *target.shape[axis + 1 :])
    raise OptionError(
        f"{function}: target holds integers in the shape of logits, {target.shape}, but target[{', '.join(place)}] is "
        f"not one-hot; wanted class indices of shape {shape}, or probabilities as floating-point numbers; divide "
        "counts by their sum"
    )


def refuse_binary_labels(function: str, target: Array, axis: int) -> None:
    """Refuses labels 0 and 1 as floating-point numbers if each has one logit. `target` is one row, or has one class."""
    first = target.reshape(-1)[:8]  # most targets need no further look
    if ((first == 0) | (first == 1)).all():
        _refuse_if_binary(function, target, axis)


def _refuse_if_binary(function: str, target: Array, axis: int) -> None:
    ones = int(np.count_nonzero(target == 1))
    zeros = target.size - int(np.count_nonzero(target))
    one_class = target.shape[axis] == 1
    if ones + zeros < target.size or not (one_class or target.ndim == 1):
        return
    if (ones and zeros) if one_class else ones > 1:
        kind = "one class" if one_class else f"one row of {target.size} classes"
        raise ShapeError(
            f"{function}: target holds only 0 and 1 in the shape of logits, {target.shape}, which is {kind}; "
            f"{TWO_LOGITS}, and target as integers of shape ({target.size},)"
        )


def _is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
