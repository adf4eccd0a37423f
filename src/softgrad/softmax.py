"""Softmax, its logarithm and its normalizer, with their derivatives.

For one row of logits z (K classes):

    p_j   = exp(z_j) / sum_k exp(z_k)                softmax
    y_j   = z_j - lse                                log_softmax
    lse   = log sum_k exp(z_k)                       logsumexp

    dp_i/dz_j = p_i (delta_ij - p_j)                 J = diag(p) - p p^T, a symmetric matrix
    dy_i/dz_j = delta_ij - p_j
    dlse/dz_j = p_j

A backward pass needs vector-Jacobian products (`_vjp`): J^T times the upstream gradient. Forward mode needs
Jacobian-vector products (`_jvp`): J times a tangent, which is a direction in which the logits change. Neither forms J.

Source: Goodfellow et al., Deep Learning (2016), 4.1 and 6.2.2.3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from softgrad import _kernels
from softgrad._arrays import Array, Rows, in_shape_of, numbers, to_out, to_pair, to_row_values, to_rows
from softgrad._options import scale
from softgrad.errors import DtypeError, ShapeError

__all__ = [
    "log_softmax",
    "log_softmax_jvp",
    "log_softmax_vjp",
    "logsumexp",
    "logsumexp_jvp",
    "logsumexp_vjp",
    "softmax",
    "softmax_jvp",
    "softmax_vjp",
]


def softmax(
    logits: npt.ArrayLike,  # (..., K)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    out: Array | None = None,
) -> Array:
    """The probabilities p_j = exp(z_j) / sum_k exp(z_k).

    Args:
        logits: K scores along `axis`; floating-point numbers, or integers, which are converted to float64.
        axis: the class axis. Contiguous logits are copied only if the axes after it, or in Fortran order the axes
            before it, hold 2 to 15 entries.
        temperature: a positive number T; softmax is applied to z / T.
        where: True for the classes that take part; the others have probability 0. A row with none is all 0.
        out: the array to write the result to, in the shape and dtype of logits; it may be logits itself.

    Returns:
        The probabilities, in the shape and dtype of logits. Each is within 4 ulp of the exact value, including
        subnormal ones. A row is NaN if its largest entry is infinite or if it contains a NaN.

    Raises:
        AxisError: logits have no such axis.
        ShapeError: there are no classes on that axis, or where or out has the wrong shape.
        DtypeError: logits are not numbers, or where is not bool.
        OptionError: temperature is not positive.

    Example:
        >>> sg.softmax([2.0, 1.0, 0.1]).round(3)
        array([0.659, 0.242, 0.099])
    """
    z, mask = _to_scores("softmax", logits, axis, temperature, where, out)
    p = z.output_buffer(out)
    z.call(_kernels.softmax, (z.stored, p), temperature, fresh=out is None)
    _fill_empty_rows(p, mask, 0)
    return z.in_original_shape(p, out)


def softmax_vjp(
    probs: npt.ArrayLike,  # (..., K)
    grad_output: npt.ArrayLike,  # (..., K)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    out: Array | None = None,
) -> Array:
    """The vector-Jacobian product of softmax, dz_k = p_k (dp_k - sum_j dp_j p_j).

    It turns the gradient dp with respect to the probabilities into the gradient dz = J^T dp with respect to the logits.
    The most common mistake is to keep only the diagonal of J: dp_k p_k (1 - p_k). Summing the rows of J instead gives
    0 for every class.

    Args:
        probs: the output of `softmax`.
        grad_output: the gradient dp of the loss with respect to probs, in the shape of probs.
        axis: the class axis.
        temperature: the temperature given to `softmax`; the result is divided by it.
        out: the array to write the result to, in the shape and dtype of probs; it may be either argument.

    Returns:
        The gradient dz, in the shape and dtype of probs; within 5 ulp of p_k (|dp_k| + sum_j |dp_j| p_j).

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as for `softmax`; ShapeError also if the two shapes differ.

    Example:
        >>> p = sg.softmax([2.0, 1.0, 0.1])
        >>> sg.softmax_vjp(p, [1.0, 0.0, 0.0]).round(3)  # the first row of J
        array([ 0.225, -0.16 , -0.065])
    """
    return _times(_kernels.softmax_vjp, "softmax_vjp", axis, temperature, out, probs=probs, grad_output=grad_output)


def softmax_jvp(
    probs: npt.ArrayLike,  # (..., K)
    tangent: npt.ArrayLike,  # (..., K)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    out: Array | None = None,
) -> Array:
    """The Jacobian-vector product of softmax, dp_i = p_i (dz_i - sum_j p_j dz_j).

    It turns a change dz of the logits into the change dp = J dz of the probabilities. J is symmetric, so the formula is
    that of `softmax_vjp`.

    Args:
        probs: the output of `softmax`.
        tangent: the change dz of the logits, in the shape of probs.
        axis: the class axis.
        temperature: the temperature given to `softmax`; the result is divided by it.
        out: the array to write the result to, in the shape and dtype of probs; it may be either argument.

    Returns:
        The change dp, in the shape and dtype of probs; within 5 ulp of p_i (|dz_i| + sum_j p_j |dz_j|).

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as for `softmax_vjp`.

    Example:
        >>> sg.softmax_jvp([0.5, 0.25, 0.25], [1.0, 1.0, 1.0])  # adding a constant to the logits changes nothing
        array([0., 0., 0.])
    """
    return _times(_kernels.softmax_vjp, "softmax_jvp", axis, temperature, out, probs=probs, tangent=tangent)


def log_softmax(
    logits: npt.ArrayLike,  # (..., K)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    out: Array | None = None,
) -> Array:
    """The log-probabilities y_j = z_j - log sum_k exp(z_k).

    Args:
        logits: K scores along `axis`; floating-point numbers, or integers, which are converted to float64.
        axis: the class axis. Contiguous logits are copied only if the axes after it, or in Fortran order the axes
            before it, hold 2 to 15 entries.
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
    z, mask = _to_scores("log_softmax", logits, axis, temperature, where, out)
    log_p = z.output_buffer(out)
    z.call(_kernels.log_softmax, (z.stored, log_p), temperature, fresh=out is None)
    _fill_empty_rows(log_p, mask, -np.inf)
    return z.in_original_shape(log_p, out)


