"""The short way to a loss against class indices and its gradient: see `softgrad._short`.

The options are read once, with all checks, and remembered; the next call with the same ones finds their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from softgrad import _kernels
from softgrad._arrays import COMPUTED_IN
from softgrad._short import is_plain
from softgrad.losses._batch import Batch
from softgrad.losses._results import LossAndGrad

MANY = 256  # options that are remembered
CLASSES = frozenset({np.dtype(np.int64)})  # dtypes of a target that the compiled module reads
CONSTANT = frozenset({type(None), bool, int, float, str, np.float32, np.float64, np.int64})  # types of options


class ShortLoss:
    """A loss of one name, with its gradient."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: dict[Any, tuple[int, int | None, _kernels.LossNumbers]] = {}  # axis, ignore_index, numbers

    def __call__(self, logits: object, target: object, out: object, options: Mapping[str, Any]) -> LossAndGrad | None:
        """The loss and its gradient; None for a call that goes the long way."""
        if not (is_plain(logits) and is_plain(target) and target.dtype in CLASSES):
            return None
        try:
            known = self._known.get(_key(options))
        except TypeError:  # an option without a hash
            return None
        if known is None:
            return None
        axis, ignore_index, numbers = known
        if out is None:
            grad = np.empty_like(logits)
        elif is_plain(out):
            grad = out
        else:
            return None
        loss = _kernels.short_loss(self._name, logits, target, grad, axis, numbers, ignore_index, out is None)
        return None if loss is None else LossAndGrad(COMPUTED_IN[logits.dtype.char].type(loss), grad)

    def remember(self, options: Mapping[str, Any], batch: Batch) -> None:
        """Options that were read without an error."""
        if batch.reduction == "none" or batch.target.ndim > 1 or not are_constant(options.values()):
            return
        key = _key(options)
        if key in self._known:  # the arrays did not fit
            return
        ignore_index = options.get("ignore_index")
        counted = options.get("denominator") is None
        numbers = numbers_for_any_rows(batch, ignore_index, counted=counted)
        if numbers is not None:
            if len(self._known) >= MANY:
                self._known.clear()
            self._known[key] = options.get("axis", -1), ignore_index, numbers


def are_constant(values: Iterable[object]) -> bool:
    """Whether no value can change later, as the number in a tensor and the entries of a mask can."""
    return CONSTANT.issuperset(map(type, values))


def numbers_for_any_rows(batch: Batch, ignore_index: int | None, *, counted: bool) -> _kernels.LossNumbers | None:
    """The numbers of a batch without weights and mask, for a batch of other rows; None if the short way has none.

    Args:
        batch: the batch, for which the options were read.
        ignore_index: its option; the short way leaves out no class, and reads 64 bits.
        counted: whether a mean is divided by the number of rows that count.
    """
    if batch.reduction == "none" or (ignore_index is not None and not -(2**63) <= ignore_index < 0):
        return None
    if counted and batch.reduction == "mean":
        return batch.numbers(scale=0.0, denominator=0.0)  # 0 stands for the number of rows that count
    return batch.numbers(scale=batch.scale, denominator=batch.denominator)


def _key(options: Mapping[str, Any]) -> object:
    """What tells options apart: True is equal to 1, and not the same."""
    return (*options.items(), *map(type, options.values())) if options else ()
