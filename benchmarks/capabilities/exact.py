"""The right answers, by the judge with 50 digits and by formulas for what it does not have.

Each function returns the arrays that the question returns; two for a loss and its gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np

import judge
from benchmarks.capabilities import numbers as n
from benchmarks.capabilities import reports as r
from benchmarks.capabilities.questions import ENTRY, ERROR, MEMORY, ULPS, Question
from benchmarks.questions.base import Array

Exact: TypeAlias = Callable[[], Any]
A = judge.Mpmath(50)
ROWS = len(n.Z)


def _loss(z: Array, target: Array, reduction: str = "mean", denominator: float | None = None, **options: Any) -> Exact:
    """The loss and the gradient, both rounded to long double."""

    def exact() -> tuple[Array, ...]:
        rows = judge.rows("cross_entropy", z, target, a=A, **options).reduced(reduction, denominator)
        return tuple(_rounded(part.value) for part in rows)

    return exact


def _softmax(z: Array) -> Array:
    return _rounded(judge.softmax(z, A))


def _log_softmax(z: Array) -> Array:
    return _rounded(judge.log_softmax(z, A))


def _rounded(x: Any) -> Array:
    return np.asarray(A.rounded(np.asarray(x)))


def _grad(z: Array, y: Array) -> Array:
    """Of the sum of the losses: p - e_y."""
    return _loss(z, y, "sum")()[1]


def grad_at_weights() -> Array:
    """L = sum_i w_{y_i} l_i / sum_i w_{y_i}, so that dL/dw_k = (the l_i of class k - their number times L) / sum w."""
    losses = _loss(n.Z, n.Y, "none")()[0]
    w = n.W[n.Y].astype(np.longdouble)
    of_class = np.arange(n.Z.shape[1])[:, None] == n.Y  # (K, N)
    return (of_class @ losses - of_class.sum(1) * (w @ losses / w.sum())) / w.sum()


def hessians() -> Array:
    """Of each row's loss: diag(p) - p p^T, (N, K, K)."""
    return _rounded(judge.jacobian(judge.softmax(n.Z, A), A).value)


def hvp() -> Array:
    """Of the mean: (diag(p) - p p^T) v / N."""
    return _rounded(judge.softmax_vjp(judge.softmax(n.Z, A), n.V, A).value) / ROWS


def third() -> Array:
    """The gradient of v^T H v = <p, v^2> - <p, v>^2: p (v^2 - <p, v^2>) - 2 <p, v> p (v - <p, v>)."""
    p, v = _softmax(n.Z), n.V.astype(np.longdouble)
    mean, mean_of_squares = (p * v).sum(1, keepdims=True), (p * v**2).sum(1, keepdims=True)
    return p * ((v**2 - mean_of_squares) - 2 * mean * (v - mean)) / ROWS


def jacobian() -> Array:
    """Of the losses of the rows, (N, N, K): row i depends on logits i alone."""
    return np.eye(ROWS)[:, :, None] * _grad(n.Z, n.Y)


def linear() -> tuple[Array, ...]:
    """The loss of the logits x w^T; dx = g w and dw = g^T x for the gradient g at the logits."""
    z = A.wide(n.X) @ A.wide(n.HEAD).T
    g = (judge.softmax(z, A) - np.eye(z.shape[1])[n.Y]) / ROWS
    loss = -judge.log_softmax(z, A)[np.arange(ROWS), n.Y].sum() / ROWS
    return _rounded(loss), _rounded(g @ A.wide(n.HEAD)), _rounded(g.T @ A.wide(n.X))


def _vjp(z: Array) -> Array:
    """The gradient at the logits of softmax, for the upstream gradient (1, 0)."""
    return _rounded(judge.softmax_vjp(judge.softmax(z, A), r.FIRST, A).value)


def _vjp_of_log(z: Array) -> Array:
    """The same for log_softmax."""
    return _rounded(judge.log_softmax_vjp(judge.log_softmax(z, A), r.FIRST, A).value)


def _tokens(z: Array, y: Array, **options: Any) -> Exact:
    """The log-probabilities and the entropies."""
    return lambda: tuple(_rounded(part) for part in judge.token_log_probs(z, y, A, **options))


def _token_grad(z: Array, y: Array, g: Array, h: Array) -> Array:
    return _rounded(judge.token_log_probs_vjp(z, y, g, h, A).value)


def _linear_token_grads() -> tuple[Array, ...]:
    """For the logits x w^T: dx = dz w and dw = dz^T x."""
    z = A.wide(n.X) @ A.wide(n.HEAD).T
    dz = judge.token_log_probs_vjp(z, n.Y, n.G, n.G_ENTROPY, A).value
    return _rounded(dz @ A.wide(n.HEAD)), _rounded(dz.T @ A.wide(n.X))


