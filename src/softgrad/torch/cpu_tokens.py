"""The kernels of token_log_probs on tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from softgrad._arrays import to_row_values
from softgrad.token_log_probs import of_rows, read, vjp_of_rows
from softgrad.torch.memory import to_array, to_tensor

FUNCTION = "token_log_probs"


def token_log_probs(
    logits: Tensor, tokens: Tensor, axis: int, temperature: float, ignore_index: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The log-probabilities, the entropies, and what `token_log_probs_vjp` needs of each row (N, 4)."""
    z, y, T = read(FUNCTION, to_array(logits), to_array(tokens), axis, temperature, ignore_index)
    log_probs, entropy, saved = of_rows(z, y, T)
    return to_tensor(z.one_per_row(log_probs)), to_tensor(z.one_per_row(entropy)), torch.from_numpy(saved)


def token_log_probs_vjp(
    logits: Tensor,
    tokens: Tensor,
    saved: Tensor,
    g: Tensor | None,
    h: Tensor | None,
    axis: int,
    temperature: float,
    ignore_index: int | None,
) -> Tensor:
    """The gradient at the logits, for upstream gradients of which one may be None."""
    z, y, T = read(FUNCTION, to_array(logits), to_array(tokens), axis, temperature, ignore_index)
    of_log_probs, of_entropy = (
        None if part is None else to_row_values(FUNCTION, "grad", to_array(part), "logits", z).reshape(-1)
        for part in (g, h)
    )
    dz = z.output_buffer(None)
    vjp_of_rows(z, y, to_array(saved), of_log_probs, of_entropy, dz, T, fresh=True)
    return to_tensor(z.in_original_shape(dz))
