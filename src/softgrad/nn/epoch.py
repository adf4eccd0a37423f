"""The record of an epoch."""

from __future__ import annotations

from typing import NamedTuple


class Epoch(NamedTuple):
    """The record of one pass over the training rows."""

    number: int  # counted from 1
    loss: float  # the mean over the rows; the loss of each batch is taken before its step
    validation_loss: float | None  # the loss on the validation set after the epoch
    score: float | None = None  # the score on the validation set after the epoch
    learning_rate: float = 0.0  # of the last step
