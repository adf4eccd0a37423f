"""Products of matrices in all their spellings, as one operation: einsum, with a letter for every axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array

LETTERS = "ijklmnopqrstuvwxyzabcdefghIJKLMNOPQRSTUVWXYZABCDEFGH"
SMALL = 20_000  # products of sizes up to this are cheaper in one loop than through a matrix product


def matmul_subscripts(a: int, b: int) -> str:
    """Of a @ b, for operands of a and b axes."""
    row, inner, column = "".join(LETTERS[:1]), LETTERS[1], LETTERS[2]
    batch = LETTERS[3 : 3 + max(a, b, 2) - 2]
    left = inner if a == 1 else batch[len(batch) - (a - 2) :] + row + inner
    right = inner if b == 1 else batch[len(batch) - (b - 2) :] + inner + column
    return f"{left},{right}->{batch}{row if a > 1 else ''}{column if b > 1 else ''}"


def dot_subscripts(a: int, b: int) -> str:
    """Of np.dot(a, b): over the last axis of a and the last but one of b."""
    if not a or not b:
        left, right = LETTERS[:a], LETTERS[:b]
        return f"{left},{right}->{left or right}"
    left = LETTERS[: a - 1] + LETTERS[a - 1]
    rest = LETTERS[a : a + b - 1]
    right = left[-1] if b == 1 else rest[:-1] + left[-1] + rest[-1]
    return f"{left},{right}->{left[:-1]}{rest}"


def inner_subscripts(a: int, b: int) -> str:
    """Of np.inner(a, b): over the last axes."""
    if not a or not b:
        return dot_subscripts(a, b)
    left, rest = LETTERS[:a], LETTERS[a : a + b - 1]
    return f"{left},{rest}{left[-1]}->{left[:-1]}{rest}"


def tensordot_subscripts(a: int, b: int, axes: tuple[Sequence[int], Sequence[int]]) -> str:
    """Of np.tensordot(a, b, axes), with the axes of both given as lists."""
    left, right = list(LETTERS[:a]), list(LETTERS[a : a + b])
    for i, j in zip(*axes, strict=True):
        right[j % b] = left[i % a]
    summed = {left[i % a] for i in axes[0]}
    result = [one for one in (*left, *right) if one not in summed]
    return f"{''.join(left)},{''.join(right)}->{''.join(result)}"


def explicit(subscripts: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """Subscripts as einsum takes them, with the ellipsis and the result written out."""
    subscripts = subscripts.replace(" ", "")
    terms, arrow, result = subscripts.partition("->")
    operands = terms.split(",")
    free = [one for one in LETTERS if one not in subscripts]
    most = max(
        (len(shape) - len(one.replace("...", "")) for one, shape in zip(operands, shapes, strict=True)), default=0
    )
    dots = "".join(free[:most])

    def written(term: str, shape: tuple[int, ...]) -> str:
        number = len(shape) - len(term.replace("...", ""))
        return term.replace("...", dots[len(dots) - number :])

    written_out = [written(one, shape) for one, shape in zip(operands, shapes, strict=True)]
    if arrow:
        result = result.replace("...", dots)
    else:
        letters = "".join(operands).replace("...", "")
        result = dots + "".join(sorted(one for one in set(letters) if letters.count(one) == 1))
    return f"{','.join(written_out)}->{result}"


def contract(subscripts: str, *operands: Array) -> Array:
    """np.einsum, through matrix products where that is worth it."""
    size = 1
    for one in operands:
        size *= max(one.size, 1)
    return np.asarray(np.einsum(subscripts, *operands, optimize=size > SMALL))


def einsum_contribution(node: Node, k: int, g: Array, others: dict[int, Array] | None = None) -> Array:
    """What flows back to operand k: g contracted with the other operands.

    Args:
        node: an einsum.
        k: the operand.
        g: the gradient of the result.
        others: other values for some of the other operands, to try what a wrong line does.
    """
    terms, result = node.static["subscripts"].split("->")
    letters, shape = terms.split(","), node.parents[k].shape
    values = [parent.value for parent in node.parents]
    for i, value in (others or {}).items():
        values[i] = value
    lengths = {
        one: max(parent.shape[i] for term, parent in zip(letters, node.parents, strict=True)
                 for i, other in enumerate(term) if other == one)
        for one in set("".join(letters))
    }  # fmt: skip
    rest, arrays = [result], [g]
    for i, (term, value) in enumerate(zip(letters, values, strict=True)):
        if i != k:
            # An axis of length 1 that was broadcast is no axis of the product.
            keep = [j for j, one in enumerate(term) if value.shape[j] == lengths[one]]
            rest.append("".join(term[j] for j in keep))
            arrays.append(value.reshape([value.shape[j] for j in keep]))
    own = "".join(dict.fromkeys(letters[k]))
    there = set("".join(rest))
    found = contract(f"{','.join(rest)}->{''.join(one for one in own if one in there)}", *arrays)
    full = found.reshape([lengths[one] if one in there else 1 for one in own])
    full = np.broadcast_to(full, [lengths[one] for one in own])
    if len(own) < len(letters[k]):  # a diagonal
        placed = np.zeros([lengths[one] for one in letters[k]])
        np.einsum(f"{letters[k]}->{own}", placed)[...] = full
        full = placed
    axes = tuple(i for i, (one, n) in enumerate(zip(letters[k], shape, strict=True)) if n == 1 != lengths[one])
    return full.sum(axis=axes, keepdims=True) if axes else full
