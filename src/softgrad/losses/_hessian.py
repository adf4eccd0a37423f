"""Hessian-vector products of the losses, in closed form and in float64.

A loss of the scores s = f(z), f the cap and the temperature, with gradient g and Hessian H at s:

    H_z v = f' H (f' v) + g f'' v          f' and f'' act on each entry

With p = softmax(s), J = diag(p) - p p^T, lse = logsumexp(s), the z-loss c lse^2 has gradient 2 c lse p and Hessian

    2 c (lse J + p p^T)

Source: Boyd and Vandenberghe, Convex Optimization (2004), 3.1.5 (Hessian of logsumexp) and A.4 (chain rule).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from softgrad import _kernels
from softgrad._arrays import Array
from softgrad.losses import _softcap
from softgrad.losses._batch import Batch


class Point(NamedTuple):
    """Where a loss is differentiated twice: arrays of (N, K) or (N, 1), in float64."""

    capped: Array  # the logits after the softcap, up to a constant per row
    temperature: float
    p: Array
    lse: Array
    slope: Array  # f'
    curvature: Array  # f''
    t: Array  # the target distribution, smoothed
    weight: Array | None  # (K)
    kept: Array  # whether a row is not ignored
    parameter: float  # the option that only this loss takes

    @property
    def log_p(self) -> Array:
        """The logarithm of p, without the cancellation of s - lse."""
        log_p = np.empty_like(self.capped)
        _kernels.log_softmax(self.capped[:, :, None], log_p[:, :, None], self.temperature)
        return log_p

    @property
    def weighted_target(self) -> Array:
        """The target times the class weights."""
        return self.t if self.weight is None else self.weight * self.t


def point(batch: Batch) -> Point:
    """The quantities that every Hessian here is made of."""
    z = batch.z.stored[:, :, 0].astype(np.float64)
    if batch.softcap:
        largest = z.max(axis=1, keepdims=True, initial=-np.inf)
        s = _softcap.below(z, largest, batch.softcap)
        of_largest = _softcap.capped(largest, batch.softcap) / batch.temperature
        slope = _softcap.slope(z, batch.softcap) / batch.temperature
        curvature = -2 * np.tanh(z / batch.softcap) * slope / batch.softcap
    else:
        s, slope, curvature = z, np.full_like(z, 1 / batch.temperature), np.zeros_like(z)
    p, lse = np.empty_like(z), np.empty(len(z))
    _kernels.softmax(s[:, :, None], p[:, :, None], batch.temperature)
    _kernels.logsumexp(s[:, :, None], lse, batch.temperature)
    lse = lse[:, None] + of_largest if batch.softcap else lse[:, None]
    kept = np.ones((len(z), 1), bool)
    if batch.target.ndim == 3:
        t = batch.target[:, :, 0].astype(np.float64)
    else:
        kept = batch.target[:, None] >= 0
        t = (batch.target[:, None] == np.arange(z.shape[1])).astype(np.float64)
    t = (1 - batch.label_smoothing) * t + batch.label_smoothing / z.shape[1]
    weight = None if batch.weight is None else batch.weight.astype(np.float64)
    return Point(s, batch.temperature, p, lse, slope, curvature, t, weight, kept, batch.parameter)


def dot(a: Array, b: Array) -> Array:
    """The inner product of each row, (N, 1)."""
    product: Array = np.einsum("nk,nk->n", a, b)[:, None]
    return product


def times_jacobian(p: Array, u: Array) -> Array:
    """J u for each row."""
    product: Array = p * (u - dot(p, u))
    return product


def product_at_logits(batch: Batch, at: Point, v: Array, grad: Array, product: Array) -> Array:
    """H_z v from the gradient and H (f' v) at the scores, both without the z-loss; in the shape of the logits."""
    u = at.slope * v
    twice = 2 * batch.z_loss
    grad = grad + twice * at.lse * at.p
    product = product + twice * (at.lse * times_jacobian(at.p, u) + at.p * dot(at.p, u))
    result = batch.scale * (at.slope * product + grad * at.curvature * v)
    rows = np.where(at.kept, result, 0).astype(batch.z.computed_in)
    return batch.z.in_original_shape(rows[:, :, None])
