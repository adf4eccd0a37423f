"""The log-probabilities of tokens and the entropies of their rows, on tensors."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from softgrad._calls import explained
from softgrad._options import scale
from softgrad.torch import operators
from softgrad.torch.arguments import is_differentiated, same_device, to_classes, to_logits
from softgrad.torch.forms import tokens as forms
from softgrad.torch.implementations import (
    IMPLEMENTATIONS,
    has_values,
    is_recorded,
    kernels_for,
    needs_closed_form,
    records_calls,
)
from softgrad.torch.options import check_tokens, class_axis

__all__ = ["TokenLogProbs", "token_log_probs"]

Options = tuple[int, float, int | None]  # axis, temperature, ignore_index


class TokenLogProbs(NamedTuple):
    """The log-probability of each token, and the entropy of the distribution that it is drawn from.

    Example:
        >>> st.token_log_probs(torch.zeros(1, 2), torch.tensor([1])).entropy
        tensor([0.6931])
    """

    log_probs: Tensor
    entropy: Tensor  # in nats


# With a name of its type, torch.export.save can write a program that returns one.
torch.utils._pytree._register_namedtuple(TokenLogProbs, serialized_type_name="softgrad.torch.TokenLogProbs")


@explained
def token_log_probs(
    logits: Tensor,  # (..., V)
    tokens: Tensor,  # (...) class indices
    *,
    axis: int = -1,
    temperature: float = 1.0,
    ignore_index: int | None = None,
) -> TokenLogProbs:
    """Log-probabilities of tokens and entropies, as `softgrad.token_log_probs`, differentiable alone and together.

    The backward pass reads the logits once, and writes one tensor of their size.

    Args:
        logits: as `softgrad.token_log_probs`, a tensor.
        tokens: as `softgrad.token_log_probs`, a tensor of integers.
        axis: as `softgrad.token_log_probs`.
        temperature: as `softgrad.token_log_probs`.
        ignore_index: as `softgrad.token_log_probs`.

    Returns:
        log_probs, entropy: in the shape of tokens, on the device of logits; float32 for 16-bit logits, else their
            dtype.

    Raises:
        ShapeError, LabelError, AxisError, DtypeError, OptionError: as `softgrad.token_log_probs`; an argument is no
            tensor.

    Example:
        >>> logits = torch.zeros(1, 2, requires_grad=True)
        >>> log_probs, entropy = st.token_log_probs(logits, torch.tensor([0]))
        >>> (log_probs + 0.1 * entropy).sum().backward()
        >>> logits.grad
        tensor([[ 0.5000, -0.5000]])
    """
    function = "token_log_probs"
    logits = to_logits(function, logits)
    tokens = to_classes(function, "tokens", same_device(function, "tokens", tokens, logits))
    options = class_axis(function, logits, axis), scale(function, "temperature", temperature), ignore_index
    kernels = kernels_for(logits, tokens)
    if kernels is None:
        return TokenLogProbs(*in_closed_form(logits, tokens, options))
    if is_differentiated(logits):
        return TokenLogProbs(*_TokenLogProbs.apply(logits, tokens, options))
    kernels = operators if records_calls() else kernels
    log_probs, entropy, _ = kernels.token_log_probs(logits, tokens, *options)
    return TokenLogProbs(log_probs, entropy)


def in_closed_form(logits: Tensor, tokens: Tensor, options: Options) -> tuple[Tensor, Tensor]:
    """Both in torch operations, after the checks that the kernels' arrays get from NumPy's function."""
    axis, _, ignore_index = options
    check_tokens("token_log_probs", logits, tokens, axis, ignore_index, values=has_values(logits, tokens))
    return forms.token_log_probs(logits, tokens, *options)


class _TokenLogProbs(torch.autograd.Function):
    """Both by kernels. The gradient of both is computed in the backward pass, when the upstream gradients are known."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, tokens: Tensor, options: Options) -> tuple[Tensor, Tensor]:
        kernels = operators if records_calls() else IMPLEMENTATIONS[logits.device.type]
        log_probs, entropy, saved = kernels.token_log_probs(logits, tokens, *options)
        ctx.save_for_backward(logits, tokens, saved)
        ctx.options = options
        ctx.set_materialize_grads(False)  # an output that is not used has no gradient
        return log_probs, entropy

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, h: Tensor | None) -> Any:
        logits, tokens, saved = ctx.saved_tensors
        options = ctx.options
        given = [part for part in (g, h) if part is not None]
        if not given:
            return None, None, None
        if is_recorded() or any(needs_closed_form(part) for part in given):
            outputs, vjp = torch.func.vjp(lambda z: in_closed_form(z, tokens, options), logits)
            g, h = (torch.zeros_like(of) if part is None else part for of, part in zip(outputs, (g, h), strict=True))
            return vjp((g, h))[0], None, None
        kernels = operators if records_calls() else IMPLEMENTATIONS[logits.device.type]
        return kernels.token_log_probs_vjp(logits, tokens, saved, g, h, *options), None, None
