"""The log-probabilities of tokens and the entropies, by kernels or in closed form, and their derivatives.

The short way, kernels/short_tensor_tokens.cpp, takes contiguous tensors of fewer than HUGE entries, with a class
in each row. The results are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from softgrad import _kernels
from softgrad._options import scale
from softgrad.torch import operators
from softgrad.torch.arguments import is_differentiated, same_device, to_classes, to_logits
from softgrad.torch.asked import HUGE, TORCH
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
from softgrad.torch.softmax_shortcut import without_search

Found = tuple[Tensor, Tensor, Tensor]  # log_probs, entropy and what is saved, of the short way
LIKES = tuple(torch.zeros((), dtype=dtype, device="cpu") for dtype in (torch.float32, torch.float64))


def shortly(result: type) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """The short way to a result of this type, a named tuple."""
    kernel = _kernels.short_tensor_tokens(TORCH, HUGE, LIKES, without_search(_TokenLogProbs), result)
    is_compiling = torch.compiler.is_compiling
    return lambda args, options: None if is_compiling() else kernel(args, options)


def call(
    logits: Tensor, tokens: Tensor, axis: int, temperature: float, ignore_index: int | None
) -> tuple[Tensor, Tensor]:
    """The log-probabilities and the entropies."""
    function = "token_log_probs"
    logits = to_logits(function, logits)
    tokens = to_classes(function, "tokens", same_device(function, "tokens", tokens, logits))
    axis, temperature = class_axis(function, logits, axis), scale(function, "temperature", temperature)
    kernels = kernels_for(logits, tokens)
    if kernels is None:
        return in_closed_form(logits, tokens, axis, temperature, ignore_index)
    if is_differentiated(logits):
        outputs: tuple[Tensor, Tensor] = _TokenLogProbs.apply(logits, tokens, axis, temperature, ignore_index, None)
        return outputs
    kernels = operators if records_calls() else kernels
    log_probs, entropy, _ = kernels.token_log_probs(logits, tokens, axis, temperature, ignore_index)
    return log_probs, entropy


def in_closed_form(
    logits: Tensor, tokens: Tensor, axis: int, temperature: float, ignore_index: int | None
) -> tuple[Tensor, Tensor]:
    """Both in torch operations, after the checks that the kernels' arrays get from NumPy's function."""
    check_tokens("token_log_probs", logits, tokens, axis, ignore_index, values=has_values(logits, tokens))
    return forms.token_log_probs(logits, tokens, axis, temperature, ignore_index)


class _TokenLogProbs(torch.autograd.Function):
    """Both by kernels. The gradient of both is computed in the backward pass, when the upstream gradients are known."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        tokens: Tensor,
        axis: int,
        temperature: float,
        ignore_index: int | None,
        found: Found | None,
    ) -> tuple[Tensor, Tensor]:
        if found is None:
            kernels = operators if records_calls() else IMPLEMENTATIONS[logits.device.type]
            found = kernels.token_log_probs(logits, tokens, axis, temperature, ignore_index)
        log_probs, entropy, saved = found
        ctx.save_for_backward(logits, tokens, saved)
        ctx.options = axis, temperature, ignore_index
        ctx.set_materialize_grads(False)  # an output that is not used has no gradient
        return log_probs, entropy

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, h: Tensor | None) -> Any:
        return _backward(ctx.saved_tensors, ctx.options, g, h), None, None, None, None, None


def _backward(saved_tensors: Found, options: tuple[int, float, int | None], g: Tensor | None, h: Tensor | None) -> Any:
    """The gradient at the logits."""
    logits, tokens, saved = saved_tensors
    given = [part for part in (g, h) if part is not None]
    if not given:
        return None
    if not torch.compiler.is_compiling():
        axis, temperature, ignore_index = options
        named = {"axis": axis, "temperature": temperature, "ignore_index": ignore_index}
        dz = _short_vjp((logits, tokens, saved, g, h), named)
        if dz is not None:
            return dz
    if is_recorded() or any(needs_closed_form(part) for part in given):
        outputs, vjp = torch.func.vjp(lambda z: in_closed_form(z, tokens, *options), logits)
        g, h = (torch.zeros_like(of) if part is None else part for of, part in zip(outputs, (g, h), strict=True))
        return vjp((g, h))[0]
    kernels = operators if records_calls() else IMPLEMENTATIONS[logits.device.type]
    return kernels.token_log_probs_vjp(logits, tokens, saved, g, h, *options)


_short_vjp = _kernels.short_tensor_tokens_vjp(TORCH, HUGE)
