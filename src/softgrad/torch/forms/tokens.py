"""The log-probabilities of tokens and the entropies of their rows, from `Scores`.

With d_j = s_j - s_max and the sum S of the other exponentials:

    log p_y = d_y - log1p(S)
    H       = log1p(S) - sum_j p_j d_j
"""

from __future__ import annotations

import torch
from torch import Tensor

from softgrad.torch.forms.rows import computed_in, times
from softgrad.torch.forms.scores import scores


def token_log_probs(
    logits: Tensor, tokens: Tensor, axis: int, temperature: float, ignore_index: int | None
) -> tuple[Tensor, Tensor]:
    """Both, in the shape of the tokens. The arguments are checked, and the axis is counted from 0."""
    z, y = logits.to(computed_in(logits.dtype)).movedim(axis, -1), tokens.long()
    if not z.shape[-1]:  # every row is ignored
        nothing = z.sum(dim=-1)
        return nothing, nothing.clone()
    kept = None if ignore_index is None else y != ignore_index
    if kept is not None:  # ignored rows are not read: they may hold NaN
        z, y = torch.where(kept.unsqueeze(-1), z, 0.0), torch.where(kept, y, 0)
    at = scores(z if temperature == 1 else z / temperature)
    log_probs = at.log_p_at(y)
    entropy = torch.log1p(at.S).squeeze(-1) - times(at.p, at.d).sum(dim=-1)
    if kept is not None:
        log_probs, entropy = torch.where(kept, log_probs, 0.0), torch.where(kept, entropy, 0.0)
    return log_probs, entropy
