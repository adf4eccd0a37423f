"""Changes of what flows through linear algebra: a matrix that is not transposed, a diagonal that is not halved.

x = solve(a, b)     db = solve(aᵀ, dx),  da = -db xᵀ
y = inv(a)          da = -yᵀ dy yᵀ
y = log(det(a))     da = dy inv(a)ᵀ
y = expm(a)         da: the derivative of expm at aᵀ, in the direction dy
u, s, v = svd(a)    da = u ds v for s
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import ANY, Candidate, Misfit, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.trace.linear_algebra import by_cholesky, by_expm
from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array

Flow = Callable[[Node, int, Array], Array]  # from a node, whose gradient is given, to an operand


def turned(a: Array) -> Array:
    """The matrices of a stack, transposed."""
    return np.swapaxes(a, -1, -2)


def of_linear_algebra(where: Where, node: Node, k: int) -> Iterator[Candidate]:
    """Changes of a decomposition, an inverse, a determinant.

    Args:
        where: the nodes.
        node: one of them.
        k: the operand.
    """
    for flow in FLOWS.get(node.op, ()):
        yield Candidate("untransposed-matrix", where, k, _rule(flow), 1.1)
    if node.op == "solve" and k == 1 and node.parents[0].active:
        yield Candidate("untransposed-matrix", where, ANY, _rule(_solved), 1.0)
    if node.op == "cholesky":
        yield Candidate("wrong-factor", where, k, _rule(_whole_diagonal), 1.3, {"variant": "diagonal"})


def _rule(flow: Flow) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        found = np.asarray(flow(node, k, g))
        if found.shape != right.shape:
            raise Misfit
        return found

    return rule


def _solved(node: Node, k: int, g: Array) -> Array:
    """The system is solved as it is, not transposed."""
    a, b = (parent.value for parent in node.parents)
    is_vector = b.ndim == 1
    up = np.linalg.solve(a, g[..., None] if is_vector else g)
    if k == 1:
        return np.asarray(up[..., 0] if is_vector else up)
    return np.asarray(-up @ turned(node.value[..., None] if is_vector else node.value))


def _right_transposed(node: Node, k: int, g: Array) -> Array:
    """The gradient of the matrix of a system, transposed."""
    a, b = (parent.value for parent in node.parents)
    if k:
        raise Misfit
    is_vector = b.ndim == 1
    up = np.linalg.solve(turned(a), g[..., None] if is_vector else g)
    return np.asarray(-(node.value[..., None] if is_vector else node.value) @ turned(up))


def _whole_diagonal(node: Node, k: int, g: Array) -> Array:
    return by_cholesky(node.value, g, of_diagonal=1.0)


FLOWS: dict[str, tuple[Flow, ...]] = {
    "solve": (_solved, _right_transposed),
    "inv": (
        lambda node, k, g: -node.value @ g @ node.value,
        lambda node, k, g: -node.value @ g @ turned(node.value),
        lambda node, k, g: -turned(node.value) @ g @ node.value,
    ),
    "det": (lambda node, k, g: (g * node.value)[..., None, None] * np.linalg.inv(node.parents[0].value),),
    "logdet": (lambda node, k, g: g[..., None, None] * np.linalg.inv(node.parents[0].value),),
    "expm": (lambda node, k, g: by_expm(node.parents[0].value, g),),
    "singular values": (lambda node, k, g: _of_svd(node.parents[0].value, g),),
}


def _of_svd(a: Array, g: Array) -> Array:
    u, _, v = np.linalg.svd(a, full_matrices=False)
    if v.shape[-1] != v.shape[-2]:
        raise Misfit
    return np.asarray((u * g[..., None, :]) @ turned(v))
