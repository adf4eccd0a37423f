"""The search: every change is tried on one draw in a few directions, and what fits is computed exactly on all draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

import numpy as np

from softgrad.check.mutate.candidate import Candidate, Misfit, Where, as_it_is
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.rules_edges import scale
from softgrad.check.trace.node import Node
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

MOST_WORK = 150_000  # contributions computed in one search
OF_A_CHANGE = 5  # contributions that cost as much as one change at one node
WITHIN = 1e-7  # in the first comparison, relative to the terms
EXACT = 1e-8
MOST_KEPT, MOST_USUAL = 200, 5
MISFITS = (Misfit, ValueError, IndexError, ZeroDivisionError, np.linalg.LinAlgError)
NICE = (0.0, -1.0, 2.0, 0.5)


class Fit(NamedTuple):
    """A change that gives the user's numbers.

    Attributes:
        candidate: the change, with its factor.
        plain: the change without it.
        factors: the factor on each draw; None where there is none.
        keys: the wrong gradients that it explains.
        spoils: whether it changes other gradients too, so that it is made on the way to these alone.
        cost: how far-fetched it is.
    """

    candidate: Candidate
    plain: Candidate
    factors: tuple[float, ...] | None
    keys: frozenset[Key]
    spoils: bool
    cost: float


class Search:
    """Tries changes on the draws.

    Args:
        draws: at least one.
        wrong: the gradients that are wrong.
    """

    def __init__(self, draws: Sequence[Draw], wrong: Iterable[Key]) -> None:
        self._only_here: list[tuple[Candidate, float | None, frozenset[Key], bool]] = []
        self.draws, self.wrong = draws, [key for key in wrong if key in draws[0].rights]
        self.first = first = draws[0]
        self.residual = first.projected(first.residuals)
        self.fits: list[Fit] = []
        self.work = 0
        self.blocks = first.blocks
        self.scales = {
            key: np.linalg.norm(right) + np.linalg.norm(first.users[key]) for key, right in first.rights.items()
        }
        self._independent: dict[Where, bool] = {}

    @property
    def spent(self) -> bool:
        """Whether the work is done that may be done."""
        return self.work + sum(draw.work for draw in self.draws) > MOST_WORK

    @property
    def best(self) -> float:
        """The cost of the best change that explains all wrong gradients."""
        return min((fit.cost for fit in self.fits if len(fit.keys) == len(self.wrong)), default=np.inf)

    def try_all(self, candidates: Iterable[Candidate]) -> None:
        """Tries changes, one after the other, while there is work left."""
        with np.errstate(all="ignore"):
            for candidate in candidates:
                if self.spent:
                    return
                if candidate.cost <= self.best + 0.3:
                    self._try(candidate)

    def try_again(self, draws: Sequence[Draw]) -> None:
        """Tries what fits the inputs given, and not others, on draws that are more like these."""
        self.draws = draws
        kept, self._only_here = self._only_here, []
        with np.errstate(all="ignore"):
            for candidate, c, keys, spoils in kept:
                with suppress(*MISFITS):
                    self._verify(candidate, c, keys, spoils)

    def _try(self, candidate: Candidate) -> None:
        nodes = self._nodes(candidate)
        if not nodes:
            return
        try:
            if self._is_independent(candidate.where, nodes):
                if not candidate.told.get("again"):
                    self._try_at_once(candidate, nodes)
            else:
                self._try_by_passes(candidate)
        except MISFITS:
            return

    def _nodes(self, candidate: Candidate) -> list[Node]:
        draw = self.first
        return [one for one in candidate.where.nodes(draw) if candidate.operands(draw, one)]

    def _is_independent(self, where: Where, nodes: list[Node]) -> bool:
        """Whether no node of the group depends on another."""
        if where not in self._independent:
            draw, bits = self.first, 0
            for node in nodes:
                bits |= 1 << draw.order[node]
            self._independent[where] = all((draw.ancestors[node] & bits) == 1 << draw.order[node] for node in nodes)
        return self._independent[where]

    def _try_at_once(self, candidate: Candidate, nodes: list[Node]) -> None:
        """By the tangents: what a change does is known without a pass through the graph."""
        draw = self.first
        before, after = np.zeros(len(self.residual)), np.zeros(len(self.residual))
        for node, k in [(one, k) for one in nodes for k in candidate.operands(draw, one)]:
            self.work += OF_A_CHANGE + node.value.size // 1_000
            target = node if k is None else node.parents[k]
            rows = draw.tangents.get(target)
            if rows is None:
                continue
            g = draw.adjoints[node]
            right = g if k is None else draw.flows[node, k]
            new = candidate.rule(draw, draw.adjoints.__getitem__, node, k, g, right)
            if new.shape != target.shape:
                raise Misfit
            after += rows @ np.asarray(new, dtype=float).ravel()
            if candidate.base is None:
                before += rows @ right.ravel()
            else:
                kept = candidate.base(draw, draw.adjoints.__getitem__, node, k, g, right)
                before += rows @ (right - kept).ravel()
        if not np.isfinite(after).all():
            return
        self._compare(candidate, before, after)

    def _compare(self, candidate: Candidate, before: Array, after: Array) -> None:
        wanted = self.residual + before
        rows = np.concatenate([np.arange(self.blocks[key].start, self.blocks[key].stop) for key in self.wrong])
        factors = [] if candidate.base is as_it_is else [1.0]
        if candidate.may_scale:
            factors += [c for c in (_fitted(after[rows], wanted[rows]),) if c is not None]
            factors += [
                c for key in self.wrong if (c := _fitted(after[self.blocks[key]], wanted[self.blocks[key]])) is not None
            ]
        done: set[frozenset[Key]] = set()
        for c in factors:
            keys, spoils = self._matched(c * after - before, np.abs(c * after) + np.abs(before))
            if keys and keys not in done:
                done.add(keys)
                self._verify(candidate, None if c == 1.0 else c, keys, spoils)

    def _matched(self, change: Array, size: Array) -> tuple[frozenset[Key], bool]:
        """The wrong gradients that a change explains, and whether it changes others."""
        keys, spoils = set(), False
        for key, block in self.blocks.items():
            slack = WITHIN * (self.scales[key] + size[block])
            same = bool((np.abs(change[block] - self.residual[block]) <= slack).all())
            if key in self.wrong:
                if same:
                    keys.add(key)
                elif (np.abs(change[block]) > slack).any():
                    spoils = True
            elif not same:
                spoils = True
        return frozenset(keys), spoils

    def _try_by_passes(self, candidate: Candidate) -> None:
        """By passes through the graph: a change that meets itself further back is not a sum of its parts."""
        tried: Sequence[float] = (1.0,)
        if candidate.rule is scale:
            tried = (*NICE[2:], *self.usual) if candidate.told.get("again") else NICE[:2]
        for c in tried:
            change = self.first.projected(self._changed(self.first, candidate.times(c)))
            if not np.isfinite(change).all():
                continue
            keys, spoils = self._matched(change, np.abs(change))
            if keys:
                self._verify(candidate, None if c == 1.0 else c, keys, spoils)

    @cached_property
    def usual(self) -> list[float]:
        """Factors that are tried where they cannot be fitted: lengths, and numbers of the forward pass."""
        draw = self.first
        found = [float(n) for node in (*draw.graph.inputs.values(), draw.graph.output) for n in node.shape if n > 2]
        found += [
            float(parent.value.reshape(()))
            for node in draw.live
            for parent in node.parents
            if parent.op == "constant" and parent.value.size == 1 and parent.value.dtype.kind in "fiu"
        ]
        numbers = [one for one in dict.fromkeys(found) if one not in (0.0, 1.0, 2.0, 0.5, -1.0)][:MOST_USUAL]
        return [c for one in numbers for c in (one, 1 / one)]

    def _changed(self, draw: Draw, candidate: Candidate) -> Mapping[Key, Array]:
        rules, nodes = candidate.rules(draw)
        if not nodes:
            raise Misfit
        return draw.changed(rules, nodes)

    def _verify(self, candidate: Candidate, c: float | None, keys: frozenset[Key], spoils: bool) -> None:
        """Computes the change exactly on every draw, and keeps it if it gives the user's numbers there."""
        found: dict[int, float] = {}
        one = 1.0 if c is None else _rounded(c)
        entries = sum(self.first.off_entries(key) for key in keys)
        for n in (*range(1, len(self.draws)), 0):  # the first draw has been compared in a few directions already
            draw = self.draws[n]
            for factor in dict.fromkeys((one, *([c] if c is not None else []))):
                if self._fits(draw, candidate.times(factor), keys):
                    found[n] = factor
                    break
            else:
                # A factor of its own on each draw explains one number always: that is no evidence.
                may_vary = c is not None and n > 0 and entries > 1
                refitted = self._refitted(draw, candidate, keys) if may_vary else None
                if refitted is None or not self._fits(draw, candidate.times(refitted), keys):
                    if n and len(self._only_here) < MOST_KEPT:
                        self._only_here.append((candidate, c, keys, spoils))
                    return
                found[n] = refitted
        factors = tuple(found[n] for n in range(len(self.draws)))
        scaled = candidate.times(1.0 if c is None else one)
        cost = candidate.cost + 0.5 * spoils
        self.fits.append(Fit(scaled, candidate, None if c is None else factors, keys, spoils, cost))

    def _refitted(self, draw: Draw, candidate: Candidate, keys: frozenset[Key]) -> float | None:
        """The factor on another draw, if what the change does is linear in it."""
        at_0, at_1 = (self._changed(draw, candidate.times(c)) for c in (0.0, 1.0))
        slope = np.concatenate([(at_1[key] - at_0[key]).ravel() for key in keys])
        wanted = np.concatenate([(draw.residuals[key] - at_0[key]).ravel() for key in keys])
        return _fitted(slope, wanted)

    def _fits(self, draw: Draw, candidate: Candidate, keys: frozenset[Key]) -> bool:
        changed = self._changed(draw, candidate)
        for key in keys:
            predicted = draw.rights[key] + changed[key]
            size = max(np.abs(predicted).max(initial=0.0), np.abs(draw.rights[key]).max(initial=0.0))
            off = np.abs(predicted - draw.users[key])
            if not np.isfinite(predicted).all() or (off > EXACT * (np.abs(predicted) + 0.1 * size) + 1e-13).any():
                return False
        return True


def _fitted(after: Array, wanted: Array) -> float | None:
    """The c for which c * after is nearest to what is wanted."""
    size = float(after @ after)
    if not np.isfinite(size) or size <= 0:
        return None
    c = float(after @ wanted) / size
    return c if np.isfinite(c) else None


def _rounded(c: float) -> float:
    """A factor without the error of the fit: 0 for 1e-12, 0.25 for 0.2500000001."""
    if abs(c) < 1e-7:
        return 0.0
    for n in range(1, 13):
        if abs(c * n - round(c * n)) < 1e-7 * max(1.0, abs(c * n)):
            return round(c * n) / n
    inverse = round(1 / c)
    if abs(c * inverse - 1) < 1e-9:
        return 1 / inverse
    return c
