"""Another array like a given one: of the same shape and the same kind, with other numbers.

A mistake can hide in the numbers given: zeros, ties, saturated rows. The kind is read off the numbers: class indices, a
mask or labels of two values, one-hot rows, probabilities, positive numbers, or any numbers. An array that is symmetric,
sorted, or has unit rows stays so.
"""

from __future__ import annotations

import math

import numpy as np

from softgrad.formulas.numbers import Array

TINY = 2.0**-20


def redraw(array: Array, rng: np.random.Generator, *, standard: bool) -> Array:
    """Another array of the same kind.

    Args:
        array: the array given.
        rng: the source of the numbers.
        standard: draw real numbers with mean 0 and standard deviation 1, instead of those of the array. Numbers below
            a millionth keep their size: what varies on that scale has no digits at 1.
    """
    if array.dtype == bool or array.ndim == 0 or not array.size:
        return shuffled(array, rng)
    if array.dtype.kind in "iu":
        return _one_hot_or_mask(array, rng) if _is_one_hot(array) else _relabelled(array, rng)
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        return array.copy()
    values = np.unique(array)
    if len(values) <= 2 and 0 in values and values[-1] > 0:
        return _one_hot_or_mask(array, rng)
    if len(values) == 2:
        return shuffled(array, rng)
    return _as_ordered(_real(array, rng, standard=standard), array)


def is_free(array: Array) -> bool:
    """Whether an array holds arbitrary real numbers: no labels, no mask, no probabilities."""
    if array.dtype.kind != "f" or array.ndim == 0 or not array.size or len(np.unique(array)) <= 2:
        return False
    return not ((array >= 0).all() and any(np.allclose(array.sum(axis=axis), 1) for axis in range(array.ndim)))


def _as_ordered(drawn: Array, array: Array) -> Array:
    """The drawn numbers made symmetric, sorted, or of unit rows, if those given are."""
    if is_symmetric(array):
        return np.asarray((drawn + np.swapaxes(drawn, -1, -2)) / 2)
    if array.ndim == 1 and len(array) > 2 and (np.diff(array) > 0).all():
        return np.sort(drawn)
    small = bool((np.abs(array) < 2).all())  # the square of a large one may overflow
    if small and array.ndim and array.shape[-1] > 1 and np.allclose(np.linalg.norm(array, axis=-1), 1, rtol=1e-9):
        return np.asarray(drawn / np.linalg.norm(drawn, axis=-1, keepdims=True))
    return drawn


def still_distributions(taken: Array, array: Array, axis: int) -> Array:
    """Entries taken from an array on one axis, which are distributions on it if the array holds some.

    Without one class, the one-hot row of that class would be 0, and with a class twice it would have two ones.
    """
    if array.dtype.kind not in "fiu" or _axes_of_distributions(array) != [axis % max(array.ndim, 1)]:
        return taken
    total = taken.sum(axis=axis, keepdims=True)
    if np.isin(array, (0, 1)).all():
        rows = np.zeros_like(taken)
        np.put_along_axis(rows, taken.argmax(axis=axis, keepdims=True), 1, axis=axis)
        return rows
    return np.asarray(taken / total, dtype=array.dtype) if (total > 0).all() else taken


def _axes_of_distributions(array: Array) -> list[int]:
    """The axes along which an array sums to 1, without negative numbers."""
    if not array.size or not (array >= 0).all():
        return []
    lengths = enumerate(array.shape)
    return [axis for axis, n in lengths if n > 1 and np.allclose(array.sum(axis=axis), 1, atol=1e-6)]


def is_symmetric(array: Array) -> bool:
    """Whether an array holds a symmetric matrix, or several on its last two axes."""
    if array.ndim < 2 or not array.size or not 1 < array.shape[-1] == array.shape[-2]:
        return False
    return bool(np.array_equal(array, np.swapaxes(array, -1, -2)))