def log_softmax_vjp(
    log_probs: npt.ArrayLike,  # (..., K)
    grad_output: npt.ArrayLike,  # (..., K)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    out: Array | None = None,
) -> Array:
    """The vector-Jacobian product of log_softmax, dz_k = dy_k - p_k sum_j dy_j.

    It turns the gradient dy with respect to the log-probabilities into the gradient dz with respect to the logits.

    Args:
        log_probs: the output of `log_softmax`.
        grad_output: the gradient dy of the loss with respect to log_probs, in the shape of log_probs.
        axis: the class axis.
        temperature: the temperature given to `log_softmax`; the result is divided by it.
        out: the array to write the result to, in the shape and dtype of log_probs; it may be either argument.

    Returns:
        The gradient dz, in the shape and dtype of log_probs; within 4 ulp of |dy_k| + p_k (1 + |log p_k|) sum_j |dy_j|,
        since the rounding error of y, times |y|, is the relative error of p = exp(y).

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as for `softmax_vjp`.

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
        out,
        log_probs=log_probs,
        grad_output=grad_output,
    )


def log_softmax_jvp(
    log_probs: npt.ArrayLike,  # (..., K)
    tangent: npt.ArrayLike,  # (..., K)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    out: Array | None = None,
) -> Array:
    """The Jacobian-vector product of log_softmax, dy_i = dz_i - sum_j p_j dz_j.

    It turns a change dz of the logits into the change dy of the log-probabilities.

    Args:
        log_probs: the output of `log_softmax`.
        tangent: the change dz of the logits, in the shape of log_probs.
        axis: the class axis.
        temperature: the temperature given to `log_softmax`; the result is divided by it.
        out: the array to write the result to, in the shape and dtype of log_probs; it may be either argument.

    Returns:
        The change dy, in the shape and dtype of log_probs; within 4 ulp of |dz_i| + sum_j p_j (1 + |log p_j|) |dz_j|.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as for `softmax_vjp`.

    Example:
        >>> y = sg.log_softmax([2.0, 1.0, 0.1])
        >>> sg.log_softmax_jvp(y, [1.0, 0.0, 0.0]).round(3)
        array([ 0.341, -0.659, -0.659])
    """
    return _times(
        _kernels.log_softmax_jvp, "log_softmax_jvp", axis, temperature, out, log_probs=log_probs, tangent=tangent
    )


def logsumexp(
    logits: npt.ArrayLike,  # (..., K)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K), or a shape that broadcasts to it
    keepdims: bool = False,
    out: Array | None = None,
) -> Array:
    """The normalizer lse = log sum_k exp(z_k), computed without overflow.

    Args:
        logits: K scores along `axis`; floating-point numbers, or integers, which are converted to float64.
        axis: the class axis.
        temperature: a positive number T; logsumexp is applied to z / T.
        where: True for the classes that take part. A row with none gives -inf.
        keepdims: keep the class axis, with length 1.
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
    z, _ = _to_scores("logsumexp", logits, axis, temperature, where, None)
    outer, _, inner = z.stored.shape
    lse = np.empty(outer * inner, z.stored.dtype)
    z.call(_kernels.logsumexp, (z.stored, lse), temperature, fresh=True)
    result = z.one_per_row(lse.astype(z.dtype, copy=False), keepdims=keepdims)
    if out is None:
        return result
    to_out("logsumexp", out, result.shape, z.dtype)
    out[...] = result
    return out


