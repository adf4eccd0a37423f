"""Which of the changes that fit is told: the likeliest one, or one for each gradient where none explains all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from softgrad.check.mutate.candidate import Ref
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.factors import Named, named_factor
from softgrad.check.mutate.rules_edges import SIGNED, scale
from softgrad.check.mutate.search import Fit
from softgrad.check.mutate.texts import Texts, expression
from softgrad.check.trace.node import Node
from softgrad.check.user.arguments import Key

AS_GOOD = 0.03  # costs that differ by less do not decide between two stories
PLAIN = 1.5  # a change that is no dearer is plain
TWO_MISTAKES = 1.0  # another array and another number
NUMBERS = frozenset(text for number in ("2", "1 / 2", "4", "1 / 4", "3", "1 / 3") for text in (number, f"-{number}"))
DEAREST = 3.2  # a change that is dearer is no name


class Choice(NamedTuple):
    """A change that is told.

    Attributes:
        fit: the change.
        kind: what it is called.
        factor: the factor in words.
        cost: how far-fetched it is.
        node: one of the nodes at which it is made, on the first draw.
    """

    fit: Fit
    kind: str
    factor: Named | None
    cost: float
    node: Node


def chosen(fits: Sequence[Fit], draws: Sequence[Draw], wrong: Sequence[Key], texts: Texts) -> list[Choice]:
    """The changes to report, each for some of the wrong gradients; none where two explanations are equally good."""
    choices = [one for fit in fits if (one := _judged(fit, draws, texts)) is not None and one.cost <= DEAREST]
    whole = [one for one in choices if len(one.fit.keys) == len(wrong)]
    if whole:
        best = _best(whole, draws[0])
        return [] if best is None else [best]
    left, found = set(wrong), []
    while left:
        covering = [one for one in choices if one.fit.keys & left]
        if not covering:
            break
        most = max(len(one.fit.keys & left) - 0.4 * one.cost for one in covering)
        best = _best(
            [one for one in covering if len(one.fit.keys & left) - 0.4 * one.cost >= most - 0.4 * AS_GOOD], draws[0]
        )
        if best is None:
            break
        found.append(best)
        left -= best.fit.keys
    # A part of the gradients is easily explained by chance: what is left out of account is told only if it is plain.
    return found if not left or all(one.cost <= PLAIN for one in found) else []


def _best(choices: Sequence[Choice], draw: Draw) -> Choice | None:
    """The likeliest. Of equal ones on one chain of operations: one that can be quoted, and the nearest to the output.

    A term that is left out is told where it should have been added, and near the input that it is left out for.
    """
    least = min(one.cost for one in choices)

    def rank(one: Choice) -> tuple[bool, bool, int, float]:
        site, k = one.node.site, one.fit.plain.operand
        target = one.node if k is None else one.node.parents[k]
        joins = one.kind == "left-out" and len(draw.graph.consumers.get(target, ())) > 1
        where = one.node.index if one.fit.spoils else -one.node.index
        return site is not None and not expression(site), not joins, where, one.cost

    equal = sorted((one for one in choices if one.cost <= least + AS_GOOD), key=rank)
    first = equal[0]
    for other in equal[1:]:
        if other.kind != first.kind and not _on_one_chain(draw, first.node, other.node):
            return None
    return first


def _on_one_chain(draw: Draw, a: Node, b: Node) -> bool:
    return draw.depends(a, b) or draw.depends(b, a)


def _judged(fit: Fit, draws: Sequence[Draw], texts: Texts) -> Choice | None:
    """The name and the cost of a fit; None for a factor that differs from draw to draw and equals nothing known."""
    plain, draw = fit.plain, draws[0]
    nodes = plain.where.nodes(draw)
    node, k = nodes[len(nodes) // 2], plain.operand
    kind, cost, factor = plain.kind, fit.cost, None
    if isinstance(plain.told.get("ref"), Ref) and _is_nameless(plain.told["ref"], draw, texts):
        return None
    if fit.factors is not None:
        factor = named_factor(fit.factors, draws, plain.where, texts)
        if factor is None:
            may_be_any = plain.tells_factor and plain.told.get("variant") != "means" and not is_term_of(fit)
            if not may_be_any or len(set(fit.factors)) > 1:
                return None
            factor = Named(f"{fit.factors[0]:.6g}", 0.5)
        cost += factor.doubt
    is_term = is_term_of(fit)
    if (plain.rule is scale or is_term) and fit.factors is not None:
        c = fit.factors[0]
        twice = k is not None and sum(parent is node.parents[k] for parent in node.parents) > 1
        if twice:
            cost += 1.0
        if c == 0.0:
            kind = "left-out" if k is not None or is_term else "stopped"
            if plain.where.site is None:
                kind = "left-out"
            elif node.joins_outputs:
                kind = "upstream-ignored"
            elif _goes_back_in_time(draw, node, k):
                kind = "truncated"
        elif c == -1.0:
            kind, cost = "wrong-sign", cost - 0.05 * (node.op in SIGNED and k != 0)
        elif _holds(node, k, c) or (factor is not None and texts.of(node) in factor.text):
            cost -= 0.12
    elif fit.factors is not None and not plain.tells_factor:
        cost += 0.15 if factor is not None and factor.text == "-1" else 0.35
        if "wrong" in plain.told and "sign" in kind and factor is not None and factor.text == "-1":
            kind = "wrong-sign"  # of the other terms
        if kind == "wrong-operand" and "other" in plain.told and factor is not None and factor.text in NUMBERS:
            cost += TWO_MISTAKES
    if kind == "left-out" and plain.told.get("variant") == "local" and node.op not in ("multiply", "divide"):
        kind = "skipped"
    if kind == "left-out" and plain.told.get("variant") == "mask":
        kind = "skipped"
    return Choice(fit, kind, factor, cost, node)


def _is_nameless(ref: Ref, draw: Draw, texts: Texts) -> bool:
    """Whether an array is a value that a function of NumPy's computes on its way: nobody could have used it."""
    group = draw.places.get((ref.where.site, ref.where.callers or ()), []) if ref.where.site is not None else []
    if not group or ref.operand is not None or group[0] in texts.inner:
        return False
    node, site = group[0], ref.where.site
    assert site is not None
    later = (one.site for one in draw.graph.nodes if node in one.parents)
    return bool(site.inside) and any(one is not None and one.span == site.span for one in later)


