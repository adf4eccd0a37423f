"""Squared error of the softmax probabilities (the Brier score, halved), and its closed-form gradient.

For one row of logits z (K classes), p = softmax(z), target distribution t:

    L     = 1/2 sum_j (p_j - t_j)^2
    dL/dp = p - t                        the 1/2 takes the 2 away
    dL/dz = J (p - t)                    J = diag(p) - p p^T: p_k (p_k - t_k - sum_j (p_j - t_j) p_j)

Source: Bishop, Pattern Recognition and Machine Learning (2006), 5.2 for the loss and 4.3.4 for J.
"""

from __future__ import annotations

import numpy.typing as npt

from softgrad import _kernels
from softgrad._arrays import Array
from softgrad.losses._batch import Kernels, LossAndGrad, Reduction, read_batch

_KERNELS = Kernels(classes=_kernels.squared_error_classes, probs=_kernels.squared_error_probs)


def squared_error(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class numbers, or (..., K) probabilities
    *,
    axis: int = -1,
    reduction: Reduction = "mean",
) -> Array:
    """Squared error 1/2 sum_j (p_j - t_j)^2 of p = softmax(logits) against a target.

    Args:
        logits: scores, K of them on `axis`; floating, or integers read as float64.
        target: classes 0..K-1 in the shape of logits without `axis`, or probabilities in the shape of logits, read in
            their dtype.
        axis: where the classes are: -1 for rows (m, K), 0 for columns (K, m).
        reduction: "mean" over the rows, not over the entries (0 for no rows); "sum"; or "none".

    Returns:
        The loss: a scalar, or for reduction "none" one number a row, in the shape of logits without `axis`; float32
        for 16-bit logits, else their dtype. For class numbers within 4 ulp of the exact value; for probabilities each
        p_j - t_j is within 4 ulp of the larger of the two.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `softgrad.cross_entropy`.

    Example:
        >>> float(sg.squared_error([[0.0, 0.0], [0.0, 0.0]], [0, 1]))
        0.25
    """
    return read_batch("squared_error", logits, target, axis=axis, reduction=reduction).loss(_KERNELS)


def squared_error_with_grad(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (...) class numbers, or (..., K) probabilities
    *,
    axis: int = -1,
    reduction: Reduction = "mean",
) -> LossAndGrad:
    """`squared_error` and its gradient at the logits, J (p - t), from one pass.

    Args:
        logits: as `squared_error`.
        target: as `squared_error`.
        axis: as `squared_error`.
        reduction: as `squared_error`; with "none" each row's gradient is that of its own loss.

    Returns:
        loss: as `squared_error`.
        grad: in the shape and dtype of logits; each entry within 10 ulp of p_k (m_k + sum_j m_j p_j), the sizes of
            its terms, where m_j is |p_j - t_j| for class numbers and max(p_j, t_j) for probabilities.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `softgrad.cross_entropy`.

    Example:
        >>> sg.squared_error_with_grad([0.0, 0.0], 0).grad
        array([-0.25,  0.25])
    """
    return read_batch("squared_error_with_grad", logits, target, axis=axis, reduction=reduction).loss_with_grad(
        _KERNELS
    )
