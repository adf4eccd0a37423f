"""The log-probabilities of given tokens and the entropies of their distributions, with their derivative.

For one row of logits z (V classes), p = softmax(z / T), and the token y:

    log p_y = z_y / T - log sum_j exp(z_j / T)
    H       = -sum_j p_j log p_j
    dz_j    = (g (delta_jy - p_j) - h p_j (log p_j + H)) / T

where g and h are the upstream gradients of log p_y and of H. Both outputs come from one pass over the logits. The
backward pass reads them once more, and writes one array of their size.

Source: Williams, Simple statistical gradient-following algorithms for connectionist reinforcement learning (1992), for
log p_y; Williams and Peng, Function optimization using connectionist reinforcement learning algorithms (1991), for the
entropy as a bonus.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad import _kernels
from softgrad._arrays import Array, to_out, to_row_values, to_rows, to_tokens
from softgrad._calls import explained_after
from softgrad._options import class_index, scale
from softgrad._rows import Rows, bits, is_bfloat16
from softgrad.errors import OptionError

__all__ = ["TokenLogProbs", "token_log_probs", "token_log_probs_vjp"]


class TokenLogProbs(NamedTuple):
    """The log-probability of each token, and the entropy of the distribution that it is drawn from.

    Example:
        >>> sg.token_log_probs([[0.0, 0.0]], [1]).entropy.round(4)
        array([0.6931])
    """

    log_probs: Array
    entropy: Array  # in nats


@explained_after(_kernels.short_token_log_probs(TokenLogProbs))
def token_log_probs(
    logits: npt.ArrayLike,  # (..., V)
    tokens: npt.ArrayLike,  # (...) class indices
    *,
    axis: int = -1,
    temperature: float = 1.0,
    ignore_index: int | None = None,
) -> TokenLogProbs:
    """The log-probabilities log p_y of tokens y, and the entropies -sum_j p_j log p_j, of p = softmax(z / T).

    Args:
        logits: V scores along `axis`; floating-point numbers, or integers, which are converted to float64. Of an
            entry of -inf the probability is 0; it adds 0 to the entropy.
        tokens: class indices 0..V-1, in the shape of logits without `axis`.
        axis: the class axis.
        temperature: a positive number T, by which the logits are divided.
        ignore_index: a class index that marks rows to leave out, such as padding: both outputs are 0 there, whatever
            the logits.

    Returns:
        log_probs, entropy: one number per row each, in the shape of tokens; float32 for 16-bit logits, else their
            dtype. Each is within 4 ulp of the exact value, also where p_y rounds to 1. The log-probability of a token
            whose logit is -inf is -inf, and so is one whose difference from the largest logit overflows. A row whose
            largest logit is infinite, such as one of -inf alone, or that holds a NaN, gives NaN.

    Raises:
        ShapeError: tokens have another shape, or there is no class.
        LabelError: a token outside 0..V-1.
        AxisError, DtypeError, OptionError: an argument of the wrong type or out of its range.

    Example:
        >>> log_probs, entropy = sg.token_log_probs([[2.0, 0.0], [0.0, 0.0]], [0, 1])
        >>> log_probs.round(4), entropy.round(4)
        (array([-0.1269, -0.6931]), array([0.3653, 0.6931]))
    """
    z, y, T = read("token_log_probs", logits, tokens, axis, temperature, ignore_index)
    log_probs, entropy, _ = of_rows(z, y, T)
    return TokenLogProbs(z.one_per_row(log_probs), z.one_per_row(entropy))


@explained_after(_kernels.short_token_log_probs_vjp)
def token_log_probs_vjp(
    logits: npt.ArrayLike,  # (..., V)
    tokens: npt.ArrayLike,  # (...) class indices
    grad_log_probs: npt.ArrayLike | None = None,  # (...)
    grad_entropy: npt.ArrayLike | None = None,  # (...)
    *,
    axis: int = -1,
    temperature: float = 1.0,
    ignore_index: int | None = None,
    out: Array | None = None,
) -> Array:
    """The vector-Jacobian product of `token_log_probs`, dz_j = (g (delta_jy - p_j) - h p_j (log p_j + H)) / T.

    It takes the logits, since the outputs do not determine p.

    Args:
        logits: as `token_log_probs`.
        tokens: as `token_log_probs`.
        grad_log_probs: g, the gradient of the loss with respect to log_probs, in the shape of tokens; None for 0.
        grad_entropy: h, the gradient of the loss with respect to entropy, in the shape of tokens; None for 0.
        axis: as `token_log_probs`.
        temperature: as `token_log_probs`.
        ignore_index: as `token_log_probs`; the gradient of these rows is 0, and their upstream gradients are not read.
        out: the array to write the result to, in the shape and dtype of logits; it may be logits itself.

    Returns:
        The gradient dz, in the shape and dtype of logits. Each entry is within 5 ulp of the sizes of its terms,
        |g| |delta_jy - p_j| / T and |h| p_j (|d_j| + sum_k p_k |d_k|) / T with d = (z - max z) / T. Where d_j or any
        p_k is subnormal, within as many spacings of subnormal numbers times (|g| + |h| (|d_j| + sum_k |d_k|)) / T, with
        the sum over finite d_k. It is 0 where a logit is -inf, but for g / T at the token itself. A row is NaN if
        `token_log_probs` of it is.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError: as `token_log_probs`; an upstream gradient or out does not fit.
        OptionError: as `token_log_probs`; neither upstream gradient is given.

    Example:
        >>> sg.token_log_probs_vjp([[0.0, 0.0]], [1], [1.0])
        array([[-0.5,  0.5]])
    """
    function = "token_log_probs_vjp"
    if grad_log_probs is None and grad_entropy is None:
        raise OptionError(f"{function}: grad_log_probs and grad_entropy are None, wanted at least one of them")
    z, y, T = read(function, logits, tokens, axis, temperature, ignore_index)
    to_out(function, out, z.shape, z.dtype)
    g, h = (
        None if value is None else to_row_values(function, name, value, "logits", z).reshape(-1)
        for name, value in (("grad_log_probs", grad_log_probs), ("grad_entropy", grad_entropy))
    )
    _, _, saved = of_rows(z, y, T)
    dz = z.output_buffer(out, g, h)
    vjp_of_rows(z, y, saved, g, h, dz, T, fresh=out is None)
    return z.in_original_shape(dz, out)


def of_rows(z: Rows, tokens: Array, temperature: float) -> tuple[Array, Array, Array]:
    """The log-probabilities (N), the entropies (N), and what `vjp_of_rows` needs of each row (N, 4).

    The arguments are checked: tokens are (N), and -1 for an ignored row.
    """
    log_probs, entropy = np.zeros(z.row_count, z.computed_in), np.zeros(z.row_count, z.computed_in)
    saved = np.zeros((z.row_count, 4))
    if z.stored.size:  # kernels need a class
        logits, bfloat16 = _of_kernel(z.stored)
        _kernels.token_log_probs(logits, tokens, log_probs, entropy, saved, temperature, bfloat16)
    return log_probs, entropy, saved


def vjp_of_rows(
    z: Rows,
    tokens: Array,
    saved: Array,
    grad_log_probs: Array | None,
    grad_entropy: Array | None,
    dz: Array,
    temperature: float,
    *,
    fresh: bool,
) -> None:
    """Writes the gradient (outer, V, inner) to dz, which may be the memory of z.

    Args:
        z: as `of_rows`.
        tokens: as `of_rows`.
        saved: what `of_rows` returned for the same logits.
        grad_log_probs: (N), in the dtype that z is computed in; None for 0.
        grad_entropy: as grad_log_probs.
        dz: in the shape and dtype of z.stored.
        temperature: as `of_rows`.
        fresh: True if the memory of dz was never written to.
    """
    if not z.stored.size:
        return
    logits, bfloat16 = _of_kernel(z.stored)
    out, _ = _of_kernel(dz)
    _kernels.token_log_probs_vjp(logits, tokens, saved, grad_log_probs, grad_entropy, out, temperature, bfloat16, fresh)


def read(
    function: str,
    logits: npt.ArrayLike,
    tokens: npt.ArrayLike,
    axis: int,
    temperature: float,
    ignore_index: int | None,
) -> tuple[Rows, Array, float]:
    """The arguments, checked."""
    T = scale(function, "temperature", temperature)
    z = to_rows(function, "logits", logits, axis)
    y = to_tokens(function, tokens, z, axis, class_index(function, "ignore_index", ignore_index))
    return z, y, T


def _of_kernel(array: Array) -> tuple[Array, bool]:
    """An array as a kernel takes it, and whether it holds bfloat16."""
    return (array, False) if array.dtype.itemsize > 2 else (bits(array), is_bfloat16(array))
