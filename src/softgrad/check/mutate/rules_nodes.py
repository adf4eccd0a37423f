"""Changes of the gradient of a node as a whole: stopped, summed, transposed, clipped, another node's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Ref, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.mutate.rules_edges import scale
from softgrad.check.mutate.rules_products import equal_axes
from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array


def _by(change: Callable[[Array], Array]) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        other = np.asarray(change(g))
        if np.broadcast_shapes(other.shape, g.shape) != g.shape:
            raise Misfit
        return np.broadcast_to(other, g.shape)

    return rule


def of_node(where: Where, node: Node, *, is_output: bool = False) -> Iterator[Candidate]:
    """Changes of the gradient of a node that need no other node."""
    yield Candidate("wrong-factor", where, None, scale, 1.05, {"variant": "node"})
    for axes in equal_axes(node.shape):

        def swapped(g: Array, axes: tuple[int, int] = axes) -> Array:
            return np.swapaxes(g, *axes)

        kind = "transposed-product" if axes == (len(node.shape) - 2, len(node.shape) - 1) else "memory-order"
        yield Candidate(kind, where, None, _by(swapped), 1.4, {"variant": "node"})
    for axis in range(len(node.shape)):
        if node.shape[axis] > 1:

            def summed(g: Array, axis: int = axis) -> Array:
                return np.asarray(g.sum(axis=axis, keepdims=True))

            yield Candidate("broadcast-sum", where, None, _by(summed), 1.7, {"variant": f"summed {axis}"})
            for i in (0, -1):

                def one(g: Array, axis: int = axis, i: int = i) -> Array:
                    kept = np.zeros_like(g)
                    at = tuple(slice(None) if j != axis else i for j in range(g.ndim))
                    kept[at] = g[at]
                    return kept

                yield Candidate("only-the-last", where, None, _by(one), 1.6, {"variant": f"axis {axis} {i}"})
    last = len(node.shape) - 1
    for axes in (*((axis,) for axis in range(last + 1)), *(((last - 1, last),) if last > 0 else ())):
        if all(node.shape[axis] > 1 for axis in axes):

            def turned(g: Array, axes: tuple[int, ...] = axes) -> Array:
                return np.flip(g, axes)

            yield Candidate("memory-order", where, None, _by(turned), 1.6, {"variant": "reversed", "axis": axes[0]})
    if len(node.shape) > 1:
        yield Candidate("broadcast-sum", where, None, _by(lambda g: g.sum()), 1.8, {"variant": "summed all"})
    for bound in (1.0, 5.0, 10.0, 0.5, 0.1):

        def clipped(g: Array, bound: float = bound) -> Array:
            if not (np.abs(g) > bound).any():
                raise Misfit
            return np.clip(g, -bound, bound)

        yield Candidate("clipped", where, None, _by(clipped), 1.8, {"bound": bound}, may_scale=False)
    if is_output:
        yield Candidate("upstream-ignored", where, None, _by(lambda g: np.ones_like(g)), 1.0, may_scale=False)
    yield Candidate("wrong-operand", where, None, _by(np.abs), 1.9, {"variant": "absolute"})
    yield Candidate("wrong-operand", where, None, _by(np.sign), 2.0, {"variant": "sign"})


def from_other(where: Where, ref: Ref, kind: str, cost: float) -> Candidate:
    """The gradient of a node is that of another one."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        other = ref.node(draw, node)
        if other not in draw.adjoints or other.shape != node.shape:
            raise Misfit
        return adjoint(other)

    return Candidate(kind, where, None, rule, cost, {"ref": ref, "variant": "node"}, may_scale=False)
