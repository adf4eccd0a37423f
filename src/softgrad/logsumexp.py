"""The normalizer of softmax, with its derivatives.

For one row of logits z (K classes), with p = softmax(z):

    lse       = log sum_k exp(z_k)
    dlse/dz_j = p_j

Source: Goodfellow et al., Deep Learning (2016), 4.1 and 6.2.2.3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from softgrad import _kernels
from softgrad._arrays import Array, Axis, in_shape_of, to_out, to_row_values
from softgrad._calls import explained, explained_after
from softgrad._rows import Rows
from softgrad._scores import fill_empty_rows, to_scores

__all__ = ["logsumexp", "logsumexp_jvp", "logsumexp_vjp"]


@explained_after(_kernels.short_logsumexp)
def logsumexp(
    logits: npt.ArrayLike,  # (..., K)
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    keepdims: bool = False,
    out: Array | None = None,
) -> Array:
    """The normalizer lse = log sum_k exp(z_k), computed without overflow.

    Args:
        logits: K scores along `axis`; floating-point numbers, or integers, which are converted to float64.
        axis: the class axis; or several, as (0, 1), or None for all entries.
        temperature: a positive number T; logsumexp is applied to z / T.
        where: True for the classes that take part. A row with none gives -inf.
        keepdims: keep the class axes, with length 1.
        out: the array to write the result to, in the shape and dtype of the result.

    Returns:
        One value per row, in the shape of logits without `axis` and the dtype of logits. Within 4 ulp of
        |max| + log sum_k exp(z_k - max). A row of -inf gives -inf; a row that contains +inf gives +inf.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as for `softmax`.

    Example:
        >>> float(sg.logsumexp([1000.0, 1000.0]).round(4))
        1000.6931
    """
    z, _ = to_scores("logsumexp", logits, axis, temperature, where, None)
    outer, _, inner = z.stored.shape
    lse = np.full(outer * inner, -np.inf, z.stored.dtype)  # which it is without classes
    z.call(_kernels.logsumexp, (z.stored, lse), temperature, fresh=True)
    result = z.one_per_row(lse.astype(z.dtype, copy=False), keepdims=keepdims)
    if out is None:
        return result
    to_out("logsumexp", out, result.shape, z.dtype)
    out[...] = result
    return out


@explained_after(_kernels.short_logsumexp_vjp)
def logsumexp_vjp(
    logits: npt.ArrayLike,  # (..., K)
    grad_output: npt.ArrayLike,  # (...)
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K) or what broadcasts to it
) -> Array:
    """The vector-Jacobian product of logsumexp, dz_k = p_k g / temperature, with p = softmax(z / temperature).

    It takes the logits, since the output alone does not determine p.

    Args:
        logits: the input of `logsumexp`.
        grad_output: g, the gradient of the loss with respect to lse, in the shape of logits without `axis`.
        axis: as in `logsumexp`.
        temperature: as in `logsumexp`.
        where: as in `logsumexp`; the gradient of the other classes is 0.

    Returns:
        The gradient dz, in the shape and dtype of logits; within 5 ulp, 6 with a temperature. Where p_k is subnormal,
        within as many spacings of subnormal numbers times |g / temperature|. A row is NaN if its largest entry is
        infinite, as that of a row of -inf, or if it contains a NaN.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as `softmax`; grad_output has another shape than lse.

    Example:
        >>> sg.logsumexp_vjp([0.0, 0.0], 3.0)
        array([1.5, 1.5])
    """
    z, mask = to_scores("logsumexp_vjp", logits, axis, temperature, where, None)
    g = to_row_values("logsumexp_vjp", "grad_output", grad_output, "logits", z)
    if mask is not None:
        g = np.where(mask.any(axis=1, keepdims=True), g, 0)  # that of a row without classes may be NaN
    dz = _probabilities(z, mask, temperature) * (g / z.computed_in.type(temperature))
    return z.in_original_shape(dz)


@explained
def logsumexp_jvp(
    logits: npt.ArrayLike,  # (..., K)
    tangent: npt.ArrayLike,  # (..., K)
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K) or what broadcasts to it
) -> Array:
    """The Jacobian-vector product of logsumexp, sum_j p_j v_j / temperature, with p = softmax(z / temperature).

    Args:
        logits: the input of `logsumexp`.
        tangent: v, in the shape of logits.
        axis: as in `logsumexp`.
        temperature: as in `logsumexp`.
        where: as in `logsumexp`; the tangent of the other classes is not read.

    Returns:
        One value per row, in the shape of logits without `axis`; dtype of logits. Within 4 ulp of
        sum_j p_j |v_j| / temperature.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as `softmax`; tangent has another shape than logits.

    Example:
        >>> float(sg.logsumexp_jvp([0.0, 0.0], [1.0, 3.0]))
        2.0
    """
    z, mask = to_scores("logsumexp_jvp", logits, axis, temperature, where, None)
    v = z.arrange(in_shape_of("logsumexp_jvp", "logits", z, "tangent", tangent), z.computed_in)
    if mask is not None:
        v = np.where(mask, v, 0)
    change = (_probabilities(z, mask, temperature) * v).sum(axis=1, dtype=np.longdouble) / float(temperature)
    return z.one_per_row(change.astype(z.dtype))


def _probabilities(z: Rows, mask: Array | None, temperature: float) -> Array:
    """Softmax of the rows, in the dtype that they are computed in."""
    z = z.wide()
    p = z.output_buffer(None)
    z.call(_kernels.softmax, (z.stored, p), temperature, fresh=True)
    if mask is not None:
        fill_empty_rows(p, mask, 0)
    return p
