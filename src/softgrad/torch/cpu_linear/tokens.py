"""The log-probabilities of tokens and the entropies of their rows, from the features: some rows at a time.

The forward pass is one product, the backward pass three: the logits are computed again, and their gradient replaces
them there.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from softgrad._arrays import Array, to_tokens
from softgrad._options import class_index
from softgrad._rows import Rows
from softgrad.losses._linear.problem import Logits
from softgrad.token_log_probs import of_rows, vjp_of_rows
from softgrad.torch.cpu_linear.problem import Matrices
from softgrad.torch.cpu_linear.whole_rows import Chunk, Sums, chunks
from softgrad.torch.memory import to_array, to_tensor

FUNCTION = "linear_token_log_probs"


class Problem(Matrices):
    """The matrices, with the tokens: one class index per row, -1 where ignored."""

    def __init__(
        self,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        tokens: Tensor,
        temperature: float,
        ignore_index: int | None,
        max_memory: int,
    ) -> None:
        self.computed_in = np.dtype(np.float64 if hidden.dtype == torch.float64 else np.float32)
        shape = (*hidden.shape[:-1], len(weight))
        nothing = np.broadcast_to(np.zeros((), self.computed_in), (math.prod(shape[:-1]), len(weight), 1))
        logits = Logits(nothing, shape, len(shape) - 1, self.computed_in, "kept")
        self.temperature = temperature
        ignored = class_index(FUNCTION, "ignore_index", ignore_index)
        self.tokens = to_tokens(FUNCTION, to_array(tokens).copy(), logits, -1, ignored)
        kept = np.flatnonzero(self.tokens >= 0) if self.tokens.min(initial=0) < 0 else None
        super().__init__(hidden, weight, bias, kept, max_memory)


def linear_token_log_probs(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    tokens: Tensor,
    temperature: float,
    ignore_index: int | None,
    max_memory: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """The log-probabilities, the entropies, and what `linear_token_log_probs_vjp` needs of each row (N, 4)."""
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        problem = Problem(hidden, weight, bias, tokens, temperature, ignore_index, max_memory)
        count = len(problem.x)
        log_probs, entropy = np.zeros(count, problem.computed_in), np.zeros(count, problem.computed_in)
        saved = np.zeros((count, 4))
        for chunk in chunks(problem):
            some = problem.tokens[chunk.at]
            log_probs[chunk.at], entropy[chunk.at], saved[chunk.at] = of_rows(_rows(chunk), some, problem.temperature)
        shape = hidden.shape[:-1]
        return to_tensor(log_probs).reshape(shape), to_tensor(entropy).reshape(shape), to_tensor(saved)


def linear_token_log_probs_vjp(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    tokens: Tensor,
    saved: Tensor,
    g: Tensor | None,
    h: Tensor | None,
    temperature: float,
    ignore_index: int | None,
    max_memory: int,
    needs: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients that are needed, for the upstream gradients of both outputs; those of float16 are float32."""
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        problem = Problem(hidden, weight, bias, tokens, temperature, ignore_index, max_memory)
        sums = Sums(problem, needs)
        of_rows_of = [_per_row(part) for part in (g, h)]
        rows_saved = saved.numpy()
        for chunk in chunks(problem):
            z = _rows(chunk)
            of_log_probs, of_entropy = (None if part is None else part[chunk.at] for part in of_rows_of)
            some, T = problem.tokens[chunk.at], problem.temperature
            vjp_of_rows(z, some, rows_saved[chunk.at], of_log_probs, of_entropy, z.stored, T, fresh=False)
            sums.add(chunk)
        return sums.result()


def _rows(chunk: Chunk) -> Rows:
    """The logits of a chunk, as the kernels take them."""
    logits = to_array(chunk.logits)
    return Rows(logits[:, :, None], logits.shape, 1, logits.dtype, "kept")


def _per_row(upstream: Tensor | None) -> Array | None:
    """An upstream gradient (N)."""
    return None if upstream is None else np.ascontiguousarray(to_array(upstream)).reshape(-1)
