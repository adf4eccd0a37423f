"""The user's own statement with what it lacks: its text is wrapped in what the numbers say.

What a value should be is known. Where the statement computes it by sums and products, the term or factor is found that
is off, and how: by a factor, a sign, a transposition, an array that the function holds, a term. What cannot be written
in the words of the function is left open.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.locate.candidate import Candidate
from softgrad.check.locate.known import Known, KnownArrays, agree
from softgrad.check.locate.repair import Repair, layouts_of
from softgrad.check.locate.scope import Scope
from softgrad.check.locate.statement import Statement, operand_of, span_of
from softgrad.check.locate.suspects import Backward
from softgrad.check.mutate.texts import is_module
from softgrad.check.trace.graph import Node
from softgrad.formulas.numbers import Array

FEWEST_ENTRIES = 3  # of values that may be told from others up to a factor
DEEPEST = 6  # sums and products within each other
MOST_CHANGES = 12
MOST_STEPS = 200  # of a sequence
OPERATORS = {"add": ast.Add, "subtract": ast.Sub, "multiply": ast.Mult, "divide": ast.Div}


class Change(NamedTuple):
    """One change of an expression."""

    doubt: int  # how far-fetched it is
    place: ast.expr
    text: str  # what should stand there


class Mended(Statement):
    """Mends one statement."""

    def ways(self, backward: Backward, candidate: Candidate, held: Mapping[str, Any]) -> list[str]:
        """How the statement may be mended, by what one draw shows."""
        repair, statement = candidate.repair, self.statement
        if repair is None or not candidate.is_certain or not isinstance(statement, ast.stmt) or self.function is None:
            return []
        if not repair.mended >= set(backward.wrong):  # the statement would be wrong still, or another one is
            return []
        repair = _on(repair, backward)
        if repair is None or not _is_everywhere(repair, backward):
            return []
        span = repair.nodes[0].site.span if repair.nodes[0].site is not None else None
        expression = self.expression(span)
        if expression is None:
            return []
        nodes, values = list(repair.nodes), [node.value for node in repair.nodes]
        if repair.operand >= 0:
            operand = operand_of(expression, repair.operand)
            if operand is None:
                return []
            expression = operand
            nodes = [node.parents[repair.operand] for node in nodes]
            values = [node.value for node in nodes]
        wanted = [_wanted(repair, i, value) for i, value in enumerate(values)]
        if any(one is None for one in wanted):
            return []
        scope = Scope(held, self.function, statement, backward.trace.graph)
        right = [one for one in wanted if one is not None]
        solve: Any = self._solve if isinstance(expression, ast.expr) else self._inside
        found: list[Change] = solve(expression, nodes, right, scope, 0)
        if not found and len(nodes) > 1:  # what the other repetitions get may be wrong by then
            first = min(range(len(nodes)), key=lambda i: nodes[i].index)
            found = solve(expression, nodes[first : first + 1], right[first : first + 1], scope, 0)
        least = min((one.doubt for one in found), default=0)
        return [text for one in found if one.doubt == least and (text := self.spliced(one.place, one.text))]

    def _solve(
        self, place: ast.expr, nodes: Sequence[Node], wanted: Sequence[Array], scope: Scope, depth: int
    ) -> list[Change]:
        """How an expression must be changed so that it has the values wanted."""
        values = [node.value for node in nodes]
        if any(v.shape != w.shape or not np.isfinite(w).all() for v, w in zip(values, wanted, strict=True)):
            return []
        if all(agree(v, w) for v, w in zip(values, wanted, strict=True)):
            return []
        size = sum(one.size for one in values)
        if size == 1:
            return [Change(1, place, name) for name in scope.called(wanted[0])] if not nodes[0].active else []
        if size < FEWEST_ENTRIES:
            return []
        factor = _ratio(values, wanted)
        if factor is not None:
            dropped = self._dropped(place, nodes, wanted)
            return dropped or [Change(0, place, self.times(place, form)) for form in scope.multiples(factor)]
        found = [*self._dropped(place, nodes, wanted), *self._replaced(place, values, wanted, scope)]
        found += self._shifted(place, values, wanted, scope)
        found += self._turned(place, nodes, wanted)
        if all(agree(v * v, w) for v, w in zip(values, wanted, strict=True)):
            found.append(Change(1, place, f"{self.tight(place)} ** 2"))
        if depth < DEEPEST:
            found += self._inside(place, nodes, wanted, scope, depth)
        if len(nodes) == 1 and not found:
            found += self._combined(place, values[0], wanted[0], scope)
        return sorted(found, key=lambda one: one.doubt)[:MOST_CHANGES]

    def _dropped(self, place: ast.expr, nodes: Sequence[Node], wanted: Sequence[Array]) -> list[Change]:
        """One operand of a sum or a product is too many."""
        if not isinstance(place, ast.BinOp) or not self._is_computed(place, nodes):
            return []
        kept = ((0, place.left), (1, place.right)) if nodes[0].op in ("add", "multiply") else ((0, place.left),)
        return [
            Change(0, place, self.text(operand))
            for k, operand in kept
            if all(
                node.parents[k].shape == w.shape and agree(node.parents[k].value, w)
                for node, w in zip(nodes, wanted, strict=True)
            )
        ]

    def _replaced(
        self, place: ast.expr, values: Sequence[Array], wanted: Sequence[Array], scope: Scope
    ) -> list[Change]:
        """An array that the function holds belongs here, or the transpose of what stands here."""
        if len(values) != 1:
            return []
        found = [Change(1, place, name) for name in scope.called(wanted[0])][:1]
        if wanted[0].ndim == 2 and values[0].T.shape == wanted[0].shape and agree(values[0].T, wanted[0]):
            found.append(Change(1, place, f"{self.tight(place)}.T"))
        return found

    def _turned(self, place: ast.expr, nodes: Sequence[Node], wanted: Sequence[Array]) -> list[Change]:
        """One operand of a product of two matrices belongs there transposed."""
        operands = _factors(place)
        if operands is None:
            return []
        if not all(
            node.op == "einsum" and [one.value.ndim for one in node.parents] == [2, 2] and _is_at(node, place)
            for node in nodes
        ):
            return []
        found = []
        for k, operand in enumerate(operands):
            pairs = [[one.value for one in node.parents] for node in nodes]
            for pair in pairs:
                pair[k] = pair[k].T
            if all(a.shape[1] == b.shape[0] and _is(a @ b, w) for (a, b), w in zip(pairs, wanted, strict=True)):
                found.append(Change(0, operand, self._transposed(operand)))
        return found

    def _transposed(self, place: ast.expr) -> str:
        """The transpose of what an expression is: without its .T, where it has one."""
        inner = place.func if isinstance(place, ast.Call) and not place.args else place
        if isinstance(inner, ast.Attribute) and inner.attr in ("T", "mT", "t", "transpose"):
            is_transpose = (inner is place) == (inner.attr in ("T", "mT"))
            if is_transpose:
                return self.text(inner.value)
        return f"{self.tight(place)}.T"

    def _combined(self, place: ast.expr, value: Array, wanted: Array, scope: Scope) -> list[Change]:
        """An array that the function holds is missing as a term or as a factor."""
        with np.errstate(all="ignore"):
            ways = {"*": wanted / value, "/": value / wanted, "+": wanted - value, "-": value - wanted}
        for sign, other in ways.items():
            for name in scope.called(other) if np.isfinite(other).all() and other.size >= FEWEST_ENTRIES else ():
                if sign in "+-":
                    return [Change(3, place, f"{self.text(place)} {sign} {name}")]
                return [Change(2, place, self.times(place, f"{{e}} {sign} {name}"))]
        return []

    def _shifted(self, place: ast.expr, values: Sequence[Array], wanted: Sequence[Array], scope: Scope) -> list[Change]:
        """Another step of a sequence belongs here: hs[t + 1], not hs[t]."""
        power = 1
        if isinstance(place, ast.BinOp) and isinstance(place.op, ast.Pow) and ast.unparse(place.right) == "2":
            place, power = place.left, 2
        if not isinstance(place, ast.Subscript) or isinstance(place.slice, ast.Slice | ast.Tuple):
            return []
        sequence: Any = scope.sequences.get(ast.unparse(place.value), ())
        steps = range(-1, len(sequence)) if len(sequence) < MOST_STEPS else ()

        def at(i: int) -> Array | None:
            try:
                if not isinstance(sequence, dict) and not 0 <= i < len(sequence):
                    return None
                return np.asarray(sequence[i]).view(np.ndarray) ** power
            except Exception:  # nothing is there, or no numbers
                return None

        def is_at(i: int, array: Array) -> bool:
            one = at(i)
            return one is not None and one.shape == array.shape and agree(one, array)

        for by in (1, -1):
            here = [[i for i in steps if is_at(i, v)] for v in values]
            if all(len(one) == 1 and is_at(one[0] + by, w) for one, w in zip(here, wanted, strict=True)):
                sign = "+" if by > 0 else "-"
                return [Change(1, place, f"{self.text(place.value)}[{self.text(place.slice)} {sign} 1]")]
        return []

    def _inside(
        self, place: ast.AST, nodes: Sequence[Node], wanted: Sequence[Array], scope: Scope, depth: int
    ) -> list[Change]:
        """What one operand of a sum or a product must be, where the other stays."""
        if isinstance(place, ast.UnaryOp) and isinstance(place.op, ast.USub):
            if not all(node.op == "negative" for node in nodes):
                return []
            parents = [node.parents[0] for node in nodes]
            return self._solve(place.operand, parents, [-one for one in wanted], scope, depth + 1)
        if not isinstance(place, ast.BinOp | ast.AugAssign) or not self._is_computed(place, nodes):
            return []
        operands = [(1, place.value)] if isinstance(place, ast.AugAssign) else [(0, place.left), (1, place.right)]
        found: list[Change] = []
        for k, operand in operands:
            needed = [_needed(node, k, one) for node, one in zip(nodes, wanted, strict=True)]
            if all(one is not None for one in needed):
                parents = [node.parents[k] for node in nodes]
                inner = self._solve(operand, parents, [one for one in needed if one is not None], scope, depth + 1)
                # A term that is missing within a product is hardly what was meant.
                found += [one for one in inner if one.doubt < 3 or nodes[0].op in ("add", "subtract")]
        return found

    def _is_computed(self, place: ast.BinOp | ast.AugAssign, nodes: Sequence[Node]) -> bool:
        """Whether a sum or a product of the text is what the nodes compute."""
        kind = OPERATORS.get(nodes[0].op)
        return kind is not None and all(
            node.op == nodes[0].op and len(node.parents) == 2 and _is_at(node, place) and isinstance(place.op, kind)
            for node in nodes
        )


def same_on_all(found: Sequence[Sequence[str]]) -> str:
    """The first text that mends the statement on every draw; "" where there is none."""
    return next((text for text in found[0] if all(text in other for other in found[1:])), "") if found else ""


def _is_at(node: Node, place: ast.AST) -> bool:
    return node.site is not None and node.site.span == span_of(place)


def _factors(place: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """The two matrices of a product: a @ b, a.mm(b), torch.mm(a, b)."""
    if isinstance(place, ast.BinOp) and isinstance(place.op, ast.MatMult):
        return place.left, place.right
    if not isinstance(place, ast.Call) or not isinstance(place.func, ast.Attribute):
        return None
    args = place.args if is_module(place.func.value) else [place.func.value, *place.args]
    is_product = place.func.attr in ("mm", "matmul", "dot") and len(args) == 2
    return (args[0], args[1]) if is_product and not place.keywords else None


def _is(value: Array, wanted: Array) -> bool:
    return value.shape == wanted.shape and agree(value, wanted)


def _wanted(repair: Repair, i: int, value: Array) -> Array | None:
    """What a value should be."""
    if value.dtype.kind not in "fb":
        return None
    if repair.how == "scaled":
        return repair.factor * value
    known = repair.arrays[i]
    if known is None:
        return value
    row = next((row for layout, row in layouts_of(known, value.shape) if layout == repair.layout), None)
    if row is None:
        return None
    array = row.reshape(value.shape)
    with np.errstate(all="ignore"):
        if repair.how == "replaced":
            return repair.factor * array
        if repair.how == "added":
            return value + repair.factor * array
        return value * array if repair.how == "multiplied" else value / array


def _needed(node: Node, k: int, wanted: Array) -> Array | None:
    """What the k-th operand of a sum or a product must be; None where that is not known."""
    other, own = node.parents[1 - k].value, node.parents[k].value
    if own.shape != wanted.shape and own.size != 1:
        return None
    with np.errstate(all="ignore"):
        if node.op == "add":
            found = wanted - other
        elif node.op == "subtract":
            found = wanted + other if k == 0 else other - wanted
        elif node.op == "multiply":
            found = wanted / other
        else:
            found = wanted * other if k == 0 else other / wanted
    if not np.isfinite(found).all():
        return None
    if own.shape != wanted.shape:
        number = found.ravel()[0] if found.size else 0.0
        return np.full(own.shape, number) if np.allclose(found, number, rtol=1e-9, atol=0) else None
    return found


def _ratio(values: Sequence[Array], wanted: Sequence[Array]) -> float | None:
    """The number by which all values are off; None where there is none."""
    a = np.concatenate([one.ravel() for one in values]).astype(float)
    b = np.concatenate([one.ravel() for one in wanted]).astype(float)
    if not a.any() or not b.any():
        return None
    ratio = float(a @ b) / float(a @ a)
    return ratio if agree(ratio * a, b) else None


def _is_everywhere(repair: Repair, backward: Backward) -> bool:
    """Whether the repair changes all repetitions of its place: the text stands there once."""
    site = repair.nodes[0].site
    return site is not None and {one for one in backward.nodes if one.site == site} == set(repair.nodes)


def _on(repair: Repair, backward: Backward) -> Repair | None:
    """A repair that was found on another draw, with the values of this one."""
    if all(node in backward.own for node in repair.nodes):
        return repair
    places = {(node.site, node.callers, node.repetition): node for node in backward.nodes}
    nodes = [places.get((node.site, node.callers, node.repetition)) for node in repair.nodes]
    arrays = [None if one is None else _same(one, backward.known) for one in repair.arrays]
    if any(one is None for one in nodes) or any(
        a is None and b is not None for a, b in zip(arrays, repair.arrays, strict=True)
    ):
        return None
    return repair._replace(nodes=tuple(one for one in nodes if one is not None), arrays=tuple(arrays))


def _same(known: Known, here: KnownArrays) -> Known | None:
    wanted = _place_of(known)
    return next((one for one in _all(here) if _place_of(one) == wanted), None)


def _all(known: KnownArrays) -> Iterator[Known]:
    yield from known.all
    for node, value in known.gradients.items():
        yield Known(value, "gradient", node)


def _place_of(known: Known) -> tuple[Any, ...]:
    node = known.node
    index = node.index if node.site is None else -1
    return known.kind, known.operand, node.site, node.callers, node.repetition, index, node.op
