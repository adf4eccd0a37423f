"""Changes of what flows through one operation to one operand: left out, another factor, another sum, another mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import ANY, Candidate, Misfit, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.trace.elementwise import PARTIALS, partial
from softgrad.check.trace.node import Node
from softgrad.check.trace.operations import local_derivative, spread, summed_to
from softgrad.formulas.numbers import Array

SIGNED = ("subtract", "negative")
LINEAR = ("add", "subtract", "negative", "positive", "cast", "gather", "assemble")
MASKS = ("maximum", "minimum", "clip", "absolute", "fabs", "where", "fmax", "fmin")
NON_LINEAR = frozenset(PARTIALS) - {"add", "subtract", "multiply", "negative", "positive"}


def scale(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
    """What flows, times a factor that is found later."""
    return right


def _by_local(change: Callable[[Array, Array, Array, Array], Array]) -> Rule:
    """A rule from another local derivative: a function of the right one, the operand, the result and the gradient."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        local = local_derivative(node, k)
        if local is None:
            raise Misfit
        other = change(local, node.parents[k].value, node.value, g)
        return summed_to(np.broadcast_to(g * other, node.shape), node.parents[k].shape)

    return rule


def _at(where: Callable[[Node, Array], Array], result_too: bool = True) -> Rule:
    """The derivative of an operation with one operand, taken at another value."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        from softgrad.check.mutate.forward import evaluated

        operands = [one.value for one in node.parents]
        operands[k] = where(node, g)
        value = evaluated(node, operands) if result_too else node.value
        if value.shape != node.shape:
            raise Misfit
        return summed_to(g * partial(node.op, k, value, operands), node.parents[k].shape)

    return rule


def of_edge(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    """Changes that need nothing but the operation itself.

    Args:
        where: the nodes.
        node: one of them.
        k: the operand.
    """
    op = node.op
    yield Candidate("wrong-factor", where, k, scale, 1.0)
    if op in PARTIALS:
        yield from _of_elementwise(where, node, k)
    if op in ("sum", "mean", "max", "min", "norm", "std", "var", "prod", "logsumexp"):
        yield from _of_reduction(where, node, k)
    if op == "where":
        yield Candidate("left-out", where, k, _unmasked, 1.3, {"variant": "mask"})
        yield Candidate("wrong-operand", where, k, _inverted_mask, 1.6, {"variant": "inverted mask"})
        if k == 0 and node.parents[1].active:
            yield Candidate("wrong-operand", where, ANY, _inverted_mask, 1.5, {"variant": "inverted mask"})
    if node.shape != node.parents[k].shape and (op in PARTIALS or op == "where"):
        yield from _of_broadcast(where, node, k)


def _of_elementwise(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    op = node.op
    if op not in LINEAR:
        variant = "mask" if op in MASKS else "local"
        cost = 1.0 if op in ("multiply", "divide") else 1.1
        yield Candidate("left-out", where, k, _by_local(lambda d, x, y, g: np.ones_like(d)), cost, {"variant": variant})
        yield Candidate("applied-twice", where, k, _by_local(lambda d, x, y, g: d * d), 1.7, {"variant": "local"})
        yield Candidate("wrong-factor", where, k, _by_local(lambda d, x, y, g: 1 / d), 1.6, {"variant": "inverted"})
    if op in NON_LINEAR and op not in MASKS:
        yield Candidate("forward-value", where, k, _by_local(lambda d, x, y, g: y), 1.6)
        more = 0.4 * (op in ("divide", "power", "square", "sqrt", "reciprocal"))
        yield Candidate("derivative-at-output", where, k, _at(lambda one, g: one.value), 1.7 + more)
        yield Candidate("derivative-at-upstream", where, k, _at(lambda one, g: g), 1.9 + more)
        yield Candidate("wrong-operand", where, k, _by_local(lambda d, x, y, g: x), 2.2, {"variant": "input"})
    if op in ("maximum", "minimum", "absolute", "clip"):
        yield Candidate("derivative-at-upstream", where, k, _at(lambda one, g: g), 1.7)
        inverted = _by_local(lambda d, x, y, g: 1 - d)
        yield Candidate("wrong-operand", where, k, inverted, 1.7, {"variant": "inverted mask"})
        yield Candidate("forward-value", where, k, _by_local(lambda d, x, y, g: y), 1.7)
    if op == "divide" and k == 1:
        yield Candidate("wrong-factor", where, k, _by_local(lambda d, x, y, g: d * x), 1.2, {"variant": "not squared"})
    if op in ("power", "square") and k == 0:
        for name, cost, change in (
            ("exponent kept", 1.2, lambda d, x, y, g: d * x),
            ("exponent one less", 1.5, lambda d, x, y, g: d / x),
            ("exponent left out", 1.2, lambda d, x, y, g: y / x),
        ):
            yield Candidate("wrong-factor", where, k, _by_local(change), cost, {"variant": name})
    if op in ("power", "float_power") and k == 1:
        yield Candidate("wrong-factor", where, k, _without_log, 1.3, {"variant": "no logarithm"})
        yield Candidate("wrong-factor", where, k, _base_for_log, 1.5, {"variant": "base"})
    if op in NON_LINEAR and op not in MASKS and k == 0 and len(node.parents) == 1:
        yield Candidate("derivative-at-minus", where, k, _at(lambda one, g: -one.parents[0].value), 1.7)
    if op in ("multiply", "divide"):
        yield Candidate("left-out", where, k, _by_local(lambda d, x, y, g: np.sign(d)), 1.9, {"variant": "size"})


def _without_log(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
    return summed_to(g * node.value, node.parents[k].shape)


def _base_for_log(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
    return summed_to(g * node.value * node.parents[0].value, node.parents[k].shape)


def _unmasked(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
    return summed_to(g, node.parents[k].shape)


def _inverted_mask(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
    chosen = node.static["condition"] if k else ~node.static["condition"]
    return summed_to(np.where(chosen, g, 0.0), node.parents[k].shape)


def _of_reduction(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    def everywhere(draw: Draw, adjoint: Adjoint, one: Node, j: Any, g: Array, right: Array) -> Array:
        return np.broadcast_to(spread(one, g), one.parents[0].shape).astype(float)

    def at_first(draw: Draw, adjoint: Adjoint, one: Node, j: Any, g: Array, right: Array) -> Array:
        x = one.parents[0].value
        chosen = x == spread(one, one.value)
        if len(one.static["axis"]) == 1:
            chosen = chosen & (np.cumsum(chosen, axis=one.static["axis"][0]) == 1)
        return np.asarray(np.where(chosen, spread(one, g), 0.0))

    def shared_by_all(draw: Draw, adjoint: Adjoint, one: Node, j: Any, g: Array, right: Array) -> Array:
        return np.where(one.parents[0].value == spread(one, one.value), spread(one, g), 0.0)

    def undivided(draw: Draw, adjoint: Adjoint, one: Node, j: Any, g: Array, right: Array) -> Array:
        return np.asarray(spread(one, g) * one.parents[0].value)

    if node.op == "mean":
        yield Candidate("wrong-factor", where, k, everywhere, 0.9, {"variant": "mean"})
    elif node.op in ("max", "min"):
        yield Candidate("left-out", where, k, everywhere, 1.4, {"variant": "mask"})
        yield Candidate("wrong-factor", where, k, shared_by_all, 1.5, {"variant": "ties"})
        yield Candidate("wrong-factor", where, k, at_first, 1.5, {"variant": "ties"})
    elif node.op == "norm":
        yield Candidate("left-out", where, k, undivided, 1.3, {"variant": "norm"})
    if node.op not in ("sum", "mean", "max", "min"):
        yield Candidate("left-out", where, k, everywhere, 1.4, {"variant": "local"})


def over_other_axes(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    """Of a reduction whose result is broadcast again: the sum of the backward pass runs over another axis."""
    for axis in (*range(len(node.parents[0].shape)), None):
        if axis is None or (axis,) != tuple(node.static["axis"]):
            for which in (None, 0, 1):
                for use in (None, 0, 1):
                    yield Candidate("broadcast-sum", where, k, _over(axis, which, use), 1.5, {"variant": "other axis"})


def _over(axis: int | None, which: int | None, use: int | None) -> Rule:
    """The sum over another axis of what arrives, or of what arrives at one place, by one of the uses of its result."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        shape = node.parents[0].shape
        full = np.zeros(shape)
        pending = list(draw.graph.consumers.get(node, ()))
        if which is not None:
            pending = [pending[which]]
        while pending:
            taker, j = pending.pop()
            if taker.op == "gather" and taker.static["kind"] == "reshape":
                pending += draw.graph.consumers.get(taker, ())
            elif taker.op in PARTIALS and taker.shape == shape != node.shape:
                arrives = adjoint(taker)
                if use is not None:
                    later, operand = draw.graph.consumers[taker][use]
                    arrives = draw.flow(later, operand, adjoint(later))
                full = full + _unsummed(taker, j, arrives)
            else:
                raise Misfit
        if axis is not None and shape[axis] == 1:
            raise Misfit
        summed = full.sum(axis=axis, keepdims=True)
        return np.asarray(np.broadcast_to(summed / (full.size / summed.size if node.op == "mean" else 1), shape))

    return rule


