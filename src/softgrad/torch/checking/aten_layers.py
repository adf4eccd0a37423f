"""Operators that are whole layers, by their definition: convolutions, pooling, normalisations, losses of classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from softgrad.check.trace.array import plain
from softgrad.torch.checking.aten_pointwise import reduced

NUMPYS_PAD: Any = np.pad
WITH_RESULT = frozenset(("max_pool2d_with_indices", "native_dropout"))
PLACES, TAPS = "xyz", "pqr"  # of einsum: the axes of the result of a convolution, and those of its kernel


def _spread(numbers: Any, count: int) -> list[int]:
    """One number for each axis, where torch may be given one for all."""
    numbers = [numbers] if isinstance(numbers, int) else list(numbers)
    return numbers * count if len(numbers) == 1 else numbers


def _taps(lengths: Sequence[int], kernel: Sequence[int], stride: Any, dilation: Any) -> tuple[Any, ...]:
    """The index of all windows: for each axis, an array of shape (place, tap) among those of the other axes."""
    count = len(lengths)
    found = []
    for i, (n, k, s, d) in enumerate(zip(lengths, kernel, stride, dilation, strict=True)):
        index = np.arange((n - d * (k - 1) - 1) // s + 1)[:, None] * s + np.arange(k) * d
        found.append(index.reshape((1, 1) * i + index.shape + (1, 1) * (count - 1 - i)))
    return (slice(None), slice(None), *found)


def _windows(x: Any, kernel: Sequence[int], stride: Any, padding: Any, dilation: Any) -> Any:
    """The windows of an array (N, C, *lengths): (N, C, place, tap, place, tap, ...)."""
    if any(padding):
        x = NUMPYS_PAD(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    return x[_taps(np.shape(x)[2:], kernel, stride, dilation)]


def _letters(count: int) -> tuple[str, str, str]:
    """The axes of windows, of places and of taps, as letters."""
    return "".join(PLACES[i] + TAPS[i] for i in range(count)), PLACES[:count], TAPS[:count]


def _grouped(x: Any, axis: int, groups: int) -> Any:
    shape = np.shape(x)
    return x.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def _convolution(
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Any:
    kernel = np.shape(weight)[2:]
    stride, padding, dilation, more = (_spread(one, len(kernel)) for one in (stride, padding, dilation, output_padding))
    make = _transposed if transposed else _forward
    found = make(input, weight, stride, padding, dilation, more, groups)
    return found if bias is None else found + bias.reshape(-1, *[1] * len(kernel))


def _forward(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, output_padding: Any, groups: int) -> Any:
    kernel = np.shape(weight)[2:]
    both, places, taps = _letters(len(kernel))
    windows = _windows(x, kernel, stride, padding, dilation)
    if groups == 1:
        return np.einsum(f"nc{both},mc{taps}->nm{places}", windows, weight)
    found = np.einsum(f"ngc{both},gmc{taps}->ngm{places}", _grouped(windows, 1, groups), _grouped(weight, 0, groups))
    return found.reshape(np.shape(x)[0], -1, *np.shape(found)[3:])


def _transposed(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, output_padding: Any, groups: int) -> Any:
    """Every entry of x times the kernel, added where the windows of the result lie."""
    kernel, lengths = np.shape(weight)[2:], np.shape(x)[2:]
    both, places, taps = _letters(len(kernel))
    if groups == 1:
        terms = np.einsum(f"nc{places},cm{taps}->nm{both}", x, weight)
    else:
        grouped = np.einsum(f"ngc{places},gcm{taps}->ngm{both}", _grouped(x, 1, groups), _grouped(weight, 0, groups))
        terms = grouped.reshape(np.shape(x)[0], -1, *np.shape(grouped)[3:])
    reached = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(lengths, stride, dilation, kernel, strict=True)]
    whole = np.zeros((*np.shape(terms)[:2], *(n + m for n, m in zip(reached, output_padding, strict=True))))
    np.add.at(whole, _taps(reached, kernel, stride, dilation), terms)
    inner = tuple(slice(p, n - p) for p, n in zip(padding, np.shape(whole)[2:], strict=True))
    return whole[(slice(None), slice(None), *inner)]


def _convolution_backward(
    grad_output: Any,
    input: Any,
    weight: Any,
    bias_sizes: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    output_mask: Any,
) -> Any:
    kernel, lengths = np.shape(weight)[2:], np.shape(input)[2:]
    if transposed or groups > 1:
        return NotImplemented
    stride, padding, dilation = (_spread(one, len(kernel)) for one in (stride, padding, dilation))
    both, places, taps = _letters(len(kernel))
    more = [
        (n + 2 * p - d * (k - 1) - 1) % s
        for n, p, d, k, s in zip(lengths, padding, dilation, kernel, stride, strict=True)
    ]
    dx = _transposed(grad_output, weight, stride, padding, dilation, more, 1) if output_mask[0] else None
    dw = db = None
    if output_mask[1]:
        windows = _windows(input, kernel, stride, padding, dilation)
        dw = np.einsum(f"nm{places},nc{both}->mc{taps}", grad_output, windows)
    if output_mask[2]:
        db = np.sum(grad_output, axis=(0, *range(2, 2 + len(kernel))))
    return tuple(one for one in (dx, dw, db) if one is not None)


def _unfold(input: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    """im2col: (N, C, height, width) to (N, C * taps, places)."""
    if np.ndim(input) != 4:
        return NotImplemented
    windows = _windows(input, kernel_size, stride, padding, dilation)  # n, c, place, tap, place, tap
    n, c, high, p, wide, q = np.shape(windows)
    return windows.transpose(0, 1, 3, 5, 2, 4).reshape(n, c * p * q, high * wide)


def _fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    """col2im: the columns, added where they were taken from."""
    if np.ndim(input) != 3:
        return NotImplemented
    lengths = [n + 2 * p for n, p in zip(output_size, padding, strict=True)]
    index = _taps(lengths, kernel_size, stride, dilation)
    high, wide = np.shape(index[2])[0], np.shape(index[3])[2]
    n, columns = np.shape(input)[:2]
    c = columns // (kernel_size[0] * kernel_size[1])
    terms = input.reshape(n, c, *kernel_size, high, wide).transpose(0, 1, 4, 2, 5, 3)
    whole = np.zeros((n, c, *lengths))
    np.add.at(whole, index, terms)
    return whole[:, :, padding[0] : padding[0] + output_size[0], padding[1] : padding[1] + output_size[1]]


def _avg_pool2d(
    self: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Any:
    kernel, padding = _spread(kernel_size, 2), _spread(padding, 2)
    if ceil_mode or divisor_override or (any(padding) and not count_include_pad) or np.ndim(self) != 4:
        return NotImplemented
    windows = _windows(self, kernel, _spread(stride or kernel, 2), padding, [1, 1])
    return windows.mean(axis=(3, 5))


def _max_pool2d(result: Any, self: Any, *args: Any, **options: Any) -> Any:
    indices = result[1]
    flat = self.reshape(*np.shape(self)[:-2], -1)
    found = np.take_along_axis(flat, indices.reshape(*indices.shape[:-2], -1), -1)
    return found.reshape(indices.shape), None


def _adaptive_avg_pool2d(self: Any, output_size: Any) -> Any:
    if any(n % m for n, m in zip(np.shape(self)[-2:], output_size, strict=True)) or np.ndim(self) != 4:
        return NotImplemented
    kernel = [n // m for n, m in zip(np.shape(self)[-2:], output_size, strict=True)]
    return _windows(self, kernel, kernel, [0, 0], [1, 1]).mean(axis=(3, 5))


def _standardised(x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """Less its mean, over its standard deviation; the mean, and one over the deviation."""
    mean = x.mean(axis=axes, keepdims=True)
    rstd = 1 / np.sqrt(x.var(axis=axes, keepdims=True) + eps)
    return (x - mean) * rstd, mean, rstd


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    axes = tuple(range(np.ndim(input) - len(normalized_shape), np.ndim(input)))
    standardised, mean, rstd = _standardised(input, axes, eps)
    return _affine(standardised, weight, bias), mean, rstd


def _group_norm(input: Any, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float) -> Any:
    standardised, mean, rstd = _standardised(input.reshape(N, group, -1), (2,), eps)
    ones = (1, C, *[1] * (np.ndim(input) - 2))
    weight, bias = (None if one is None else one.reshape(ones) for one in (weight, bias))
    found = _affine(standardised.reshape(np.shape(input)), weight, bias)
    return found, mean.reshape(N, group), rstd.reshape(N, group)


def _batch_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    axes = (0, *range(2, np.ndim(input)))
    ones = (1, -1, *[1] * (np.ndim(input) - 2))
    weight, bias = (None if one is None else one.reshape(ones) for one in (weight, bias))
    if training:
        standardised, mean, rstd = _standardised(input, axes, eps)
        return _affine(standardised, weight, bias), mean.reshape(-1), rstd.reshape(-1)
    standardised = (input - running_mean.reshape(ones)) / np.sqrt(running_var.reshape(ones) + eps)
    return _affine(standardised, weight, bias), None, None


def _batch_norm_without_stats(input: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float) -> Any:
    return _batch_norm(input, weight, bias, None, None, training, momentum, eps)


def _either_batch_norm(input: Any, weight: Any, bias: Any, *rest: Any) -> Any:
    make = _batch_norm if len(rest) == 5 else _batch_norm_without_stats
    return make(input, weight, bias, *rest)


def _rows(self: Any, target: Any, weight: Any, ignore_index: int) -> tuple[Any, Any, Any]:
    """For scores (N, C, *rest) and classes (N, *rest): the entries of the classes, their weights, the classes."""
    target = plain(target)
    counts = target != ignore_index
    classes = np.where(counts, target, 0)
    axis = np.ndim(self) - np.ndim(target)
    picked = np.take_along_axis(
        self, np.expand_dims(classes, 1 if np.ndim(self) > 1 else 0), min(axis, np.ndim(self) - 1)
    )
    weights = counts * (1.0 if weight is None else weight[classes])
    return picked.reshape(np.shape(target)), weights, classes


def _nll_loss(self: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    picked, weights, _ = _rows(self, target, weight, ignore_index)
    terms = -picked * weights
    if reduction == 1:
        return np.sum(terms) / np.sum(weights), None
    return reduced(terms, reduction), None


def _nll_loss_backward(
    grad_output: Any, self: Any, target: Any, weight: Any, reduction: int, ignore_index: int, total_weight: Any
) -> Any:
    _, weights, classes = _rows(self, target, weight, ignore_index)
    upstream = grad_output / total_weight if reduction == 1 else grad_output
    found = np.zeros(np.shape(self))
    if np.ndim(self) == 1:
        found[classes] = -upstream * weights
        return found
    index = list(np.indices(np.shape(classes), sparse=True))
    index.insert(1, classes)
    found[tuple(index)] = -upstream * weights
    return found


def _native_dropout(result: Any, input: Any, p: float, train: Any) -> Any:
    return input * result[1] * (1 / (1 - p) if p < 1 else 0.0), None


TABLE: dict[str, Callable[..., Any]] = {
    "convolution": _convolution,
    "convolution_backward": _convolution_backward,
    "im2col": _unfold,
    "col2im": _fold,
    "avg_pool2d": _avg_pool2d,
    "max_pool2d_with_indices": _max_pool2d,
    "_adaptive_avg_pool2d": _adaptive_avg_pool2d,
    "native_layer_norm": _layer_norm,
    "native_group_norm": _group_norm,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _either_batch_norm,
    "nll_loss_forward": _nll_loss,
    "nll_loss2d_forward": _nll_loss,
    "nll_loss_backward": _nll_loss_backward,
    "nll_loss2d_backward": _nll_loss_backward,
    "native_dropout": _native_dropout,
}
