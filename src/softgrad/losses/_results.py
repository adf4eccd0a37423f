"""What the losses return."""

from __future__ import annotations

from typing import NamedTuple

from softgrad._arrays import Array

__all__ = ["LossAndGrad", "LossGradStats", "RowStats"]


class LossAndGrad(NamedTuple):
    """A loss, and its gradient with respect to the logits.

    Example:
        >>> sg.cross_entropy_with_grad([0.0, 0.0], 0).grad
        array([-0.5,  0.5])
    """

    loss: Array
    grad: Array


class RowStats(NamedTuple):
    """Statistics of each row; 0 and False for an ignored row.

    Example:
        >>> sg.cross_entropy_with_stats([0.0, 1.0], 0).stats.correct
        np.False_
    """

    loss: Array
    logsumexp: Array  # of the scores: the logits after softcap and temperature
    entropy: Array  # -sum_j p_j log p_j, in nats
    correct: Array  # whether the first largest score is that of the target


class LossGradStats(NamedTuple):
    """A loss, its gradient with respect to the logits, and the statistics of the rows.

    Example:
        >>> sg.cross_entropy_with_stats([[0.0, 1.0]], [1]).stats.logsumexp.round(4)
        array([1.3133])
    """

    loss: Array
    grad: Array
    stats: RowStats
