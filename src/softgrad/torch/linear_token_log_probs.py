"""The log-probabilities of tokens and the entropies of their rows, from the features before a linear layer.

On the CPU the logits of some rows are in one buffer at a time, in the forward pass and again in the backward pass
(`cpu_linear/tokens.py`): four products in all, and no memory that grows with rows times classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from softgrad._calls import explained
from softgrad._options import scale
from softgrad.errors import ShapeError
from softgrad.losses._linear.problem import read_bytes
from softgrad.losses.linear import MAX_MEMORY
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
from softgrad.torch.linear import in_one_dtype
from softgrad.torch.options import check_tokens
from softgrad.torch.token_log_probs import TokenLogProbs

__all__ = ["linear_token_log_probs"]

FUNCTION = "linear_token_log_probs"

Options = tuple[float, int | None, int]  # temperature, ignore_index, max_memory


@explained
def linear_token_log_probs(
    hidden: Tensor,  # (..., D)
    weight: Tensor,  # (V, D)
    tokens: Tensor,  # (...) class indices
    bias: Tensor | None = None,  # (V,)
    *,
    temperature: float = 1.0,
    ignore_index: int | None = None,
    max_memory: int = MAX_MEMORY,
) -> TokenLogProbs:
    """`token_log_probs` of the logits hidden @ weight.T + bias, without storing all of them.

    Both outputs are differentiable at hidden, weight and bias, alone and together. With z = hidden w^T + bias and
    the upstream gradients g of log p_y and h of the entropy H:

        dz_j = (g (delta_jy - p_j) - h p_j (log p_j + H)) / T        dhidden = dz w        dw = dz^T hidden

    The backward pass computes the logits again: with the forward pass, four products.

    Args:
        hidden: rows of D features.
        weight: one row of D numbers for each of V classes; of the dtype of hidden, or both are read in their common
            dtype. In torch.autocast they are read in the dtype of autocast.
        tokens: class indices 0..V-1, one per row.
        bias: one number per class; -inf masks a class.
        temperature: as `softgrad.token_log_probs`.
        ignore_index: as `softgrad.token_log_probs`. The ignored rows of hidden are not read.
        max_memory: the number of bytes for logits on the CPU, or those of one row if that is more. All logits are
            stored on other devices, in torch.func and forward mode, and in second derivatives. float16 and bfloat16
            sum the gradient of weight in another array, of float32.

    Returns:
        log_probs, entropy: in the shape of tokens; float32 for 16-bit features, else their dtype. The logits are
            rounded to the dtype of the product, each within (D + 1) eps of the sizes of its terms; of these, both are
            as exact as those of `softgrad.token_log_probs`. Features that are not finite give NaN.

    Raises:
        ShapeError, LabelError, DtypeError, OptionError: as `softgrad.token_log_probs`; hidden, weight and bias do not
            fit each other; an argument is no tensor.

    Example:
        >>> hidden, weight = torch.zeros(1, 3, requires_grad=True), torch.eye(2, 3)
        >>> log_probs, entropy = st.linear_token_log_probs(hidden, weight, torch.tensor([0]))
        >>> (log_probs + 0.1 * entropy).sum().backward()
        >>> hidden.grad
        tensor([[ 0.5000, -0.5000,  0.0000]])
    """
    hidden, weight = (
        to_logits(FUNCTION, given, name, of_arrays=False) for name, given in (("hidden", hidden), ("weight", weight))
    )
    bias = None if bias is None else to_logits(FUNCTION, bias, "bias", of_arrays=False)
    tokens = to_classes(FUNCTION, "tokens", same_device(FUNCTION, "tokens", tokens, hidden))
    check_shapes(hidden, weight, bias)
    hidden, weight, bias = in_one_dtype(hidden, weight, bias)
    options = scale(FUNCTION, "temperature", temperature), ignore_index, read_bytes(FUNCTION, max_memory)
    kernels = kernels_for(hidden, tokens)
    if kernels is None or kernels_for(weight) is None or (bias is not None and kernels_for(bias) is None):
        return TokenLogProbs(*from_logits(hidden, weight, bias, tokens, options))
    needs = [given is not None and is_differentiated(given) for given in (hidden, weight, bias)]
    if any(needs):
        return TokenLogProbs(*_LinearTokenLogProbs.apply(hidden, weight, bias, tokens, options, needs))
    kernels = operators if records_calls() else kernels
    log_probs, entropy, _ = kernels.linear_token_log_probs(hidden, weight, bias, tokens, *options)
    return TokenLogProbs(log_probs, entropy)


def check_shapes(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """The shapes and devices of the layer."""
    for name, other in (("weight", weight), ("bias", bias)):
        if other is not None:
            same_device(FUNCTION, name, other, hidden)
    shape = tuple(weight.shape)
    if weight.ndim != 2 or not weight.numel():
        raise ShapeError(f"{FUNCTION}: weight.shape is {shape}, wanted (V, D), D numbers for each of V classes")
    if not hidden.ndim or hidden.shape[-1] != shape[1]:
        turned = hidden.ndim > 0 and hidden.shape[-1] == shape[0]
        raise ShapeError(
            f"{FUNCTION}: hidden.shape is {tuple(hidden.shape)}, but weight.shape is {shape}; wanted hidden (..., D) "
            "and weight (V, D)" + (", so give weight.T" if turned else "")
        )
    if bias is not None and bias.shape != shape[:1]:
        raise ShapeError(f"{FUNCTION}: bias.shape is {tuple(bias.shape)}, wanted ({shape[0]},), one number per class")


def from_logits(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, tokens: Tensor, options: Options
) -> tuple[Tensor, Tensor]:
    """Both from logits that are stored, in torch operations."""
    temperature, ignore_index, _ = options
    if ignore_index is not None and tokens.ndim == hidden.ndim - 1:
        hidden = torch.where((tokens == ignore_index).unsqueeze(-1), 0.0, hidden)  # which is not read
    logits = torch.nn.functional.linear(hidden, weight, bias)
    axis = logits.ndim - 1
    check_tokens(FUNCTION, logits, tokens, axis, ignore_index, values=has_values(logits, tokens))
    return forms.token_log_probs(logits, tokens, axis, temperature, ignore_index)


class _LinearTokenLogProbs(torch.autograd.Function):
    """Both by kernels. The gradients are computed in the backward pass, when the upstream gradients are known."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        tokens: Tensor,
        options: Options,
        needs: list[bool],
    ) -> tuple[Tensor, Tensor]:
        kernels = operators if records_calls() else IMPLEMENTATIONS[hidden.device.type]
        log_probs, entropy, saved = kernels.linear_token_log_probs(hidden, weight, bias, tokens, *options)
        ctx.save_for_backward(hidden, weight, bias, tokens, saved)
        ctx.options, ctx.needs = options, needs
        ctx.set_materialize_grads(False)  # an output that is not used has no gradient
        return log_probs, entropy

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, h: Tensor | None) -> Any:
        hidden, weight, bias, tokens, saved = ctx.saved_tensors
        options, needs = ctx.options, ctx.needs
        upstream = [part for part in (g, h) if part is not None]
        if not upstream:
            return (None,) * 6
        given = (hidden, weight, bias)
        if is_recorded() or any(needs_closed_form(part) for part in upstream):
            grads = _recorded_vjp(given, tokens, options, g, h)
        else:
            kernels = operators if records_calls() else IMPLEMENTATIONS[hidden.device.type]
            grads = kernels.linear_token_log_probs_vjp(*given, tokens, saved, g, h, *options, needs)
        wanted = (
            grad.to(of.dtype) if need and of is not None else None
            for grad, of, need in zip(grads, given, needs, strict=True)
        )
        return *wanted, None, None, None


def _recorded_vjp(
    given: tuple[Tensor, Tensor, Tensor | None], tokens: Tensor, options: Options, g: Tensor | None, h: Tensor | None
) -> list[Tensor]:
    """The gradients in torch operations."""
    there = [tensor for tensor in given if tensor is not None]

    def both(hidden: Tensor, weight: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return from_logits(hidden, weight, bias, tokens, options)

    outputs, vjp = torch.func.vjp(both, *there)
    g, h = (torch.zeros_like(of) if part is None else part for of, part in zip(outputs, (g, h), strict=True))
    grads = list(vjp((g, h)))
    return grads if given[2] is not None else [*grads, g]