def summed_the_other_way(where: Where, k: int) -> Candidate:
    """Of a cumulative sum."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, j: Any, g: Array, right: Array) -> Array:
        axis = node.static["axis"][0]
        if node.op == "cumprod":
            return np.asarray(np.cumsum(g * node.value, axis=axis) / node.parents[0].value)
        return np.asarray(np.cumsum(g, axis=axis))

    return Candidate("broadcast-sum", where, k, rule, 1.3, {"variant": "cumulative"})


def _of_broadcast(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    """The operand was broadcast: its gradient is a sum over the axes along which it was."""

    def by(change: Callable[[Array, tuple[int, ...]], Array], name: str, kind: str, cost: float) -> Candidate:
        def rule(draw: Draw, adjoint: Adjoint, one: Node, j: Any, g: Array, right: Array) -> Array:
            full, shape = _unsummed(one, j, g), one.parents[j].shape
            padded = (1,) * (full.ndim - len(shape)) + shape
            axes = tuple(i for i, (n, m) in enumerate(zip(full.shape, padded, strict=True)) if m == 1 != n)
            return np.asarray(change(full, axes)).reshape(shape)

        return Candidate(kind, where, k, rule, cost, {"variant": name})

    def one_of(i: int) -> Callable[[Array, tuple[int, ...]], Array]:
        def change(full: Array, axes: tuple[int, ...]) -> Array:
            for axis in axes:
                full = np.take(full, [i], axis=axis)
            return full

        return change

    yield by(_once, "once", "broadcast-sum", 1.6)
    yield by(one_of(-1), "last", "only-the-last", 1.4)
    yield by(one_of(0), "first", "only-the-last", 1.4)
    yield by(lambda full, axes: np.broadcast_to(full.sum(), _kept(full, axes)), "all", "broadcast-sum", 1.3)
    if len(node.shape) >= 2:
        for axis in range(len(node.shape)):
            yield by(_along(axis), f"axis {axis}", "broadcast-sum", 1.4)


def _once(full: Array, axes: tuple[int, ...]) -> Array:
    """Not summed: the one value that all entries have, if they are not 0."""
    value = full.flat[np.argmax(np.abs(full))]
    if not np.allclose(full[full != 0], value, rtol=1e-9):
        raise Misfit
    return np.full(_kept(full, axes), value)


def _along(axis: int) -> Callable[[Array, tuple[int, ...]], Array]:
    def change(full: Array, axes: tuple[int, ...]) -> Array:
        if axes == (axis,):
            raise Misfit
        summed = full.sum(axis=axis, keepdims=True)
        kept = _kept(full, axes)
        if summed.size != int(np.prod(kept)):
            raise Misfit
        return np.asarray(summed.reshape(kept))

    return change


def _kept(full: Array, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(full.shape))


def _unsummed(node: Node, k: int, g: Array) -> Array:
    if node.op == "where":
        chosen = node.static["condition"] if k == 0 else ~node.static["condition"]
        return np.where(chosen, g, 0.0)
    local = local_derivative(node, k)
    if local is None:
        raise Misfit
    return np.asarray(g * local)
