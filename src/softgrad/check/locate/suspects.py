"""Which values of the backward pass are right, and which may be wrong.

A value is right if it is a known array, or if it stands where it should in a gradient that is returned. Whatever feeds
a right value is innocent, even if nobody has a name for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from softgrad.check.locate.known import KnownArrays, Match, agree, is_trivial
from softgrad.check.trace.graph import Node
from softgrad.check.trace.run import BackwardTrace
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

ROUNDING = 1e-13  # relative to its terms: a sum that is 0 but for rounding
DECOMPOSITIONS = frozenset(  # of a matrix of the forward pass: a backward pass may need another than forward
    ("inv", "det", "logdet", "cholesky", "eigenvalues", "eigenvectors")
) | frozenset(("singular values", "left vectors", "right vectors"))
SUMS = ("add", "subtract", "sum", "mean", "einsum")
RIGHT_WITHIN = 1e-7  # relative: a returned gradient is right


class Backward:
    """What the user's backward pass computed on one sample, beside what is right.

    Args:
        trace: the run.
        upstream: the gradient of the output.
        return_lines: the line that returns each gradient, where that is known.
        held: what each function, by file and name, held when it returned last.
    """

    def __init__(
        self,
        trace: BackwardTrace,
        upstream: Array,
        return_lines: Mapping[Key, tuple[str, int, str]] | None = None,
        held: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
    ) -> None:
        self.return_lines, self.held = return_lines or {}, held or {}
        self.trace, self.nodes = trace, trace.nodes
        self.own = frozenset(self.nodes)
        self.known = KnownArrays(trace.graph, upstream)
        zeros = {key: np.zeros(node.shape) for key, node in trace.graph.inputs.items()}
        self.right: dict[Key, Array] = {
            key: self.known.gradients.get(trace.graph.inputs[key], zeros[key])
            for key in trace.returned
            if key in trace.graph.inputs
        }
        self.wrong = [key for key, right in self.right.items() if not _is_right(trace.returned[key].value, right)]
        self.matches: dict[Node, Match] = {}
        for node in self.nodes:
            if node.active:
                found = self.known.match(node.value)
                if found is not None:
                    self.matches[node] = found
        self.functions = {
            node
            for node in self.nodes
            if node.active and node not in self.matches and self.known.is_function(node.value)
        }
        for node in self.nodes:
            if node.op in DECOMPOSITIONS and node.active and node not in self.matches:
                source = self.matches.get(node.parents[0])
                if node.parents[0] not in self.own or (source is not None and source.known.kind == "value"):
                    self.functions.add(node)

    @property
    def returned(self) -> dict[Key, Node]:
        """The node of each gradient that can be judged."""
        return {key: self.trace.returned[key] for key in self.right}

    def ancestors(self, starts: Iterable[Node]) -> set[Node]:
        """The nodes of the backward pass that some nodes are made of, without these nodes."""
        found: set[Node] = set()
        waiting = list(starts)
        while waiting:
            for parent in waiting.pop().parents:
                if parent in self.own and parent not in found:
                    found.add(parent)
                    waiting.append(parent)
        return found

    @cached_property
    def wanted(self) -> dict[Node, Array]:
        """What the entries of a value should be, where they are only moved to a gradient; NaN elsewhere."""
        found: dict[Node, Array] = {}
        for key, node in self.returned.items():
            if node.value.size == self.right[key].size:
                _write(found, node, self.right[key].reshape(node.shape))
        for node in reversed(self.nodes):
            if node in found and node.op in MOVES:
                for parent, wanted in MOVES[node.op](node, found[node]):
                    if parent in self.own and parent.active:
                        _write(found, parent, wanted)
        return found

    def moved_to(self, node: Node) -> Key | None:
        """The wrong gradient whose entries a value is, where it is only moved to it."""
        for key in self.wrong:
            waiting, seen = [self.returned[key]], set()
            while waiting:
                one = waiting.pop()
                if one is node:
                    return key
                seen.add(one)
                if one.op in AS_THEY_ARE:
                    waiting += [parent for parent in one.parents if parent in self.own and parent not in seen]
        return None

    @cached_property
    def settled(self) -> set[Node]:
        """Values that are right where they stand in a gradient that is returned."""
        return {
            node
            for node, wanted in self.wanted.items()
            if np.isfinite(wanted).all() and not is_trivial(node.value) and agree(node.value, wanted, RIGHT_WITHIN)
        }

    @cached_property
    def innocent(self) -> set[Node]:
        """What feeds a right value. Of an array that is put together, only the entries that are right count."""
        right: dict[Node, Array] = {}
        for node in (*self.matches, *self.functions):
            right[node] = np.ones(node.shape, dtype=bool)
        for node, wanted in self.wanted.items():
            if node in self.own and not is_trivial(node.value):
                with np.errstate(invalid="ignore"):
                    off = np.abs(node.value - wanted)
                    same = off <= RIGHT_WITHIN * np.abs(node.value).max(initial=0.0)
                right[node] = same | right.get(node, False)
        found: set[Node] = set()
        for node in reversed(self.nodes):
            entries = right.get(node)
            if entries is None or not entries.any():
                continue
            marked = np.where(entries, 1.0, np.nan)
            parts = MOVES[node.op](node, marked) if node.op in MOVES else []
            if node.op not in MOVES and entries.all():
                parts = [(parent, np.ones(parent.shape)) for parent in node.parents]
            for parent, part in parts:
                if parent in self.own:
                    right[parent] = ~np.isnan(part) | right.get(parent, False)
                    if right[parent].all():
                        found.add(parent)
        return found

    @cached_property
    def right_values(self) -> set[Node]:
        """Values that are known to be right, and those that feed them."""
        return self.innocent | self.settled | self.functions | set(self.matches)

    @cached_property
    def suspects(self) -> list[Node]:
        """What feeds a wrong gradient and is not known to be right; in the order of computation."""
        wrong = [node for key, node in self.returned.items() if key in self.wrong and node in self.own]
        above = self.ancestors(wrong) | set(wrong)
        return sorted((node for node in above - self.right_values if node.active), key=_order)

    def is_empty(self, node: Node) -> bool:
        """Whether a value tells nothing against the line that computes it: zeros, rounding, a known number."""
        size = np.abs(node.value).max(initial=0.0)
        terms = max(
            (np.abs(one.value).max(initial=0.0) for one in node.parents if one.value.dtype.kind == "f"), default=0
        )
        is_sum = node.op in SUMS and size <= ROUNDING * terms
        return not size or is_sum or self.known.may_be(node.value)

    @cached_property
    def constants(self) -> list[Node]:
        """Masks, signs and the like, which no gradient flows through, among what feeds a wrong gradient."""
        wrong = [node for key, node in self.returned.items() if key in self.wrong and node in self.own]
        found = (self.ancestors(wrong) | set(wrong)) - self.innocent
        return sorted(
            (
                n
                for n in found
                if not n.active and n.site is not None and n.value.dtype.kind in "fb" and n.value.size > 1
            ),
            key=_order,
        )

    @cached_property
    def last_known(self) -> list[Node]:
        """Known values from which a suspect is computed, and known values that are returned as another gradient."""
        found = {parent for node in self.suspects for parent in node.parents if parent in self.matches}
        found |= {node for key, node in self.returned.items() if key in self.wrong and node in self.matches}
        return sorted(found & self.own, key=_order)


def _order(node: Node) -> int:
    return node.index


def _is_right(got: Array, right: Array) -> bool:
    if got.size != right.size:
        return False
    if not right.any():
        return bool(np.abs(got).max(initial=0.0) < 1e-12)
    return agree(got.reshape(right.shape), right, RIGHT_WITHIN)


def _write(found: dict[Node, Array], node: Node, wanted: Array) -> None:
    """Notes what entries should be; where two places want different numbers, nothing is known."""
    if node not in found:
        found[node] = wanted.astype(float)
        return
    before = found[node]
    with np.errstate(invalid="ignore"):
        same = np.abs(before - wanted) <= RIGHT_WITHIN * np.maximum(np.abs(before), np.abs(wanted))
    found[node] = np.where(np.isnan(before), wanted, np.where(np.isnan(wanted) | same, before, np.nan))


def _gathered(node: Node, wanted: Array) -> Iterable[tuple[Node, Array]]:
    parent = node.parents[0]
    if node.static.get("kind") == "reshape":
        return [(parent, wanted.reshape(parent.shape))]
    result = np.full(parent.value.size, np.nan)
    result[node.static["index"].ravel()] = wanted.ravel()
    return [(parent, result.reshape(parent.shape))]


def _assembled(node: Node, wanted: Array) -> Iterable[tuple[Node, Array]]:
    for parent, (there, here) in zip(node.parents, node.static["pieces"], strict=True):
        result = np.full(parent.value.size, np.nan)
        result[here] = wanted.ravel()[there]
        yield parent, result.reshape(parent.shape)


def _same(node: Node, wanted: Array) -> Iterable[tuple[Node, Array]]:
    return [(node.parents[0], wanted)] if node.parents[0].shape == wanted.shape else []


def _negated(node: Node, wanted: Array) -> Iterable[tuple[Node, Array]]:
    return [(node.parents[0], -wanted)]


MOVES = {"gather": _gathered, "assemble": _assembled, "write": _same, "cast": _same, "negative": _negated}
AS_THEY_ARE = ("gather", "assemble", "write", "cast")  # moves that leave the numbers
