"""Focal loss of softmax, the cross-entropy with less weight on classes that are already probable, and its gradient.

For one row of logits z (K classes), p = softmax(z), target distribution t, and gamma >= 0:

    L       = -sum_j t_j (1 - p_j)^gamma log p_j
    dL/dz_k = p_k sum_j t_j c_j - t_k c_k        c_j = (1 - p_j)^gamma - gamma p_j (1 - p_j)^(gamma - 1) log p_j

For a class index y this is c_y (p - t). For gamma = 0 every c_j is 1, and the loss is the cross-entropy.

Source: Lin et al., Focal Loss for Dense Object Detection, arXiv:1708.02002. Their alpha is `weight`.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array
from softgrad._calls import explained, explained_after
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.losses._family import Loss
from softgrad.losses._hessian import Point, one_minus, pulled, times_jacobian
from softgrad.losses._options import CommonOptions, read_batch
from softgrad.losses._results import LossAndGrad, LossGradStats
from softgrad.losses._short import shortly, shortly_with_grad
from softgrad.losses.cross_entropy import at_scores as cross_entropy_at_scores

__all__ = [
    "FocalOptions",
    "focal_loss",
    "focal_loss_hvp",
    "focal_loss_jvp",
    "focal_loss_with_grad",
    "focal_loss_with_stats",
]


class FocalOptions(CommonOptions, total=False):
    """The options of `softgrad.focal_loss`.

    Example:
        >>> options: sg.FocalOptions = {"gamma": 1.0, "reduction": "none"}
        >>> sg.focal_loss([[0.0, 0.0]], [0], **options).round(4)
        array([0.3466])
    """

    gamma: float
    axis: int
    where: npt.ArrayLike | None


@explained_after(shortly("focal_loss"))
def focal_loss(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    *,
    gamma: float = 2.0,
    axis: int = -1,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    weight: npt.ArrayLike | None = None,  # (K,)
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
) -> Array:
    """Focal loss -sum_j t_j (1 - p_j)^gamma log p_j of p = softmax(logits) against a target.

    Args:
        logits: scores, K of them on `axis`; floating, or integers read as float64.
        target: class indices 0..K-1 in the shape of logits without `axis`, or probabilities in the shape of logits,
            read in their dtype. A class of target 0 adds 0. Unlike the cross-entropy, the loss of a soft target is not
            least where p is the target.
        gamma: at least 0. The larger it is, the less a class counts that has a high probability already. For 0 this is
            the cross-entropy, to the last bit.
        axis: as `softgrad.cross_entropy`.
        where: as `softgrad.cross_entropy`.
        weight: one number per class, of shape (K,), also known as alpha: the loss is
            -sum_j w_j t_j (1 - p_j)^gamma log p_j.
        ignore_index: as `softgrad.cross_entropy`.
        label_smoothing: as `softgrad.cross_entropy`.
        softcap: as `softgrad.cross_entropy`.
        temperature: as `softgrad.cross_entropy`.
        reduction: as `softgrad.cross_entropy`: with class indices the mean divides by the sum of the weights.
        denominator: as `softgrad.cross_entropy`.
        if_all_ignored: as `softgrad.cross_entropy`.

    Returns:
        The loss: a scalar, or for reduction "none" one number per row, in the shape of logits without `axis`; in nats;
        float32 for 16-bit logits, else their dtype. Within 4 + 2 gamma ulp of the exact value,
        since gamma multiplies the relative error of 1 - p_j.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `softgrad.cross_entropy`; gamma is negative.

    Example:
        >>> float(sg.focal_loss([[2.0, 0.0], [0.0, 0.0]], [0, 1]).round(4))
        0.0875
    """
    return read_batch(
        LOSS.row.name,
        LOSS.row,
        logits,
        target,
        gamma=gamma,
        axis=axis,
        where=where,
        weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        softcap=softcap,
        temperature=temperature,
        reduction=reduction,
        denominator=denominator,
        if_all_ignored=if_all_ignored,
    ).loss()


@explained_after(shortly_with_grad("focal_loss"))
def focal_loss_with_grad(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    *,
    out: Array | None = None,
    **options: Unpack[FocalOptions],
) -> LossAndGrad:
    """`focal_loss` and its gradient with respect to the logits, p sum_j t_j c_j - t c, from one pass.

    Here c_j = (1 - p_j)^gamma - gamma p_j (1 - p_j)^(gamma - 1) log p_j.

    Args:
        logits: as `focal_loss`.
        target: as `focal_loss`.
        out: where to write the gradient: an array in the shape and dtype of logits, which may be logits themselves.
        options: as `focal_loss`; with reduction "none" each row's gradient is that of its own loss.

    Returns:
        loss: as `focal_loss`.
        grad: in the shape and dtype of logits; 0 in ignored rows. Each entry is within 4 + 2 gamma ulp of the exact
            value for class indices and one-hot targets, otherwise of the sizes of its terms: p_k times the sum of the
            other t_j c_j, and (1 - p_k) t_k c_k.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `focal_loss`; out does not fit.

    Example:
        >>> sg.focal_loss_with_grad([0.0, 0.0], 0, gamma=1.0).grad.round(4)
        array([-0.4233,  0.4233])
    """
    return LOSS.with_grad(logits, target, out, options)


@explained
def focal_loss_with_stats(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    *,
    out: Array | None = None,
    **options: Unpack[FocalOptions],
) -> LossGradStats:
    """`focal_loss_with_grad`, and the statistics of the rows from the same pass.

    Args:
        logits: as `focal_loss`.
        target: as `focal_loss`.
        out: as `focal_loss_with_grad`.
        options: as `focal_loss`.

    Returns:
        loss, grad: as `focal_loss_with_grad`.
        stats: as `softgrad.cross_entropy_with_stats`.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `focal_loss_with_grad`.

    Example:
        >>> sg.focal_loss_with_stats([[2.0, 0.0], [0.0, 0.0]], [0, 1]).stats.loss.round(4)
        array([0.0018, 0.1733])
    """
    return LOSS.read("focal_loss_with_stats", logits, target, options, out).loss_with_stats(out)


@explained
def focal_loss_jvp(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    tangent: npt.ArrayLike,  # (..., K)
    **options: Unpack[FocalOptions],
) -> Array:
    """The Jacobian-vector product of the loss, sum_j (dL/dz_j) v_j.

    Args:
        logits: as `focal_loss`.
        target: as `focal_loss`.
        tangent: v, in the shape of logits.
        options: as `focal_loss`.

    Returns:
        In the shape and dtype of the loss.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `focal_loss`; tangent does not fit.

    Example:
        >>> float(sg.focal_loss_jvp([0.0, 0.0], 0, [1.0, 0.0], gamma=1.0).round(4))
        -0.4233
    """
    return LOSS.jvp(logits, target, tangent, **options)


@explained
def focal_loss_hvp(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    v: npt.ArrayLike,  # (..., K)
    **options: Unpack[FocalOptions],
) -> Array:
    """The Hessian of the loss times v. Unlike the cross-entropy, the loss is not convex.

    Args:
        logits: as `focal_loss`.
        target: as `focal_loss`.
        v: in the shape of logits.
        options: as `focal_loss`; with reduction "none" each row's Hessian is that of its own loss.

    Returns:
        In the shape and dtype of logits; computed in float64.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `focal_loss`; v does not fit.

    Example:
        >>> sg.focal_loss_hvp([0.0, 0.0], 0, [1.0, 0.0], gamma=1.0).round(4)
        array([ 0.375, -0.375])
    """
    return LOSS.hvp(logits, target, v, **options)


def _at_scores(at: Point, u: Array) -> tuple[Array, Array]:
    """The gradient at the scores, and the Hessian there times u.

    With q = 1 - p, a the weighted target and b = a c, the gradient is p sum(b) - b. Along u, p changes by dp = J u, and
    c by -dp gamma q^(gamma - 1) (2 + (1 - gamma p) log(p) / q). Adding a constant to u leaves J u as it is; with u = 0
    at the largest p, dp / q there is a mean of the other u, even if q is subnormal.
    """
    gamma = at.parameter
    if gamma == 0:
        return cross_entropy_at_scores(at, u)
    top = at.p.argmax(axis=1)[:, None]
    a, q = at.weighted_target, one_minus(at.p)
    dp = times_jacobian(at.p, u - np.take_along_axis(u, top, axis=1))
    extreme = (at.p == 0) | (q == 0)  # there p log p and dp are 0, and log(p) / q need not be a number
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(extreme, 0, at.log_p / q)
        relative_change = np.where(extreme, 0, dp / q)
    power = q**gamma
    b = a * power * (1 - gamma * at.p * ratio)
    db = -a * (gamma * power * relative_change * (2 + (1 - gamma * at.p) * ratio))
    return pulled(at.p, b), dp * b.sum(axis=1, keepdims=True) + pulled(at.p, db)


LOSS = Loss("focal_loss", _at_scores)
