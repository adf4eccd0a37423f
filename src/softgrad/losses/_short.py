"""The short way to a loss against class indices, in the compiled module: see kernels/short_calls.hpp.

The options are read once, with all checks, and remembered; the next call with the same ones finds their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from softgrad import _kernels
from softgrad.errors import SoftgradError
from softgrad.formulas.losses import LOSSES
from softgrad.losses._batch import Batch
from softgrad.losses._options import read_batch
from softgrad.losses._results import LossAndGrad

MANY = 256  # options that are remembered
CONSTANT = frozenset({type(None), bool, int, float, str, np.float32, np.float64, np.int64})  # types of options
ANY_LOGITS, ANY_CLASS = np.zeros((1, 1)), np.zeros(1, np.int64)


def shortly(name: str) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """The short way to the loss of this name."""
    return _kernels.short_loss(name, {}, _reader(name), CONSTANT, None, MANY)


def shortly_with_grad(name: str) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """The short way to the loss of this name with its gradient."""
    return _kernels.short_loss(name, {}, _reader(name), CONSTANT, LossAndGrad, MANY)


def are_constant(values: Iterable[object]) -> bool:
    """Whether no value can change later, as the number in a tensor and the entries of a mask can."""
    return CONSTANT.issuperset(map(type, values))


def numbers_for_any_rows(batch: Batch, ignore_index: int | None, *, counted: bool) -> _kernels.LossNumbers | None:
    """The numbers of a batch, for a batch of other rows; None if the short way has none, as with weights or a mask.

    Args:
        batch: the batch, for which the options were read.
        ignore_index: its option; the short way leaves out no class, and reads 64 bits.
        counted: whether a mean is divided by the number of rows that count.
    """
    if batch.weight is not None or batch.mask is not None or batch.reduction == "none":
        return None  # weights and a mask change other numbers, too
    if ignore_index is not None and not -(2**63) <= ignore_index < 0:
        return None
    if counted and batch.reduction == "mean":
        return batch.numbers(scale=0.0, denominator=0.0)  # 0 stands for the number of rows that count
    return batch.numbers(scale=batch.scale, denominator=batch.denominator)


def _reader(name: str) -> Callable[[dict[str, Any]], tuple[int, int | None, _kernels.LossNumbers] | None]:
    """The function that reads the options of a call; it returns None for the options that go the long way."""
    row = LOSSES[name]

    def read(options: dict[str, Any]) -> tuple[int, int | None, _kernels.LossNumbers] | None:
        if not options.keys() <= set(row.options):
            return None
        others = {**options}
        axis = others.pop("axis", -1)
        try:
            batch = read_batch(name, row, ANY_LOGITS, ANY_CLASS, **others)
        except (SoftgradError, TypeError):  # the long way raises it
            return None
        ignore_index = None if others.get("ignore_index") is None else int(others["ignore_index"])
        counted = others.get("denominator") is None
        numbers = numbers_for_any_rows(batch, ignore_index, counted=counted)
        return None if numbers is None or type(axis) is not int or abs(axis) > 64 else (axis, ignore_index, numbers)

    return read