_confident = cache(_loss(n.CONFIDENT, n.CONFIDENT_Y, "none"))
_many = cache(_loss(n.MANY, n.MANY_Y, "none"))


def _forward_at_mask() -> Array:
    """<p - t, v>."""
    return (_loss(r.MASKED, r.MASKED_T)()[1] * r.ALONG).sum()


def _long() -> Array:
    """1 - n p_k, in long double, since mpmath takes long for so many classes."""
    z = r.LONG.astype(np.longdouble)
    return 1 - len(z) * np.exp(z[0]) / np.exp(z).sum()


EXACT: dict[str, Exact] = {
    "the gradient at probabilities": lambda: -_log_softmax(n.Z) / ROWS,
    "the gradient at class weights": grad_at_weights,
    "an upstream gradient for each row": lambda: n.G[:, None] * _grad(n.Z, n.Y),
    "an upstream gradient of stride 0": lambda: n.G_STRIDE_0[:, None] * _grad(n.Z, n.Y),
    "the Hessian times a vector": hvp,
    "the third derivative": third,
    "forward mode": lambda: (_loss(n.Z, n.Y)()[1] * n.V).sum(),
    "vmap of the gradient": lambda: _grad(n.Z, n.Y),
    "vmap of the Hessian": hessians,
    "the Jacobian by reverse mode (jacrev)": jacobian,
    "the Jacobian by forward mode (jacfwd)": jacobian,
    "the Hessian": lambda: hessians()[0],
    "the Hessian by forward mode twice": lambda: hessians()[0],
    "compiled: losses and gradient": _loss(n.Z, n.Y, "none"),
    "compiled: the Hessian times a vector": hvp,
    "the loss of x wᵀ from x and w": linear,
    "log-probabilities and entropies": _tokens(n.Z, n.Y),
    "the same, with a temperature": _tokens(n.Z, n.Y, temperature=2.0),
    "the same, with tokens to ignore": _tokens(n.Z, n.IGNORED, ignore_index=-100),
    "the gradient of both": lambda: _token_grad(n.Z, n.Y, n.G, n.G_ENTROPY),
    "the same, with logits -inf": lambda: _token_grad(n.MASKED, n.Y, n.G, n.G_ENTROPY),
    "confident rows, float32: the log-probability": lambda: _tokens(n.CONFIDENT, n.CONFIDENT_Y)()[0],
    "confident rows, float32: the entropy": lambda: _tokens(n.CONFIDENT, n.CONFIDENT_Y)()[1],
    "confident rows, float32: the gradient of the entropy": lambda: _token_grad(
        n.CONFIDENT, n.CONFIDENT_Y, *n.OF_ENTROPY
    ),
    "the gradient of both at x and w, for the logits x wᵀ": _linear_token_grads,
    "log_softmax: dz₀ at z = (37.43, 0)": lambda: _vjp_of_log(r.TAIL)[0],
    "softmax: dz₀ at z = (37.43, 0)": lambda: _vjp(r.TAIL)[0],
    "softmax: dz₀ at z = (40, 0)": lambda: _vjp(r.FORTY)[0],
    "cross-entropy: dz₀ at z = (37.43, 0), class 0": lambda: _grad(r.ONE_ROW, r.CLASS_0)[0, 0],
    "cross-entropy: the same, target (1, 0)": lambda: _grad(r.ONE_ROW, r.CLASS_0)[0, 0],
    "logsumexp: dz₀ if all classes are masked": lambda: 0.0,  # a constant, -inf
    "cross-entropy: forward mode at z = (-inf, 0, 0), target (0, 1, 0)": _forward_at_mask,
    "log_softmax: dz₀ of 70,000 classes in float16": _long,
    "forward mode twice, through an autograd.Function in torch": lambda: hessians()[0, 0, 0],
    "cross-entropy: row 1 for an upstream gradient of stride 0": lambda: 0.75 * _grad(n.Z, n.Y)[1, 0],
    "cross-entropy: row 1 of logits in Fortran order": lambda: _loss(n.Z, n.Y, "none")()[0][1],
}


def exact(name: str, question: Question) -> Any:
    """The right answer, an array or several; None if there is none."""
    if name in EXACT:
        return EXACT[name]()
    if question.shows in (ERROR, MEMORY, ENTRY):
        return None
    if question.shows == ULPS:
        losses, grad = _many() if name.startswith("random") else _confident()
        return losses if name.endswith("loss") else grad
    assert question.loss is not None, name
    z, target, options = question.loss
    if "where" in options:
        z = np.where(options["where"], z, -np.inf)
    if options.get("axis") == 1:
        loss, grad = _loss(np.moveaxis(z, 1, -1).reshape(-1, z.shape[1]), target.ravel())()
        return loss, np.moveaxis(grad.reshape(*target.shape, -1), -1, 1)
    return _loss(z, target, **{key: option for key, option in options.items() if key not in ("where", "axis")})()
