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
    one_minus_t: Array
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
    K = z.shape[1]
    if batch.target.ndim == 3:
        t = batch.target[:, :K, 0].astype(np.float64)
    else:
        kept = batch.target[:, None] >= 0
        t = (batch.target[:, None] == np.arange(K)).astype(np.float64)
    each, smoothing = 1 / K, batch.label_smoothing
    one_minus_t = (1 - smoothing) * (1 - t) + smoothing * (1 - each)
    if batch.target.ndim == 3 and batch.target.shape[1] > K:
        one_minus_t = batch.target[:, K:, 0].astype(np.float64)
    t = (1 - smoothing) * t + smoothing * each
    weight = None if batch.weight is None else batch.weight.astype(np.float64)
    return Point(s, batch.temperature, p, lse, slope, curvature, t, one_minus_t, weight, kept, batch.parameter)


def dot(a: Array, b: Array) -> Array:
    """The inner product of each row, (N, 1)."""
    product: Array = np.einsum("nk,nk->n", a, b)[:, None]
    return product


# Where the largest p of a row, p_m, is near 1, the terms of each difference below nearly cancel at m. There it is
# written with 1 - p_m and the sum of the other terms.


def one_minus(p: Array) -> Array:
    """1 - p; at m the sum of the other p."""
    top, others = _without_the_largest(p)
    q = 1 - p
    np.put_along_axis(q, top, others.sum(axis=1, keepdims=True), axis=1)
    return q


def minus_mean(p: Array, x: Array) -> Array:
    """The difference x - <p, x> for each row; at m it is x_m (1 - p_m) minus the sum of the other p_j x_j."""
    top, others = _without_the_largest(p)
    difference = x - dot(p, x)
    at_top = np.take_along_axis(x, top, axis=1) * others.sum(axis=1, keepdims=True) - dot(others, x)
    np.put_along_axis(difference, top, at_top, axis=1)
    return difference


def pulled(p: Array, x: Array) -> Array:
    """The difference p sum(x) - x for each row; at m it is p_m times the sum of the other x_j, minus (1 - p_m) x_m."""
    top, others = _without_the_largest(p)
    difference: Array = p * x.sum(axis=1, keepdims=True) - x
    p_m, x_m = (np.take_along_axis(each, top, axis=1) for each in (p, x))
    of_others = np.where(others == p, x, 0).sum(axis=1, keepdims=True)
    at_top = p_m * of_others - others.sum(axis=1, keepdims=True) * x_m
    np.put_along_axis(difference, top, at_top, axis=1)
    return difference


def times_jacobian(p: Array, u: Array) -> Array:
    """J u for each row."""
    return p * minus_mean(p, u)


def _without_the_largest(p: Array) -> tuple[Array, Array]:
    """The first largest entry of each row, (N, 1), and p with 0 in its place."""
    top, others = p.argmax(axis=1)[:, None], p.copy()
    np.put_along_axis(others, top, 0, axis=1)
    return top, others


def product_at_logits(batch: Batch, at: Point, v: Array, grad: Array, product: Array) -> Array:
    """H_z v from the gradient and H (f' v) at the scores, both without the z-loss; in the shape of the logits."""
    u = at.slope * v
    twice = 2 * batch.z_loss
    grad = grad + twice * at.lse * at.p
    product = product + twice * (at.lse * times_jacobian(at.p, u) + at.p * dot(at.p, u))
    result = batch.scale * (at.slope * product + grad * at.curvature * v)
    rows = np.where(at.kept, result, 0).astype(batch.z.computed_in)
    return batch.z.in_original_shape(rows[:, :, None])
