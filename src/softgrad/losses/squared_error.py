"""Squared error of the softmax probabilities (the Brier score, halved), and its closed-form gradient.

For one row of logits z (K classes), p = softmax(z), target distribution t:

    L     = 1/2 sum_j (p_j - t_j)^2
    dL/dp = p - t                        the 1/2 cancels the 2
    dL/dz = J (p - t)                    J = diag(p) - p p^T: p_k (p_k - t_k - sum_j (p_j - t_j) p_j)

Source: Bishop, Pattern Recognition and Machine Learning (2006), 5.2 for the loss and 4.3.4 for J.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array
from softgrad._calls import explained, explained_after
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.losses._family import Loss
from softgrad.losses._hessian import Point, dot, minus_mean, one_minus, times_jacobian
from softgrad.losses._options import LossOptions, read_batch
from softgrad.losses._results import LossAndGrad, LossGradStats
from softgrad.losses._short import shortly, shortly_with_grad

__all__ = [
    "squared_error",
    "squared_error_hvp",
    "squared_error_jvp",
    "squared_error_with_grad",
    "squared_error_with_stats",
]


@explained_after(shortly("squared_error"))
def squared_error(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    *,
    axis: int = -1,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    weight: npt.ArrayLike | None = None,  # (K,)
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
) -> Array:
    """Squared error 1/2 sum_j (p_j - t_j)^2 of p = softmax(logits) against a target.

    Args:
        logits: scores, K of them on `axis`; floating, or integers read as float64.
        target: class indices 0..K-1 in the shape of logits without `axis`, or probabilities in the shape of logits,
            read in their dtype.
        axis: as `softgrad.cross_entropy`.
        where: as `softgrad.cross_entropy`.
        weight: one number per class, of shape (K,): a row's loss is multiplied by sum_j w_j t_j, which is w_y for a
            class index y.
        ignore_index: as `softgrad.cross_entropy`.
        label_smoothing: as `softgrad.cross_entropy`.
        z_loss: as `softgrad.cross_entropy`.
        softcap: as `softgrad.cross_entropy`.
        temperature: as `softgrad.cross_entropy`.
        reduction: "mean" over the rows, not over the entries; "sum"; or "none".
        denominator: as `softgrad.cross_entropy`.
        if_all_ignored: as `softgrad.cross_entropy`.

    Returns:
        The loss: a scalar, or for reduction "none" one number per row, in the shape of logits without `axis`; float32
        for 16-bit logits, else their dtype. For class indices within 4 ulp of the exact value; for probabilities each
        p_j - t_j is within 4 ulp of m_j = p_j |1 - t_j| + (1 - p_j) |t_j|, which is small where both are near 1.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `softgrad.cross_entropy`.

    Example:
        >>> float(sg.squared_error([[0.0, 0.0], [0.0, 0.0]], [0, 1]))
        0.25
    """
    return read_batch(
        LOSS.row.name,
        LOSS.row,
        logits,
        target,
        axis=axis,
        where=where,
        weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
        softcap=softcap,
        temperature=temperature,
        reduction=reduction,
        denominator=denominator,
        if_all_ignored=if_all_ignored,
    ).loss()


@explained_after(shortly_with_grad("squared_error"))
def squared_error_with_grad(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    *,
    out: Array | None = None,
    **options: Unpack[LossOptions],
) -> LossAndGrad:
    """`squared_error` and its gradient with respect to the logits, J (p - t), from one pass.

    Args:
        logits: as `squared_error`.
        target: as `squared_error`.
        out: where to write the gradient: an array in the shape and dtype of logits, which may be logits themselves.
        options: as `squared_error`; with reduction "none" each row's gradient is that of its own loss.

    Returns:
        loss: as `squared_error`.
        grad: in the shape and dtype of logits; 0 in ignored rows. Each entry is within 10 ulp of the sizes of its
            terms: p_k times m_k (1 - p_k) + the sum of the other m_j p_j. For probabilities m_j is as in
            `squared_error`, and for class indices it is |p_j - t_j|.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `squared_error`; out does not fit.

    Example:
        >>> sg.squared_error_with_grad([0.0, 0.0], 0).grad
        array([-0.25,  0.25])
    """
    return LOSS.with_grad(logits, target, out, options)


@explained
def squared_error_with_stats(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    *,
    out: Array | None = None,
    **options: Unpack[LossOptions],
) -> LossGradStats:
    """`squared_error_with_grad`, and the statistics of the rows from the same pass.

    Args:
        logits: as `squared_error`.
        target: as `squared_error`.
        out: as `squared_error_with_grad`.
        options: as `squared_error`.

    Returns:
        loss, grad: as `squared_error_with_grad`.
        stats: as `softgrad.cross_entropy_with_stats`.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `squared_error_with_grad`.

    Example:
        >>> sg.squared_error_with_stats([[0.0, 0.0], [0.0, 2.0]], [0, 1]).stats.loss.round(4)
        array([0.25  , 0.0142])
    """
    return LOSS.read("squared_error_with_stats", logits, target, options, out).loss_with_stats(out)


@explained
def squared_error_jvp(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    tangent: npt.ArrayLike,  # (..., K)
    **options: Unpack[LossOptions],
) -> Array:
    """The Jacobian-vector product of the loss, sum_j (dL/dz_j) v_j.

    Args:
        logits: as `squared_error`.
        target: as `squared_error`.
        tangent: v, in the shape of logits.
        options: as `squared_error`.

    Returns:
        In the shape and dtype of the loss.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `squared_error`; tangent does not fit.

    Example:
        >>> float(sg.squared_error_jvp([0.0, 0.0], 0, [1.0, 0.0]))
        -0.25
    """
    return LOSS.jvp(logits, target, tangent, **options)


@explained
def squared_error_hvp(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    v: npt.ArrayLike,  # (..., K)
    **options: Unpack[LossOptions],
) -> Array:
    """The Hessian of the loss times v: for one row u (e - <p, e>) + J u - p <u, e>, with u = J v and e = p - t.

    Args:
        logits: as `squared_error`.
        target: as `squared_error`.
        v: in the shape of logits.
        options: as `squared_error`; with reduction "none" each row's Hessian is that of its own loss.

    Returns:
        In the shape and dtype of logits; computed in float64.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `squared_error`; v does not fit.

    Example:
        >>> sg.squared_error_hvp([0.0, 0.0], 0, [1.0, 0.0])
        array([ 0.125, -0.125])
    """
    return LOSS.hvp(logits, target, v, **options)


def _at_scores(at: Point, u: Array) -> tuple[Array, Array]:
    """The gradient w J (p - t) at the scores, and the Hessian there times u."""
    w = 1.0 if at.weight is None else dot(np.broadcast_to(at.weight, at.t.shape), at.t)
    error = at.p * at.one_minus_t - one_minus(at.p) * at.t  # p - t, without cancellation where both are near 1
    change = times_jacobian(at.p, u)  # of p
    product = change * minus_mean(at.p, error) + at.p * (minus_mean(at.p, change) - dot(error, change))
    return w * times_jacobian(at.p, error), w * product


LOSS = Loss("squared_error", _at_scores)
