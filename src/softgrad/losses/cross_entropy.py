"""Softmax cross-entropy and its closed-form gradient.

For one row of logits z (K classes), p = softmax(z), target distribution t:

    L     = -sum_j t_j log p_j           the loss of the row; for a class index y, -log p_y
    dL/dz = p sum(t) - t                 p - t where t sums to 1; for a class index, p with 1 subtracted at y

The mean over m rows divides both by m.

With class weights w, label smoothing e, and the z-loss of coefficient c, a_j = w_j ((1 - e) t_j + e / K) and

    L     = -sum_j a_j log p_j + c lse^2         lse = logsumexp(z)
    dL/dz = p (sum(a) + 2 c lse) - a

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3; Szegedy et al., CVPR 2016, for smoothing; de Brebisson and
Vincent, arXiv:1604.08859, for the z-loss.
"""

from __future__ import annotations

from typing import Unpack

import numpy.typing as npt

from softgrad._arrays import Array
from softgrad._calls import explained, explained_after
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.losses._family import Loss
from softgrad.losses._hessian import Point, pulled, times_jacobian
from softgrad.losses._options import LossOptions, read_batch
from softgrad.losses._results import LossAndGrad, LossGradStats
from softgrad.losses._short import shortly, shortly_with_grad

__all__ = [
    "cross_entropy",
    "cross_entropy_hvp",
    "cross_entropy_jvp",
    "cross_entropy_with_grad",
    "cross_entropy_with_stats",
]


