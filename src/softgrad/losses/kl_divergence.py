"""The Kullback-Leibler divergence from a target distribution to softmax, and its closed-form gradient.

For one row of logits z (K classes), p = softmax(z), target distribution t:

    L     = KL(t || p) = sum_j t_j (log t_j - log p_j)
    dL/dz = p sum(t) - t                 that of the cross-entropy: sum_j t_j log t_j does not depend on z

Source: Goodfellow et al., Deep Learning (2016), 3.13 and 6.2.2.3.
"""

from __future__ import annotations

from typing import Unpack

import numpy.typing as npt

from softgrad._arrays import Array
from softgrad._calls import explained, explained_after
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.losses._family import Loss
from softgrad.losses._options import LossOptions, read_batch
from softgrad.losses._results import LossAndGrad, LossGradStats
from softgrad.losses._short import shortly, shortly_with_grad
from softgrad.losses.cross_entropy import at_scores

__all__ = [
    "kl_divergence",
    "kl_divergence_hvp",
    "kl_divergence_jvp",
    "kl_divergence_with_grad",
    "kl_divergence_with_stats",
]


@explained_after(shortly("kl_divergence"))
def kl_divergence(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (..., K) probabilities, or (...) class indices
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
    """Divergence sum_j t_j (log t_j - log p_j) of a target t from p = softmax(logits).

    Args:
        logits: scores, K of them on `axis`; floating, or integers read as float64.
        target: probabilities in the shape of logits, read in their dtype, or class indices 0..K-1 in the shape of
            logits without `axis`, for which this is the cross-entropy. A class of target 0 adds 0; a negative one gives
            NaN.
        axis: as `softgrad.cross_entropy`.
        where: as `softgrad.cross_entropy`.
        weight: one number per class, of shape (K,): the loss is sum_j w_j t_j (log t_j - log p_j).
        ignore_index: as `softgrad.cross_entropy`.
        label_smoothing: as `softgrad.cross_entropy`.
        z_loss: as `softgrad.cross_entropy`.
        softcap: as `softgrad.cross_entropy`.
        temperature: as `softgrad.cross_entropy`.
        reduction: "mean" over the rows, "sum", or "none".
        denominator: as `softgrad.cross_entropy`.
        if_all_ignored: as `softgrad.cross_entropy`.

    Returns:
        The divergence: a scalar, or for reduction "none" one number per row, in the shape of logits without `axis`; in
        nats; float32 for 16-bit logits, else their dtype. Within 4 ulp of sum_j t_j (|log t_j| + |log p_j|), also where
        p and t are both near 1 at a class; where t is near p, log t_j and log p_j cancel.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `softgrad.cross_entropy`.

    Example:
        >>> float(sg.kl_divergence([0.0, 0.0], [0.9, 0.1]).round(4))
        0.3681
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


@explained_after(shortly_with_grad("kl_divergence"))
def kl_divergence_with_grad(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (..., K) probabilities, or (...) class indices
    *,
    out: Array | None = None,
    **options: Unpack[LossOptions],
) -> LossAndGrad:
    """`kl_divergence` and its gradient with respect to the logits, p sum(t) - t, from one pass.

    Args:
        logits: as `kl_divergence`.
        target: as `kl_divergence`.
        out: where to write the gradient: an array in the shape and dtype of logits, which may be logits themselves.
        options: as `kl_divergence`; with reduction "none" each row's gradient is that of its own loss.

    Returns:
        loss: as `kl_divergence`.
        grad: in the shape and dtype of logits; 0 in ignored rows. Within the bounds of
            `softgrad.cross_entropy_with_grad`.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `kl_divergence`; out does not fit.

    Example:
        >>> sg.kl_divergence_with_grad([0.0, 0.0], [0.9, 0.1]).grad
        array([-0.4,  0.4])
    """
    return LOSS.with_grad(logits, target, out, options)


@explained
def kl_divergence_with_stats(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (..., K) probabilities, or (...) class indices
    *,
    out: Array | None = None,
    **options: Unpack[LossOptions],
) -> LossGradStats:
    """`kl_divergence_with_grad`, and the statistics of the rows from the same pass.

    Args:
        logits: as `kl_divergence`.
        target: as `kl_divergence`.
        out: as `kl_divergence_with_grad`.
        options: as `kl_divergence`.

    Returns:
        loss, grad: as `kl_divergence_with_grad`.
        stats: as `softgrad.cross_entropy_with_stats`.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `kl_divergence_with_grad`.

    Example:
        >>> sg.kl_divergence_with_stats([[0.0, 0.0], [0.0, 2.0]], [[0.9, 0.1], [0.0, 1.0]]).stats.loss.round(4)
        array([0.3681, 0.1269])
    """
    return LOSS.read("kl_divergence_with_stats", logits, target, options, out).loss_with_stats(out)


@explained
def kl_divergence_jvp(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (..., K) probabilities, or (...) class indices
    tangent: npt.ArrayLike,  # (..., K)
    **options: Unpack[LossOptions],
) -> Array:
    """The Jacobian-vector product of the loss, sum_j (dL/dz_j) v_j.

    Args:
        logits: as `kl_divergence`.
        target: as `kl_divergence`.
        tangent: v, in the shape of logits.
        options: as `kl_divergence`.

    Returns:
        In the shape and dtype of the loss.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `kl_divergence`; tangent does not fit.

    Example:
        >>> float(sg.kl_divergence_jvp([0.0, 0.0], [0.9, 0.1], [1.0, 0.0]))
        -0.4
    """
    return LOSS.jvp(logits, target, tangent, **options)


@explained
def kl_divergence_hvp(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (..., K) probabilities, or (...) class indices
    v: npt.ArrayLike,  # (..., K)
    **options: Unpack[LossOptions],
) -> Array:
    """The Hessian of the loss times v: for one row sum(t) J v, with J = diag(p) - p p^T.

    Args:
        logits: as `kl_divergence`.
        target: as `kl_divergence`.
        v: in the shape of logits.
        options: as `kl_divergence`; with reduction "none" each row's Hessian is that of its own loss.

    Returns:
        In the shape and dtype of logits; computed in float64.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `kl_divergence`; v does not fit.

    Example:
        >>> sg.kl_divergence_hvp([0.0, 0.0], [0.9, 0.1], [1.0, 0.0])
        array([ 0.25, -0.25])
    """
    return LOSS.hvp(logits, target, v, **options)


LOSS = Loss("kl_divergence", at_scores)  # its derivatives are those of the cross-entropy
