"""Operators that move entries, take some of them, or put them somewhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from softgrad.check.trace.array import as_array, plain

NUMPYS_PAD: Any = np.pad
WITH_RESULT = frozenset(("masked_select",))


def _index(indices: Any) -> tuple[Any, ...]:
    return tuple(slice(None) if one is None else plain(one) for one in indices)


def along(index: Any, dim: int) -> tuple[Any, ...]:
    """The index of the entries that an index along one axis means, as torch's gather and scatter read it."""
    index = plain(index)
    if not index.ndim:
        return (index,)
    grid = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[dim % index.ndim] = index
    return tuple(grid)


def on_axis(dim: int, key: Any) -> tuple[Any, ...]:
    """The index that takes `key` on one axis, and everything on those before it."""
    return (*[slice(None)] * dim, key)


def _copied(array: Any) -> Any:
    """An array of its own to write into."""
    return as_array(array) + 0.0 if not isinstance(array, np.ndarray) else array.copy()


def _with(self: Any, key: Any, values: Any) -> Any:
    """The array with other values at some places."""
    found = _copied(self)
    found[key] = values
    return found


def _added(self: Any, key: Any, values: Any) -> Any:
    """The array with values added at some places, as often as they are named."""
    found = _copied(self)
    np.add.at(found, key, values)
    return found


def _fit(key: Any, values: Any) -> Any:
    """The first entries along each axis of the values, which may be longer than the index."""
    shape = np.broadcast_shapes(*(np.shape(one) for one in key))
    return values[tuple(slice(n) for n in shape)] if np.ndim(values) == len(shape) and np.ndim(values) else values


def _gather(self: Any, dim: int, index: Any, sparse_grad: bool = False) -> Any:
    return self[along(index, dim)] if np.ndim(self) else self.copy()


def _scatter(self: Any, dim: int, index: Any, src: Any, reduce: Any = None) -> Any:
    key = along(index, dim)
    if reduce is not None:
        return _added(self, key, _fit(key, src)) if reduce == "add" else NotImplemented
    return _with(self, key, _fit(key, src))


def _scatter_add(self: Any, dim: int, index: Any, src: Any) -> Any:
    key = along(index, dim)
    return _added(self, key, _fit(key, src))


def _scatter_reduce(self: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True) -> Any:
    key = along(index, dim)
    values = _fit(key, src)
    start = self if include_self else _with(self, key, {"amax": -np.inf, "amin": np.inf}.get(reduce, 0.0))
    if reduce in ("amax", "amin"):
        return _with_extremes(start, key, values, 1 if reduce == "amax" else -1)
    if reduce not in ("sum", "mean"):
        return NotImplemented
    total = _added(start, key, values)
    if reduce == "sum":
        return total
    ones = np.ones(np.shape(self))
    counts = _added(ones if include_self else _with(ones, key, 0.0), key, np.ones(np.shape(values)))
    return total / counts


def _with_extremes(self: Any, key: tuple[Any, ...], values: Any, sign: int) -> Any:
    """The array with the largest of the values at each place, or the smallest, where it exceeds what is there."""
    numbers = sign * plain(values).ravel()
    places = np.arange(np.size(plain(self))).reshape(np.shape(self))[key].ravel()
    order = np.argsort(-numbers, kind="stable")
    at, first = np.unique(places[order], return_index=True)
    winners = order[first]
    exceeds = numbers[winners] > sign * plain(self).ravel()[at]
    found = _copied(self.reshape(-1))
    found[at[exceeds]] = values.reshape(-1)[winners[exceeds]]
    return found.reshape(np.shape(self))


def _index_put(self: Any, indices: Any, values: Any, accumulate: bool = False, unsafe: bool = False) -> Any:
    return _added(self, _index(indices), values) if accumulate else _with(self, _index(indices), values)


def _index_add(self: Any, dim: int, index: Any, source: Any, alpha: Any = 1) -> Any:
    return _added(self, on_axis(dim % np.ndim(self), plain(index)), source if alpha == 1 else source * alpha)


def _index_copy(self: Any, dim: int, index: Any, source: Any) -> Any:
    return _with(self, on_axis(dim % np.ndim(self), plain(index)), source)


def _masked_fill(self: Any, mask: Any, value: Any) -> Any:
    return np.where(mask, value, self)


def _masked_scatter(self: Any, mask: Any, source: Any) -> Any:
    mask = np.broadcast_to(plain(mask), np.shape(self))
    return _with(self, mask, source.reshape(-1)[: int(mask.sum())])


def _copy(self: Any, src: Any, non_blocking: bool = False) -> Any:
    return np.broadcast_to(src, np.shape(self)) if np.shape(src) != np.shape(self) else src


def _fill(self: Any, value: Any) -> Any:
    return np.broadcast_to(value, np.shape(self))


def _select_scatter(self: Any, src: Any, dim: int, index: int) -> Any:
    return _with(self, on_axis(dim % np.ndim(self), index), src)


