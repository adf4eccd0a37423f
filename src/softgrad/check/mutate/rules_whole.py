"""Changes of a gradient as it is returned: a penalty added, another order, another gradient's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Where, as_it_is
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.trace.node import Node
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

PARTS: dict[int, dict[str, Any]] = {  # where a bias stands among the weights, which a penalty leaves out
    1: {"[0]": 0, "[-1]": -1},
    2: {"[:, 0]": np.s_[:, 0], "[0]": 0, "[:, -1]": np.s_[:, -1], "[-1]": -1},
}


def _by(change: Callable[[Draw, Node, Array], Array]) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        other = np.asarray(change(draw, node, g))
        if other.shape != g.shape:
            raise Misfit
        return other

    return rule


def of_gradient(draw: Draw, key: Key) -> Iterator[Candidate]:
    """Changes of the gradient of one input."""
    where, shape = Where(None, key=key), draw.rights[key].shape

    def made(kind: str, cost: float, change: Callable[[Draw, Node, Array], Array], **options: Any) -> Candidate:
        told = options.pop("told", {})
        return Candidate(kind, where, None, _by(change), cost, {"whole": True, **told}, **options)

    for name, term in (
        ("", lambda draw, node, g: node.value),
        ("sign", lambda draw, node, g: np.sign(node.value)),
        ("square", lambda draw, node, g: node.value**2),
        ("unit", lambda draw, node, g: node.value / np.sqrt((node.value**2).sum())),
        ("inverse", lambda draw, node, g: 1 / node.value),
    ):
        yield made("parameter-added", 1.2 + 0.5 * bool(name), term, told={"variant": name}, base=as_it_is)
    for part, index in PARTS.get(len(shape), {}).items():
        told = {"variant": "", "part": part}
        yield made("parameter-added", 1.25, _of_a_part(index), told=told, base=as_it_is)
    if 0 < np.count_nonzero(_off(draw, key)) < draw.rights[key].size:
        for name, term in (
            ("", lambda draw, node, g: node.value * _off(draw, key)),
            ("sign", lambda draw, node, g: np.sign(node.value) * _off(draw, key)),
        ):
            yield made(
                "parameter-added", 1.3 + 0.3 * bool(name), term, told={"variant": name, "in part": True}, base=as_it_is
            )
    if len(shape) > 1:
        for order in ("CF", "FC", "FF"):
            yield made("memory-order", 1.2, _in_order(order))
        yield made("memory-order", 1.3, lambda draw, node, g: g.reshape(g.shape[::-1]).T)
    for factors in _factors(draw.rights[key].size):
        yield made("memory-order", 1.5, _refolded(factors), told={"folded": factors})
    bound = _bound(draw, key)
    if bound is not None:
        yield made("clipped", 1.5, _clipped(bound), may_scale=False)
    yield from _of_others(draw, key, made)


def _of_a_part(index: Any) -> Callable[[Draw, Node, Array], Array]:
    def change(draw: Draw, node: Node, g: Array) -> Array:
        term = np.zeros(g.shape)
        term[index] = node.value[index]
        return term

    return change


def _off(draw: Draw, key: Key) -> Array:
    """Where the user's gradient is wrong."""
    size = np.abs(draw.rights[key]).max(initial=0.0) + np.abs(draw.users[key]).max(initial=0.0)
    return np.asarray(np.abs(draw.residuals[key]) > 1e-9 * size)


def _in_order(order: str) -> Callable[[Draw, Node, Array], Array]:
    def change(draw: Draw, node: Node, g: Array) -> Array:
        first: Any = order[0]
        second: Any = order[1]
        return g.ravel(order=first).reshape(g.shape, order=second)

    return change


def _factors(size: int) -> list[tuple[int, int]]:
    return [(n, size // n) for n in range(2, size // 2 + 1) if size % n == 0][:6]


def _refolded(shape: tuple[int, int]) -> Callable[[Draw, Node, Array], Array]:
    def change(draw: Draw, node: Node, g: Array) -> Array:
        return g.reshape(shape).ravel(order="F").reshape(g.shape)

    return change


def _bound(draw: Draw, key: Key) -> float | None:
    """The bound to which a gradient was clipped: several of its entries have it, and others are inside and right."""
    got, right = np.abs(draw.users[key]), np.abs(draw.rights[key])
    bound = float(got.max(initial=0.0))
    at_bound = got >= bound * (1 - 1e-12)
    if at_bound.sum() < 2 or at_bound.all() or not (right[at_bound] > bound).all():
        return None
    return bound


def _clipped(bound: float) -> Callable[[Draw, Node, Array], Array]:
    return lambda draw, node, g: np.clip(g, -bound, bound)


def _of_others(draw: Draw, key: Key, made: Callable[..., Candidate]) -> Iterator[Candidate]:
    """The gradient is made of that of another input."""
    shape = draw.rights[key].shape
    for other, right in draw.rights.items():
        if other == key or not right.size:
            continue
        if right.size == draw.rights[key].size:
            yield made("other-parameter", 1.3, _of_other(other, shape, None), told={"other": other})
        for axis in range(right.ndim):
            if right.ndim > 1 and right.size // right.shape[axis] == draw.rights[key].size:
                told = {"other": other, "axis": axis}
                yield made("other-parameter", 1.5, _of_other(other, shape, axis), told=told)


def _of_other(other: Key, shape: tuple[int, ...], axis: int | None) -> Callable[[Draw, Node, Array], Array]:
    def change(draw: Draw, node: Node, g: Array) -> Array:
        right = draw.rights[other]
        if axis is not None:
            right = right.sum(axis=axis)
        return right.T if right.T.shape == g.shape != right.shape else right.reshape(g.shape)

    return change
