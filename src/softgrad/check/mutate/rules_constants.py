"""Changes of the constants of the forward pass, wherever they stand: exchanged, or 1 - tau in the place of tau."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import ANY, Candidate, Misfit, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.mutate.forward import evaluated
from softgrad.check.trace.elementwise import PARTIALS, partial
from softgrad.check.trace.node import Node
from softgrad.check.trace.operations import summed_to
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

MOST_CONSTANTS = 6
PRODUCTS = ("multiply", "divide")


def of_constants(draw: Draw) -> Iterator[Candidate]:
    """Changes of numbers, and of arrays that no gradient is asked for."""
    found = dict.fromkeys(
        float(parent.value.reshape(()))
        for node in draw.live
        if node.op in PRODUCTS
        for parent in node.parents
        if parent.op == "constant" and parent.value.size == 1 and parent.value.dtype.kind == "f"
    )
    numbers = list(found)[:MOST_CONSTANTS]
    for a, b in combinations(numbers, 2):
        told = {"variant": "exchanged", "numbers": (a, b)}
        for op in PRODUCTS:
            yield Candidate("wrong-operand", Where(None, op=op), ANY, _exchanged({a: b, b: a}), 1.4, told)
    for a in numbers:
        if 0 < a < 1 and a != 0.5:
            told = {"variant": "complement", "number": f"{a:g}"}
            swap = {a: 1 - a, 1 - a: a, a - 1: -a, -a: a - 1}
            yield Candidate("wrong-operand", Where(None, op="multiply"), ANY, _exchanged(swap), 1.4, told)
    arrays = {
        id(parent): (parent.value, node, i)
        for node in draw.live
        if node.op == "multiply"
        for i, parent in enumerate(node.parents)
        if not parent.active and parent.value.size > 1 and ((parent.value > 0) & (parent.value < 1)).all()
    }
    for value, node, i in list(arrays.values())[:MOST_CONSTANTS]:
        of_array: dict[str, Any] = {"variant": "complement", "node": node, "at": i}
        yield Candidate("wrong-operand", Where(None, op="multiply"), ANY, _with_other_array(value), 1.4, of_array)
    for key, node in draw.graph.inputs.items():
        if key not in draw.rights and ((node.value > 0) & (node.value < 1)).all():
            told = {"variant": "complement", "key": key}
            yield Candidate("wrong-operand", Where(None, op="multiply"), ANY, _with_complement(key), 1.4, told)
        if key not in draw.rights and node.value.size > 1:
            told = {"variant": "negated", "key": key}
            yield Candidate("wrong-sign", Where(None, op="multiply"), ANY, _negated(key), 1.5, told)


def _negated(key: Key) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return -right if draw.graph.inputs[key] in _sources(node.parents[1 - k]) else right

    return rule


def _sources(node: Node) -> list[Node]:
    """A node, and the nodes that it is a view of."""
    found = [node]
    while found[-1].op == "gather":
        found.append(found[-1].parents[0])
    return found


def _exchanged(swap: dict[float, float]) -> Rule:
    def other(value: float) -> float:
        return next((new for old, new in swap.items() if abs(value - old) <= 1e-12 * max(abs(old), 1)), value)

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        for i, operand in enumerate(node.parents):
            if i != k and operand.op == "constant" and operand.value.size == 1:
                old = float(operand.value.reshape(()))
                if old:
                    ratio = other(old) / old
                    return right / ratio if node.op == "divide" and k == 0 else right * ratio
        return right

    return rule


def _with_other_array(array: Array) -> Rule:
    """The same for an array that depends on no input, and for what is computed of it without a trace."""
    swap = ((array, 1 - array), (array - 1, -array), (1 - array, array))

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        for i, operand in enumerate(node.parents):
            if i != k and not operand.active and operand.value.size == array.size:
                for old, new in swap:
                    if np.allclose(np.squeeze(operand.value), np.squeeze(old), rtol=1e-12, atol=0):
                        return summed_to(np.broadcast_to(g * new.reshape(operand.shape), node.shape), right.shape)
        return right

    return rule


def _with_complement(key: Key) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        operands = [one.value for one in node.parents]
        changed = False
        for i, operand in enumerate(node.parents):
            value = _at_complement(draw, operand, draw.graph.inputs[key], 3) if i != k else None
            if value is not None:
                operands[i], changed = value, True
        if not changed:
            return right
        return summed_to(g * partial(node.op, k, evaluated(node, operands), operands), node.parents[k].shape)

    return rule


def _at_complement(draw: Draw, node: Node, source: Node, depth: int) -> Array | None:
    """The value of a node where the source has 1 minus its value; None where it is made of something else too."""
    if node is source:
        return np.asarray(1 - node.value)
    if node.op == "gather":
        value = _at_complement(draw, node.parents[0], source, depth)
        return None if value is None else np.asarray(value.ravel()[node.static["index"]])
    if not depth or node.op not in PARTIALS:
        return None
    operands, found = [], False
    for parent in node.parents:
        value = parent.value if parent.op == "constant" else _at_complement(draw, parent, source, depth - 1)
        if value is None:
            return None
        found |= parent.op != "constant"
        operands.append(value)
    return evaluated(node, operands) if found else None


def unselected(where: Where, node: Node, k: int) -> Candidate | None:
    """An index or a mask of the forward pass is left out: entries that it does not take get a gradient as well."""
    if node.value.size >= node.parents[k].value.size or len(np.unique(node.static["index"])) < node.value.size:
        return None

    def rule(draw: Draw, adjoint: Adjoint, one: Node, j: Any, g: Array, right: Array) -> Array:
        full = _slope_of_all(draw, one, adjoint)
        result = np.array(right, dtype=float)
        outside = np.ones(result.size, dtype=bool)
        outside[one.static["index"].ravel()] = False
        result.ravel()[outside] = full.ravel()[outside]
        return result

    return Candidate("left-out", where, k, rule, 1.55, {"variant": "selection"}, may_scale=False)


def _slope_of_all(draw: Draw, view: Node, adjoint: Adjoint) -> Array:
    """What would flow back to all entries, had the forward pass not selected some before it summed.

    Raises:
        Misfit: between the view and the sum there is something that does not work entry by entry.
    """
    source, index = view.parents[0], view.static["index"]
    values: dict[Node, Array] = {view: source.value}
    slopes: dict[Node, Array] = {view: np.ones(source.shape)}
    total = np.zeros(source.shape)
    pending, seen = [one for one, _ in draw.graph.consumers[view]], set()
    while pending:
        node = min(pending, key=lambda one: one.index)
        pending.remove(node)
        if node in seen:
            continue
        seen.add(node)
        if node.op in ("sum", "mean") and node.value.size == 1:
            count = node.parents[0].value.size if node.op == "mean" else 1
            total = total + slopes[node.parents[0]] * float(adjoint(node).reshape(())) / count
            continue
        if node.op not in PARTIALS or node.shape != view.shape:
            raise Misfit
        operands = [values[one] if one in values else _unselected_value(one, index, source) for one in node.parents]
        values[node] = evaluated(node, operands)
        slopes[node] = np.zeros(source.shape)
        for i, one in enumerate(node.parents):
            if one in slopes:
                slopes[node] = slopes[node] + slopes[one] * partial(node.op, i, values[node], operands)
        pending += [one for one, _ in draw.graph.consumers[node]]
    return total


def _unselected_value(node: Node, index: Array, source: Node) -> Array:
    """What another operand would be without the selection: a number, or the array that they are selected from."""
    if node.value.size == 1:
        return node.value.reshape(())
    if node.op == "gather" and node.parents[0].shape == source.shape and np.array_equal(node.static["index"], index):
        return node.parents[0].value
    raise Misfit
