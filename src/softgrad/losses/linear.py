"""Softmax cross-entropy of a linear layer, and its gradients, without storing the logits.

For rows x (D features) and V classes with vectors w_j and biases b_j, the logits are z_j = <x, w_j> + b_j, and

    g = dL/dz        dL/dx = sum_j g_j w_j        dL/dw_j = sum over the rows of g_j x        dL/db_j = that of g_j

with g as in `softgrad.cross_entropy`. All logits of N rows would be N x V numbers. Here, the logits of a chunk of rows
are computed in one buffer. The fused kernel replaces them by g, from which the gradients are computed. If the buffer
holds only a few rows, it takes tiles of classes instead, in two passes.

Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3; Wijmans et al., Cut your losses in large-vocabulary language
models, arXiv:2411.09009.
"""

from __future__ import annotations

from typing import NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, numbers
from softgrad._calls import explained
from softgrad._options import not_negative
from softgrad.errors import OptionError, ShapeError
from softgrad.losses._batch import IfAllIgnored, Reduction
from softgrad.losses._linear.gradients import Gradients, LinearGrad, Out, read_out
from softgrad.losses._linear.hessian import BUFFERS, times_hessian
from softgrad.losses._linear.one_pass import one_pass
from softgrad.losses._linear.problem import Problem, read_problem
from softgrad.losses._linear.results import RowResults
from softgrad.losses._linear.two_passes import two_passes
from softgrad.losses._options import RowOptions
from softgrad.losses._results import RowStats

__all__ = [
    "LinearGrad",
    "LinearLossAndGrad",
    "LinearLossGradStats",
    "linear_cross_entropy",
    "linear_cross_entropy_hvp",
    "linear_cross_entropy_with_grad",
    "linear_cross_entropy_with_stats",
]


MAX_MEMORY = 64 * 2**20


class LinearLossAndGrad(NamedTuple):
    """A loss, and its gradients at x, w and the bias.

    Example:
        >>> loss, (dx, dw, db) = sg.linear_cross_entropy_with_grad([[1.0]], [[0.0], [0.0]], [0])
        >>> float(loss.round(4)), dx, db
        (0.6931, array([[0.]]), None)
    """

    loss: Array
    grad: LinearGrad


class LinearLossGradStats(NamedTuple):
    """A loss, its gradients at x, w and the bias, and the statistics of the rows.

    Example:
        >>> sg.linear_cross_entropy_with_stats([[1.0]], [[0.0], [1.0]], [1]).stats.correct
        array([ True])
    """

    loss: Array
    grad: LinearGrad
    stats: RowStats


@explained
def linear_cross_entropy(
    x: npt.ArrayLike,  # (..., D)
    w: npt.ArrayLike,  # (V, D)
    target: npt.ArrayLike,  # (...) class indices, or (..., V) probabilities
    bias: npt.ArrayLike | None = None,  # (V,)
    *,
    weight: npt.ArrayLike | None = None,  # (V,)
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
    denominator: float | None = None,
    if_all_ignored: IfAllIgnored = "zero",
    max_memory: int = MAX_MEMORY,
) -> Array:
    """`cross_entropy` of the logits x @ w.T + bias, without storing all of them.

    Args:
        x: rows of D finite features; floating, or integers read as float64.
        w: one row of D finite numbers for each of V classes.
        target: as `cross_entropy`, of logits (..., V).
        bias: one number per class; -inf masks a class.
        weight: as `cross_entropy`: one number per class, unlike w.
        ignore_index: as `cross_entropy`. The ignored rows of x are not read, so they may hold NaN.
        label_smoothing: as `cross_entropy`.
        z_loss: as `cross_entropy`.
        softcap: as `cross_entropy`.
        temperature: as `cross_entropy`.
        reduction: as `cross_entropy`.
        denominator: as `cross_entropy`.
        if_all_ignored: as `cross_entropy`.
        max_memory: the largest number of bytes for logits: at least those of one row of up to 4096 classes. If 96 rows
            of all classes do not fit, the logits are computed in tiles; with gradients, that costs four products
            instead of three. The last digits of the results may depend on max_memory: it decides in which order BLAS
            adds the terms, and in tiles other formulas are used.

    Returns:
        The loss, as `cross_entropy`, in float64 if x or w is, else in float32. BLAS computes the logits in that
        dtype, each within (D + 1) eps times the sizes of its terms, sum_d |x_d w_d| + |b|. The loss is within 4 ulp
        of the exact loss of these logits; in tiles, within 32 ulp of the sizes of its terms.

    Raises:
        ShapeError: the shapes of two arguments do not fit each other.
        LabelError: a class outside 0..V-1.
        DataError: x holds a NaN or an infinity; or w or the bias does, and a loss or dx would be NaN.
        OptionError: max_memory is too small (the message says how much is needed), or an option is out of its range.
        TypeError: an unknown option.
        DtypeError: an argument is not numeric.

    Example:
        >>> x, w = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> float(sg.linear_cross_entropy(x, w, [2, 0]).round(4))
        0.436
        >>> float(sg.cross_entropy(x @ w.T, [2, 0]).round(4))
        0.436
    """
    options = RowOptions(
        weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
        softcap=softcap,
        temperature=temperature,
        reduction=reduction,
        denominator=denominator,
        if_all_ignored=if_all_ignored,
    )
    problem = read_problem("linear_cross_entropy", x, w, target, bias, max_memory, options)
    return _run(problem, None).loss()