@explained_after(shortly("cross_entropy"))
def cross_entropy(
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
    """Cross-entropy -sum_j t_j log p_j of p = softmax(logits) against a target.

    Args:
        logits: scores, K of them on `axis`; floating, or integers read as float64.
        target: class indices 0..K-1 in the shape of logits without `axis`, or probabilities in the shape of logits,
            read in their dtype. Probabilities need not sum to 1, and negative ones are not refused;
            a class of target 0 adds 0, even where its logit is -inf.
        axis: where the classes are: -1 for rows (m, K), 0 for columns (K, m).
        where: True for the classes that take part; the others have probability 0 and gradient 0, and a target on one of
            them is an error. A row in which no class takes part has loss 0 and gradient 0; with class indices it is
            ignored, as by ignore_index.
        weight: one number per class, of shape (K,): the loss is -sum_j w_j t_j log p_j. With class indices the mean
            divides by the sum of the weights of the targets, as in torch; otherwise by the number of rows. Such a mean
            is the same for weights of any size, even if they or their sum overflow the dtype of the loss.
        ignore_index: a class index that marks rows to leave out: they have loss 0 and gradient 0, whatever their
            logits, and the mean does not count them. It is an error with probabilities:
            there, a row of zeros adds 0 to the loss, but the mean counts it.
        label_smoothing: e, from 0 to 1: t becomes (1 - e) t + e / K; with `where`, K counts the classes that take
            part, and the others keep 0.
        z_loss: c, at least 0: c logsumexp(s)^2 is added to the loss of every row that is not ignored.
        softcap: from 1e-30 to 1e30. If given, logits are capped first: z becomes softcap tanh(z / softcap). A logit of
            +inf becomes softcap. A logit of -inf stays -inf, not -softcap: it masks its class, with or without a cap,
            so that p and the gradient are 0 there.
        temperature: divides the logits after the cap: s = z / temperature, p = softmax(s).
        reduction: "mean" over the rows, "sum", or "none".
        denominator: from 1e-30 to 1e30: the mean divides by this instead, for gradients that are accumulated over
            several batches.
        if_all_ignored: the mean if all rows are ignored or have weight 0: "zero", "nan" or "raise". The gradient is 0.

    Returns:
        The loss: a scalar, or for reduction "none" one number per row, in the shape of logits without `axis`; in nats;
        float32 for 16-bit logits, else their dtype. Within 4 ulp of the exact value. A row whose largest logit is
        infinite, such as one of -inf, or that holds a NaN, gives NaN, as do its gradient and its statistics; mask it
        with `where` to leave it out.

    Raises:
        ShapeError: target fits neither form, or there is no class.
        LabelError: a class outside 0..K-1, or one that `where` leaves out; or all rows are ignored or have weight 0,
            and if_all_ignored is "raise".
        AxisError, DtypeError, OptionError: an argument of the wrong type or out of its range; a class weight that is
            too large for the dtype of the loss.

    Example:
        >>> float(sg.cross_entropy([[2.0, 0.0], [0.0, 0.0]], [0, 1]).round(4))
        0.41
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


@explained_after(shortly_with_grad("cross_entropy"))
def cross_entropy_with_grad(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    *,
    out: Array | None = None,
    **options: Unpack[LossOptions],
) -> LossAndGrad:
    """`cross_entropy` and its gradient with respect to the logits, p sum(t) - t, from one pass.

    Args:
        logits: as `cross_entropy`.
        target: as `cross_entropy`.
        out: where to write the gradient: an array in the shape and dtype of logits, which may be logits themselves.
        options: as `cross_entropy`; with reduction "none" each row's gradient is that of its own loss.

    Returns:
        loss: as `cross_entropy`.
        grad: in the shape and dtype of logits; 0 in ignored rows. For class indices without smoothing and z-loss each
            entry is within 4 ulp of the exact value. In general an entry has terms of opposite sign, and is within
            6 ulp of the sum of their sizes: p_k times the sum of the other |a_j|, (1 - p_k) |a_k|, and 2 c |lse| p_k.
            Here a is the target, smoothed and times the class weights, and c is the coefficient of the z-loss. A
            one-hot target leaves one term, so every entry is within 6 ulp of its exact value. If the target is nearly
            one-hot at the class of a confident row, all terms there are as small as 1 - p_k and 1 - t_k.
            Where 1 - p_k of the target is subnormal, within as many spacings of subnormal numbers, times its weight and
            divided by the temperature.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `cross_entropy`; out does not fit.

    Example:
        >>> loss, grad = sg.cross_entropy_with_grad([[2.0, 0.0], [0.0, 0.0]], [0, 1])
        >>> grad.round(3)
        array([[-0.06,  0.06],
               [ 0.25, -0.25]])
    """
    return LOSS.with_grad(logits, target, out, options)


@explained
def cross_entropy_with_stats(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    *,
    out: Array | None = None,
    **options: Unpack[LossOptions],
) -> LossGradStats:
    """`cross_entropy_with_grad`, and the statistics of the rows from the same pass.

    Args:
        logits: as `cross_entropy`.
        target: as `cross_entropy`.
        out: as `cross_entropy_with_grad`.
        options: as `cross_entropy`.

    Returns:
        loss, grad: as `cross_entropy_with_grad`.
        stats: a named tuple (loss, logsumexp, entropy, correct) of arrays in the shape of logits without the class
            axis: the row's own loss; logsumexp of its scores; the entropy of its p in nats; whether the first largest
            score is that of the target (of the largest probability, where the target is probabilities).

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `cross_entropy_with_grad`.

    Example:
        >>> stats = sg.cross_entropy_with_stats([[2.0, 0.0], [0.0, 1.0]], [0, 0]).stats
        >>> stats.correct, stats.entropy.round(3)
        (array([ True, False]), array([0.365, 0.582]))
    """
    return LOSS.read("cross_entropy_with_stats", logits, target, options, out).loss_with_stats(out)


@explained
def cross_entropy_jvp(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    tangent: npt.ArrayLike,  # (..., K)
    **options: Unpack[LossOptions],
) -> Array:
    """The Jacobian-vector product of the loss, sum_j (dL/dz_j) v_j.

    Args:
        logits: as `cross_entropy`.
        target: as `cross_entropy`.
        tangent: v, in the shape of logits.
        options: as `cross_entropy`.

    Returns:
        In the shape and dtype of the loss.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `cross_entropy`; tangent does not fit.

    Example:
        >>> float(sg.cross_entropy_jvp([0.0, 0.0], 0, [1.0, 0.0]))
        -0.5
    """
    return LOSS.jvp(logits, target, tangent, **options)


@explained
def cross_entropy_hvp(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class indices, or (..., K) probabilities
    v: npt.ArrayLike,  # (..., K)
    **options: Unpack[LossOptions],
) -> Array:
    """The Hessian of the loss times v: for one row sum(t) J v, with J = diag(p) - p p^T.

    Args:
        logits: as `cross_entropy`.
        target: as `cross_entropy`.
        v: in the shape of logits.
        options: as `cross_entropy`; with reduction "none" each row's Hessian is that of its own loss.

    Returns:
        In the shape and dtype of logits; computed in float64.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `cross_entropy`; v does not fit.

    Example:
        >>> sg.cross_entropy_hvp([0.0, 0.0], 0, [1.0, 0.0])
        array([ 0.25, -0.25])
    """
    return LOSS.hvp(logits, target, v, **options)


def at_scores(at: Point, u: Array) -> tuple[Array, Array]:
    """The gradient p sum(a) - a at the scores, and the Hessian sum(a) J times u."""
    a = at.weighted_target
    return pulled(at.p, a), a.sum(axis=1, keepdims=True) * times_jacobian(at.p, u)


LOSS = Loss("cross_entropy", at_scores)
