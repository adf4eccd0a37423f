"""The arrays that a right backward pass computes or uses: gradients, forward values, local derivatives.

A value of the user's backward pass that is one of them is right as such. The layout counts: a transposed array is known
as the transpose of what it is.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from softgrad.check.locate.stretches import derivatives_of_stretches
from softgrad.check.trace.elementwise import PARTIALS
from softgrad.check.trace.graph import Graph, Node, contribution
from softgrad.check.trace.operations import local_derivative
from softgrad.formulas.numbers import Array

WITHIN = 1e-9  # relative: two ways of computing the same array agree
NEAR = 1e-8  # relative: two norms may belong to the same array
MOST_PERMUTED = 4  # axes of an array that are compared in every order
FEWEST_SCALED = 3  # entries of an array that can be told from another one up to a factor


class Known(NamedTuple):
    """One known array.

    Attributes:
        value: its numbers.
        kind: "gradient" of the node; "share": what flows from the node to one operand, where others add to it;
            "value" of the node; "derivative" of the node with respect to one operand.
        node: of the forward pass.
        operand: which operand, for a share or a derivative.
    """

    value: Array
    kind: str
    node: Node
    operand: int = 0

    @property
    def of(self) -> Node:
        """The node whose gradient it is, or part of."""
        return self.node.parents[self.operand] if self.kind == "share" else self.node


class Match(NamedTuple):
    """The known array that a value of the backward pass is.

    Attributes:
        known: the known array.
        layout: "" for the same layout, "transposed" or "reshaped"; "part" for a row or a column of the known array.
        factor: by how much it is multiplied: 1 or -1, or any number if `KnownArrays.scaled` found it.
    """

    known: Known
    layout: str = ""
    factor: float = 1.0


FUNCTIONS = (np.exp, np.log, np.sqrt, np.square, lambda v: 1 / v, lambda v: v**-0.5)  # of one forward value
PREFERENCE = {"gradient": 0, "share": 1, "value": 2, "derivative": 3}
BEST = (0, 0, False)
MOST_PARTS = 20_000  # rows and columns
MOST_COMPARED = 60  # known arrays of about the same norm
LAYOUTS = {"": 0, "transposed": 1, "reshaped": 2}


class KnownArrays:
    """The known arrays of one run.

    Args:
        graph: of the forward pass.
        upstream: the gradient of the output.
    """

    def __init__(self, graph: Graph, upstream: Array) -> None:
        self.graph = graph
        self.gradients = graph.adjoints(upstream)
        collected = list(self._collected())
        self.all = [one for one in collected if not is_trivial(one.value)]
        # Zeros and ones, such as a mask, are nothing to know a value by, but may be what mends it.
        self.masks = [one for one in collected if one.kind == "derivative" and _is_mask(one.value)]
        self._flat = {
            one.value.tobytes() for one in needed(graph) if not one.active and one.value.dtype.kind in "fb"
        } | {one.value.astype(kind).tobytes() for one in self.masks for kind in ("bool", "float")}
        self._by_norm = sorted((one.value.size, norm_of(one.value), i) for i, one in enumerate(self.all))
        self._by_profile = sorted(
            (one.value.size, profile_of(one.value), i)
            for i, one in enumerate(self.all)
            if one.value.size >= FEWEST_SCALED and one.kind in ("gradient", "share")
        )

    @cached_property
    def _parts(self) -> list[tuple[int, float, int, int, int]]:
        """The rows and columns of known arrays: size, norm, which array, axis, index."""
        found: list[tuple[int, float, int, int, int]] = []
        for i, one in enumerate(self.all):
            for axis in range(min(one.value.ndim, 2)):
                if one.value.shape[axis] > 1:
                    rows = np.moveaxis(one.value, axis, 0).reshape(one.value.shape[axis], -1)
                    norms = np.sqrt((rows * rows).sum(axis=1))
                    found += [(rows.shape[1], norm, i, axis, k) for k, norm in enumerate(norms.tolist())]
            if len(found) > MOST_PARTS:
                break
        return sorted(found)

    def _match_part(self, array: Array) -> Match | None:
        norm = norm_of(array)
        low = bisect.bisect_left(self._parts, (array.size, norm * (1 - NEAR)))
        for size, other, i, axis, k in self._parts[low : low + MOST_COMPARED]:
            if size != array.size or other > norm * (1 + NEAR):
                break
            how = layout_of(array, np.take(self.all[i].value, k, axis))
            if how is not None and _is_right(self.all[i], how[1]):
                return Match(self.all[i], "part", how[1])
        return None

    def _collected(self) -> Iterator[Known]:
        graph = self.graph
        for node, gradient in self.gradients.items():
            yield Known(gradient, "gradient", node)
        for node, gradient in self.gradients.items():
            shares: dict[Node, tuple[int, Array]] = {}  # x * x takes x twice
            for k, parent in enumerate(node.parents):
                if parent in self.gradients and len({taker for taker, _ in graph.consumers[parent]}) > 1:
                    first, before = shares.get(parent, (k, 0.0))
                    shares[parent] = first, before + contribution(node, k, gradient)
            for k, share in shares.values():
                yield Known(share, "share", node, k)
        for node in needed(graph):
            if node.value.dtype.kind == "f":
                yield Known(node.value, "value", node)
        for node in graph.live:
            for k, parent in enumerate(node.parents):
                if node.op in PARTIALS and parent.active:
                    derivative = local_derivative(node, k)
                    if derivative is not None:
                        yield Known(derivative, "derivative", node, k)
            if node.op == "where":
                chosen = node.static["condition"]
                yield Known(chosen.astype(float), "derivative", node, 0)
                yield Known((~chosen).astype(float), "derivative", node, 1)

    def match(self, array: Array) -> Match | None:
        """The known array that this one is; a gradient if there is a choice. None if it is none, or tells nothing."""
        if is_trivial(array):
            return None
        best: Match | None = None
        for i in _near(self._by_norm, array.size, norm_of(array)):
            one = self.all[i]
            how = layout_of(array, one.value)
            if how is not None and _is_right(one, how[1]):
                match = Match(one, *how)
                best = match if best is None or _rank(match) < _rank(best) else best
                if _rank(best) == BEST:
                    break
        return best or self._match_part(array)

    @cached_property
    def _functions(self) -> list[tuple[int, float, int, Array]]:
        """Simple functions of forward values, and derivatives of stretches: size, norm, a number, the array."""
        found: list[tuple[int, float, int, Array]] = []
        with np.errstate(all="ignore"):
            for one in self.all:
                if one.kind == "value" and len(found) < MOST_PARTS:
                    for function in FUNCTIONS:
                        array = function(one.value)
                        if not is_trivial(array):
                            found.append((array.size, norm_of(array), len(found), array))
            for array in derivatives_of_stretches(self.graph):
                if not is_trivial(array):
                    found.append((array.size, norm_of(array), len(found), array))
        return sorted(found, key=lambda one: one[:3])

    def is_function(self, array: Array) -> bool:
        """Whether an array is a simple function of a forward value, such as the exponential of log-probabilities."""
        if is_trivial(array):
            return False
        norm = norm_of(array)
        low = bisect.bisect_left(self._functions, (array.size, norm * (1 - NEAR)), key=lambda one: one[:2])
        for size, other, _, value in self._functions[low : low + MOST_COMPARED]:
            if size != array.size or other > norm * (1 + NEAR):
                return False
            how = layout_of(array, value)
            if how is not None and how[1] > 0:
                return True
        return False

    @cached_property
    def _uniform(self) -> dict[int, Array]:
        """The values of known arrays that are one number everywhere, by size."""
        found: dict[int, set[float]] = {}
        for one in self._collected():
            if one.value.size and one.value.dtype.kind == "f" and (one.value == one.value.flat[0]).all():
                found.setdefault(one.value.size, set()).add(float(one.value.flat[0]))
        return {size: np.array(sorted(numbers)) for size, numbers in found.items()}

    def may_be(self, array: Array) -> bool:
        """Whether an array that is one number everywhere is also known: that proves nothing, but accuses nobody."""
        if not array.size or array.dtype.kind != "f" or not (array == array.flat[0]).all():
            return False
        numbers = self._uniform.get(array.size, np.zeros(0))
        number = array.flat[0] if array.size > 1 else np.abs(array.flat[0])
        numbers = numbers if array.size > 1 else np.abs(numbers)
        return bool((np.abs(numbers - number) <= WITHIN * np.abs(numbers)).any())

    def is_mask(self, array: Array) -> bool:
        """Whether an array through which no gradient flows is one of the forward pass, or a derivative of it."""
        return array.tobytes() in self._flat

    def has_norm(self, size: int, norm: float) -> bool:
        """Whether there is a known array of this size and norm."""
        return bool(_near(self._by_norm, size, norm))

    def scaled(self, array: Array, profile: float | None = None) -> Match | None:
        """The known gradient that this array is but for a factor."""
        if array.size < FEWEST_SCALED or (profile is None and is_trivial(array)):
            return None
        for i in _near(self._by_profile, array.size, profile_of(array) if profile is None else profile):
            one = self.all[i]
            factor = norm_of(array) / norm_of(one.value)
            how = layout_of(array, one.value * factor)
            if how is not None:
                return Match(one, how[0], how[1] * factor)
        return None


def needed(graph: Graph) -> list[Node]:
    """Every node that the output is made of, constants included."""
    wanted = {graph.output}
    before = graph.nodes[: graph.output.index + 1]
    for node in reversed(before):
        if node in wanted:
            wanted.update(node.parents)
    return [node for node in before if node in wanted]


def is_trivial(array: Array) -> bool:
    """Whether an array tells nothing: zeros, ones, one number everywhere; a single number if it is a simple one."""
    if not array.size or array.dtype.kind != "f" or not np.isfinite(array).all():
        return True
    first = float(array.flat[0])
    if array.size == 1:
        return any(abs(first * n - round(first * n)) < 1e-12 for n in range(1, 13))
    return bool((array == first).all()) or bool(np.isin(array, (-1.0, 0.0, 1.0)).all())


def _is_right(known: Known, sign: float) -> bool:
    """Whether an array with this sign is right: -x is as good as x, but minus a gradient is no gradient."""
    return sign > 0 or known.kind in ("value", "derivative")


def _is_mask(array: Array) -> bool:
    return array.size > 1 and bool(np.isfinite(array).all()) and is_trivial(array) and len(np.unique(array)) > 1


def layout_of(array: Array, known: Array) -> tuple[str, float] | None:
    """How an array holds the numbers of a known one: its layout and its sign; None if it does not."""
    a, b = array.squeeze(), known.squeeze()
    for sign in (1.0, -1.0):
        if a.shape == b.shape and agree(a, sign * b):
            return "", sign
        if 1 < a.ndim == b.ndim <= MOST_PERMUTED:
            for order in itertools.permutations(range(a.ndim)):
                if tuple(b.shape[i] for i in order) == a.shape and agree(a, sign * b.transpose(order)):
                    return "transposed", sign
        if a.size == b.size and a.shape != b.shape and agree(a.ravel(), sign * b.ravel()):
            return "reshaped", sign
    return None


def agree(a: Array, b: Array, within: float = WITHIN) -> bool:
    """Whether two arrays of one shape are equal but for rounding."""
    size = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    return bool((np.abs(a - b) <= within * size).all())


def norm_of(array: Array) -> float:
    """The root of the sum of squares."""
    flat = array.ravel()
    return float(np.sqrt(flat @ flat))


def profile_of(array: Array) -> float:
    """A number that neither the order of the entries nor a factor changes."""
    flat = array.ravel() / (norm_of(array) or 1.0)
    return float((flat**4).sum())


def _near(table: list[tuple[int, float, int]], size: int, value: float) -> list[int]:
    low = bisect.bisect_left(table, (size, value * (1 - NEAR), -1))
    high = bisect.bisect_right(table, (size, value * (1 + NEAR), len(table)))
    return [i for _, _, i in table[low : min(high, low + MOST_COMPARED)]]


def _rank(match: Match) -> tuple[int, int, bool]:
    return LAYOUTS[match.layout], PREFERENCE[match.known.kind], match.factor < 0
