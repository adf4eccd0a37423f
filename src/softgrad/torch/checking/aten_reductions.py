"""Operators that take the entries along axes together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from softgrad.check.trace.array import as_array, node_of, plain, traced
from softgrad.check.trace.session import paused, recording

WITH_RESULT = frozenset(("sort", "topk", "kthvalue", "mode", "median", "nanmedian", "cummax", "cummin"))


def axes(dim: Any) -> Any:
    """The axes of torch's dim: None stands for all, and so does an empty list."""
    if dim is None or isinstance(dim, int):
        return dim
    return tuple(dim) or None


def _sum(self: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return np.sum(self, axis=axes(dim), keepdims=keepdim)


def _mean(self: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return as_array(self).mean(axis=axes(dim), keepdims=keepdim)


def _delta(unbiased: Any, correction: Any) -> Any:
    if correction is not None:
        return correction
    return int(unbiased)


def _spread(kind: str) -> Callable[..., Any]:
    """Of var or std, whose second argument is either `unbiased` or `dim`."""

    def row(self: Any, dim: Any = None, unbiased: Any = True, keepdim: bool = False, *, correction: Any = None) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        return getattr(self, kind)(axis=axes(dim), ddof=_delta(unbiased, correction), keepdims=keepdim)

    return row


_var, _std = _spread("var"), _spread("std")


def _var_mean(self: Any, dim: Any = None, *args: Any, keepdim: bool = False, **options: Any) -> Any:
    return _var(self, dim, *args, keepdim=keepdim, **options), _mean(self, dim, keepdim)


def _std_mean(self: Any, dim: Any = None, *args: Any, keepdim: bool = False, **options: Any) -> Any:
    return _std(self, dim, *args, keepdim=keepdim, **options), _mean(self, dim, keepdim)


def _extreme(kind: str, of_two: np.ufunc) -> Callable[..., Any]:
    """Of max or min: of all entries, along an axis (with the indices), or of two arrays."""

    def row(self: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, np.ndarray):
            return of_two(self, dim)
        found = getattr(self, kind)(axis=axes(dim), keepdims=keepdim)
        return found if dim is None else (found, None)

    return row


def _largest(kind: str) -> Callable[..., Any]:
    return lambda self, dim=(), keepdim=False: getattr(self, kind)(axis=axes(dim), keepdims=keepdim)


def _prod(self: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return np.prod(self, axis=axes(dim), keepdims=keepdim)


def _norm(self: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    ord = 2 if ord is None else ord
    if dim is None or len(axes(dim) or ()) != 1:
        if ord == 2 and dim is None and not keepdim:
            return np.linalg.norm(self.reshape(-1))
        if ord == 2:
            return np.sqrt(np.sum(self * self, axis=axes(dim), keepdims=keepdim))
        size = np.abs(self)
        if ord in (math.inf, -math.inf):
            return getattr(size, "max" if ord > 0 else "min")(axis=axes(dim), keepdims=keepdim)
        powers = size if ord == 1 else size**ord
        return np.sum(powers, axis=axes(dim), keepdims=keepdim) ** (1.0 / ord)
    return np.linalg.norm(self, ord=ord, axis=axes(dim)[0], keepdims=keepdim)


def exponentials(op: str, x: Any, axis: Any, keepdims: bool = False) -> Any:
    """softmax, log_softmax or logsumexp, as one operation."""
    session = recording()
    values = plain(x)
    along = tuple(range(values.ndim)) if axis is None else tuple(i % max(values.ndim, 1) for i in axis)
    largest = values.max(axis=along, keepdims=True) if values.ndim else values
    largest = np.where(np.isfinite(largest), largest, 0.0)
    shifted = values - largest
    total = np.exp(shifted).sum(axis=along, keepdims=True)
    if op == "softmax":
        value = np.exp(shifted) / total
    elif op == "log_softmax":
        value = shifted - np.log(total)
    else:
        value = np.log(total) + largest
        value = value if keepdims else value.reshape([n for i, n in enumerate(values.shape) if i not in along])
    if session is None:
        return value
    with paused():
        return traced(value, session.node(op, (node_of(session, x),), value, {"axis": along, "keepdims": keepdims}))


def _softmax_backward(grad_output: Any, output: Any, dim: int, input_dtype: Any) -> Any:
    return output * (grad_output - np.sum(grad_output * output, axis=dim, keepdims=True))


def _log_softmax_backward(grad_output: Any, output: Any, dim: int, input_dtype: Any) -> Any:
    return grad_output - np.exp(output) * np.sum(grad_output, axis=dim, keepdims=True)


def _picked(result: Any, self: Any, *args: Any, **options: Any) -> Any:
    """Entries along an axis, where torch's indices say."""
    indices = result[1]
    dim = _axis_of(args, options)
    keep = indices.ndim == self.ndim
    found = np.take_along_axis(self, indices if keep else np.expand_dims(indices, dim), dim)
    return (found if keep else found.squeeze(dim)), None


def _axis_of(args: Any, options: Any) -> int:
    if "dim" in options:
        return int(options["dim"])
    numbers = [one for one in args if isinstance(one, int) and not isinstance(one, bool)]
    return int(numbers[0]) if numbers else -1


def _kth(result: Any, self: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    return _picked(result, self, dim)


def _topk(result: Any, self: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    return _picked(result, self, dim)


def _median(result: Any, self: Any, dim: Any = None, keepdim: bool = False) -> Any:
    if dim is not None:
        return _picked(result, self, dim)
    flat = self.reshape(-1)
    return flat[int(np.argmax(plain(flat) == result))]


def _sort(result: Any, self: Any, dim: int = -1, descending: bool = False, stable: Any = None) -> Any:
    return _picked(result, self, dim)


def _log_of_sums(self: Any, dim: int) -> Any:
    largest = plain(self).max(axis=dim, keepdims=True)
    return np.log(np.cumsum(np.exp(self - largest), axis=dim)) + largest


def _distances(x1: Any, x2: Any, p: float = 2.0, compute_mode: Any = None) -> Any:
    return _norm(x1[..., :, None, :] - x2[..., None, :, :], p, [-1])


TABLE: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "mean": _mean,
    "var": _var,
    "std": _std,
    "var_mean": _var_mean,
    "std_mean": _std_mean,
    "max": _extreme("max", np.maximum),
    "min": _extreme("min", np.minimum),
    "amax": _largest("max"),
    "amin": _largest("min"),
    "prod": _prod,
    "linalg_vector_norm": _norm,
    "norm": lambda self, p=2, dim=None, keepdim=False, dtype=None: _norm(self, p, dim, keepdim),
    "logsumexp": lambda self, dim, keepdim=False: exponentials("logsumexp", self, axes(dim), keepdim),
    "_softmax": lambda self, dim, half_to_float=False: exponentials("softmax", self, (dim,)),
    "_log_softmax": lambda self, dim, half_to_float=False: exponentials("log_softmax", self, (dim,)),
    "_softmax_backward_data": _softmax_backward,
    "_log_softmax_backward_data": _log_softmax_backward,
    "_cdist_forward": _distances,
    "cumsum": lambda self, dim, dtype=None: np.cumsum(self, axis=dim),
    "cumprod": lambda self, dim, dtype=None: np.cumprod(self, axis=dim),
    "cummax": _picked,
    "cummin": _picked,
    "logcumsumexp": _log_of_sums,
    "sort": _sort,
    "topk": _topk,
    "kthvalue": _kth,
    "mode": _picked,
    "median": _median,
    "nanmedian": _median,
}
