"""A gradient judged by numerical derivatives: every entry, or random projections where the entries are many.

For random v, <got, v> must equal <grad_output, J v>, which is one derivative for all entries. Its terms are got_i v_i:
an error of rtol in each, with random signs, sums to rtol ||got * v||, which passes. A single wrong entry among n sums
to less, about 1/sqrt(n) of its own error. So a projection that is off by a hundredth of rtol is already looked into:
the half of the entries that is further off is halved again until one entry is left, which is then judged by itself.

Where x is on kinks of f, a projection may be off though every entry is right: each entry has its own choice of a slope,
and along v the kinks of many entries meet in one output. There, only an entry that is wrong by itself counts.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.derivatives.directional import DerivativeTest
from softgrad.check.derivatives.evaluate import EPS, Function, direction, norm, unit
from softgrad.check.derivatives.verdict import Verdict
from softgrad.formulas.numbers import Array

MOST_ENTRIES = 2000  # with more entries, random projections are judged
PROJECTIONS = 8
FEWEST_PROJECTIONS = 2
CALLS = 8  # of f, for one derivative by central differences where nothing is hard
EXPECTED = 2 / 3  # of the allowance is what every entry may be expected to take: hard entries take more
SUSPECT = 0.01  # of rtol
MOST_INFINITE = 64  # infinite entries that are judged by themselves: they may be right


class Spot(NamedTuple):
    """One entry of a gradient."""

    entry: tuple[int, ...]
    got: float
    wanted: float


class Judgement(NamedTuple):
    """What the numerical derivatives say of a gradient."""

    ok: bool
    error: float  # the largest relative error; above rtol where not ok, infinite for NaN and infinity
    where: Spot | None  # the worst entry: of those with at least half of that error, the one furthest off
    wanted: Array | None  # the numerical gradient, NaN where there is none; None for projections
    method: str  # "complex step" or "central differences"
    extent: str  # "every entry" or "8 random projections"
    kinks: int  # entries, or projections, on a kink
    unresolved: int  # entries, or projections, whose numerical derivative cannot be trusted
    left_out: int = 0  # entries that are not finite where there is no finite derivative either
    judged: int = 0  # entries, or projections, that were looked at
    plateaus: int = 0  # entries, or projections, of an output that is constant near x and changes further away
    across: bool = False  # whether every wrong one is the slope across the steps of such outputs
    step: float = 0.0  # of the differences at the worst entry; 0 for the complex step


class _Counted:
    """A function whose calls are counted against an allowance."""

    def __init__(self, f: Function, allowance: int) -> None:
        self._f = f
        self._left = allowance

    def __call__(self, x: Array) -> Any:
        self._left -= 1
        return self._f(x)

    @property
    def is_spent(self) -> bool:
        """Whether the allowance was used up."""
        return self._left <= 0


def judge_gradient(
    f: Function,
    x: Array,
    grad_output: Array,
    got: Array,
    *,
    rng: np.random.Generator,
    rtol: float = 1e-6,
    eps: float = EPS,
    max_entries: int = MOST_ENTRIES,
    calls: int = CALLS * MOST_ENTRIES,
) -> Judgement:
    """Judges `got` as the gradient of <grad_output, f(x)> with respect to x.

    Args:
        f: the function of one array; it does not change that array.
        x: float64.
        grad_output: in the shape of f's output.
        got: in the shape of x.
        rng: for random directions and steps.
        rtol: the relative error that passes; at least 64 eps.
        eps: the machine epsilon of the type in which f computes.
        max_entries: with more entries than that, random projections are judged.
        calls: about how many calls of f may be made. If every entry takes more, random projections are judged: at least
            2 of them, and then no more than the calls allow.
    """
    got = np.asarray(got, dtype=np.float64)
    rtol = max(rtol, 64 * eps)
    counted = _Counted(f, calls)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a step away from x, f may overflow or leave its domain
        test = DerivativeTest(
            counted, x, np.asarray(grad_output, dtype=np.float64), rng=rng, rtol=rtol, eps=eps, got=got
        )
        scaled = np.ldexp(got, -test.exponent)
        if x.size <= max_entries and x.size * (1 if test.complex_step else CALLS) <= EXPECTED * calls:
            judgement = _entries(test, scaled, counted)
            if judgement.wanted is not None or not judgement.ok:
                return _unscaled(judgement, got, test.exponent)
        return _unscaled(_projections(test, scaled, rng, counted), got, test.exponent)


def _unscaled(judgement: Judgement, got: Array, exponent: int) -> Judgement:
    """The judgement with its derivatives times 2^exponent."""
    if not exponent:
        return judgement
    where, wanted = judgement.where, judgement.wanted
    if where is not None:
        where = Spot(where.entry, float(got[where.entry]), float(np.ldexp(where.wanted, exponent)))
    return judgement._replace(where=where, wanted=None if wanted is None else np.ldexp(wanted, exponent))


def _entries(test: DerivativeTest, got: Array, counted: _Counted) -> Judgement:
    """Judges every entry, or as many as the calls allow."""
    verdicts: list[Verdict] = []
    while len(verdicts) < got.size and not counted.is_spent:
        verdicts.append(entry_verdict(test, got, len(verdicts)))
    where, step = None, 0.0
    if verdicts:
        worst = _worst(verdicts)
        where, step = _spot(got, worst, verdicts[worst]), verdicts[worst].step
    if len(verdicts) < got.size:
        return _judgement(test, verdicts, f"{len(verdicts)} of {got.size} entries", where)._replace(step=step)
    wanted = np.array([verdict.wanted for verdict in verdicts]).reshape(got.shape)
    return _judgement(test, verdicts, "every entry", where)._replace(wanted=wanted, step=step)


def entry_verdict(test: DerivativeTest, got: Array, j: int) -> Verdict:
    """Judges the j-th entry of a gradient: by a first look, and by the full estimate where that does not confirm it."""
    value = float(got.flat[j])
    return test.first_look(j, value) or test.verdict(unit(got, j), value, abs(value))


def _projections(test: DerivativeTest, got: Array, rng: np.random.Generator, counted: _Counted) -> Judgement:
    finite = np.isfinite(got)
    infinite: list[Verdict] = []
    for j in np.flatnonzero(~finite)[:MOST_INFINITE]:  # no projection could be finite
        infinite.append(entry_verdict(test, got, int(j)))
        if infinite[-1].error > test.rtol:
            return _judgement(test, infinite, "every entry", _spot(got, int(j), infinite[-1]))
    if not finite.any() and got.size:
        return _judgement(test, infinite, f"{len(infinite)} of {got.size} entries", None)
    got = np.where(finite, got, 0.0)
    directions: list[Array] = []
    verdicts: list[Verdict] = []
    while len(verdicts) < FEWEST_PROJECTIONS or (len(verdicts) < PROJECTIONS and not counted.is_spent):
        on_kinks = any(verdict.kink for verdict in verdicts)
        directions.append(finite * _direction_of(len(directions), test, got, rng, on_kinks=on_kinks))
        verdicts.append(_projection(test, got, directions[-1]))
    where, step, extent = None, 0.0, f"{len(verdicts)} random projections"
    worst = int(np.argmax([verdict.error for verdict in verdicts]))
    if verdicts[worst].error > SUSPECT * test.rtol:
        on_kinks = any(verdict.kink for verdict in verdicts)
        for j in _suspects(test, got, directions[worst], counted, rng if on_kinks else None):
            entry = entry_verdict(test, got, j)
            if entry.error > test.rtol:
                where, step = _spot(got, j, entry), entry.step
                verdicts.append(entry)
                break
        if on_kinks and where is None:
            verdicts = [
                verdict._replace(resolved=False) if verdict.error > test.rtol else verdict for verdict in verdicts
            ]
    left_out = int((~finite).sum()) - sum(verdict.resolved for verdict in infinite)
    return _judgement(test, verdicts, extent, where)._replace(left_out=left_out, step=step)


def _direction_of(n: int, test: DerivativeTest, got: Array, rng: np.random.Generator, *, on_kinks: bool) -> Array:
    """The n-th random direction, chosen so that kinks hide as little as possible.

    On kinks any slope in an interval is right, and the intervals of many kinks add up. Every other direction gives the
    terms got_i v_i the same sign: their sum tells a slope of 2 from any in 0 to 1. The other directions leave out the
    entries at which x is 0, where most kinks are (that of ReLU, say): hardly any interval is left.
    """
    v = direction(got, rng)
    if n % 2:
        return np.abs(v) * np.where((got < 0) & on_kinks, -1.0, 1.0)
    return v * (test.x != 0) if on_kinks and test.x.any() else v


def _projection(test: DerivativeTest, got: Array, v: Array) -> Verdict:
    terms = (got * v).ravel()
    total, size = float(terms.sum()), norm(terms)
    return test.first_look_along(v, total, size) or test.verdict(v, total, size)


def _suspects(
    test: DerivativeTest, got: Array, v: Array, counted: _Counted, rng: np.random.Generator | None
) -> Iterator[int]:
    """Entries that may be wrong: the one that halving leads to; with an rng all others too, while calls are left."""
    located = _locate(test, got, v)
    if located is not None:
        yield located
    for j in [] if rng is None else rng.permutation(got.size):
        if counted.is_spent:
            return
        yield int(j)


def _locate(test: DerivativeTest, got: Array, v: Array) -> int | None:
    """An entry that may be wrong, found by halving the support of a direction; None where both halves are right."""
    support = np.arange(got.size)
    while len(support) > 1:
        halves = np.array_split(support, 2)
        off = []
        for half in halves:
            part = np.zeros(got.shape)
            part.flat[half] = v.flat[half]
            verdict = _projection(test, got, part)
            off.append(abs(verdict.got - verdict.wanted) if verdict.error > SUSPECT * test.rtol else 0.0)
        if max(off) == 0:
            return None
        support = halves[int(np.argmax(off))]
    return int(support[0])


def _worst(verdicts: Sequence[Verdict]) -> int:
    """Of the verdicts with at least half of the largest error, the one furthest off: 0.3 for 0.5, not 0 for 1e-20."""
    errors = np.array([verdict.error for verdict in verdicts])
    off = np.array([abs(verdict.got - verdict.wanted) for verdict in verdicts])
    return int(np.where(errors >= errors.max() / 2, np.nan_to_num(off, nan=np.inf, posinf=np.inf), -1.0).argmax())


def _spot(got: Array, j: int, verdict: Verdict) -> Spot:
    return Spot(tuple(int(i) for i in np.unravel_index(j, got.shape)), verdict.got, verdict.wanted)


def _judgement(test: DerivativeTest, verdicts: Sequence[Verdict], extent: str, where: Spot | None) -> Judgement:
    error = max((verdict.error for verdict in verdicts), default=0.0)
    wrong = [verdict for verdict in verdicts if verdict.error > test.rtol]
    return Judgement(
        ok=bool(error <= test.rtol),
        error=float(error),
        where=where,
        wanted=None,
        method="complex step" if test.complex_step else "central differences",
        extent=extent,
        kinks=sum(verdict.kink for verdict in verdicts),
        unresolved=sum(not verdict.resolved and bool(np.isfinite(verdict.got)) for verdict in verdicts),
        left_out=sum(not verdict.resolved and not np.isfinite(verdict.got) for verdict in verdicts),
        judged=len(verdicts),
        plateaus=sum(verdict.plateau for verdict in verdicts),
        across=any(verdict.across for verdict in wrong) and all(one.across for one in wrong if one.plateau),
    )
