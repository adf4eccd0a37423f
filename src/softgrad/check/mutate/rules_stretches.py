"""Changes of the derivative of a stretch: skipped, applied twice, taken elsewhere, the diagonal of it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Ref, Where
from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.mutate.stretches import (
    Pair,
    between,
    derivative_at,
    diagonal,
    given_factors,
    pulled,
    repetitions,
    where_of,
)
from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array

COMPARISONS = ("greater", "greater_equal", "less", "less_equal")
MOST_REGIONS = 4
Slope = Callable[[Draw, Pair, Array], Array]  # of the draw, the stretch and the gradient of its end


def _with_slope(a: Where, b: Where, slope: Slope) -> Rule:
    """What flows by another derivative of the stretch."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        pair = _pair(draw, a, b, node)
        arrives = adjoint(pair.b)
        return np.asarray(np.broadcast_to(slope(draw, pair, arrives) * arrives, g.shape))

    return rule


def _beside(a: Where, b: Where) -> Rule:
    """What arrives at the beginning of the stretch in other ways: a base."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        pair = _pair(draw, a, b, node)
        return np.asarray(g - _slope_of(pair) * adjoint(pair.b))

    return rule


def _pair(draw: Draw, a: Where, b: Where, node: Node) -> Pair:
    pair = repetitions(draw, a, b).get(node)
    if pair is None or pair.derivative is None:
        raise Misfit
    return pair


CLOSED: tuple[tuple[str, Callable[[Array, Array], Array]], ...] = (  # of the operand x and the result y
    ("y * (1 - y)", lambda x, y: y * (1 - y)),
    ("1 - y ** 2", lambda x, y: 1 - y * y),
    ("1 - y", lambda x, y: 1 - y),
    ("1 + y", lambda x, y: 1 + y),
    ("y ** 2", lambda x, y: y * y),
    ("1 / y", lambda x, y: 1 / y),
    ("1 / y ** 2", lambda x, y: 1 / (y * y)),
    ("sqrt(1 - y ** 2)", lambda x, y: np.sqrt(1 - y * y)),
    ("x > 0", lambda x, y: (x > 0) * 1.0),
    ("y > 0", lambda x, y: (y > 0) * 1.0),
    ("x", lambda x, y: x),
    ("1 / x", lambda x, y: 1 / x),
    ("x ** 2", lambda x, y: x * x),
    ("1 - x", lambda x, y: 1 - x),
    ("1 + x", lambda x, y: 1 + x),
    ("1 - x ** 2", lambda x, y: 1 - x * x),
    ("x * (1 - x)", lambda x, y: x * (1 - x)),
    ("exp(x)", lambda x, y: np.exp(x)),
    ("exp(-x)", lambda x, y: np.exp(-x)),
    ("sigmoid(x)", lambda x, y: 1 / (1 + np.exp(-x))),
    ("sigmoid(-x)", lambda x, y: 1 / (1 + np.exp(x))),
    ("sigmoid(x) * (1 - sigmoid(x))", lambda x, y: np.exp(-x) / (1 + np.exp(-x)) ** 2),
    ("tanh(x)", lambda x, y: np.tanh(x)),
    ("1 - tanh(x) ** 2", lambda x, y: 1 - np.tanh(x) ** 2),
    ("sign(x)", lambda x, y: np.sign(x)),
    ("abs(x)", lambda x, y: np.abs(x)),
    ("exp(y)", lambda x, y: np.exp(y)),
    ("1 + y ** 2", lambda x, y: 1 + y * y),
    ("y * (1 + y)", lambda x, y: y * (1 + y)),
    ("y + 1", lambda x, y: y + 1),
    ("y / x", lambda x, y: y / x),
    ("1 / (1 + x ** 2)", lambda x, y: 1 / (1 + x * x)),
    ("1 / (1 + abs(x))", lambda x, y: 1 / (1 + np.abs(x))),
    ("1 / (1 + abs(x)) ** 2", lambda x, y: 1 / (1 + np.abs(x)) ** 2),
)


OF_RESULT: tuple[tuple[str, Callable[[Array], Array]], ...] = (  # derivatives that people write in the result y
    ("1 - y ** 2", lambda y: 1 - y * y),
    ("y * (1 - y)", lambda y: y * (1 - y)),
    ("y", lambda y: y),
    ("y > 0", lambda y: (y > 0) * 1.0),
    ("1 / (2 * y)", lambda y: 0.5 / y),
    ("1 - exp(-y)", lambda y: 1 - np.exp(-y)),
    ("y + 1", lambda y: y + 1),
)


def formula_of_result(pair: Pair) -> tuple[str, Callable[[Array], Array]] | None:
    """How the derivative of a stretch is written in its result."""
    y, right = pair.b.value, pair.derivative
    assert right is not None
    return next(
        (one for one in OF_RESULT if np.allclose(one[1](y), right, rtol=1e-9, atol=1e-12) and np.ptp(right) > 0), None
    )


def with_result(a: Where, b: Where, pair: Pair, ref: Ref | None, kind: str, cost: float) -> Candidate | None:
    """Another array stands in the place of the result, in a derivative that is written in it: the input, if no ref."""
    found = formula_of_result(pair)
    if found is None:
        return None
    name, formula = found

    def slope(draw: Draw, pair: Pair, g: Array) -> Array:
        value = pair.a.value if ref is None else np.asarray(ref.node(draw, pair.b).value, dtype=float)
        if value.shape != g.shape:
            raise Misfit
        return formula(value)

    told = {"end": b, "variant": "for the result", "formula": name, **({} if ref is None else {"ref": ref})}
    return Candidate(kind, a, None, _with_slope(a, b, slope), cost + 0.02 * pair.length, told, base=_beside(a, b))


def of_stretch(a: Where, b: Where, pair: Pair) -> Iterator[Candidate]:
    """Changes of a stretch that works entry by entry."""
    n = pair.length
    longer = 0.04 * n

    def made(kind: str, cost: float, slope: Slope, **told: Any) -> Candidate:
        return Candidate(kind, a, None, _with_slope(a, b, slope), cost + longer, {"end": b, **told}, base=_beside(a, b))

    if n > 1:
        yield made("skipped", 1.15, lambda draw, pair, g: np.ones(g.shape))
        yield made("applied-twice", 1.7, lambda draw, pair, g: _slope_of(pair) ** 2)
    if not pair.curved:
        return
    if n > 1:
        yield made("wrong-factor", 1.6, lambda draw, pair, g: 1 / _slope_of(pair), variant="inverted")
        yield made("forward-value", 1.5, lambda draw, pair, g: pair.b.value)
    yield made("derivative-at-output", 1.5, lambda draw, pair, g: derivative_at(draw, pair, pair.b.value))
    yield made("derivative-at-upstream", 1.7, lambda draw, pair, g: derivative_at(draw, pair, g))


def in_slice(candidate: Candidate, b: Where, part: Where) -> Candidate:
    """A change of a stretch in those entries of its result only that a view takes."""

    def masked(rule: Rule, outside: bool) -> Rule:
        def sliced(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
            end = _pair(draw, candidate.where, b, node).b
            views = [one for one in part.nodes(draw) if one.parents[0] is end]
            if len(views) != 1:
                raise Misfit
            mask = np.zeros(end.value.size, dtype=bool)
            mask[views[0].static["index"].ravel()] = True
            return np.where(mask.reshape(end.shape), rule(draw, adjoint, node, k, g, right), g if outside else 0.0)

        return sliced

    assert candidate.base is not None
    rule, base = masked(candidate.rule, False), masked(candidate.base, True)
    told = {**candidate.told, "slice": part}
    return replace(candidate, rule=rule, base=base, cost=candidate.cost + 0.1, told=told)


Mask = Callable[[Draw, Pair], Array]


def regions(draw: Draw, pair: Pair) -> Iterator[tuple[str, Mask]]:
    """The parts of the values of a where a derivative may be wrong: by sign, and by the masks of the forward pass."""
    yield "x > 0", lambda draw, pair: pair.a.value > 0
    yield "x <= 0", lambda draw, pair: pair.a.value <= 0
    seen = 0
    for (site, callers), group in draw.places.items():
        node = group[0]
        if node.shape == pair.a.shape and node.op in ("where", *COMPARISONS) and seen < MOST_REGIONS:
            seen += 1
            for wanted in (True, False):
                yield f"the condition in line {site.number} is {wanted}", _where(Ref(Where(site, callers)), wanted)


def _where(ref: Ref, wanted: bool) -> Mask:
    def mask(draw: Draw, pair: Pair) -> Array:
        node = ref.node(draw, pair.a)
        chosen = np.broadcast_to(node.static["condition"] if node.op == "where" else node.value, node.shape)
        if chosen.shape != pair.a.shape:
            raise Misfit
        return np.asarray((chosen != 0) == wanted)

    return mask


def pieces(draw: Draw, a: Where, b: Where, pair: Pair) -> Iterator[Candidate]:
    """On a part of the values of a, a formula stands in the place of the derivative; elsewhere it is right."""
    for region, mask in regions(draw, pair):
        try:
            share = mask(draw, pair).mean()
        except Misfit:
            continue
        if not 0 < share < 1:
            continue
        for name, formula in (("1", lambda x, y: np.ones_like(x)), *CLOSED):
            told = {"end": b, "formula": name, "region": region}
            base, rule = _piece(a, b, mask, None), _piece(a, b, mask, formula)
            yield Candidate("closed-form", a, None, rule, 1.9 + 0.05 * pair.length + 0.01 * len(name), told, base=base)


def shifted_forms(draw: Draw, a: Where, b: Where, pair: Pair) -> Iterator[Candidate]:
    """A formula with a constant of its own, as y + alpha for the derivative of y = alpha (exp(x) - 1)."""
    everywhere: tuple[str, Mask] = ("", lambda draw, pair: np.ones(pair.a.shape, dtype=bool))
    for region, mask in (everywhere, *regions(draw, pair)):
        try:
            share = mask(draw, pair).mean()
        except Misfit:
            continue
        if not share > 0:
            continue
        for name, formula in (("y", lambda x, y: y), ("x", lambda x, y: x), ("-y", lambda x, y: -y)):
            told = {"end": b, "formula": name, **({"region": region} if region else {}), "plus": True}
            outside, inside = _piece(a, b, mask, None), _piece(a, b, mask, formula)
            ones = _piece(a, b, mask, lambda x, y: np.ones_like(x))
            base = _sum_of(outside, inside)
            yield Candidate("closed-form", a, None, ones, 2.0 + 0.05 * pair.length, told, base=base)


def _sum_of(*rules: Rule) -> Rule:
    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        parts = [one(draw, adjoint, node, k, g, right) for one in rules]
        return np.asarray(sum(parts[1:], parts[0]))

    return rule


def _piece(a: Where, b: Where, mask: Mask, formula: Callable[[Array, Array], Array] | None) -> Rule:
    """What flows without the derivative where the mask is, or what flows there by a formula."""

    def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        pair = repetitions(draw, a, b).get(node)
        if pair is None or pair.derivative is None:
            raise Misfit
        arrives, inside = adjoint(pair.b), mask(draw, pair)
        if formula is None:
            return np.asarray(g - np.where(inside, pair.derivative * arrives, 0.0))
        return np.asarray(np.where(inside, formula(pair.a.value, pair.b.value) * arrives, 0.0))

    return rule


def closed_forms(a: Where, b: Where, pair: Pair) -> Iterator[Candidate]:
    """A formula of the operand or of the result stands in the place of the derivative."""
    for name, formula in CLOSED:

        def slope(draw: Draw, pair: Pair, g: Array, formula: Callable[[Array, Array], Array] = formula) -> Array:
            return formula(pair.a.value, pair.b.value)

        rule = _with_slope(a, b, slope)
        told = {"end": b, "formula": name}
        cost = 2.0 + 0.05 * pair.length + 0.01 * len(name)
        yield Candidate("closed-form", a, None, rule, cost, told, base=_beside(a, b))


def at_other(a: Where, b: Where, pair: Pair, ref: Ref, cost: float) -> Candidate:
    """The derivative of a stretch is taken at the value of another node."""

    def slope(draw: Draw, pair: Pair, g: Array) -> Array:
        return derivative_at(draw, pair, ref.node(draw, pair.a).value)

    told = {"end": b, "ref": ref, "variant": "stretch"}
    rule = _with_slope(a, b, slope)
    cost += 0.04 * pair.length
    return Candidate("wrong-operand", a, None, rule, cost, told, may_scale=False, base=_beside(a, b))


def without_factor(draw: Draw, a: Where, b: Where, pair: Pair) -> Iterator[Candidate]:
    """A mask or weights, within a stretch, are left out of its whole derivative."""
    for product, i in given_factors(draw, pair):
        place = where_of(draw, product)
        if place is None:
            continue

        def slope(draw: Draw, pair: Pair, g: Array, place: Where = place, i: int = i) -> Array:
            inside = between(draw, pair.a, pair.b)
            found = [node for node in place.nodes(draw) if node in inside]
            if len(found) != 1:
                raise Misfit
            return derivative_at(draw, pair, pair.a.value, (found[0], i))

        told = {"end": b, "variant": "given factor", "product": (product, i)}
        cost = 1.3 + 0.04 * pair.length
        yield Candidate("left-out", a, None, _with_slope(a, b, slope), cost, told, may_scale=False, base=_beside(a, b))


def _slope_of(pair: Pair) -> Array:
    assert pair.derivative is not None
    return pair.derivative


def of_term(a: Where, b: Where) -> Candidate:
    """A factor of all that arrives at a node by way of a later one."""

    def term(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        end = Ref(b).node(draw, node)
        if end not in draw.adjoints or not draw.depends(end, node):
            raise Misfit
        return pulled(draw, node, end, adjoint(end), between(draw, node, end))

    def others(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
        return np.asarray(g - term(draw, adjoint, node, k, g, right))

    return Candidate("wrong-factor", a, None, term, 1.2, {"end": b, "term": True}, base=others)


def of_whole_stretch(a: Where, b: Where, first: Node, last: Node, length: int) -> Iterator[Candidate]:
    """Changes of a stretch with sums or products in it."""

    def by(kind: str, cost: float, change: Callable[[Draw, Node, Node, Array, list[Node]], Array]) -> Candidate:
        def rule(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
            end = Ref(b).node(draw, node)
            if end not in draw.adjoints or not draw.depends(end, node) or end.shape != node.shape:
                raise Misfit
            return change(draw, node, end, adjoint(end), between(draw, node, end))

        def base(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
            end = Ref(b).node(draw, node)
            return g - pulled(draw, node, end, adjoint(end), between(draw, node, end))

        return Candidate(kind, a, None, rule, cost + 0.02 * length, {"end": b, "whole": True}, base=base)

    yield by("skipped", 1.3, lambda draw, node, end, g, inside: g)
    if first.value.size <= 64:
        yield by("diagonal-only", 1.2, lambda draw, node, end, g, inside: diagonal(draw, node, end, inside) * g)
    yield by("forward-value", 1.7, lambda draw, node, end, g, inside: end.value * g)
    yield by(
        "applied-twice", 1.6,
        lambda draw, node, end, g, inside: pulled(draw, node, end, pulled(draw, node, end, g, inside), inside),
    )  # fmt: skip
    for name, formula in CLOSED[:4]:

        def closed(
            draw: Draw,
            node: Node,
            end: Node,
            g: Array,
            inside: list[Node],
            formula: Callable[[Array, Array], Array] = formula,
        ) -> Array:
            return formula(node.value, end.value) * g

        one = by("diagonal-only" if name == "y * (1 - y)" else "closed-form", 1.9, closed)
        yield replace(one, told={**one.told, "formula": name})
