"""A gradient judged by numerical derivatives: entry by entry, or by projections where the entries are many.

For random v, <got, v> must be <grad_output, J v>, which is one derivative for all entries. The sizes that meet there
are the got_i v_i: an error of rtol in each, with random signs, comes to rtol ||got * v||, and that is let pass. A
single wrong entry among n comes to less, about 1/sqrt(n) of its own error. So a projection that is off by a hundredth
of that already is looked into: the half of the entries that is further off is halved again until one entry is left,
which is then judged by itself.

Where x sits on kinks inside f, a projection may be off though every entry is right: each entry has its own choice of a
slope, and along v the kinks of many entries meet in one output. There only an entry that is wrong by itself counts.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from softgrad.check.numerical import EPS, Array, Function, direction, unit
from softgrad.check.verdict import Verdict, Witness

BUDGET = 1.5  # seconds for the calls of f
PROJECTIONS = 8
CALLS = 8  # of f, that central differences along one direction take where nothing is hard
SUSPECT = 0.01  # of rtol
INFINITE = 64  # entries that may be infinite rightly, and are looked at


class Place(NamedTuple):
    """One entry of a gradient."""

    entry: tuple[int, ...]
    got: float
    wanted: float


class Judgement(NamedTuple):
    """What the numerical derivatives say of a gradient."""

    ok: bool
    error: float  # the largest of verdict.py's relative errors; above rtol where not ok, infinite for NaN and infinity
    where: (
        Place | None
    )  # of the entries with at least half of that error, the one furthest off; None if none was judged
    wanted: Array | None  # the gradient by numerical derivatives, NaN where there are none; None for projections
    estimate: Array | None  # of the error of each entry of `wanted`
    method: str  # "complex step" or "central differences"
    extent: str  # "every entry" or "8 random projections"
    kinks: int  # entries, or projections, found to sit on a kink
    unresolved: int  # entries, or projections, of which no step gave a derivative to be trusted


def judge(
    f: Function,
    x: Array,
    grad_output: Array,
    got: Array,
    *,
    rng: np.random.Generator,
    rtol: float = 1e-6,
    eps: float = EPS,
    max_entries: int = 2000,
    budget: float = BUDGET,
) -> Judgement:
    """Judge `got` as the gradient of <grad_output, f(x)> with respect to x.

    Args:
        f: the function of one array, everything else fixed; it may not change that array.
        x: float64.
        grad_output: in the shape of f's output.
        got: in the shape of x.
        rng: for the random directions.
        rtol: the relative error that passes; 64 eps at least.
        eps: of the arithmetic that f computes in.
        max_entries: with more entries than that, random projections are judged.
        budget: seconds for the calls of f; where every entry would take longer, random projections are judged.
    """
    start = time.perf_counter()
    got = np.asarray(got, dtype=np.float64)
    rtol = max(rtol, 64 * eps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at a step away from x the user's function may overflow, or leave its domain
        witness = Witness(f, x, np.asarray(grad_output, dtype=np.float64), rng=rng, rtol=rtol, eps=eps)
        before = time.perf_counter()
        f(x)
        seconds = time.perf_counter() - before
        if x.size <= max_entries and x.size * (1 if witness.complex_step else CALLS) * seconds <= budget:
            return _every_entry(witness, got)
        return _projections(witness, got, rng, start + budget)


def _every_entry(witness: Witness, got: Array) -> Judgement:
    verdicts = [_entry(witness, got, j) for j in range(got.size)]
    wanted = np.array([verdict.wanted for verdict in verdicts]).reshape(got.shape)
    estimate = np.array([verdict.estimate for verdict in verdicts]).reshape(got.shape)
    where = None
    if verdicts:
        worst = _worst(verdicts)
        where = _place(got, worst, verdicts[worst])
    return _judgement(witness, verdicts, "every entry", where)._replace(wanted=wanted, estimate=estimate)


def _projections(witness: Witness, got: Array, rng: np.random.Generator, deadline: float) -> Judgement:
    finite = np.isfinite(got)
    for j in np.flatnonzero(~finite)[:INFINITE]:  # no projection could be finite
        verdict = _entry(witness, got, int(j))
        if verdict.error > witness.rtol:
            return _judgement(witness, [verdict], "every entry", _place(got, int(j), verdict))
    got = np.where(finite, got, 0.0)
    directions: list[Array] = []
    verdicts: list[Verdict] = []
    while len(verdicts) < 2 or (len(verdicts) < PROJECTIONS and time.perf_counter() < deadline):
        v = direction(got, rng) * finite
        # On many kinks slopes of either sign make a wide interval; those of one sign make one that tells 2 from 0 to 1.
        directions.append(np.abs(v) if len(directions) % 2 else v)
        verdicts.append(_projection(witness, got, directions[-1]))
    where, extent = None, f"{len(verdicts)} random projections"
    worst = int(np.argmax([verdict.error for verdict in verdicts]))
    if verdicts[worst].error > SUSPECT * witness.rtol:
        on_kinks = any(verdict.kink for verdict in verdicts)
        for j in _suspects(witness, got, directions[worst], deadline, rng if on_kinks else None):
            entry = _entry(witness, got, j)
            if entry.error > witness.rtol:
                where = _place(got, j, entry)
                verdicts.append(entry)
                break
        if on_kinks and where is None:
            verdicts = [
                verdict._replace(error=0.0, resolved=False) if verdict.error > witness.rtol else verdict
                for verdict in verdicts
            ]
    return _judgement(witness, verdicts, extent, where)


def _suspects(
    witness: Witness, got: Array, v: Array, deadline: float, rng: np.random.Generator | None
) -> Iterator[int]:
    """Entries that may be wrong: the one that halving leads to, and with an rng all others, while there is time."""
    located = _locate(witness, got, v, deadline)
    if located is not None:
        yield located
    for j in [] if rng is None else rng.permutation(got.size):
        if time.perf_counter() > deadline:
            return
        yield int(j)


def _locate(witness: Witness, got: Array, v: Array, deadline: float) -> int | None:
    """An entry that is wrong, by halving the support of a direction along which the gradient is; None if time is up."""
    support = np.arange(got.size)
    while len(support) > 1:
        if time.perf_counter() > deadline:
            return None
        halves = np.array_split(support, 2)
        off = []
        for half in halves:
            part = np.zeros(got.shape)
            part.flat[half] = v.flat[half]
            verdict = _projection(witness, got, part)
            off.append(abs(verdict.got - verdict.wanted) if verdict.error > SUSPECT * witness.rtol else 0.0)
        if max(off) == 0:
            return None
        support = halves[int(np.argmax(off))]
    return int(support[0])


def _entry(witness: Witness, got: Array, j: int) -> Verdict:
    value = float(got.flat[j])
    return witness.verdict(unit(got, j), value, abs(value))


def _projection(witness: Witness, got: Array, v: Array) -> Verdict:
    terms = (got * v).ravel()
    return witness.verdict(v, float(terms.sum()), float(np.linalg.norm(terms)))


def _worst(verdicts: Sequence[Verdict]) -> int:
    """Of those with at least half of the largest error, the one furthest off: rather 0.3 for 0.5 than 0 for 1e-20."""
    errors = np.array([verdict.error for verdict in verdicts])
    off = np.array([abs(verdict.got - verdict.wanted) for verdict in verdicts])
    return int(np.where(errors >= errors.max() / 2, np.nan_to_num(off, nan=np.inf, posinf=np.inf), -1.0).argmax())


def _place(got: Array, j: int, verdict: Verdict) -> Place:
    return Place(tuple(int(i) for i in np.unravel_index(j, got.shape)), verdict.got, verdict.wanted)


def _judgement(witness: Witness, verdicts: Sequence[Verdict], extent: str, where: Place | None) -> Judgement:
    error = max((verdict.error for verdict in verdicts), default=0.0)
    return Judgement(
        ok=bool(error <= witness.rtol),
        error=float(error),
        where=where,
        wanted=None,
        estimate=None,
        method="complex step" if witness.complex_step else "central differences",
        extent=extent,
        kinks=sum(verdict.kink for verdict in verdicts),
        unresolved=sum(not verdict.resolved for verdict in verdicts),
    )
