"""torch's functions as calls of softgrad.torch, with torch's arguments; `Outside` is raised for what it lacks."""

import torch

import softgrad.torch as st


class Outside(Exception):
    """softgrad.torch has no such call."""


def of_softmax(function):
    def call(x, dim=-1, dtype=None, mask=None, **_):
        z = logits(x, dtype)
        where = mask
        if z.ndim == 0:  # a single number
            z, where = z.reshape(1), None if mask is None else mask.reshape(1)
        return function(z, axis=dim, where=where).reshape(x.shape)

    return call


def logsumexp(x, dim=None, keepdim=False, dtype=None, mask=None, **_):
    z = logits(x, dtype)
    axis = tuple(dim) if isinstance(dim, list | tuple) else dim
    if axis == () or z.ndim == 0:
        axis = None
    return st.logsumexp(z, axis=axis, where=mask, keepdims=keepdim)


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0, **_):
    return st.CrossEntropyLoss(weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)(
        logits(x), target
    )


def kl_div(x, target, reduction="mean", log_target=False, **_):
    if reduction == "none" or x.ndim == 0:
        raise Outside
    t = target.exp() if log_target else target
    loss = st.kl_divergence(x, t.expand(x.shape), reduction="sum")
    return loss / {"mean": x.numel(), "batchmean": len(x), "sum": 1}[reduction]


def linear_cross_entropy(x, w, target, linear_bias=None, **options):
    if target.shape not in (x.shape[:-1], (*x.shape[:-1], len(w))):
        raise Outside
    known = {
        name: options[name] for name in ("weight", "ignore_index", "reduction", "label_smoothing") if name in options
    }
    return st.LinearCrossEntropyLoss(**known)(x, w, target, linear_bias)


def logits(x, dtype=None):
    dtype = x.dtype if dtype is None else dtype
    if dtype.is_complex or x.dtype.is_complex:
        raise Outside
    return x.to(dtype) if dtype.is_floating_point else x


OURS = {
    "softmax": of_softmax(st.softmax),
    "log_softmax": of_softmax(st.log_softmax),
    "logsumexp": logsumexp,
    "masked.softmax": of_softmax(st.softmax),
    "masked.log_softmax": of_softmax(st.log_softmax),
    "masked.logsumexp": logsumexp,
    "nn.functional.cross_entropy": cross_entropy,
    "nn.functional.kl_div": kl_div,
    "nn.functional.linear_cross_entropy": linear_cross_entropy,
}


def of_torch(op, x, *args, **options):
    """The value of torch's operation; kl_div takes logits here, as ours does."""
    if op.name == "nn.functional.kl_div":
        x = torch.log_softmax(x, dim=-1)
    return op.op(x, *args, **options)
