"""Softmax cross-entropy and its closed-form gradient.

For one row of logits z (K classes), p = softmax(z), target distribution t:

    L     = -sum_j t_j log p_j           the loss of the row; for a class number y, -log p_y
    dL/dz = p sum(t) - t                 p - t where t sums to 1; for a class number, p with 1 subtracted at y

The mean over m rows divides both by m.

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3.
"""

from __future__ import annotations

import numpy.typing as npt

from softgrad import _kernels
from softgrad._arrays import Array
from softgrad.losses._batch import Kernels, LossAndGrad, Reduction, read_batch

_KERNELS = Kernels(classes=_kernels.cross_entropy_classes, probs=_kernels.cross_entropy_probs)


def cross_entropy(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class numbers, or (..., K) probabilities
    *,
    axis: int = -1,
    reduction: Reduction = "mean",
) -> Array:
    """Cross-entropy -sum_j t_j log p_j of p = softmax(logits) against a target.

    Args:
        logits: scores, K of them on `axis`; floating, or integers read as float64.
        target: classes 0..K-1 in the shape of logits without `axis`, or probabilities in the shape of logits, read in
            their dtype. Probabilities need not sum to 1; a class of target 0 adds 0, even where its logit is -inf.
        axis: where the classes are: -1 for rows (m, K), 0 for columns (K, m).
        reduction: "mean" over the rows (0 for no rows), "sum", or "none".

    Returns:
        The loss: a scalar, or for reduction "none" one number a row, in the shape of logits without `axis`; in nats;
        float32 for 16-bit logits, else their dtype. Within 4 ulp of the exact value.

    Raises:
        ShapeError: target fits neither form, or there is no class.
        LabelError: a class outside 0..K-1.
        AxisError, DtypeError, OptionError: an argument of the wrong kind.

    Example:
        >>> float(sg.cross_entropy([[2.0, 0.0], [0.0, 0.0]], [0, 1]).round(4))
        0.41
    """
    return read_batch("cross_entropy", logits, target, axis=axis, reduction=reduction).loss(_KERNELS)


def cross_entropy_with_grad(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class numbers, or (..., K) probabilities
    *,
    axis: int = -1,
    reduction: Reduction = "mean",
) -> LossAndGrad:
    """`cross_entropy` and its gradient at the logits, p sum(t) - t, from one pass.

    Args:
        logits: as `cross_entropy`.
        target: as `cross_entropy`.
        axis: as `cross_entropy`.
        reduction: as `cross_entropy`; with "none" each row's gradient is that of its own loss.

    Returns:
        loss: as `cross_entropy`.
        grad: in the shape and dtype of logits. For class numbers each entry is within 4 ulp of the exact value, that
            of the target included; for probabilities, within 6 ulp of p_k sum(t) + t_k, the sizes of its two terms.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `cross_entropy`.

    Example:
        >>> loss, grad = sg.cross_entropy_with_grad([[2.0, 0.0], [0.0, 0.0]], [0, 1])
        >>> grad.round(3)
        array([[-0.06,  0.06],
               [ 0.25, -0.25]])
    """
    return read_batch("cross_entropy_with_grad", logits, target, axis=axis, reduction=reduction).loss_with_grad(
        _KERNELS
    )