@explained
def linear_cross_entropy_with_grad(
    x: npt.ArrayLike,  # (..., D)
    w: npt.ArrayLike,  # (V, D)
    target: npt.ArrayLike,  # (...) class indices, or (..., V) probabilities
    bias: npt.ArrayLike | None = None,  # (V,)
    *,
    max_memory: int = MAX_MEMORY,
    filter_eps: float = 0.0,
    out: Out | None = None,
    **options: Unpack[RowOptions],
) -> LinearLossAndGrad:
    """`linear_cross_entropy` and its gradients at x, w and the bias.

    Args:
        x: as `linear_cross_entropy`.
        w: as `linear_cross_entropy`.
        target: as `linear_cross_entropy`.
        bias: as `linear_cross_entropy`.
        max_memory: as `linear_cross_entropy`. Beside the logits, at most 4096 rows of w are copied, and for 16-bit w
            dw is summed in float32.
        filter_eps: if not 0, small entries of g, the gradient of a row's loss with respect to its logits, may be taken
            as 0 in dx and dw: a class is left out of both products if |g| < filter_eps in all rows of a chunk. It is
            off by default: the error is small for a confident model, but large for one in training.
        out: (dx, dw, db) to write the gradients to, in the shapes and dtypes of x, w and bias; None for a new array.
        options: as `linear_cross_entropy`; with reduction "none" the gradients are those of the sum.

    Returns:
        loss: as `linear_cross_entropy`.
        grad: a named tuple (dx, dw, db) in the shapes and dtypes of x, w and bias; db is None without a bias, and dx
            is 0 in ignored rows. g, the gradient at the logits, is as exact as in `cross_entropy_with_grad`; in tiles
            the difference d of two scores is rounded before exp, which adds |d| ulp. Given g, the error of dx_d is at
            most (V + 8) eps times sum_j |g_j w_jd|; those of dw_jd and db_j are at most (N + 8) eps times the sums of
            |g_j x_d| and |g_j| over the rows. The reduction multiplies the gradient of each row by a factor s, such as
            1/N. filter_eps adds at most s filter_eps sum_j |w_jd| to the error of dx_d, at most s filter_eps times the
            sum of |x_d| over the rows to that of dw_jd, and nothing to that of db.

    Raises:
        ShapeError, LabelError, DataError, OptionError, DtypeError: as `linear_cross_entropy`; out does not fit.

    Example:
        >>> x, w = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> loss, (dx, dw, db) = sg.linear_cross_entropy_with_grad(x, w, [2, 0], bias=[0.0, 0.0, 0.0])
        >>> dx.round(3)
        array([[-0.122, -0.045],
               [-0.07 ,  0.186]])
        >>> db.round(3)
        array([-0.141,  0.192, -0.052])
    """
    problem = read_problem("linear_cross_entropy_with_grad", x, w, target, bias, max_memory, options)
    gradients = _gradients(problem, bias, out, filter_eps)
    loss = _run(problem, gradients).loss()
    return LinearLossAndGrad(loss, gradients.result())


@explained
def linear_cross_entropy_with_stats(
    x: npt.ArrayLike,  # (..., D)
    w: npt.ArrayLike,  # (V, D)
    target: npt.ArrayLike,  # (...) class indices, or (..., V) probabilities
    bias: npt.ArrayLike | None = None,  # (V,)
    *,
    max_memory: int = MAX_MEMORY,
    filter_eps: float = 0.0,
    out: Out | None = None,
    **options: Unpack[RowOptions],
) -> LinearLossGradStats:
    """`linear_cross_entropy_with_grad`, and the statistics of the rows from the same pass.

    Args:
        x: as `linear_cross_entropy`.
        w: as `linear_cross_entropy`.
        target: as `linear_cross_entropy`.
        bias: as `linear_cross_entropy`.
        max_memory: as `linear_cross_entropy_with_grad`.
        filter_eps: as `linear_cross_entropy_with_grad`.
        out: as `linear_cross_entropy_with_grad`.
        options: as `linear_cross_entropy_with_grad`.

    Returns:
        loss, grad: as `linear_cross_entropy_with_grad`.
        stats: a named tuple (loss, logsumexp, entropy, correct), as in `cross_entropy_with_stats`.

    Raises:
        ShapeError, LabelError, DataError, OptionError, DtypeError: as `linear_cross_entropy_with_grad`.

    Example:
        >>> stats = sg.linear_cross_entropy_with_stats([[1.0], [2.0]], [[0.0], [1.0]], [1, 0]).stats
        >>> stats.correct, stats.entropy.round(3)
        (array([ True, False]), array([0.582, 0.365]))
    """
    problem = read_problem("linear_cross_entropy_with_stats", x, w, target, bias, max_memory, options)
    gradients = _gradients(problem, bias, out, filter_eps)
    results = _run(problem, gradients, with_stats=True)
    return LinearLossGradStats(results.loss(), gradients.result(), results.stats())


