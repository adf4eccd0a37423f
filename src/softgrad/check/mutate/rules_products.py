"""Changes of what flows through a product: the other factor transposed, another array in its place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Ref, Where, as_it_is
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.trace.contractions import einsum_contribution
from softgrad.check.trace.node import Node
from softgrad.check.trace.operations import local_derivative, summed_to
from softgrad.formulas.numbers import Array


def equal_axes(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """The pairs of axes of equal length, those at the end first."""
    pairs = [(i, j) for i, j in combinations(range(len(shape)), 2) if shape[i] == shape[j] > 1]
    return sorted(pairs, key=lambda pair: (-pair[1], -pair[0]))


def of_product(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    """Changes of an einsum that need no other node.

    Args:
        where: the nodes.
        node: one of them.
        k: the operand.
    """
    for i, other in enumerate(node.parents):
        if i != k:
            is_kernel = len(node.parents[k].shape) > len(other.shape) > 2  # what it meets are windows
            for axes in equal_axes(other.shape):
                cost = 1.4 if is_kernel and min(axes) > 1 else 1.1
                yield Candidate("transposed-product", where, k, _with_transposed(i, axes), cost, {"other": i})
            if len(other.shape) > 2:
                yield Candidate("kernel-not-flipped", where, k, _with_turned(i), 1.3, {"other": i})
    has_windows = any(len(node.parents[k].shape) > len(one.shape) > 2 for one in node.parents)
    for axes in equal_axes(node.parents[k].shape):
        cost = 1.4 if has_windows and min(axes) > 1 else 1.2
        yield Candidate("transposed-product", where, k, _result_transposed(axes), cost, {"variant": "result"})
    for axes in equal_axes(node.shape):
        yield Candidate("transposed-product", where, k, _gradient_transposed(axes), 1.3, {"variant": "gradient"})
    if node.shape == node.parents[k].shape:
        yield Candidate("skipped", where, k, _passed_on, 1.4, {"variant": "product"})


def _with_transposed(i: int, axes: tuple[int, int]) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return einsum_contribution(node, k, g, {i: _swapped(node.parents[i].value, axes)})

    return rule


def _with_turned(i: int) -> Rule:
    """In a product with windows, the kernel is read from its other end: along all axes behind the first two."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        kernel = node.parents[i].value
        return einsum_contribution(node, k, g, {i: np.flip(kernel, tuple(range(2, kernel.ndim)))})

    return rule


def _result_transposed(axes: tuple[int, int]) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return _swapped(right, axes)

    return rule


def _gradient_transposed(axes: tuple[int, int]) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return einsum_contribution(node, k, _swapped(g, axes))

    return rule


def of_windows(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    """Of a convolution of two signals: one of them is read from its other end."""
    if len(node.shape) == 1:
        for ends in (False, True):
            told = {"variant": "reversed", "axis": 0}
            yield Candidate("memory-order", where, k, _with_reversed(ends), 1.2 + 0.1 * ends, told)


def _with_reversed(ends: bool) -> Rule:
    """The gradient of the result, and what flows back along the other axis, too."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        flow = einsum_contribution(node, k, g[::-1])
        return np.flip(flow, -1) if ends else flow

    return rule


def _passed_on(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
    return g


def _swapped(array: Array, axes: tuple[int, int]) -> Array:
    if array.shape[axes[0]] != array.shape[axes[1]]:
        raise Misfit
    return np.swapaxes(array, *axes)


def with_operand(where: Where, k: int, i: int, ref: Ref, kind: str, cost: float) -> Candidate:
    """Another array stands in the place of operand i, of a product or of an operation that works entry by entry."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, j: Any, g: Array, right: Array) -> Array:
        old, new = node.parents[i].value, ref.node(draw, node).value
        if new.dtype.kind not in "fb" and new.dtype.kind not in "iu":
            raise Misfit
        if new.shape != old.shape:
            if new.size != old.size or sorted(new.shape) != sorted(old.shape):
                raise Misfit
            new = new.T if new.T.shape == old.shape else new.reshape(old.shape)
        if node.op == "einsum":
            return einsum_contribution(node, j, g, {i: np.asarray(new, dtype=float)})
        return summed_to(np.broadcast_to(g * _local(node, j, i, new), node.shape), node.parents[j].shape)

    return Candidate(kind, where, k, rule, cost, {"other": i, "ref": ref})


def with_gradient(where: Where, k: int, i: int) -> Candidate:
    """The gradient of operand i stands in the place of its value: an array was overwritten, or names are alike."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, j: Any, g: Array, right: Array) -> Array:
        other = node.parents[i]
        if other not in draw.adjoints:
            raise Misfit
        value = draw.adjoints[other]
        if node.op == "einsum":
            return einsum_contribution(node, j, g, {i: value})
        return summed_to(np.broadcast_to(g * _local(node, j, i, value), node.shape), node.parents[j].shape)

    return Candidate("wrong-operand", where, k, rule, 1.8, {"other": i, "variant": "its gradient"})


def _local(node: Node, k: int, i: int, value: Array) -> Array:
    from softgrad.check.mutate.forward import evaluated
    from softgrad.check.trace.elementwise import partial

    if local_derivative(node, k) is None:
        raise Misfit
    operands = [one.value for one in node.parents]
    operands[i] = np.asarray(value, dtype=float)
    return partial(node.op, k, evaluated(node, operands), operands)


def after_the_step(draw: Draw, where: Where, node: Node, k: int, i: int) -> Iterator[Candidate]:
    """The other operand of a product is a parameter, or a view of one, that was updated before the backward pass."""
    source = node.parents[i]
    while source.op == "gather":
        source = source.parents[0]
    key = next((key for key, one in draw.graph.inputs.items() if one is source and key in draw.rights), None)
    if key is None:
        return

    def rule(draw: Draw, adjoint: Adjoint, one: Node, j: Any, g: Array, right: Array) -> Array:
        start = draw.graph.inputs[key]
        views, operand = [], one.parents[i]
        while operand is not start:
            if operand.op != "gather":
                raise Misfit
            views.append(operand)
            operand = operand.parents[0]
        step = draw.users[key]
        for view in reversed(views):
            step = step.ravel()[view.static["index"]]
        return einsum_contribution(one, j, g, {i: step})

    yield Candidate("updated-weights", where, k, rule, 1.6, {"other": i}, base=as_it_is)


def with_factor(where: Where, k: int | None, ref: Ref, *, divided: bool, cost: float) -> Candidate:
    """What flows is also multiplied, or divided, by the value of another node."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, j: Any, g: Array, right: Array) -> Array:
        value = np.asarray(ref.node(draw, node).value, dtype=float)
        if value.ndim and np.broadcast_shapes(value.shape, right.shape) != right.shape:
            raise Misfit
        return np.asarray(right / value if divided else right * value)

    kind = "wrong-factor"
    return Candidate(kind, where, k, rule, cost, {"ref": ref, "variant": "divided" if divided else "times"})


def from_gradient(where: Where, k: int, ref: Ref, kind: str, cost: float, variant: str) -> Candidate:
    """The gradient of another node stands in the place of that of the result."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, j: Any, g: Array, right: Array) -> Array:
        other = ref.node(draw, node)
        if other not in draw.adjoints or other.shape != node.shape:
            raise Misfit
        # A node further back is not known yet where a loop changes it, and its right gradient stands for it.
        return draw.flow(node, j, adjoint(other))

    return Candidate(kind, where, k, rule, cost, {"ref": ref, "variant": variant}, may_scale=False)
