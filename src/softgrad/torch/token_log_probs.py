"""The log-probabilities of tokens and the entropies of their rows, on tensors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from softgrad._calls import explained_after
from softgrad.torch.tokens import call, shortly

__all__ = ["TokenLogProbs", "token_log_probs"]


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


@explained_after(shortly(TokenLogProbs))
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
    return TokenLogProbs(*call(logits, tokens, axis, temperature, ignore_index))