def logsumexp_vjp(
    logits: npt.ArrayLike,  # (..., K)
    grad_output: npt.ArrayLike,  # (...)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K) or what broadcasts to it
) -> Array:
    """The vector-Jacobian product of logsumexp, dz_k = p_k g / temperature, with p = softmax(z / temperature).

    It takes the logits, since the output alone does not determine p.

    Args:
        logits: the input of `logsumexp`.
        grad_output: g, the gradient of the loss with respect to lse, in the shape of logits without `axis`.
        axis: where the classes are.
        temperature: as in `logsumexp`.
        where: as in `logsumexp`; the gradient of the other classes is 0.

    Returns:
        The gradient dz, in the shape and dtype of logits; within 5 ulp, 6 with a temperature. Where p_k is subnormal,
        within as many spacings of subnormal numbers times |g / temperature|.

    Raises:
        AxisError, ShapeError, DtypeError, OptionError: as `softmax`; grad_output has another shape than lse.

    Example:
        >>> sg.logsumexp_vjp([0.0, 0.0], 3.0)
        array([1.5, 1.5])
    """
    z, mask = _to_scores("logsumexp_vjp", logits, axis, temperature, where, None)
    g = to_row_values("logsumexp_vjp", "grad_output", grad_output, "logits", z)
    return z.in_original_shape(_probabilities(z, mask, temperature) * (g / z.computed_in.type(temperature)))


def logsumexp_jvp(
    logits: npt.ArrayLike,  # (..., K)
    tangent: npt.ArrayLike,  # (..., K)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    where: npt.ArrayLike | None = None,  # (..., K) or what broadcasts to it
) -> Array:
    """The Jacobian-vector product of logsumexp, sum_j p_j v_j / temperature, with p = softmax(z / temperature).

    Args:
        logits: the input of `logsumexp`.
        tangent: v, in the shape of logits.
        axis: where the classes are.
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
    z, mask = _to_scores("logsumexp_jvp", logits, axis, temperature, where, None)
    v = z.arrange(in_shape_of("logsumexp_jvp", "logits", z, "tangent", tangent), z.computed_in)
    if mask is not None:
        v = np.where(mask, v, 0)
    change = (_probabilities(z, mask, temperature) * v).sum(axis=1, dtype=np.longdouble) / temperature
    return z.one_per_row(change.astype(z.dtype))


def _times(
    kernel: Callable[..., None],
    function: str,
    axis: int,
    temperature: float,
    out: Array | None,
    **arrays: npt.ArrayLike,
) -> Array:
    """Calls a kernel that multiplies a vector by a Jacobian.

    `arrays` has two entries: the output of softmax or log_softmax, and the vector.
    """
    (name, output), (vector_name, vector) = arrays.items()
    y, v = to_pair(function, name, output, axis, vector_name, vector)
    to_out(function, out, y.shape, y.dtype)
    product = y.output_buffer(out, v)
    y.call(kernel, (y.stored, v, product), scale(function, "temperature", temperature), fresh=out is None)
    return y.in_original_shape(product, out)


def _to_scores(
    function: str,
    logits: npt.ArrayLike,
    axis: int,
    temperature: float,
    where: npt.ArrayLike | None,
    out: Array | None,
) -> tuple[Rows, Array | None]:
    """Checks the arguments of softmax, log_softmax and logsumexp.

    Returns:
        The rows, -inf where `where` is False; and `where`, laid out like the rows.
    """
    scale(function, "temperature", temperature)
    if where is None:
        z = to_rows(function, "logits", logits, axis)
        to_out(function, out, z.shape, z.dtype)
        return z, None
    array = numbers(function, "logits", logits)
    mask = np.asarray(where)
    if mask.dtype != np.bool_:
        raise DtypeError(f"{function}: where.dtype is {mask.dtype}, wanted bool; compare first, as where > 0")
    try:
        mask = np.broadcast_to(mask, array.shape)
    except ValueError as error:
        raise ShapeError(
            f"{function}: where.shape is {mask.shape}, wanted a shape that broadcasts to {array.shape}, that of logits"
        ) from error
    z = to_rows(function, "logits", np.where(mask, array, array.dtype.type(-np.inf)), axis)
    to_out(function, out, z.shape, z.dtype)
    return z, z.arrange(mask, mask.dtype)


def _fill_empty_rows(values: Array, mask: Array | None, value: float) -> None:
    """Sets the rows in which the mask leaves no class."""
    if mask is not None:
        np.copyto(values, value, where=~mask.any(axis=1, keepdims=True))


def _probabilities(z: Rows, mask: Array | None, temperature: float) -> Array:
    """Softmax of the rows, in the dtype that they are computed in."""
    p = np.empty(z.stored.shape, z.computed_in)
    _kernels.softmax(z.values, p, temperature)
    _fill_empty_rows(p, mask, 0)
    return p
