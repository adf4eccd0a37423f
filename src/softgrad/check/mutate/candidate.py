"""A change of the right backward pass in one place, as it applies to every draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from softgrad.check.mutate.draw import Adjoint, Draw, Rule
from softgrad.check.trace.node import Node, Site
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

ANY = -1  # every operand that derivatives flow to
SUBSETS = ("all", "first", "last", "but first", "but last")


class Misfit(Exception):
    """A change that cannot be made at a node: the shapes do not fit."""


class Where(NamedTuple):
    """Nodes that are changed together: all repetitions of one operation, or some of them; or one input.

    Attributes:
        site: where the operation stands; None for an input.
        callers: the calls around it; None for any.
        subset: which of the repetitions.
        key: the input.
        op: all operations of this name, wherever they stand.
    """

    site: Site | None
    callers: tuple[Site, ...] | None = None
    subset: str = "all"
    key: Key | None = None
    op: str = ""

    def nodes(self, draw: Draw) -> list[Node]:
        """The nodes of a draw."""
        if self.op:
            return [node for node in draw.live if node.op == self.op and node in draw.adjoints]
        if self.site is None:
            node = draw.graph.inputs.get(self.key) if self.key is not None else None
            return [node] if node is not None and node in draw.adjoints else []
        if self.callers is None:
            found = [node for node in draw.graph.groups.get(self.site, ()) if node in draw.adjoints]
        else:
            found = [node for node in draw.places.get((self.site, self.callers), ()) if node in draw.adjoints]
        return {
            "all": found,
            "first": found[:1],
            "last": found[-1:],
            "but first": found[1:],
            "but last": found[:-1],
        }[self.subset]


class Ref(NamedTuple):
    """Another node, as seen from the node that is changed.

    Attributes:
        where: the nodes it is one of.
        operand: if it is an operand of those, which.
        shift: by how many repetitions it is earlier (negative) or later.
        at: the repetition itself, 0 or -1; None for that of the node.
    """

    where: Where
    operand: int | None = None
    shift: int = 0
    at: int | None = None

    def node(self, draw: Draw, seen_from: Node) -> Node:
        """The node.

        Raises:
            Misfit: there is none.
        """
        where = self.where
        if where.site is None:
            found = draw.graph.inputs.get(where.key) if where.key is not None else None
            if found is None:
                raise Misfit
            return found
        group = draw.places.get((where.site, where.callers or ()), [])
        if not group:
            raise Misfit
        own = draw.places.get((seen_from.site, seen_from.callers), []) if seen_from.site is not None else []
        at = 0
        if self.at is not None:
            at = self.at % len(group)
        elif len(group) > 1:
            if not own or len(own) % len(group):
                raise Misfit
            at = seen_from.repetition // (len(own) // len(group))
        at += self.shift
        if not 0 <= at < len(group):
            raise Misfit
        node = group[at]
        if self.operand is None:
            return node
        if self.operand >= len(node.parents):
            raise Misfit
        return node.parents[self.operand]


@dataclass(frozen=True)
class Candidate:
    """One change.

    Attributes:
        kind: what it is called.
        where: which nodes.
        operand: the operand to which something else flows, or ANY; None if the gradient of the node itself is changed.
        rule: what flows instead.
        cost: how far-fetched it is.
        told: what is needed to put it into words.
        may_scale: whether it may come with a factor.
        base: what the rule says, times a factor, is added to; nothing by default.
    """

    kind: str
    where: Where
    operand: int | None
    rule: Rule
    cost: float
    told: Mapping[str, Any] = field(default_factory=dict)
    may_scale: bool = True
    base: Rule | None = None

    def times(self, c: float) -> Candidate:
        """The same change, with a factor."""
        rule, base = self.rule, self.base

        def scaled(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
            term = c * rule(draw, adjoint, node, k, g, right)
            return term if base is None else base(draw, adjoint, node, k, g, right) + term

        return replace(self, rule=scaled, base=None)

    @property
    def tells_factor(self) -> bool:
        """Whether the sentence of the kind covers a factor; otherwise the factor is another mistake."""
        own = any(self.told.get(name) for name in ("region", "plus", "term")) or self.told.get("variant") == "means"
        return own or self.kind in ("parameter-added", "updated-weights")

    def rules(self, draw: Draw) -> tuple[dict[tuple[Node, Any], Rule], list[Node]]:
        """The rules for `Draw.changed`."""
        rules = {(node, k): self.rule for node in self.where.nodes(draw) for k in self.operands(draw, node)}
        return rules, list(dict.fromkeys(node for node, _ in rules))

    def operands(self, draw: Draw, node: Node) -> list[int | None]:
        """The operands of a node to which something else flows."""
        if self.operand is None:
            return [None]
        return [k for k in draw.edges(node) if self.operand in (k, ANY)]


def as_it_is(draw: Draw, adjoint: Adjoint, node: Node, k: Any, g: Array, right: Array) -> Array:
    """What flows, unchanged: a base."""
    return right
