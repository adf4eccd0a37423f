"""The Kullback-Leibler divergence from a target distribution to softmax, and its closed-form gradient.

For one row of logits z (K classes), p = softmax(z), target distribution t:

    L     = KL(t || p) = sum_j t_j (log t_j - log p_j)
    dL/dz = p sum(t) - t                 that of the cross-entropy: sum_j t_j log t_j does not depend on z

Source: Goodfellow et al., Deep Learning (2016), 3.13 and 6.2.2.3.
"""

from __future__ import annotations

import numpy.typing as npt

from softgrad import _kernels
from softgrad._arrays import Array
from softgrad.losses._batch import Kernels, LossAndGrad, Reduction, read_batch

_KERNELS = Kernels(classes=_kernels.cross_entropy_classes, probs=_kernels.kl_divergence_probs)


def kl_divergence(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (..., K) probabilities, or (...) class numbers
    *,
    axis: int = -1,
    reduction: Reduction = "mean",
) -> Array:
    """Divergence sum_j t_j (log t_j - log p_j) of a target t from p = softmax(logits).

    Args:
        logits: scores, K of them on `axis`; floating, or integers read as float64.
        target: probabilities in the shape of logits, read in their dtype, or classes 0..K-1 in the shape of logits
            without `axis`, for which this is the cross-entropy. A class of target 0 adds 0; a negative one gives NaN.
        axis: where the classes are: -1 for rows (m, K), 0 for columns (K, m).
        reduction: "mean" over the rows (0 for no rows), "sum", or "none".

    Returns:
        The divergence: a scalar, or for reduction "none" one number a row, in the shape of logits without `axis`; in
        nats; float32 for 16-bit logits, else their dtype. Within 4 ulp of sum_j t_j (|log t_j| + |log p_j|).

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `softgrad.cross_entropy`.

    Example:
        >>> float(sg.kl_divergence([0.0, 0.0], [0.9, 0.1]).round(4))
        0.3681
    """
    return read_batch("kl_divergence", logits, target, axis=axis, reduction=reduction).loss(_KERNELS)


def kl_divergence_with_grad(
    logits: npt.ArrayLike,  # (..., K)
    target: npt.ArrayLike,  # (..., K) probabilities, or (...) class numbers
    *,
    axis: int = -1,
    reduction: Reduction = "mean",
) -> LossAndGrad:
    """`kl_divergence` and its gradient at the logits, p sum(t) - t, from one pass.

    Args:
        logits: as `kl_divergence`.
        target: as `kl_divergence`.
        axis: as `kl_divergence`.
        reduction: as `kl_divergence`; with "none" each row's gradient is that of its own loss.

    Returns:
        loss: as `kl_divergence`.
        grad: in the shape and dtype of logits; as `softgrad.cross_entropy_with_grad`.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `softgrad.cross_entropy`.

    Example:
        >>> sg.kl_divergence_with_grad([0.0, 0.0], [0.9, 0.1]).grad
        array([-0.4,  0.4])
    """
    return read_batch("kl_divergence_with_grad", logits, target, axis=axis, reduction=reduction).loss_with_grad(
        _KERNELS
    )