def _real(array: Array, rng: np.random.Generator, *, standard: bool) -> Array:
    """Real numbers: probabilities, positive numbers, or any numbers."""
    if (array >= 0).all():
        for axis in range(array.ndim):
            if array.shape[axis] > 1 and np.allclose(array.sum(axis=axis), 1, atol=1e-6):
                return _probabilities(array, axis, rng)
    if (array > 0).all():
        inside = 1.0 if (array < 1).all() else np.inf
        drawn: Array = np.exp(np.log(array).mean() + max(np.log(array).std(), 0.2) * rng.standard_normal(array.shape))
        return drawn if inside > 1 else drawn / (1 + drawn)
    exponent = min(math.frexp(float(np.abs(array).max()))[1], 1000)
    unit = 2.0**exponent  # divided by it, no square overflows or underflows
    usual = unit if unit < TINY else 1.0
    if standard:
        return rng.standard_normal(array.shape) * usual
    scaled = array.astype(np.float64) / unit
    spread = scaled.std() or max(abs(scaled.mean()), usual / unit)
    return np.asarray((scaled.mean() + spread * rng.standard_normal(array.shape)) * unit)


def shuffled(array: Array, rng: np.random.Generator) -> Array:
    """The same entries in another order."""
    return rng.permutation(array.ravel()).reshape(array.shape)


def nudged(array: Array, rng: np.random.Generator) -> Array:
    """Nearly the same real numbers, for a function that is defined in a small region only. Integers do not change."""
    if array.dtype.kind != "f":
        return array.copy()
    return _as_ordered(np.asarray(array * (1 + 0.1 * rng.uniform(-1, 1, array.shape))), array)


def moved(number: Array, rng: np.random.Generator) -> Array:
    """Another number like a single real one: of its sign, and below 1 if it is between 0 and 1; any number for 0."""
    if number.dtype.kind != "f" or not np.isfinite(number):
        return number.copy()
    step = rng.standard_normal()
    if number == 0:
        return np.asarray(0.5 * step)
    other = np.asarray(number * np.exp(0.3 * step))
    return np.asarray(np.minimum(other, (1 + number) / 2)) if 0 < number < 1 else other


def _relabelled(array: Array, rng: np.random.Generator) -> Array:
    """Class indices, renamed and in another order. Negative ones, which mark ignored rows, keep their value."""
    labels = np.unique(array[array >= 0])
    names = dict(zip(labels.tolist(), rng.permutation(labels).tolist(), strict=True))
    relabelled = np.array([names.get(v, v) for v in array.ravel().tolist()], dtype=array.dtype)
    return shuffled(relabelled.reshape(array.shape), rng)


def _is_one_hot(array: Array) -> bool:
    return array.ndim > 1 and any(
        ((array == 1).sum(axis=a) == 1).all() and (array.sum(axis=a) == 1).all() for a in range(array.ndim)
    )


def _one_hot_or_mask(array: Array, rng: np.random.Generator) -> Array:
    """Other one-hot rows; any other array of two values is a mask, whose entries are shuffled."""
    for axis in range(array.ndim):
        if array.ndim > 1 and ((array != 0).sum(axis=axis) == 1).all():
            rows = np.moveaxis(array, axis, -1)
            rows = rows[..., rng.permutation(rows.shape[-1])].copy()
            flat = rows.reshape(-1, rows.shape[-1])
            return np.moveaxis(rng.permutation(flat).reshape(rows.shape), -1, axis)
    if array.ndim == 2 and is_symmetric(array):  # the edges of a graph: its vertices get another order
        order = rng.permutation(len(array))
        return array[order][:, order]
    return shuffled(array, rng)


def _probabilities(array: Array, axis: int, rng: np.random.Generator) -> Array:
    drawn = np.exp(rng.standard_normal(array.shape))
    return np.asarray(drawn / drawn.sum(axis=axis, keepdims=True))