def is_term_of(fit: Fit) -> bool:
    """Whether the change is a factor of one of several terms."""
    return bool(fit.plain.told.get("term"))


def _goes_back_in_time(draw: Draw, node: Node, k: int | None) -> bool:
    """Whether what flows to an operand goes on to an earlier repetition of the same operation."""
    start = node if k is None else node.parents[k]
    group = draw.places.get((node.site, node.callers), []) if node.site is not None else []
    if start not in draw.order or not any(
        other is not node and other in draw.order and draw.depends(start, other) for other in group
    ):
        return False
    source = start
    while source.op in ("gather", "assemble") and len(source.parents) == 1:
        source = source.parents[0]
    others = {one.repetition for one, _ in draw.graph.consumers.get(source, ()) if one is not node and k is not None}
    return source.repetition != node.repetition and node.repetition not in others


def _holds(node: Node, k: int | None, c: float) -> bool:
    """Whether the derivative of the operation has this factor itself, or its inverse where no other change has that."""
    if node.op in ("square", "norm") or _is_square(node):
        return c in (0.5, 2.0)
    if node.op == "power" and k != 1 and node.parents[1].value.size == 1:
        n = float(node.parents[1].value.reshape(()))
        return bool(n) and (abs(c * n - 1) < 1e-7 or abs(c / n - 1) < 1e-7)
    if node.op in ("mean", "var", "std"):
        n = node.parents[0].value.size / max(node.value.size, 1)
        return min(abs(c * n - 1), abs(c / n - 1)) < 1e-7
    if node.op in ("multiply", "divide") and k is not None and len(node.parents) == 2:
        other = node.parents[1 - k]
        if other.value.size == 1 and other.op == "constant":
            value = float(other.value.reshape(()))
            factor = 1 / value if node.op == "divide" and value else value
            return bool(factor) and abs(c / factor - 1) < 1e-7
    return False


def _is_square(node: Node) -> bool:
    return node.op in ("multiply", "einsum") and len(node.parents) == 2 and node.parents[0] is node.parents[1]