@explained
def linear_cross_entropy_hvp(
    x: npt.ArrayLike,  # (..., D)
    w: npt.ArrayLike,  # (V, D)
    target: npt.ArrayLike,  # (...) class indices, or (..., V) probabilities
    v: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike | None],  # in the shapes of x, w and bias
    bias: npt.ArrayLike | None = None,  # (V,)
    *,
    max_memory: int = MAX_MEMORY,
    **options: Unpack[RowOptions],
) -> LinearGrad:
    """The Hessian of the loss, over x, w and the bias together, times v = (vx, vw, vb).

    Args:
        x: as `linear_cross_entropy`.
        w: as `linear_cross_entropy`.
        target: as `linear_cross_entropy`.
        v: the direction (vx, vw, vb); vb is None without a bias.
        bias: as `linear_cross_entropy`.
        max_memory: the largest number of bytes for logits and their change along v: at least those of one row of each.
        options: as `linear_cross_entropy`; with reduction "none" the Hessian is that of the sum.

    Returns:
        A named tuple (dx, dw, db) in the shapes and dtypes of x, w and bias. The Hessian at the logits is computed
        in float64, the products in the dtype of the loss.

    Raises:
        ShapeError, LabelError, DataError, OptionError, DtypeError: as `linear_cross_entropy`; v does not fit.

    Example:
        >>> v = np.array([[0.0]]), np.array([[1.0], [0.0]]), None
        >>> sg.linear_cross_entropy_hvp([[1.0]], [[0.0], [0.0]], [0], v).dw
        array([[ 0.25],
               [-0.25]])
    """
    function = "linear_cross_entropy_hvp"
    problem = read_problem(function, x, w, target, bias, max_memory, options, buffers=BUFFERS, whole_rows=True)
    vx, vw, vb = _three(function, v)
    if (vb is None) != (bias is None):
        raise ShapeError(f"{function}: one of v[2] and bias is None; wanted both or neither")
    direction = problem._replace(
        x=_direction(function, 0, vx, (*problem.batch.z.shape[:-1], problem.x.shape[1])).reshape(problem.x.shape),
        w=_direction(function, 1, vw, problem.w.shape),
        bias=None if vb is None else _direction(function, 2, vb, problem.w.shape[:1]).astype(problem.dtype),
    )
    return times_hessian(problem, direction, _gradients(problem, bias, None, 0.0))


def _run(problem: Problem, gradients: Gradients | None, *, with_stats: bool = False) -> RowResults:
    results = RowResults(problem, with_stats=with_stats)
    buffer = np.empty(problem.rows * problem.classes, problem.dtype)
    some_rows = two_passes if problem.in_tiles else one_pass
    for rows in problem.chunks():
        x = problem.features(rows)
        if gradients is not None:
            gradients.begin(rows, x)
        some_rows(problem, rows, x, buffer, results, gradients)
        if gradients is not None:
            gradients.end()
    return results


def _gradients(problem: Problem, bias: npt.ArrayLike | None, out: Out | None, filter_eps: float) -> Gradients:
    of_bias = None if bias is None else numbers(problem.function, "bias", bias).dtype
    eps = not_negative(problem.function, "filter_eps", filter_eps)
    return Gradients(problem, read_out(problem.function, out, problem, of_bias), of_bias, eps)


def _three(function: str, v: object) -> tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike | None]:
    if not isinstance(v, tuple | list) or len(v) != 3:
        many = f" of {len(v)}" if isinstance(v, tuple | list) else ""
        raise OptionError(
            f"{function}: v is a {type(v).__name__}{many}, wanted (vx, vw, vb), with None for vb without a bias"
        )
    vx, vw, vb = v
    return vx, vw, vb


def _direction(function: str, place: int, value: npt.ArrayLike, shape: tuple[int, ...]) -> Array:
    array = numbers(function, f"v[{place}]", value)
    if array.shape != shape:
        raise ShapeError(
            f"{function}: v[{place}].shape is {array.shape}, wanted {shape}, that of {('x', 'w', 'bias')[place]}"
        )
    return array
