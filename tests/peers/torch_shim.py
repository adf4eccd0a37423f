"""torch's functions as calls of softgrad: the arguments of one of torch's samples give a value and its gradient.

A call that softgrad does not offer raises `Outside` with the reason.
"""

import ml_dtypes
import numpy as np
import torch

import softgrad as sg


class Outside(Exception):
    """Softgrad has no such call."""


def array(tensor):
    """A tensor as an array; bfloat16 by its bits, since NumPy itself has none."""
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.resolve_conj().numpy()


def of_softmax(function, sign=1):
    """Softmax, log_softmax or softmin, with torch's dim, dtype and mask."""

    def call(x, dim=-1, dtype=None, mask=None, g=None, **_):
        z = sign * logits(x, dtype)
        where = None if mask is None else array(mask)
        z, where = (one if one is None or np.ndim(one) else np.reshape(one, 1) for one in (z, where))
        options = {"axis": dim, "where": where}
        y = function(z, **options)
        if g is None:
            return y.reshape(x.shape), None
        vjp = sg.log_softmax_vjp if function is sg.log_softmax else sg.softmax_vjp
        return y.reshape(x.shape), sign * vjp(y, g.reshape(y.shape), **options).reshape(x.shape)

    return call


def logsumexp(x, dim=None, keepdim=False, dtype=None, mask=None, g=None, **_):
    z, axis = logits(x, dtype), tuple(dim) if isinstance(dim, list | tuple) else dim
    if axis == ():
        axis = None
    if z.ndim == 0:
        z, axis = z.reshape(1), 0
    options = {"axis": axis, "where": None if mask is None else array(mask)}
    y = sg.logsumexp(z, **options, keepdims=keepdim)
    if x.ndim == 0:
        y = y.reshape(())
    if g is None:
        return y, None
    of_rows = sg.logsumexp(z, **options).shape
    return y, sg.logsumexp_vjp(z, g.reshape(of_rows), **options).reshape(x.shape)


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0, g=None, **_):
    z, t = logits(x), array(target)
    options = {"ignore_index": ignore_index} if t.shape != z.shape else {}
    if weight is not None:
        options["weight"] = array(weight)
    loss, grad = sg.cross_entropy_with_grad(
        z,
        t,
        axis=0 if z.ndim == 1 else 1,
        reduction=reduction,
        label_smoothing=label_smoothing,
        if_all_ignored="nan",
        **options,
    )
    if g is not None:
        g = np.expand_dims(g, 0 if z.ndim == 1 else 1) if g.ndim else g
    return loss, None if g is None else grad * g


def kl_div(x, target, reduction="mean", log_target=False, g=None, **_):
    if reduction == "none":
        raise Outside("kl_div of every entry, without a sum over the classes")
    if x.ndim == 0:
        raise Outside("kl_div of a single number")
    z, t = logits(x), array(target)
    t = np.exp(t.astype(np.float64)) if log_target else t
    divisor = {"mean": z.size, "batchmean": len(z), "sum": 1}[reduction]
    loss, grad = sg.kl_divergence_with_grad(z, np.broadcast_to(t, z.shape), reduction="sum")
    return loss / divisor, None if g is None else grad * g / divisor


def linear_cross_entropy(x, w, target, linear_bias=None, ignore_index=-100, reduction="mean", g=None, **options):
    if target.shape != x.shape[:-1]:
        raise Outside("linear_cross_entropy of targets in a shape other than the rows of x")
    known = {name: options[name] for name in ("label_smoothing",) if options.get(name)}
    if options.get("weight") is not None:
        known["weight"] = array(options["weight"])
    loss, (dx, _, _) = sg.linear_cross_entropy_with_grad(
        array(x),
        array(w),
        array(target),
        None if linear_bias is None else array(linear_bias),
        ignore_index=ignore_index,
        reduction=reduction,
        if_all_ignored="nan",
        **known,
    )
    return loss, None if g is None or g.ndim else dx * g


def logits(x, dtype=None):
    """The logits in torch's dtype, if it is one of ours."""
    dtype = x.dtype if dtype is None else dtype
    if dtype.is_complex or x.dtype.is_complex:
        raise Outside("complex numbers")
    return array(x if dtype == x.dtype or not dtype.is_floating_point else x.to(dtype))


softmax, log_softmax, softmin = of_softmax(sg.softmax), of_softmax(sg.log_softmax), of_softmax(sg.softmax, -1)
OURS = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "nn.functional.softmin": softmin,
    "logsumexp": logsumexp,
    "masked.softmax": softmax,
    "masked.log_softmax": log_softmax,
    "masked.softmin": softmin,
    "masked.logsumexp": logsumexp,
    "nn.functional.cross_entropy": cross_entropy,
    "nn.functional.nll_loss": cross_entropy,
    "nn.functional.kl_div": kl_div,
    "nn.functional.linear_cross_entropy": linear_cross_entropy,
}
