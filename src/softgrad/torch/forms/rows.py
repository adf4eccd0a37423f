"""The loss of each row in closed form, from `Scores`, and the reduction over the rows.

With the target distribution t, smoothed, and class weights w:

    cross-entropy      -sum_j w_j t_j log p_j
    focal loss         -sum_j w_j t_j (1 - p_j)^gamma log p_j
    KL divergence       sum_j w_j t_j (log t_j - log p_j)
    squared error       sum_j w_j t_j * 1/2 sum_j (p_j - t_j)^2

A class whose weighted target is 0 adds 0, even where log p is -inf.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from softgrad.torch.forms.scores import Scores, scores
from softgrad.torch.options import Options


class Target(NamedTuple):
    """The target of every row: class indices (...), or probabilities (..., K), with what is known of the rows."""

    classes: Tensor | None
    probs: Tensor | None
    weight: Tensor | None  # (K)
    mask: Tensor | None  # (..., K), the classes that take part
    kept: Tensor | None  # (...), the rows that are not ignored; None for all


def loss(options: Options, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None) -> Tensor:
    """The loss, reduced. The arguments are checked."""
    z = logits.to(computed_in(logits.dtype)).movedim(options.axis, -1)
    of_rows = read_target(options, z, logits, target, where, weight)
    if of_rows.kept is not None:  # ignored rows are not read: they may hold NaN
        z = torch.where(of_rows.kept.unsqueeze(-1), z, 0.0)
    at = scores(to_scores(options, z), of_rows.mask)
    rows = ROW_LOSSES[options.name](options, at, of_rows)
    if options.z_loss:
        rows = rows + options.z_loss * at.lse.squeeze(-1) ** 2
    if of_rows.kept is not None:
        rows = torch.where(of_rows.kept, rows, 0.0)
    return reduced(options, rows, of_rows)


def computed_in(dtype: torch.dtype) -> torch.dtype:
    """The dtype that logits of this dtype are computed in: float32 for 16 bits, float64 for integers."""
    if not dtype.is_floating_point:
        return torch.float64
    return torch.float32 if dtype.itemsize <= 2 else dtype


def to_scores(options: Options, z: Tensor) -> Tensor:
    """The logits after the softcap and the temperature. A logit of -inf stays so: it masks its class."""
    if options.softcap is not None:
        masked = z == -math.inf
        z = torch.where(masked, -math.inf, options.softcap * tanh(torch.where(masked, 0.0, z) / options.softcap))
    return z if options.temperature == 1 else z / options.temperature


def tanh(u: Tensor) -> Tensor:
    """Tanh by e = exp(-2 |u|), as (1 - e) / (1 + e). Its derivative is 4 e / (1 + e)^2, where 1 - tanh^2 cancels."""
    sign = torch.where(u < 0, -1.0, 1.0).to(u.dtype)  # 1 at 0, where the derivative of |u| in torch is 0
    twice = -2 * sign * u
    return sign * -torch.expm1(twice) / (1 + torch.exp(twice))


def read_target(
    options: Options, z: Tensor, logits: Tensor, target: Tensor, where: Tensor | None, weight: Tensor | None
) -> Target:
    """The target, in the order of z: the classes on the last axis."""
    mask = None if where is None else where.expand(logits.shape).movedim(options.axis, -1)
    weight = None if weight is None else weight.to(z.dtype)
    takes_part = None if mask is None else mask.any(dim=-1)
    if target.shape == logits.shape:
        t = target.to(z.dtype).movedim(options.axis, -1)
        return Target(None, t, weight, mask, takes_part)
    y, kept = target.long(), takes_part
    if options.ignore_index is not None:
        counts = y != options.ignore_index
        kept = counts if kept is None else kept & counts
    if kept is not None:
        y = torch.where(kept, y, 0)
    return Target(y, None, weight, mask, kept)


def cross_entropy_rows(options: Options, at: Scores, target: Target) -> Tensor:
    """The cross-entropy of each row."""
    if target.classes is None or options.label_smoothing:
        return expected(options, -at.log_p, target)
    rows = -at.log_p_at(target.classes)
    return rows if target.weight is None else times(target.weight[target.classes], rows)


def focal_rows(options: Options, at: Scores, target: Target) -> Tensor:
    """The focal loss of each row. The derivative of q^gamma at q = 0 is taken as 0: there log p is 0."""
    q, gamma = at.one_minus_p, options.parameter
    if gamma == 0:
        return cross_entropy_rows(options, at, target)
    positive = q != 0
    power = torch.where(positive, torch.where(positive, q, 1.0) ** gamma, 0.0)
    return expected(options, -power * at.log_p, target)


def kl_rows(options: Options, at: Scores, target: Target) -> Tensor:
    """The divergence of each row. For class indices without smoothing sum_j t_j log t_j is 0."""
    if target.classes is not None and not options.label_smoothing:
        return cross_entropy_rows(options, at, target)
    t, _ = distribution(options, at.d, target)
    a = t if target.weight is None else t * target.weight
    log_t = torch.log(torch.where(t == 0, 1.0, t))
    return (times(a, log_t) - times(a, at.log_p)).sum(dim=-1)


def squared_error_rows(options: Options, at: Scores, target: Target) -> Tensor:
    """The squared error of each row. p (1 - t) - (1 - p) t is p - t without cancellation where both are near 1."""
    t, one_minus_t = distribution(options, at.d, target)
    error = at.p * one_minus_t - at.one_minus_p * t
    half = (error**2).sum(dim=-1) / 2
    return half if target.weight is None else half * (t * target.weight).sum(dim=-1)


ROW_LOSSES = {
    "cross_entropy": cross_entropy_rows,
    "focal_loss": focal_rows,
    "kl_divergence": kl_rows,
    "squared_error": squared_error_rows,
}


def expected(options: Options, values: Tensor, target: Target) -> Tensor:
    """The sum over the classes of w_j t_j values_j. For class indices only that of the target is read."""
    if target.classes is None:
        t, _ = distribution(options, values, target)
        return times(t if target.weight is None else t * target.weight, values).sum(dim=-1)
    y, e = target.classes, options.label_smoothing
    picked = values.gather(-1, y.unsqueeze(-1)).squeeze(-1)  # an index outside 0..K-1 is an error
    if target.weight is not None:
        picked = times(target.weight[y], picked)
    if not e:
        return picked
    each = uniform(values, target)
    of_all = times(each if target.weight is None else each * target.weight, values).sum(dim=-1)
    return times(torch.full_like(picked, 1 - e), picked) + e * of_all


def distribution(options: Options, like: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """The smoothed target t and 1 - t, in the shape (..., K) of `like`."""
    t = target.probs
    if target.classes is not None:
        t = torch.zeros_like(like).scatter(-1, target.classes.unsqueeze(-1), 1.0)
    assert t is not None
    e = options.label_smoothing
    if not e:
        return t, 1 - t
    each = uniform(t, target)
    return (1 - e) * t + e * each, (1 - e) * (1 - t) + e * (1 - each)


def uniform(like: Tensor, target: Target) -> Tensor:
    """One divided by the number of classes that take part; 0 for the others."""
    if target.mask is None:
        return torch.full_like(like, 1 / max(1, like.shape[-1]))
    count = target.mask.sum(dim=-1, keepdim=True).clamp(min=1)
    return target.mask.to(like.dtype) / count


def times(a: Tensor, values: Tensor) -> Tensor:
    """The product a * values, 0 where a is 0 and the value is infinite; so are its derivatives there."""
    nothing = (a == 0) & torch.isinf(values)
    return a * torch.where(nothing, 0.0, values)


def reduced(options: Options, rows: Tensor, target: Target) -> Tensor:
    """The losses of the rows, their sum, or their mean."""
    if options.reduction == "none":
        return rows
    if options.reduction == "sum":
        return rows.sum()
    if options.denominator is not None:
        return rows.sum() / options.denominator
    if target.classes is None or (target.weight is None and target.kept is None):
        if rows.numel():
            return rows.sum() / rows.numel()
        return rows.sum() + (math.nan if options.if_all_ignored == "nan" else 0.0)
    each = torch.ones_like(rows) if target.weight is None else target.weight[target.classes]
    total = (each if target.kept is None else torch.where(target.kept, each, 0.0)).sum()
    nothing = total == 0
    mean = rows.sum() / torch.where(nothing, 1.0, total)
    return torch.where(nothing, math.nan if options.if_all_ignored == "nan" else 0.0, mean)
