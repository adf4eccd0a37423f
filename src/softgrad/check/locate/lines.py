"""The line of the user's source to which a value of the backward pass belongs."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from softgrad.check.locate.known import is_trivial
from softgrad.check.locate.suspects import Backward
from softgrad.check.trace.graph import Node, Site, groups_of

SOFTGRAD = str(Path(__file__).resolve().parents[2]) + "/"


class Line(NamedTuple):
    """A line of the user's source."""

    file: str
    number: int
    function: str


def sites_of(node: Node) -> tuple[Site, ...]:
    """The places of a node in the user's code: the innermost first, then those of the calls around it."""
    if node.site is None:
        return ()
    return tuple(site for site in (node.site, *node.callers) if not site.file.startswith(SOFTGRAD))


class Lines:
    """Finds the lines of the values of one backward pass."""

    def __init__(self, backward: Backward) -> None:
        self.backward = backward
        self._found: dict[Node, Line | None] = {}

    def of(self, node: Node) -> Line | None:
        """The line that computes a value. An array that was written at several lines belongs to the last of them."""
        if node not in self._found:
            self._found[node] = self._of(node)
        return self._found[node]

    def _of(self, node: Node) -> Line | None:
        sites = sites_of(node)
        is_written = node.op == "assemble" and not node.static.get("joined")
        if is_written or (node.op == "gather" and not sites):
            writers = [one for one in node.parents if one in self.backward.own and self.of(one) is not None]
            if writers:
                return self.of(max(writers, key=lambda one: one.index))
        if not sites:
            return None
        if len(sites) > 1 and self._is_right_elsewhere(node):
            return _line(sites[1])
        # What a helper computes for the loss too is right: the line that calls it is not.
        return _line(next((site for site in sites if _line(site) not in self._of_forward), sites[0]))

    def of_call(self, node: Node) -> Line | None:
        """The line that calls the helper in which a value is computed; None where it is in no helper.

        A function that computes nothing itself, such as a lambda around a method, does not call helpers.
        """
        sites = sites_of(node)
        if len(sites) < 2 or (sites[1].file, sites[1].function) not in self._functions:
            return None
        return _line(sites[1])

    @cached_property
    def _functions(self) -> set[tuple[str, str]]:
        return {(sites[0].file, sites[0].function) for node in self.backward.nodes if (sites := sites_of(node))}

    @cached_property
    def _of_forward(self) -> set[Line]:
        """The lines by which the forward pass computes its output."""
        return {_line(sites[0]) for node in self.backward.trace.graph.live if (sites := sites_of(node))}

    @cached_property
    def _groups(self) -> dict[Site, list[Node]]:
        return groups_of(self.backward.nodes)

    def _is_right_elsewhere(self, node: Node) -> bool:
        """Whether the function around a value computes right ones where another line calls it."""
        caller = _line(sites_of(node)[1])
        right = self.backward.right_values
        for other in self._groups.get(node.site, ()) if node.site else ():
            there = sites_of(other)
            if len(there) < 2 or other not in right or is_trivial(other.value):
                continue
            if _line(there[1]) != caller or (self._is_another_call(node, other) and self._is_of_forward_values(node)):
                return True
        return False

    def _is_another_call(self, node: Node, other: Node) -> bool:
        """Whether two values of one place belong to two calls: the caller computes something in between."""
        first, last = sorted((node.index, other.index))
        between = (one for one in self.backward.nodes if first < one.index < last and one.site is not None)
        return any(one.callers == node.callers[1:] for one in between)

    def _is_of_forward_values(self, node: Node) -> bool:
        """Whether the function around a value was called with values of the forward pass alone.

        Such a function, which is right for one of them, is right: for others it is called with the wrong one.
        """
        own = self.backward.own
        waiting, seen = [node], {node}
        while waiting:
            one = waiting.pop()
            for parent in one.parents:
                if parent in own and parent.active and parent not in seen:
                    if parent.callers != node.callers or (parent.site and parent.site.function) != (
                        node.site and node.site.function
                    ):
                        return False
                    seen.add(parent)
                    waiting.append(parent)
        return True


def _line(site: Site) -> Line:
    return Line(site.file, site.number, site.function)
