"""Softmax, its logarithm and its normalizer of one row of scores s, without cancellation.

With the first largest score s_m, d_j = s_j - s_m and S = sum_{j != m} exp(d_j):

    lse     = s_m + log1p(S)
    log p_j = d_j - log1p(S)
    p_j     = exp(d_j) / (1 + S)
    1 - p_m = S / (1 + S)              the other 1 - p_j need no care, since p_j <= 1/2

d_m is the constant 0. So the derivative at s_m is the sum of the terms of the other classes, and never 1 - 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Scores(NamedTuple):
    """What the losses are made of. Each method computes its result when it is called."""

    d: Tensor  # (..., K), 0 at the largest score
    S: Tensor  # (..., 1), the sum of the other exponentials; NaN if the largest score is infinite
    largest: Tensor  # (..., 1)
    top: Tensor  # (..., K) bool, True at the largest score
    mask: Tensor | None  # (..., K) bool, the classes that take part

    @property
    def log_p(self) -> Tensor:
        """Log p (..., K); -inf for a class that does not take part."""
        log_p = self.d - torch.log1p(self.S)
        return log_p if self.mask is None else torch.where(self.mask, log_p, -math.inf)

    def log_p_at(self, y: Tensor) -> Tensor:
        """Log p (...) of one class of each row. An index outside 0..K-1 is an error."""
        y = y.unsqueeze(-1)
        log_p = self.d.gather(-1, y) - torch.log1p(self.S)
        if self.mask is not None:
            log_p = torch.where(self.mask.gather(-1, y), log_p, -math.inf)
        return log_p.squeeze(-1)

    @property
    def p(self) -> Tensor:
        """The probabilities (..., K)."""
        p = torch.exp(self.d) / (1 + self.S)
        return p if self.mask is None else torch.where(self.mask, p, 0.0)

    @property
    def one_minus_p(self) -> Tensor:
        """1 - p (..., K)."""
        q = torch.where(self.top, self.S / (1 + self.S), 1 - torch.exp(self.d) / (1 + self.S))
        return q if self.mask is None else torch.where(self.mask, q, 1.0)

    @property
    def lse(self) -> Tensor:
        """The normalizer (..., 1); -inf for a row in which no class takes part."""
        if not self.d.shape[-1]:
            return self.largest
        lse = torch.where(torch.isinf(self.largest), self.largest, self.largest + torch.log1p(self.S))
        return lse if self.mask is None else torch.where(self.mask.any(dim=-1, keepdim=True), lse, -math.inf)


def scores(s: Tensor, mask: Tensor | None = None) -> Scores:
    """The quantities of rows along the last axis; `mask` is True for the classes that take part.

    A row in which no class takes part has p = 0 and lse = -inf, and derivatives of 0. A row whose largest score is
    infinite is NaN, except for lse.
    """
    if not s.shape[-1]:
        none = s.sum(dim=-1, keepdim=True)
        return Scores(s, none, none - math.inf, torch.zeros_like(s, dtype=torch.bool), mask)
    if mask is not None:
        s = torch.where(mask, s, -math.inf)
        s = torch.where(mask.any(dim=-1, keepdim=True), s, 0.0)
    m = s.detach().argmax(dim=-1, keepdim=True)
    top = torch.arange(s.shape[-1], device=s.device) == m
    largest = s.gather(-1, m)
    d = torch.where(top, 0.0, s - largest)
    S = torch.where(top, 0.0, torch.exp(d)).sum(dim=-1, keepdim=True) + (largest - largest)
    return Scores(d, S, largest, top, mask)


def is_largest(s: Tensor) -> Tensor:
    """True at the first largest entry of each row."""
    classes = torch.arange(s.shape[-1], device=s.device)
    return s.detach().argmax(dim=-1, keepdim=True) == classes


def minus_mean(p: Tensor, x: Tensor) -> Tensor:
    """The difference x - sum_j p_j x_j of each row; at the largest p it is written with the sum of the other p_j."""
    if not p.shape[-1]:
        return x
    top = is_largest(p)
    others = torch.where(top, 0.0, p)
    of_others = (others * x).sum(dim=-1, keepdim=True)
    at_top = x * others.sum(dim=-1, keepdim=True) - of_others
    return torch.where(top, at_top, x - (p * x).sum(dim=-1, keepdim=True))


def minus_share(log_p: Tensor, x: Tensor) -> Tensor:
    """The difference x - p sum_j x_j of each row; at the largest p it is x (1 - p) - p times the sum of the other x."""
    if not x.shape[-1]:
        return x
    top, p = is_largest(log_p), torch.exp(log_p)
    of_others = torch.where(top, 0.0, x).sum(dim=-1, keepdim=True)
    return torch.where(top, -torch.expm1(log_p) * x - p * of_others, x - p * x.sum(dim=-1, keepdim=True))
