"""What else a wrong line could have used: every array of the forward pass, by its shape."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from softgrad.check.mutate.candidate import Ref, Where
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.stretches import is_inside
from softgrad.check.trace.node import Node

MOST = 60  # of one shape


class Pool:
    """The arrays of one draw, each seen as a place that other draws have too.

    Args:
        draw: any draw.
    """

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    @cached_property
    def entries(self) -> list[tuple[Ref, Node]]:
        """Every place, with the first of its nodes; inputs, then what is computed, then constants that it is given."""
        draw = self.draw
        found = [(Ref(Where(None, key=key)), node) for key, node in draw.graph.inputs.items()]
        seen = {node for _, node in found}
        for (site, callers), group in draw.places.items():
            where = Where(site, callers)
            if not is_inside(draw, group[0], True):
                found.append((Ref(where), group[0]))
            for k, parent in enumerate(group[0].parents):
                if parent.site is None and parent not in seen and parent.value.dtype.kind in "fiub":
                    seen.add(parent)
                    found.append((Ref(where, k), parent))
        return found

    def of_shape(self, shape: tuple[int, ...]) -> list[tuple[Ref, Node]]:
        """Arrays of a shape."""
        return [one for one in self.entries if one[1].shape == shape][:MOST]

    def alike(self, shape: tuple[int, ...]) -> list[tuple[Ref, Node]]:
        """Arrays of a shape, or of that shape transposed."""
        wanted = sorted(shape)
        return [one for one in self.entries if sorted(one[1].shape) == wanted][:MOST]

    def factors(self, shape: tuple[int, ...]) -> Iterator[tuple[Ref, Node]]:
        """Arrays that can multiply one of a shape: numbers too, if they are computed."""
        for ref, node in self.entries:
            if len(node.shape) <= len(shape) and node.op != "constant":
                padded = (1,) * (len(shape) - len(node.shape)) + node.shape
                if all(n in (1, m) for n, m in zip(padded, shape, strict=True)):
                    yield ref, node
