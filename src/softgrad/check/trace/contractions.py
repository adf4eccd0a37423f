"""Products of matrices in all their spellings, as one operation: einsum, with a letter for every axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

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


class _Plan(NamedTuple):
    """How a gradient flows back to one operand."""

    subscripts: str  # of g and the other operands
    others: tuple[tuple[int, tuple[int, ...] | None], ...]  # which they are, and their shapes without broadcast axes
    compute: Callable[..., Array]
    letters: str  # of the operand
    lengths: tuple[int, ...]  # of its axes, as they are broadcast
    found: tuple[int, ...] | None  # the shape of what is computed, with 1 for axes that only this operand has
    summed: tuple[int, ...]  # axes along which it was broadcast


@lru_cache(maxsize=1024)
def _plan(subscripts: str, k: int, shapes: tuple[tuple[int, ...], ...]) -> _Plan:
    terms, result = subscripts.split("->")
    letters = terms.split(",")
    lengths: dict[str, int] = {}
    for term, shape in zip(letters, shapes, strict=True):
        for one, n in zip(term, shape, strict=True):
            lengths[one] = max(lengths.get(one, 0), n) if n else 0
    rest, others = [result], []
    for i, (term, shape) in enumerate(zip(letters, shapes, strict=True)):
        if i != k:
            # An axis of length 1 that was broadcast is no axis of the product.
            keep = [j for j, one in enumerate(term) if shape[j] == lengths[one]]
            rest.append("".join(term[j] for j in keep))
            others.append((i, None if len(keep) == len(term) else tuple(shape[j] for j in keep)))
    own = "".join(dict.fromkeys(letters[k]))
    there = set("".join(rest))
    wanted = "".join(one for one in own if one in there)
    found = tuple(lengths[one] if one in there else 1 for one in own)
    full = tuple(lengths[one] for one in own)
    summed = tuple(i for i, (one, n) in enumerate(zip(letters[k], shapes[k], strict=True)) if n == 1 != lengths[one])
    return _Plan(
        f"{','.join(rest)}->{wanted}",
        tuple(others),
        _pair(rest, wanted) or contract,
        letters[k],
        full,
        None if wanted == own else found,
        summed,
    )


def _pair(terms: list[str], result: str) -> Callable[..., Array] | None:
    """A product of two matrices or vectors as one call of matmul; None for other contractions."""
    if len(terms) != 2 or not all(0 < len(one) == len(set(one)) <= 2 for one in terms):
        return None
    a, b = terms
    both = set(a) & set(b)
    if len(both) != 1 or both & set(result) or len(result) != len(a) + len(b) - 2:
        return None
    (inner,) = both
    is_turned = len(result) == 2 and result[0] in b
    left, right = (b, a) if is_turned else (a, b)

    def compute(subscripts: str, *operands: Array) -> Array:
        one, two = operands[::-1] if is_turned else operands
        return np.asarray((one if left[-1] == inner else one.T) @ (two if right[0] == inner else two.T))

    return compute


def einsum_contribution(node: Node, k: int, g: Array, others: dict[int, Array] | None = None) -> Array:
    """What flows back to operand k: g contracted with the other operands.

    Args:
        node: an einsum.
        k: the operand.
        g: the gradient of the result.
        others: other values for some of the other operands, to try what a wrong line does.
    """
    values = [parent.value for parent in node.parents]
    for i, value in (others or {}).items():
        values[i] = value
    shapes = tuple(node.parents[k].shape if i == k else value.shape for i, value in enumerate(values))
    plan = _plan(node.static["subscripts"], k, shapes)
    arrays = [values[i] if shape is None else values[i].reshape(shape) for i, shape in plan.others]
    full = plan.compute(plan.subscripts, g, *arrays)
    if plan.found is not None:
        full = np.broadcast_to(full.reshape(plan.found), plan.lengths)
    own = "".join(dict.fromkeys(plan.letters))
    if len(own) < len(plan.letters):  # a diagonal
        lengths = dict(zip(own, plan.lengths, strict=True))
        placed = np.zeros([lengths[one] for one in plan.letters])
        np.einsum(f"{plan.letters}->{own}", placed)[...] = full
        full = placed
    return full.sum(axis=plan.summed, keepdims=True) if plan.summed else full
