"""What every library is asked: one row of the tables each. `exact.py` has the right answers, under the same names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.capabilities import numbers as n
from benchmarks.questions.base import Array

VALUES = "values"  # the cell says whether they are right
ERROR = "error"  # the right answer is an error
ULPS = "ulps"  # the cell is the largest error in ulp
MEMORY = "memory"  # the cell is the peak memory of the call
ENTRY = "entry"  # the cell is the first number of the answer


class Question(NamedTuple):
    """A question, and what its cells show."""

    ask: Callable[[Any], Any]  # takes a Library, returns an array or several
    shows: str = VALUES
    dtype: str = "float64"  # of the ulp
    loss: tuple[Array, Array, dict[str, Any]] | None = None  # the logits, the target and the options, if it is a loss


def _loss(z: Array, target: Array, shows: str = VALUES, **options: Any) -> Question:
    return Question(lambda library: library.loss_and_grad(z, target, **options), shows, loss=(z, target, options))


def _errors(dtype: str, entry: int, *, compiled: bool = False) -> Question:
    """The largest error on confident rows, of the losses (entry 0) or of the gradient (1)."""
    if compiled:
        return Question(lambda library: library.compiled(n.CONFIDENT, n.CONFIDENT_Y, dtype=dtype)[entry], ULPS, dtype)
    return Question(
        lambda library: library.loss_and_grad(n.CONFIDENT, n.CONFIDENT_Y, dtype=dtype, reduction="none")[entry],
        ULPS,
        dtype,
    )


def _grad_of_many(dtype: str) -> Question:
    return Question(
        lambda library: library.loss_and_grad(n.MANY, n.MANY_Y, dtype=dtype, reduction="none")[1], ULPS, dtype
    )


def _memory(rows: int) -> Question:
    return Question(lambda library: library.linear(*n.vocabulary(rows)), MEMORY)


OPTIONS = {
    "class indices as the target": _loss(n.Z, n.Y),
    "class indices of 32 bits": _loss(n.Z, n.Y.astype(np.int32)),
    "probabilities as the target": _loss(n.Z, n.T),
    "class weights": _loss(n.Z, n.Y, weight=n.W),
    "class weights, with probabilities": _loss(n.Z, n.T, weight=n.W),
    "rows to ignore": _loss(n.Z, n.IGNORED, ignore_index=-100),
    "a batch of ignored rows has the loss 0": _loss(n.Z, n.ALL_IGNORED, ignore_index=-100),
    "label smoothing": _loss(n.Z, n.Y, label_smoothing=0.1),
    "these three together": _loss(n.Z, n.IGNORED, ignore_index=-100, weight=n.W, label_smoothing=0.1),
    "temperature": _loss(n.Z, n.Y, temperature=2.0),
    "z-loss": _loss(n.Z, n.Y, z_loss=0.1),
    "softcap": _loss(n.Z, n.Y, softcap=3.0),
    "a mask of classes": _loss(n.Z, n.Y, where=n.ALLOWED),
    "classes masked by logits -inf": _loss(n.MASKED, n.Y),
    "the same, with probabilities": _loss(n.MASKED, n.T_MASKED),
    "one loss per row": _loss(n.Z, n.Y, reduction="none"),
    "the sum over the rows": _loss(n.Z, n.Y, reduction="sum"),
    "a denominator other than the number of rows": _loss(n.Z, n.Y, denominator=7.0),
    "classes on axis 1 of 3": _loss(n.VOLUME, n.VOLUME_Y, axis=1),
    "a class index of K is an error": _loss(n.Z, n.OUTSIDE, ERROR),
}

DERIVATIVES = {
    "the gradient at probabilities": Question(lambda library: library.grad_at_target(n.Z, n.T)),
    "the gradient at class weights": Question(lambda library: library.grad_at_weights(n.Z, n.Y, n.W)),
    "an upstream gradient for each row": Question(lambda library: library.rows_vjp(n.Z, n.Y, n.G)),
    "an upstream gradient of stride 0": Question(lambda library: library.rows_vjp(n.Z, n.Y, n.G_STRIDE_0)),
    "logits in Fortran order": _loss(np.asfortranarray(n.Z), n.Y),
    "the Hessian times a vector": Question(lambda library: library.hvp(n.Z, n.Y, n.V)),
    "the third derivative": Question(lambda library: library.third(n.Z, n.Y, n.V)),
    "forward mode": Question(lambda library: library.jvp(n.Z, n.Y, n.V)),
    "vmap of the gradient": Question(lambda library: library.vmap_grad(n.Z, n.Y)),
    "vmap of the Hessian": Question(lambda library: library.vmap_hessian(n.Z, n.Y)),
    "the Jacobian by reverse mode (jacrev)": Question(lambda library: library.jacrev(n.Z, n.Y)),
    "the Jacobian by forward mode (jacfwd)": Question(lambda library: library.jacfwd(n.Z, n.Y)),
    "the Hessian": Question(lambda library: library.hessian(n.Z[0], n.Y[0, ...])),
    "the Hessian by forward mode twice": Question(lambda library: library.jacfwd_twice(n.Z[0], n.Y[0, ...])),
    "compiled: losses and gradient": Question(lambda library: library.compiled(n.Z, n.Y)),
    "compiled: the Hessian times a vector": Question(lambda library: library.compiled_hvp(n.Z, n.Y, n.V)),
}

ACCURACY = {
    "confident rows, float64: the loss": _errors("float64", 0),
    "confident rows, float64: the gradient": _errors("float64", 1),
    "confident rows, float32: the loss": _errors("float32", 0),
    "confident rows, float32: the gradient": _errors("float32", 1),
    "confident rows, float32, compiled: the gradient": _errors("float32", 1, compiled=True),
    "confident rows, bfloat16: the loss": _errors("bfloat16", 0),
    "confident rows, bfloat16: the gradient": _errors("bfloat16", 1),
    "random rows, float32: the gradient": _grad_of_many("float32"),
    "random rows, float16: the gradient": _grad_of_many("float16"),
    "random rows, bfloat16: the gradient": _grad_of_many("bfloat16"),
}

VOCABULARY = {
    "the loss of x wᵀ from x and w": Question(lambda library: library.linear(n.X, n.HEAD, n.Y)),
    "its peak memory: 1,024 rows": _memory(1024),
    "its peak memory: 2,048 rows": _memory(2048),
}

TOKENS = {
    "log-probabilities and entropies": Question(lambda library: library.token_log_probs(n.Z, n.Y)),
    "the same, with a temperature": Question(lambda library: library.token_log_probs(n.Z, n.Y, temperature=2.0)),
    "the same, with tokens to ignore": Question(
        lambda library: library.token_log_probs(n.Z, n.IGNORED, ignore_index=-100)
    ),
    "the gradient of both": Question(lambda library: library.token_grad(n.Z, n.Y, n.G, n.G_ENTROPY)),
    "the same, with logits -inf": Question(lambda library: library.token_grad(n.MASKED, n.Y, n.G, n.G_ENTROPY)),
    "confident rows, float32: the log-probability": Question(
        lambda library: library.token_log_probs(n.CONFIDENT, n.CONFIDENT_Y, dtype="float32")[0], ULPS, "float32"
    ),
    "confident rows, float32: the entropy": Question(
        lambda library: library.token_log_probs(n.CONFIDENT, n.CONFIDENT_Y, dtype="float32")[1], ULPS, "float32"
    ),
    "confident rows, float32: the gradient of the entropy": Question(
        lambda library: library.token_grad(n.CONFIDENT, n.CONFIDENT_Y, *n.OF_ENTROPY, dtype="float32"), ULPS, "float32"
    ),
    "the gradient of both at x and w, for the logits x wᵀ": Question(
        lambda library: library.linear_token_grads(n.X, n.HEAD, n.Y, n.G, n.G_ENTROPY)
    ),
}

SECTIONS = {
    "Options": OPTIONS,
    "Derivatives": DERIVATIVES,
    "Accuracy": ACCURACY,
    "A large vocabulary": VOCABULARY,
    "Log-probabilities of tokens": TOKENS,
}
QUESTIONS = {name: question for section in SECTIONS.values() for name, question in section.items()}
