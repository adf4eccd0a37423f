"""Chooses the line where a backward pass goes wrong.

The candidates are places where a repair mends the gradients, and the first value that is not known. A candidate costs
more, the more has to be believed for it: that unknown values before it are right, that a known value is the wrong one,
that a factor without a name is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from softgrad.check.locate.candidate import (
    ANYWHERE,
    AT_THE_END,
    BEFORE_EDIT,
    EDITS,
    FIRST_UNKNOWN,
    KNOWN_SHARE,
    KNOWN_VALUE,
    MISPLACED,
    NOT_MENDED,
    OPERAND,
    RIGHT_BEFORE,
    UNKNOWN_LINE,
    Candidate,
    cost_of,
    has_factor,
    is_gradient_times_a_factor,
)
from softgrad.check.locate.known import Known, agree
from softgrad.check.locate.lines import Line, Lines
from softgrad.check.locate.partly import PartlyKnown
from softgrad.check.locate.repair import LINEAR, Repair, Repairs, groups_in, is_simple
from softgrad.check.locate.statements import rows_of, writes_out
from softgrad.check.locate.suspects import MOVES, RIGHT_WITHIN, Backward
from softgrad.check.trace.graph import Node

MOST_WORK = 150_000  # nodes visited
MOST_SUSPECTS = 60  # that are compared with products of known arrays

LONG_LOOP = 6  # repetitions
SAME_FACTOR = 1e-5  # on all draws


class Choice:
    """The candidates of one run."""

    def __init__(self, backward: Backward, rng: np.random.Generator) -> None:
        self.backward = backward
        self.lines = Lines(backward)
        self.repairs = Repairs(backward, rng)
        self._suspects = set(backward.suspects)
        self._unknown = self._unknown_lines()
        self._before: dict[Node, int] = {}
        self._ends = set(backward.returned.values())

    def best(self) -> Candidate | None:
        """The candidate that costs least; of equal ones the first."""
        if self._lacks_upstream:
            return self._returned()
        if (exchanged := self._exchanged()) is not None:
            return exchanged
        return min(self.all(), key=lambda one: one.order, default=None) or self._returned()

    @property
    def _lacks_upstream(self) -> bool:
        """Whether the wrong gradients of one number are right but for the upstream gradient."""
        backward = self.backward
        g = backward.known.gradients[backward.known.graph.output]
        if g.size != 1 or abs(abs(float(g.reshape(()))) - 1) < 1e-6:
            return False
        return all(
            agree(backward.returned[key].value * g.reshape(()), backward.right[key], RIGHT_WITHIN)
            for key in backward.wrong
        )

    def holds(self, other: Candidate) -> bool:
        """Whether a candidate that was found on another draw mends the gradients here, too."""
        repair = other.repair
        if repair is None:
            return any(one.line == other.line for one in (*self._first_unknown(), *self._ends_of_moves()))
        wanted = {(node.site, node.callers, node.repetition) for node in repair.nodes}
        nodes = [one for one in self.backward.nodes if (one.site, one.callers, one.repetition) in wanted]
        if len(nodes) != len(repair.nodes):
            return False
        found = self.repairs.together(nodes) if len(nodes) > 1 else self.repairs.at(nodes[0], repair.operand)
        return any(
            one.how == repair.how and one.mended >= repair.mended and abs(one.factor - repair.factor) < SAME_FACTOR
            for one in found
        )

    def all(self) -> Iterator[Candidate]:
        """Every candidate."""
        yield from self._first_unknown()
        yield from self._ends_of_moves()
        yield from self._misplaced()
        for repair in self._repairs():
            yield from self._candidate(repair)

    def _unknown_lines(self) -> dict[Node, Line | None]:
        """The suspects that are not even partly known, and their lines.

        The values inside a line do not count where its result is partly known.
        """
        suspects = sorted({*self.backward.suspects, *self._unknown_constants()}, key=lambda node: node.index)
        lines = {node: self.lines.of(node) for node in suspects}
        inside = {p for node in suspects for p in node.parents if p in lines and lines[p] == lines[node]}
        results: dict[Line | None, list[Node]] = {}
        for node in suspects:
            if node not in inside:
                results.setdefault(lines[node], []).append(node)
        partly = PartlyKnown(self.backward.known) if suspects else None
        misplaced = {node for node in self.backward.wanted if node not in self.backward.settled}
        known = {
            line
            for line, nodes in results.items()
            if len(nodes) <= MOST_SUSPECTS
            and all(
                node not in misplaced and partly is not None and self._is_partly_known(node, partly) for node in nodes
            )
        }
        return {node: line for node, line in lines.items() if line not in known and not self.backward.is_empty(node)}

    def _unknown_constants(self) -> list[Node]:
        """Masks, signs and the like that the forward pass does not have."""
        known = self.backward.known
        return [one for one in self.backward.constants if not known.is_mask(one.value)]

    def _is_partly_known(self, node: Node, partly: PartlyKnown) -> bool:
        """Whether a value is right but for known factors, or only right values moved about."""
        if node.op in MOVES and not any(one in self._suspects for one in node.parents):
            return True
        return partly.holds(node.value)

    def _lines_before(self, node: Node) -> int:
        """How many lines of unknown values a value depends on, its own left out."""
        if node not in self._before:
            above = self.backward.ancestors([node])
            found = {line for one, line in self._unknown.items() if one in above}
            self._before[node] = len(found - {self.lines.of(node), None})
        return self._before[node]

    def _repairs(self) -> Iterator[Repair]:
        backward, repairs = self.backward, self.repairs
        first = next(iter(self._unknown), None)
        places = [*backward.last_known, *backward.suspects, *backward.constants]
        later: list[Node] = []
        if first is not None:  # what depends on lines of unknown values costs more than they do
            later = [node for node in places if node.index > first.index and self._lines_before(node)]
            places = [node for node in places if node not in set(later)]
        places.sort(key=lambda node: node.index)
        for group in groups_in(backward, places):
            if repairs.projections.work > MOST_WORK:
                return
            yield from repairs.together(group)
        for node in _told_apart(places):
            if repairs.projections.work > MOST_WORK:
                return
            yield from repairs.at(node)
            for k in LINEAR.get(node.op, ()):
                if k < len(node.parents):
                    yield from repairs.at(node, k)

        yield from self._edits([*places, *later])

    def _edits(self, places: Sequence[Node]) -> Iterator[Repair]:
        """Signs and factors that are missing, also behind unknown values."""
        repairs = self.repairs
        groups: dict[object, list[Node]] = {}
        for node in sorted(places, key=lambda node: node.index):
            groups.setdefault((node.site, node.callers), []).append(node)
        for group in groups.values():
            for k in (-1, *LINEAR.get(group[0].op, ())):
                if repairs.projections.work > MOST_WORK:
                    return
                if all(k < len(node.parents) for node in group) and self._is_apart(group, k):
                    yield from repairs.edits(group, k)

    def _is_apart(self, group: Sequence[Node], operand: int) -> bool:
        """Whether the values that would change do not depend on each other."""
        if len(group) == 1:
            return True
        changed = set(group) if operand < 0 else {node.parents[operand] for node in group}
        return (self.backward.ancestors(changed) | (changed if operand >= 0 else set())).isdisjoint(group)

    def _first_unknown(self) -> Iterator[Candidate]:
        for node, line in self._unknown.items():
            if line is not None:
                node, line = self._whole_statement(node, line)
                yield Candidate(FIRST_UNKNOWN, node, line, None)
                return

    def _whole_statement(self, node: Node, line: Line) -> tuple[Node, Line]:
        """The result and first line of a statement that makes a gradient, if it goes wrong in several of its lines."""
        rows = rows_of(line.file, line.number)
        inside = {
            other: place
            for other, place in self._unknown.items()
            if place is not None and place[::2] == line[::2] and place.number in rows
        }
        begins = {place for other, place in inside.items() if self.backward.ancestors([other]).isdisjoint(inside)}
        result = max(inside, key=lambda one: one.index)
        if len(begins) < 2 or self.backward.moved_to(result) is None:
            return node, line
        return result, line._replace(number=rows.start)

    def _ends_of_moves(self) -> Iterator[Candidate]:
        """The lines that compute wrong entries of what is returned; a last resort."""
        backward = self.backward
        wrong = {node for node, wanted in backward.wanted.items() if node in backward.own and _is_off(node, wanted)}
        sources = [node for node in wrong if wrong.isdisjoint(node.parents)]
        sources += [one for key, one in backward.returned.items() if key in backward.wrong and not sources]
        lines = {self.lines.of(node): node for node in sorted(sources, key=lambda node: -node.index)}
        for line, node in lines.items():
            if line is not None:
                before = self._lines_before(node) * UNKNOWN_LINE
                yield Candidate(2 * AT_THE_END + before + NOT_MENDED * (len(lines) - 1), node, line, None)

    def _misplaced(self) -> Iterator[Candidate]:
        """The lines that return a value which is right as something else, and is used as that too."""
        backward = self.backward
        used = {parent for node in backward.nodes for parent in node.parents}
        for key in backward.wrong:
            node, line = backward.returned[key], backward.return_lines.get(key)
            twice = sum(one is node for one in backward.returned.values()) > 1
            is_used = (node in backward.matches and node in used) or self._is_no_gradient(node)
            if line is not None and (is_used or twice or not node.active or node not in backward.own):
                cost = MISPLACED + NOT_MENDED * (len(backward.wrong) - 1)
                yield Candidate(cost, node, Line(*line), None, key)

    def _exchanged(self) -> Candidate | None:
        """The line that returns two right gradients, each in the place of the other, where no others are wrong."""
        backward = self.backward
        if len(backward.wrong) != 2:
            return None
        a, b = backward.wrong
        if a not in backward.return_lines:
            return None
        line = Line(*backward.return_lines[a])
        if not writes_out(line.file, line.number, a, b):
            return None
        for one, other in ((a, b), (b, a)):
            value, right = backward.returned[one].value, backward.right[other]
            if value.shape != right.shape or not agree(value, right, RIGHT_WITHIN):
                return None
        return Candidate(MISPLACED, backward.returned[a], line, None, a)

    def _is_no_gradient(self, node: Node) -> bool:
        """Whether a value is right as one of the forward pass, or as a derivative, and no gradient."""
        match = self.backward.matches.get(node)
        return node in self.backward.functions or (match is not None and match.known.kind in ("value", "derivative"))

    def _returned(self) -> Candidate | None:
        """The line that returns a wrong gradient, where nothing else is known."""
        lines = self.backward.return_lines
        for key in self.backward.wrong:
            if key in lines:
                return Candidate(NOT_MENDED, self.backward.returned[key], Line(*lines[key]), None)
        return None

    def _candidate(self, repair: Repair) -> Iterator[Candidate]:
        node, array = self._changed(repair)
        line = self._line(repair, node)
        if line is None:
            return
        cost = cost_of(repair, array) + self._cost_of_place(repair, node, array)
        if repair.how == "scaled" and self._is_multiple and not has_factor(node):
            cost += ANYWHERE
        cost += NOT_MENDED * (len(self.backward.wrong) - len(repair.mended))
        yield Candidate(cost, node, line, repair)

    @cached_property
    def _is_multiple(self) -> bool:
        """Whether the wrong gradients are the right ones times one factor: it may be missing at any line."""
        backward, ratios = self.backward, []
        for key in backward.wrong:
            got, right = backward.returned[key].value.ravel(), backward.right[key].ravel()
            ratio = float(got @ right) / float(right @ right) if got.size == right.size and right.any() else 0.0
            if not ratio or not agree(got, ratio * right, RIGHT_WITHIN):
                return False
            ratios.append(ratio)
        return max(ratios) - min(ratios) <= 1e-6 * abs(ratios[0])

    def _changed(self, repair: Repair) -> tuple[Node, Known | None]:
        """The first value that a repair changes, and what replaces it."""
        for node, array in zip(repair.nodes, repair.arrays, strict=True):
            if repair.how != "replaced" or repair.operand >= 0:
                return node, array
            if array is not None and not agree(node.value.ravel(), array.value.ravel(), RIGHT_WITHIN):
                return node, array
        return repair.nodes[0], repair.arrays[0]

    def _line(self, repair: Repair, node: Node) -> Line | None:
        """The line of a repair. A mask or a sign, which no gradient flows through, is computed at its own line."""
        if repair.operand >= 0:
            operand = node.parents[repair.operand]
            if operand in self.backward.own and not operand.active and operand.site is not None:
                return self.lines.of(operand)
        is_value = repair.how == "replaced" and all(one is None or one.kind == "value" for one in repair.arrays)
        if is_value and repair.operand < 0 and (call := self.lines.of_call(node)) is not None:
            return call  # sigmoid(z) for softmax(z): the function that is called is right
        return self.lines.of(self._source_of(node) if repair.operand < 0 else node)

    def _source_of(self, node: Node) -> Node:
        """The value that a view gives axes of length 1, where nothing else takes that: dd for dd[:, None]."""
        while node.op == "gather" and self._uses[node.parents[0]] == 1 and node.parents[0] in self.backward.own:
            if node.value.squeeze().shape != node.parents[0].value.squeeze().shape:
                break  # another order, or a part
            node = node.parents[0]
        return node

    @cached_property
    def _uses(self) -> Counter[Node]:
        """How often each value is taken."""
        return Counter(parent for node in self.backward.nodes for parent in node.parents)

    def _cost_of_place(self, repair: Repair, node: Node, array: Known | None) -> float:
        is_edit = repair.how in EDITS and is_simple(repair.factor) and not self._is_multiple
        cost = self._lines_before(node) * (BEFORE_EDIT if is_edit else UNKNOWN_LINE)
        if repair.operand >= 0:
            cost += OPERAND
        is_end = repair.operand < 0 and repair.how == "replaced" and not self._ends.isdisjoint(repair.nodes)
        cost += AT_THE_END if is_end else 0.0
        match = self.backward.matches.get(node)
        is_share = match is not None and match.known.kind == "share"
        is_rest = is_share and array is not None and match is not None and match.known.of is array.of
        if match is not None and not (is_rest and not (is_end and len(repair.nodes) > 1)):
            # The derivative of the last operation of a loss is its gradient, but for a factor such as 1 / N.
            is_derivative = match.known.kind == "derivative" and repair.how in ("scaled", "replaced")
            is_gradient = is_derivative and (array is None or is_gradient_times_a_factor(node.value, array))
            cost += KNOWN_SHARE if is_share or is_gradient else KNOWN_VALUE
        elif is_end and node in self.backward.functions:
            cost += KNOWN_VALUE
        if node is not repair.nodes[0]:
            cost += RIGHT_BEFORE
        return cost


def _told_apart(nodes: Sequence[Node]) -> list[Node]:
    """The nodes that may be wrong alone: of a long loop the first and the last repetition."""
    groups: dict[object, list[Node]] = {}
    for node in nodes:
        groups.setdefault((node.site, node.callers), []).append(node)
    kept = {node for group in groups.values() for node in (group if len(group) <= LONG_LOOP else (group[0], group[-1]))}
    return [node for node in nodes if node in kept]


def _is_off(node: Node, wanted: np.ndarray) -> bool:
    known = np.isfinite(wanted)
    return bool(known.any()) and not agree(node.value[known], wanted[known], RIGHT_WITHIN)
