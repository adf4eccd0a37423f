"""Softmax and its logarithm, with their derivatives.

For one row of logits z (K classes):

    p_j   = exp(z_j) / sum_k exp(z_k)                softmax
    y_j   = z_j - log sum_k exp(z_k)                 log_softmax

    dp_i/dz_j = p_i (delta_ij - p_j)                 J = diag(p) - p p^T, a symmetric matrix
    dy_i/dz_j = delta_ij - p_j

A backward pass needs vector-Jacobian products (`_vjp`): J^T times the upstream gradient. Forward mode needs
Jacobian-vector products (`_jvp`): J times a tangent, which is a direction in which the logits change. Neither forms J.

Source: Goodfellow et al., Deep Learning (2016), 4.1 and 6.2.2.3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from softgrad import _kernels
from softgrad._arrays import Array, Axis, to_out, to_pair
from softgrad._calls import explained_after
from softgrad._options import scale
from softgrad._scores import fill_empty_rows, masked, refuse, to_mask, to_scores

__all__ = [
    "log_softmax",
    "log_softmax_jvp",
    "log_softmax_vjp",
    "softmax",
    "softmax_jvp",
    "softmax_vjp",
]


@explained_after(_kernels.short_softmax)
def softmax(
    logits: npt.ArrayLike,  # (..., K)
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    out: Array | None = None,
) -> Array:
    """The probabilities p_j = exp(z_j) / sum_k exp(z_k).

    Args:
        logits: K scores along `axis`; floating-point numbers, or integers, which are converted to float64.
        axis: the class axis; or several, as (0, 1), or None for all: softmax is then taken over all their entries
            together. Logits in C or Fortran order are not copied if it is one axis, whichever, unless another axis is
            innermost in memory and there are more than 2^18 classes.
        temperature: a positive number T; softmax is applied to z / T.
        where: True for the classes that take part; the others have probability 0. A row with none is all 0.
        out: the array to write the result to, in the shape and dtype of logits; it may be logits itself.

    Returns:
        The probabilities, in the shape and dtype of logits. Each is within 4 ulp of the exact value, including
        subnormal ones. A row is NaN if its largest entry is infinite or if it contains a NaN.

    Raises:
        AxisError: logits have no such axis, or an axis is given twice.
        ShapeError: there are no classes on that axis, or where or out has the wrong shape.
        DtypeError: logits are not numbers, or where is not bool.
        OptionError: temperature is not positive.

    Example:
        >>> sg.softmax([2.0, 1.0, 0.1]).round(3)
        array([0.659, 0.242, 0.099])
    """
    z, mask = to_scores("softmax", logits, axis, temperature, where, out)
    p = z.output_buffer(out)
    z.call(_kernels.softmax, (z.stored, p), temperature, fresh=out is None)
    if mask is not None:
        fill_empty_rows(p, mask, 0)
    return z.in_original_shape(p, out)


@explained_after(_kernels.short_softmax_vjp)
def softmax_vjp(
    probs: npt.ArrayLike,  # (..., K)
    grad_output: npt.ArrayLike,  # (..., K)
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    out: Array | None = None,
) -> Array:
    """The vector-Jacobian product of softmax, dz_k = p_k (dp_k - sum_j dp_j p_j).

    It turns the gradient dp with respect to the probabilities into the gradient dz = J^T dp with respect to the logits.
    The most common mistake is to keep only the diagonal of J: dp_k p_k (1 - p_k). Summing the rows of J instead gives
    0 for every class.

    Args:
        probs: the output of `softmax`: rows of probabilities whose sum is 1. A few rows are checked, since logits given
            by mistake would give a wrong result; a row of zeros passes.
        grad_output: the gradient dp of the loss with respect to probs, in the shape of probs.
        axis: the class axis, several of them, or None for all, as in the forward function.
        temperature: the temperature given to `softmax`; the result is divided by it.
        where: the mask given to `softmax`; the gradient of the other classes is 0, and their entries of
            grad_output are not read.
        out: the array to write the result to, in the shape and dtype of probs; it may be either argument.

    Returns:
        The gradient dz, in the shape and dtype of probs. 1 - p_k is the sum of the other p_j, so that dz sums to 0
        although rounded p do not sum to 1. Each entry is within 5 ulp of the sizes of its terms: p_k times
        |dp_k| (1 - p_k) + the sum of the other |dp_j| p_j. Where p_k is near 1, both are small. Where a term is
        subnormal, within as many spacings of subnormal numbers, divided by a temperature below 1.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as for `softmax`; ShapeError also if the two shapes differ.
        DataError: a row does not hold probabilities.

    Example:
        >>> p = sg.softmax([2.0, 1.0, 0.1])
        >>> sg.softmax_vjp(p, [1.0, 0.0, 0.0]).round(3)  # the first row of J
        array([ 0.225, -0.16 , -0.065])
    """
    return _times(
        _kernels.softmax_vjp, "softmax_vjp", axis, temperature, where, out, probs=probs, grad_output=grad_output
    )


@explained_after(_kernels.short_softmax_vjp)
def softmax_jvp(
    probs: npt.ArrayLike,  # (..., K)
    tangent: npt.ArrayLike,  # (..., K)
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    out: Array | None = None,
) -> Array:
    """The Jacobian-vector product of softmax, dp_i = p_i (dz_i - sum_j p_j dz_j).

    It turns a change dz of the logits into the change dp = J dz of the probabilities. J is symmetric, so the formula is
    that of `softmax_vjp`.

    Args:
        probs: the output of `softmax`: rows of probabilities whose sum is 1. A few rows are checked, since logits given
            by mistake would give a wrong result; a row of zeros passes.
        tangent: the change dz of the logits, in the shape of probs.
        axis: the class axis, several of them, or None for all, as in the forward function.
        temperature: the temperature given to `softmax`; the result is divided by it.
        where: the mask given to `softmax`; the change of the other classes is 0, and their entries of tangent
            are not read.
        out: the array to write the result to, in the shape and dtype of probs; it may be either argument.

    Returns:
        The change dp, in the shape and dtype of probs; within the bounds of `softmax_vjp`.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError, DataError: as for `softmax_vjp`.

    Example:
        >>> sg.softmax_jvp([0.5, 0.25, 0.25], [1.0, 1.0, 1.0])  # adding a constant to the logits changes nothing
        array([0., 0., 0.])
    """
    return _times(_kernels.softmax_vjp, "softmax_jvp", axis, temperature, where, out, probs=probs, tangent=tangent)


@explained_after(_kernels.short_log_softmax)
def log_softmax(
    logits: npt.ArrayLike,  # (..., K)
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    out: Array | None = None,
) -> Array:
    """The log-probabilities y_j = z_j - log sum_k exp(z_k).

    Args:
        logits: K scores along `axis`; floating-point numbers, or integers, which are converted to float64.
        axis: the class axis; or several, or None for all, as in `softmax`, which says when logits are copied.
        temperature: a positive number T; log_softmax is applied to z / T.
        where: True for the classes that take part; the others have -inf. A row with none is all -inf.
        out: the array to write the result to, in the shape and dtype of logits; it may be logits itself.

    Returns:
        The log-probabilities, in the shape and dtype of logits. Each is within 4 ulp of the exact value, even for a
        class whose probability rounds to 1.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as for `softmax`.

    Example:
        >>> sg.log_softmax([0.0, 0.0]).round(4)
        array([-0.6931, -0.6931])
        >>> sg.log_softmax([40.0, 0.0])  # -4.25e-18; log(softmax(z)) would give 0
        array([-4.24835426e-18, -4.00000000e+01])
    """
    z, mask = to_scores("log_softmax", logits, axis, temperature, where, out)
    log_p = z.output_buffer(out)
    z.call(_kernels.log_softmax, (z.stored, log_p), temperature, fresh=out is None)
    if mask is not None:
        fill_empty_rows(log_p, mask, -np.inf)
    return z.in_original_shape(log_p, out)


@explained_after(_kernels.short_log_softmax_vjp)
def log_softmax_vjp(
    log_probs: npt.ArrayLike,  # (..., K)
    grad_output: npt.ArrayLike,  # (..., K)
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    out: Array | None = None,
) -> Array:
    """The vector-Jacobian product of log_softmax, dz_k = dy_k - p_k sum_j dy_j.

    It turns the gradient dy with respect to the log-probabilities into the gradient dz with respect to the logits.

    Args:
        log_probs: the output of `log_softmax`: rows whose exp sums to 1. A few rows are checked.
        grad_output: the gradient dy of the loss with respect to log_probs, in the shape of log_probs.
        axis: the class axis, several of them, or None for all, as in the forward function.
        temperature: the temperature given to `log_softmax`; the result is divided by it.
        where: the mask given to `log_softmax`. The outputs of the other classes are constants, -inf: their entries of
            grad_output are not read, and their gradient is 0.
        out: the array to write the result to, in the shape and dtype of log_probs; it may be either argument.

    Returns:
        The gradient dz, in the shape and dtype of log_probs. Each entry is within 4 ulp of the sizes of its terms:
        |dy_k| (1 - p_k + p_k |y_k|), and p_k (1 + |y_k|) times the sum of the other |dy_j|. The rounding error of y,
        times |y|, is the relative error of p = exp(y). Where p_k is near 1, 1 - p_k and y_k are small.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError, DataError: as for `softmax_vjp`.

    Example:
        >>> y = sg.log_softmax([2.0, 1.0, 0.1])
        >>> sg.log_softmax_vjp(y, [-1.0, 0.0, 0.0]).round(3)  # cross-entropy with target 0: p - t
        array([-0.341,  0.242,  0.099])
    """
    return _times(
        _kernels.log_softmax_vjp,
        "log_softmax_vjp",
        axis,
        temperature,
        where,
        out,
        log_probs=log_probs,
        grad_output=grad_output,
    )


@explained_after(_kernels.short_log_softmax_jvp)
def log_softmax_jvp(
    log_probs: npt.ArrayLike,  # (..., K)
    tangent: npt.ArrayLike,  # (..., K)
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    out: Array | None = None,
) -> Array:
    """The Jacobian-vector product of log_softmax, dy_i = dz_i - sum_j p_j dz_j.

    It turns a change dz of the logits into the change dy of the log-probabilities.

    Args:
        log_probs: the output of `log_softmax`: rows whose exp sums to 1. A few rows are checked.
        tangent: the change dz of the logits, in the shape of log_probs.
        axis: the class axis, several of them, or None for all, as in the forward function.
        temperature: the temperature given to `log_softmax`; the result is divided by it.
        where: the mask given to `log_softmax`. The outputs of the other classes are constants, -inf: their change is 0,
            and their entries of tangent are not read.
        out: the array to write the result to, in the shape and dtype of log_probs; it may be either argument.

    Returns:
        The change dy, in the shape and dtype of log_probs. Each entry is within 4 ulp of the sizes of its terms:
        |dz_i| (1 - p_i + p_i |y_i|), and the sum of the other p_j (1 + |y_j|) |dz_j|.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError, DataError: as for `softmax_vjp`.

    Example:
        >>> y = sg.log_softmax([2.0, 1.0, 0.1])
        >>> sg.log_softmax_jvp(y, [1.0, 0.0, 0.0]).round(3)
        array([ 0.341, -0.659, -0.659])
    """
    return _times(
        _kernels.log_softmax_jvp, "log_softmax_jvp", axis, temperature, where, out, log_probs=log_probs, tangent=tangent
    )


def _times(
    kernel: Callable[..., int],
    function: str,
    axis: Axis,
    temperature: float,
    where: npt.ArrayLike | None,
    out: Array | None,
    **arrays: npt.ArrayLike,
) -> Array:
    """Calls a kernel that multiplies a vector by a Jacobian.

    `arrays` has two entries: the output of softmax or log_softmax, and the vector.
    """
    (name, output), (vector_name, vector) = arrays.items()
    y, v = to_pair(function, name, output, axis, vector_name, vector)
    mask = None
    if where is not None:
        mask = y.arrange(to_mask(function, name, y.shape, where), np.dtype(np.bool_))
        y = y._replace(stored=masked(y.stored, mask, 0 if kernel is _kernels.softmax_vjp else -np.inf))
        v = masked(v, mask, 0)
    if out is not None:
        to_out(function, out, y.shape, y.dtype)
    product = y.output_buffer(out, v)
    T = scale(function, "temperature", temperature)
    wrong = y.call(kernel, (y.stored, v, product), T, fresh=out is None)
    if wrong >= 0:
        refuse(function, name, y, wrong, of_mask=mask is not None)
    if mask is not None:
        np.copyto(product, product.dtype.type(0), where=~mask)
    return y.in_original_shape(product, out)
