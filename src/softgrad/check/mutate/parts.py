"""Parts of a graph that are known functions, each with the line of its backward pass: softmax, norms.

    softmax          p = softmax(z)                     dz = p * (dp - Σ_k(p * dp))
    log-softmax      logp = log(softmax(z))             dz = dp - p * Σ_k(dp)
    normalisation    y = (x - mean_k(x)) / s            dx = (dy - mean_k(dy) - y * mean_k(dy * y)) / s
    RMS norm         y = x / s, s^2 = mean_k(x^2) + e   dx = (dy - y * mean_k(dy * y)) / s
    unit vectors     y = x / s, s^2 = Σ_k(x^2) + e      dx = (dy - y * Σ_k(dy * y)) / s

A part is recognised by its numbers, and the line has to give what really flows back. What people get wrong in a line
that is written in the result is no change of one operation of the forward pass: it is an edit of this line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.catalogue.log_softmax import LOG_SOFTMAX
from softgrad.check.catalogue.normalisation import RMS, UNIT, through
from softgrad.check.catalogue.softmax import SOFTMAX
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.stretches import between, pulled
from softgrad.check.trace.node import Node
from softgrad.formulas.language import IMPOSSIBLE, Layout, functions, run, split
from softgrad.formulas.numbers import Array

STANDARD = through("k")
NAMES = {
    SOFTMAX: "softmax",
    LOG_SOFTMAX: "log-softmax",
    STANDARD: "the normalisation",
    RMS: "the division by the root mean square",
    UNIT: "the division by the length",
}
WITHIN = 1e-8
MOST_BETWEEN = 30


class Part(NamedTuple):
    """A known function within a graph.

    Attributes:
        line: of its backward pass.
        a: its input.
        b: its result.
        axes: along which it works; of softmax one.
    """

    line: str
    a: Node
    b: Node
    axes: tuple[int, ...]

    def value(self, line: str, a: Node, b: Node, g: Array) -> Array | None:
        """What a line gives at one repetition, for the gradient g of b; None if its shapes do not fit."""
        x, y, axes = a.value, b.value, self.axes
        if len(axes) == 1:
            return _value_of(line, self._names(x, y, g, axes[0]), y.shape)
        rows = _as_rows(y, axes)
        found = _value_of(line, self._names(_as_rows(x, axes), rows, _as_rows(g, axes), 1), rows.shape)
        return None if found is None else _from_rows(found, y.shape, axes)

    def value_in_blocks(self, a: Node, b: Node, g: Array, length: int, *, strided: bool) -> Array | None:
        """What the line gives if its means run over blocks of so many entries, in a row or far apart."""
        rows, axes = _as_rows(b.value, self.axes), self.axes
        names = self._names(_as_rows(a.value, axes), rows, _as_rows(g, axes), 1)
        parts = (length, rows.shape[1] // length) if strided else (rows.shape[1] // length, length)

        def in_blocks(reduce: Any) -> Any:
            def of(array: Array) -> Array:
                blocks = array.reshape(len(array), *parts)
                found = reduce(blocks, axis=1 if strided else 2, keepdims=True)
                return np.broadcast_to(found, blocks.shape).reshape(array.shape)

            return of

        found = _value_of(self.line, {**names, "mean_k": in_blocks(np.mean), "sum_k": in_blocks(np.sum)}, rows.shape)
        return None if found is None else _from_rows(found, b.shape, axes)

    def _names(self, x: Array, y: Array, g: Array, axis: int) -> dict[str, Any]:
        """What the names of the line stand for."""
        found = functions(Layout(axis, y.ndim))
        for i in range(y.ndim):
            found[f"sum_{i}"] = _along(np.sum, i)
            found[f"mean_{i}"] = _along(np.mean, i)
        found |= {"K": float(y.shape[axis]), "m": float(y.size // y.shape[axis])}
        if self.line == SOFTMAX:
            return found | {"p": y, "z": x, "dp": g}
        if self.line == LOG_SOFTMAX:
            return found | {"p": np.exp(y), "logp": y, "z": x, "dp": g}
        s = _divisor(self.line, x, y, (axis,))
        if self.line == UNIT:
            return found | {"y": y, "x": x, "dy": g, "length": s}
        mu = _mean(x, (axis,))
        var = _mean((x - mu) ** 2, (axis,))
        found |= {"xhat": y, "x": x, "dxhat": g, "std": s, "rms": s, "mu": mu, "var": var}
        return found | {"epsilon": float(np.mean(s * s - var))}


def _as_rows(array: Array, axes: tuple[int, ...]) -> Array:
    """An array as a matrix, with one row for all that the axes run along."""
    moved = np.moveaxis(array, axes, range(-len(axes), 0))
    return moved.reshape(math.prod(moved.shape[: -len(axes)]), -1)


def _from_rows(rows: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """The array that has these rows."""
    kept = [n for i, n in enumerate(shape) if i not in axes]
    return np.moveaxis(rows.reshape(*kept, *(shape[i] for i in axes)), range(-len(axes), 0), axes)


def _along(reduce: Any, axis: int) -> Any:
    return lambda x: reduce(x, axis=axis, keepdims=True)


def _mean(x: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(x.mean(axis=axes, keepdims=True))


def _divisor(line: str, x: Array, y: Array, axes: tuple[int, ...]) -> Array:
    """What the standardised numbers were divided by."""
    above = x - _mean(x, axes) if line == STANDARD else x
    squares = (above * above).sum(axis=axes, keepdims=True) / (y * y).sum(axis=axes, keepdims=True)
    return np.asarray(np.sqrt(squares))


def _value_of(line: str, names: dict[str, Any], shape: tuple[int, ...]) -> Array | None:
    """What a line gives; None if its shapes do not fit."""
    target, _ = split(line)
    try:
        found = np.asarray(run((line,), dict(names))[target], dtype=float)
        return np.broadcast_to(found, shape)
    except (*IMPOSSIBLE, SyntaxError):
        return None


def parts(draw: Draw) -> Iterator[Part]:
    """The known functions in a graph, one for each place."""
    seen = set()
    with np.errstate(all="ignore"):
        for b in draw.live:
            place = (b.site, b.callers)
            if not b.shape or b not in draw.adjoints or place in seen or b.value.size < 2:
                continue
            found = next((one for axes in _groups_of_axes(len(b.shape)) for one in _ending_at(draw, b, axes)), None)
            if found is not None:
                seen.add(place)
                yield found


def _groups_of_axes(ndim: int) -> Iterator[tuple[int, ...]]:
    """Axes along which functions work: each alone, all but one (batch norm of images), all but the first."""
    yield from ((axis,) for axis in range(ndim))
    if ndim > 2:
        yield from (tuple(i for i in range(ndim) if i != axis) for axis in (1, 0, ndim - 1))
    if ndim > 3:
        yield (ndim - 2, ndim - 1)


def _ending_at(draw: Draw, b: Node, axes: tuple[int, ...]) -> Iterator[Part]:
    y = b.value
    count = math.prod(y.shape[axis] for axis in axes)
    if count < 2:
        return
    lines = []
    if len(axes) == 1 and (y >= 0).all() and _near(y.sum(axis=axes), 1.0):
        lines.append(SOFTMAX)
    elif len(axes) == 1 and (y <= 0).all() and _near(np.exp(y).sum(axis=axes), 1.0):
        lines.append(LOG_SOFTMAX)
    else:
        if np.abs(y.mean(axis=axes)).max() <= WITHIN * np.abs(y).max() and count > 2:
            lines.append(STANDARD)
        lines += [RMS, UNIT]
    for a in draw.live[max(0, draw.order[b] - MOST_BETWEEN) : draw.order[b]]:
        if a.shape == b.shape and a in draw.adjoints and draw.depends(b, a):
            for line in lines:
                part = Part(line, a, b, axes)
                if _is(draw, part):
                    yield part


def _is(draw: Draw, part: Part) -> bool:
    """Whether the numbers are those of the function, and the line gives what flows back."""
    x, y, axes = part.a.value, part.b.value, part.axes
    if part.line in (SOFTMAX, LOG_SOFTMAX):
        e = np.exp(x - x.max(axis=axes, keepdims=True))
        wanted = e / e.sum(axis=axes, keepdims=True)
        if not _near(np.log(wanted) if part.line == LOG_SOFTMAX else wanted, y):
            return False
    elif not _near(y * _divisor(part.line, x, y, axes), x - _mean(x, axes) if part.line == STANDARD else x):
        return False
    g = np.cos(np.arange(y.size)).reshape(y.shape)
    got = part.value(part.line, part.a, part.b, g)
    flows = pulled(draw, part.a, part.b, g, between(draw, part.a, part.b))
    return got is not None and _near(got, flows)


def _near(got: Any, wanted: Any, within: float = WITHIN) -> bool:
    wanted = np.asarray(wanted)
    return bool((np.abs(got - wanted) <= within * (np.abs(wanted).max(initial=0.0) + 1e-300)).all())
