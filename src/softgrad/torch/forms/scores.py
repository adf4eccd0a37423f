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
    """What the losses are made of: (..., K), lse (..., 1)."""

    log_p: Tensor
    p: Tensor
    one_minus_p: Tensor
    lse: Tensor


def scores(s: Tensor, mask: Tensor | None = None) -> Scores:
    """The quantities of rows along the last axis; `mask` is True for the classes that take part.

    A row in which no class takes part has p = 0 and lse = -inf, and derivatives of 0. A row whose largest score is
    infinite is NaN, except for lse.
    """
    if not s.shape[-1]:
        return Scores(s, s, s, s.sum(dim=-1, keepdim=True) - math.inf)
    takes_part = None
    if mask is not None:
        takes_part = mask.any(dim=-1, keepdim=True)
        s = torch.where(mask, s, -math.inf)
        s = torch.where(takes_part, s, 0.0)
    top = is_largest(s)
    largest = torch.where(top, s, 0.0).sum(dim=-1, keepdim=True)
    d = torch.where(top, 0.0, s - largest)
    e = torch.exp(d)
    S = torch.where(top, 0.0, e).sum(dim=-1, keepdim=True) + (largest - largest)  # NaN if the largest is infinite
    log_sum = torch.log1p(S)
    log_p, p = d - log_sum, e / (1 + S)
    one_minus_p = torch.where(top, S / (1 + S), 1 - p)
    lse = torch.where(torch.isinf(largest), largest, largest + log_sum)
    if mask is not None:
        log_p, p = torch.where(mask, log_p, -math.inf), torch.where(mask, p, 0.0)
        one_minus_p = torch.where(mask, one_minus_p, 1.0)
        lse = torch.where(takes_part, lse, -math.inf)
    return Scores(log_p, p, one_minus_p, lse)


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
