"""The log-probabilities of tokens, the entropies of their rows, and the gradient of both.

For one row with p = softmax(z / T), d = (z - max z) / T, the token y, and the upstream gradients g and h,

    log p_y,    H = -sum_j p_j log p_j
    dz_j = (g (delta_jy - p_j) - h p_j (d_j - sum_k p_k d_k)) / T

where d_j - sum_k p_k d_k is log p_j + H, without the term that cancels. Ignored rows are 0.
"""

import numpy as np

from judge.arithmetic import WIDE
from judge.judged import Judged, judged
from judge.softmax import softmax_of, sum_of_others, times, top


def token_log_probs(z, tokens, a=WIDE, temperature=1.0, ignore_index=None):
    """The log-probabilities (N,) and the entropies (N,) of rows of logits (N, V)."""
    kept, y = _read(tokens, ignore_index)
    s = softmax_of(z, a, temperature)
    log_p = np.take_along_axis(s.log_p, y[:, None], axis=-1)[:, 0]
    return np.where(kept, log_p, 0), np.where(kept, -times(s.p, s.log_p).sum(axis=-1), 0)


def token_log_probs_vjp(z, tokens, g, h, a=WIDE, temperature=1.0, ignore_index=None):
    """The gradient (N, V), for upstream gradients (N,)."""
    kept, y = _read(tokens, ignore_index)
    s = softmax_of(z, a, temperature)
    at_y = np.arange(z.shape[-1]) == y[:, None]
    of_log_probs = judged(np.where(at_y, sum_of_others(s.p, top(s.p)), -s.p)) * a.wide(g)[:, None]
    size = times(s.p, abs(s.d))
    mean = Judged(times(s.p, s.d).sum(axis=-1, keepdims=True), size.sum(axis=-1, keepdims=True))
    of_entropy = Judged(times(s.p, s.d), size) - s.p * mean
    gradient = (of_log_probs - of_entropy * a.wide(h)[:, None]) * (1 / a.wide(temperature))
    return gradient.where(kept[:, None])


def _read(tokens, ignore_index):
    """Whether each row is kept, and an index within the row."""
    kept = tokens != ignore_index if ignore_index is not None else np.ones(tokens.shape, bool)
    return kept, np.where(kept, tokens, 0)
