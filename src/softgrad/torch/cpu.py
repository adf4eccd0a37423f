"""The C++ kernels on tensors: a tensor on the CPU is read as an array over the same memory, and so is a result."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from softgrad.formulas.losses import LOSSES
from softgrad.logsumexp import logsumexp as logsumexp_of_array
from softgrad.logsumexp import logsumexp_vjp as logsumexp_vjp_of_arrays
from softgrad.losses._batch import Batch
from softgrad.losses._options import read_batch
from softgrad.softmax import log_softmax as log_softmax_of_array
from softgrad.softmax import log_softmax_vjp as log_softmax_vjp_of_arrays
from softgrad.softmax import softmax as softmax_of_array
from softgrad.softmax import softmax_vjp as softmax_vjp_of_arrays
from softgrad.torch import cpu_shortcut
from softgrad.torch.cpu_linear import linear_loss as linear_loss
from softgrad.torch.cpu_linear import linear_vjp as linear_vjp
from softgrad.torch.cpu_linear.tokens import linear_token_log_probs as linear_token_log_probs
from softgrad.torch.cpu_linear.tokens import linear_token_log_probs_vjp as linear_token_log_probs_vjp
from softgrad.torch.cpu_tokens import token_log_probs as token_log_probs
from softgrad.torch.cpu_tokens import token_log_probs_vjp as token_log_probs_vjp
from softgrad.torch.memory import to_array, to_tensor
from softgrad.torch.options import Options
from softgrad.torch.upstream import times_rows

DTYPES = frozenset({torch.float64, torch.float32, torch.float16, torch.bfloat16})


def softmax(logits: Tensor, axis: Any, temperature: float, where: Tensor | None) -> Tensor:
    """The probabilities."""
    return to_tensor(softmax_of_array(to_array(logits), axis=axis, temperature=temperature, where=to_array(where)))


def softmax_vjp(p: Tensor, g: Tensor, axis: Any, temperature: float, where: Tensor | None) -> Tensor:
    """The vector-Jacobian product of softmax."""
    p, g, where = to_array(p), to_array(g), to_array(where)
    return to_tensor(softmax_vjp_of_arrays(p, g, axis=axis, temperature=temperature, where=where))


def log_softmax(logits: Tensor, axis: Any, temperature: float, where: Tensor | None) -> Tensor:
    """The log-probabilities."""
    return to_tensor(log_softmax_of_array(to_array(logits), axis=axis, temperature=temperature, where=to_array(where)))


def log_softmax_vjp(y: Tensor, g: Tensor, axis: Any, temperature: float, where: Tensor | None) -> Tensor:
    """The vector-Jacobian product of log_softmax."""
    y, g, where = to_array(y), to_array(g), to_array(where)
    return to_tensor(log_softmax_vjp_of_arrays(y, g, axis=axis, temperature=temperature, where=where))


def logsumexp(logits: Tensor, axis: Any, temperature: float, where: Tensor | None) -> Tensor:
    """The normalizers."""
    return to_tensor(logsumexp_of_array(to_array(logits), axis=axis, temperature=temperature, where=to_array(where)))


def logsumexp_vjp(logits: Tensor, g: Tensor, axis: Any, temperature: float, where: Tensor | None) -> Tensor:
    """The vector-Jacobian product of logsumexp."""
    z, g, where = to_array(logits), to_array(g), to_array(where)
    return to_tensor(logsumexp_vjp_of_arrays(z, g, axis=axis, temperature=temperature, where=where))


def loss(options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None) -> Tensor:
    """The loss alone."""
    return to_tensor(to_batch(options, logits, target, where, weight).loss())


def loss_with_grad(
    options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The loss and its gradient at the logits, from one pass."""
    value, grad = to_batch(options, logits, target, where, weight).loss_with_grad(None)
    return to_tensor(value), to_tensor(grad)


def loss_vjp(
    options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None, g: Tensor
) -> Tensor:
    """The gradient at the logits times g, rounded once: in float16 a mean's gradient without its loss scale is 0."""
    dtype = logits.dtype
    if g.ndim:
        logits = logits.to(g.dtype)  # one number per row: the product is computed in the dtype of the loss
    batch = to_batch(options, logits, target, where, weight)
    factor = float(g) if g.ndim == 0 else 0.0
    if factor and math.isfinite(factor) and batch.denominator:
        batch = batch._replace(reduction="sum", denominator=batch.denominator / factor)
        return to_tensor(batch.loss_with_grad(None).grad)
    return times_rows(to_tensor(batch.loss_with_grad(None).grad), g, options.axis).to(dtype)


def to_batch(options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None) -> Batch:
    """The arguments as the kernels take them, checked."""
    row = LOSSES[options.name]
    own: dict[str, Any] = {} if row.parameter is None else {row.parameter.name: options.parameter}
    batch = read_batch(
        options.name,
        row,
        to_array(logits),
        to_array(target),
        axis=options.axis,
        where=to_array(where),
        **options.of_rows(to_array(weight)),
        **own,
    )
    cpu_shortcut.remember(options, batch)
    return batch
