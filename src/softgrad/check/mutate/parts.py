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
        axis: along which it works.
    """

    line: str
    a: Node
    b: Node
    axis: int

    def names(self, draw: Draw, a: Node, b: Node, g: Array) -> dict[str, Any]:
        """What the names of the line stand for, at one repetition."""
        x, y, axis = a.value, b.value, self.axis
        found = functions(Layout(axis, y.ndim))
        for i in range(y.ndim):
            found[f"sum_{i}"] = _along(np.sum, i)
            found[f"mean_{i}"] = _along(np.mean, i)
        found |= {"K": float(y.shape[axis]), "m": float(y.size // y.shape[axis])}
        if self.line == SOFTMAX:
            return found | {"p": y, "z": x, "dp": g}
        if self.line == LOG_SOFTMAX:
            return found | {"p": np.exp(y), "logp": y, "z": x, "dp": g}
        s = _divisor(self.line, x, y, axis)
        if self.line == UNIT:
            return found | {"y": y, "x": x, "dy": g, "length": s}
        mu = _mean(x, axis)
        var = _mean((x - mu) ** 2, axis)
        found |= {"xhat": y, "x": x, "dxhat": g, "std": s, "rms": s, "mu": mu, "var": var}
        return found | {"epsilon": float(np.mean(s * s - var))}


def _along(reduce: Any, axis: int) -> Any:
    return lambda x: reduce(x, axis=axis, keepdims=True)


def _mean(x: Array, axis: int) -> Array:
    return np.asarray(x.mean(axis=axis, keepdims=True))


def _divisor(line: str, x: Array, y: Array, axis: int) -> Array:
    """What the standardised numbers were divided by."""
    above = x - _mean(x, axis) if line == STANDARD else x
    squares = (above * above).sum(axis=axis, keepdims=True) / (y * y).sum(axis=axis, keepdims=True)
    return np.asarray(np.sqrt(squares))


def value_of(line: str, names: dict[str, Any], shape: tuple[int, ...]) -> Array | None:
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
            found = next((one for axis in range(len(b.shape)) for one in _ending_at(draw, b, axis)), None)
            if found is not None:
                seen.add(place)
                yield found


def _ending_at(draw: Draw, b: Node, axis: int) -> Iterator[Part]:
    y = b.value
    if y.shape[axis] < 2:
        return
    lines = []
    if (y >= 0).all() and _near(y.sum(axis=axis), 1.0):
        lines.append(SOFTMAX)
    elif (y <= 0).all() and _near(np.exp(y).sum(axis=axis), 1.0):
        lines.append(LOG_SOFTMAX)
    else:
        if np.abs(y.mean(axis=axis)).max() <= WITHIN * np.abs(y).max() and y.shape[axis] > 2:
            lines.append(STANDARD)
        lines += [RMS, UNIT]
    for a in draw.live[max(0, draw.order[b] - MOST_BETWEEN) : draw.order[b]]:
        if a.shape == b.shape and a in draw.adjoints and draw.depends(b, a):
            for line in lines:
                part = Part(line, a, b, axis)
                if _is(draw, part):
                    yield part


def _is(draw: Draw, part: Part) -> bool:
    """Whether the numbers are those of the function, and the line gives what flows back."""
    x, y, axis = part.a.value, part.b.value, part.axis
    if part.line in (SOFTMAX, LOG_SOFTMAX):
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        wanted = e / e.sum(axis=axis, keepdims=True)
        if not _near(np.log(wanted) if part.line == LOG_SOFTMAX else wanted, y):
            return False
    elif not _near(y * _divisor(part.line, x, y, axis), x - _mean(x, axis) if part.line == STANDARD else x):
        return False
    g = np.cos(np.arange(y.size)).reshape(y.shape)
    got = value_of(part.line, part.names(draw, part.a, part.b, g), y.shape)
    flows = pulled(draw, part.a, part.b, g, between(draw, part.a, part.b))
    return got is not None and _near(got, flows)


def _near(got: Any, wanted: Any, within: float = WITHIN) -> bool:
    wanted = np.asarray(wanted)
    return bool((np.abs(got - wanted) <= within * (np.abs(wanted).max(initial=0.0) + 1e-300)).all())
