"""What the page of a report draws of one gradient, measured after the check with the calls that are left."""

from __future__ import annotations

import numpy as np

from softgrad.check.derivatives.evaluate import Function, unit
from softgrad.check.derivatives.gradient import judge_gradient
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.derivatives.step_curve import FEW_STEPS, apart, differences
from softgrad.check.report.mistake import Place
from softgrad.check.report.pictures import Entries, StepCurve
from softgrad.check.sampling.sampler import Sample
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

FEWEST_LEFT = 2 * len(FEW_STEPS)  # calls, below which no curve is measured
ENOUGH_LEFT = 300  # calls, from which the entries around the worst one are judged where only that one was
AROUND = (3, 7)  # as many rows and columns of them
IN_A_VECTOR = 15


def is_as_it_was(judge: GradientJudge, sample: Sample, key: Key) -> bool:
    """Whether forward still computes what it did in the check. Otherwise there is nothing to draw."""
    output = judge.function(sample, key)(np.asarray(sample.arrays[key], dtype=np.float64))
    return np.array_equal(output, sample.output, equal_nan=True)


def entries_of(judge: GradientJudge, sample: Sample, key: Key, left: int) -> Entries | None:
    """A gradient beside the right one: what the check has measured, or a few entries around the worst one."""
    judgement, name = judge(sample, key), judge.sampler.functions.name_of(key)
    where, got = judgement.where, np.asarray(sample.grads[key], dtype=np.float64)
    if where is None or got.shape != sample.arrays[key].shape:
        return None
    if judgement.wanted is not None:
        return Entries(name, got, judgement.wanted, where.entry, (0,) * got.ndim, got.shape)
    if left < ENOUGH_LEFT:
        return None
    corner, part = _around(where.entry, got.shape)
    x = np.asarray(sample.arrays[key], dtype=np.float64)
    f = _of_part(judge.function(sample, key), x, part)
    wanted = judge_gradient(
        f,
        x[part],
        sample.upstream,
        got[part],
        rng=np.random.default_rng(0),
        rtol=judge.rtol,
        eps=judge.eps,
        calls=ENOUGH_LEFT,
    ).wanted
    if wanted is None:
        return None
    worst = tuple(i - start for i, start in zip(where.entry, corner, strict=True))
    return Entries(name, got[part], wanted, worst, corner, got.shape)


def curve_of(judge: GradientJudge, sample: Sample, key: Key, left: int) -> StepCurve | None:
    """The error of the worst entry against the step of plain central differences."""
    judgement = judge(sample, key)
    where = judgement.where
    if where is None or left < FEWEST_LEFT or not np.isfinite(where.got):
        return None
    x = np.asarray(sample.arrays[key], dtype=np.float64)
    steps = FEW_STEPS * max(1.0, abs(float(x[where.entry])))
    v = unit(x, int(np.ravel_multi_index(where.entry, x.shape)) if x.ndim else 0)
    found = differences(judge.function(sample, key), x, sample.upstream, v, steps)
    if not np.isfinite(found).any():
        return None
    name = str(Place(judge.sampler.functions.name_of(key), *where)).partition(":")[0]
    of_right = None if judgement.ok or not np.isfinite(where.wanted) else apart(where.wanted, found)
    return StepCurve(name, steps, apart(where.got, found), of_right, judgement.step)


def _around(entry: tuple[int, ...], shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[slice, ...]]:
    """The corner and the slices of a few entries around one."""
    most = [1] * (len(shape) - 2) + list(AROUND) if len(shape) > 1 else [IN_A_VECTOR] * len(shape)
    corner = tuple(max(0, min(i - count // 2, n - count)) for i, n, count in zip(entry, shape, most, strict=True))
    return corner, tuple(slice(start, start + count) for start, count in zip(corner, most, strict=True))


def _of_part(f: Function, x: Array, part: tuple[slice, ...]) -> Function:
    """The function of some entries of x alone."""

    def of_part(entries: Array) -> Array:
        whole = x.astype(np.result_type(x, entries))
        whole[part] = entries
        return np.asarray(f(whole))

    return of_part