def _slice_scatter(self: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    return _with(self, on_axis(dim % np.ndim(self), slice(start, end, step)), src)


def _zeros(shape: Any) -> Any:
    return np.zeros(tuple(shape))


def _select_backward(grad_output: Any, input_sizes: Any, dim: int, index: int) -> Any:
    return _with(_zeros(input_sizes), on_axis(dim % len(input_sizes), index), grad_output)


def _slice_backward(grad_output: Any, input_sizes: Any, dim: int, start: int, end: int, step: int) -> Any:
    return _with(_zeros(input_sizes), on_axis(dim % len(input_sizes), slice(start, end, step)), grad_output)


def _embedding(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    return weight[plain(indices)]


def _embedding_backward(
    grad_output: Any, indices: Any, num_weights: int, padding_idx: int, scale_grad_by_freq: bool
) -> Any:
    if scale_grad_by_freq:
        return NotImplemented
    indices = plain(indices)
    found = _added(_zeros((num_weights, grad_output.shape[-1])), indices, grad_output)
    return _with(found, padding_idx, 0.0) if padding_idx >= 0 else found


def _flip(self: Any, dims: Any) -> Any:
    return np.flip(self, tuple(dims))


def _roll(self: Any, shifts: Any, dims: Any = ()) -> Any:
    shifts = [shifts] if isinstance(shifts, int) else list(shifts)
    return np.roll(self, tuple(shifts), tuple(dims)) if dims else np.roll(self, shifts[0])


def _repeat(self: Any, repeats: Any) -> Any:
    return np.tile(self, tuple(repeats))


def _pad(mode: str) -> Callable[..., Any]:
    def row(self: Any, pad: Any, value: Any = 0.0) -> Any:
        pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
        if any(n < 0 for pair in pairs for n in pair):
            return NotImplemented
        whole = [(0, 0)] * (np.ndim(self) - len(pairs)) + pairs
        return NUMPYS_PAD(self, whole, mode, **({"constant_values": value} if mode == "constant" else {}))

    return row


def _diag_embed(self: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    if (offset, dim1, dim2) != (0, -2, -1):
        return NotImplemented
    n = np.shape(self)[-1]
    return _with(_zeros((*np.shape(self), n)), (..., np.arange(n), np.arange(n)), self)


def _diagonal_backward(grad_output: Any, input_sizes: Any, offset: int, dim1: int, dim2: int) -> Any:
    numbers = np.arange(int(np.prod(input_sizes))).reshape(input_sizes)
    found = _with(_zeros((numbers.size,)), np.diagonal(numbers, offset, dim1, dim2), grad_output)
    return found.reshape(tuple(input_sizes))


def _unfold_backward(grad_in: Any, input_sizes: Any, dim: int, size: int, step: int) -> Any:
    numbers = np.arange(int(np.prod(input_sizes))).reshape(input_sizes)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, size, dim)
    windows = windows[on_axis(dim % numbers.ndim, slice(None, None, step))]
    return _added(_zeros((numbers.size,)), windows, grad_in).reshape(tuple(input_sizes))


TABLE: dict[str, Callable[..., Any]] = {
    "clone": lambda self: self.copy(),
    "cat": lambda tensors, dim=0: np.concatenate([one for one in tensors if np.shape(one) != (0,)], axis=dim),
    "stack": lambda tensors, dim=0: np.stack(tensors, axis=dim),
    "index": lambda self, indices: self[_index(indices)],
    "index_select": lambda self, dim, index: np.take(self, plain(index), axis=dim),
    "take": lambda self, index: self.reshape(-1)[plain(index)],
    "gather": _gather,
    "scatter": _scatter,
    "scatter_add": _scatter_add,
    "scatter_reduce": _scatter_reduce,
    "index_put": _index_put,
    "_unsafe_index_put": _index_put,
    "_index_put_impl": _index_put,
    "_unsafe_index": lambda self, indices: self[_index(indices)],
    "index_add": _index_add,
    "index_copy": _index_copy,
    "index_fill": lambda self, dim, index, value: _with(self, on_axis(dim % np.ndim(self), plain(index)), value),
    "masked_fill": _masked_fill,
    "masked_scatter": _masked_scatter,
    "masked_select": lambda result, self, mask: np.broadcast_to(self, np.broadcast_shapes(self.shape, mask.shape))[
        np.broadcast_to(plain(mask), np.broadcast_shapes(self.shape, mask.shape))
    ],
    "copy": _copy,
    "fill": _fill,
    "zero": lambda self: np.zeros(np.shape(self)),
    "select_scatter": _select_scatter,
    "slice_scatter": _slice_scatter,
    "select_backward": _select_backward,
    "slice_backward": _slice_backward,
    "diagonal_backward": _diagonal_backward,
    "unfold_backward": _unfold_backward,
    "embedding": _embedding,
    "embedding_dense_backward": _embedding_backward,
    "flip": _flip,
    "roll": _roll,
    "repeat": _repeat,
    "tril": lambda self, diagonal=0: np.tril(self, diagonal),
    "triu": lambda self, diagonal=0: np.triu(self, diagonal),
    "diag_embed": _diag_embed,
    "constant_pad_nd": _pad("constant"),
    "reflection_pad1d": _pad("reflect"),
    "reflection_pad2d": _pad("reflect"),
    "replication_pad1d": _pad("edge"),
    "replication_pad2d": _pad("edge"),
}
