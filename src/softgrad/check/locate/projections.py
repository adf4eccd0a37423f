"""What a change of one value does to the gradients that are returned, in a few random directions.

A backward pass is linear in the gradients that it handles. One sweep backwards through it tells for all of its values
at once how <weights, gradients> change with them. A change mends a gradient if it changes the projections of that
gradient by what they lack, and spoils none if those of the others stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from softgrad.check.locate.suspects import Backward
from softgrad.check.trace.elementwise import FLAT
from softgrad.check.trace.graph import Node, contribution
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

WITHIN = 1e-7  # relative: a change is what is lacking
TINY = 1e-9  # relative to its terms: a change that is rounding
FEWEST = 3  # projections of the wrong gradients, together


class Projections:
    """Random projections of the gradients that one backward pass returns.

    Args:
        backward: the backward pass.
        rng: for the directions.
    """

    def __init__(self, backward: Backward, rng: np.random.Generator) -> None:
        self.backward = backward
        self.work = 0  # nodes visited
        keys: list[Key] = []
        for key in backward.right:
            keys += [key] * (-(-FEWEST // len(backward.wrong)) if key in backward.wrong else 1)
        self.keys = keys
        self._weights = [(backward.returned[key], rng.normal(size=backward.returned[key].shape)) for key in keys]
        self.is_wrong = np.array([key in backward.wrong for key in keys])
        self.lacking = np.array([self._lacking(key, w) for key, (_, w) in zip(keys, self._weights, strict=True)])
        self.sizes = np.array([np.abs(w * node.value).sum() for node, w in self._weights])
        self._numbers = {key: [i for i, one in enumerate(keys) if one == key] for key in backward.wrong}
        self._common: list[dict[Node, Array]] | None = None

    def _lacking(self, key: Key, weight: Array) -> float:
        got, right = self.backward.returned[key].value, self.backward.right[key]
        if key not in self.backward.wrong:
            return 0.0
        return float((weight * (right.reshape(got.shape) - got)).sum()) if got.size == right.size else np.nan

    def of(self, nodes: Sequence[Node], operand: int = -1) -> list[Array]:
        """For each node, how each projection changes with the entries of its value, or of one of its operands.

        If some of the nodes are computed from others of them, all get other values: nothing flows through them.
        """
        if not self.is_chain(nodes):
            return self.of_each(nodes, operand)
        sweeps = [self._swept({node: weight}, nodes) for node, weight in self._weights]
        return [_flows(node, sweeps, operand) for node in nodes]

    def of_each(self, nodes: Sequence[Node], operand: int = -1) -> list[Array]:
        """The same for changes that come on top of what the changes of the others do."""
        if self._common is None:
            self._common = [self._swept({node: weight}, ()) for node, weight in self._weights]
        return [_flows(node, self._common, operand) for node in nodes]

    def of_all(self, nodes: Sequence[Node]) -> list[Array]:
        """The same for the sum of all projections, in one sweep."""
        weights: dict[Node, Array] = {}
        for node, weight in self._weights:
            weights[node] = weights.get(node, 0.0) + weight
        swept = self._swept(weights, nodes)
        return [_flows(node, [swept], -1) for node in nodes]

    def is_chain(self, nodes: Sequence[Node]) -> bool:
        """Whether some of the nodes are computed from others of them."""
        return len(nodes) > 1 and not self.backward.ancestors(nodes).isdisjoint(nodes)

    def _swept(self, weights: Mapping[Node, Array], cut: Iterable[Node]) -> dict[Node, Array]:
        own, stopped = self.backward.own, set(cut)
        sums = dict(weights)
        self.work += len(self.backward.nodes)
        with np.errstate(all="ignore"):
            for node in reversed(self.backward.nodes):
                if node not in sums or node in stopped or node.op in FLAT or node.op == "unknown":
                    continue
                for k, parent in enumerate(node.parents):
                    if parent in own and parent.value.dtype.kind in "fb" and parent.op != "constant":
                        flow = contribution(node, k, sums[node])
                        sums[parent] = sums[parent] + flow if parent in sums else flow
        return sums

    def may_mend_all(self, changes: Array, sizes: Array) -> bool:
        """Whether one of several changes of the sum of all projections may be what all of them lack."""
        lacking = self.lacking.sum()
        allowed = WITHIN * np.maximum(max(abs(lacking), 1e-3 * self.sizes.sum()), sizes)
        with np.errstate(invalid="ignore"):
            return bool((np.abs(changes - lacking) <= allowed).any())

    def mended(self, changes: Array, sizes: Array) -> list[frozenset[Key]]:
        """The wrong gradients that each of several changes mends; none if it spoils a right one.

        Args:
            changes: (changes, projections).
            sizes: of the terms that each change is the sum of.
        """
        with np.errstate(invalid="ignore"):
            allowed = WITHIN * np.maximum(np.maximum(np.abs(self.lacking), 1e-2 * sizes), 1e-3 * self.sizes)
            fits = np.abs(changes - self.lacking) <= allowed
        spoils = ~fits[:, ~self.is_wrong].all(axis=1)
        mends = {key: fits[:, numbers].all(axis=1) & ~spoils for key, numbers in self._numbers.items()}
        some = np.any(list(mends.values()), axis=0)
        nothing: frozenset[Key] = frozenset()
        return [
            frozenset(key for key, ok in mends.items() if ok[i]) if some[i] else nothing for i in range(len(changes))
        ]

    def factors(self, changes: Array, sizes: Array, own: Array | None = None) -> list[tuple[int, float]]:
        """Which changes mend gradients when they are multiplied by a factor, and the factor.

        `own` is what the value that they replace contributes, if they replace one.
        """
        wrong = self.is_wrong
        wanted = self.lacking if own is None else self.lacking + own
        rows = np.where(np.abs(changes) > TINY * sizes, changes, 0.0)
        felt = (rows != 0) & wrong & (wanted != 0)
        with np.errstate(all="ignore"):
            lacking = np.where(felt, wanted, 0.0)
            factors = (lacking * rows).sum(axis=1) / (rows * rows * felt).sum(axis=1)
            off = np.abs(lacking - factors[:, None] * rows * felt).sum(axis=1)
            fits = (off <= 1e-6 * np.abs(lacking).sum(axis=1)) & (felt.sum(axis=1) >= FEWEST - 1)
        if own is None:
            fits &= ~(rows[:, ~wrong] != 0).any(axis=1)
        if sum(self.backward.right[key].size for key in self.backward.wrong) < FEWEST:  # any factor fits one number
            fits &= np.abs(np.abs(factors) - 1) < 1e-6
        return [(int(i), float(factors[i])) for i in np.flatnonzero(fits & np.isfinite(factors))]


def _flows(node: Node, sweeps: Sequence[Mapping[Node, Array]], operand: int) -> Array:
    flows = [sweep.get(node, np.zeros(node.shape)) for sweep in sweeps]
    if operand >= 0:
        flows = [contribution(node, operand, flow) for flow in flows]
    return np.array([np.asarray(flow).ravel() for flow in flows])
