"""The statistics of cross_entropy_with_stats on random rows, and slips in them, which must be caught."""

import numpy as np
import pytest
from hypothesis import given, settings

import softgrad as sg
from drawn import stable
from losses.any_batch import batches, check
from planted import assert_caught


@settings(stable, max_examples=90)
@given(batch=batches("cross_entropy"))
def test_statistics(batch):
    check(batch, sg.cross_entropy_with_stats)


def last_largest(logits, target, *, axis, ignore_index, **_):
    likeliest = target if target.ndim < logits.ndim else target.argmax(axis)
    last = logits.shape[axis] - 1 - np.flip(logits, axis).argmax(axis)
    return (last == likeliest) & (target != ignore_index if target.ndim < logits.ndim else True)


def of_logits(logits, target, *, axis, ignore_index, **_):
    """The logsumexp of the rows: that of the scores, if there is no softcap and no temperature."""
    lse = sg.logsumexp(logits.astype("float32" if logits.dtype.itemsize == 2 else logits.dtype), axis=axis)
    return np.where(target == ignore_index, 0, lse) if target.ndim < logits.ndim else lse


def of_all_rows(logits, target, *, ignore_index, **options):
    with_0 = np.where(target == ignore_index, 0, target) if target.ndim < logits.ndim else target
    return sg.cross_entropy_with_stats(logits, with_0, **options).stats.entropy


SLIPS = {
    "loss before its weight": lambda stats, *call, weight, **options: stats._replace(
        loss=sg.cross_entropy_with_stats(*call, **options).stats.loss
    ),
    "entropy in bits": lambda stats, *_, **__: stats._replace(
        entropy=stats.entropy / stats.entropy.dtype.type(np.log(2))
    ),
    "entropy of an ignored row": lambda stats, *call, **options: stats._replace(entropy=of_all_rows(*call, **options)),
    "correct by the last of the largest": lambda stats, *call, **options: stats._replace(
        correct=last_largest(*call, **options)
    ),
    "logsumexp of the logits": lambda stats, *call, **options: stats._replace(logsumexp=of_logits(*call, **options)),
    "rows in reverse": lambda stats, *_, **__: stats._replace(entropy=np.flip(stats.entropy)),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_the_statistics_is_caught(slip):
    def function(*call, out=None, **options):
        right = sg.cross_entropy_with_stats(*call, **options)
        stats = SLIPS[slip](right.stats, *call, **options)
        if out is None:
            return right._replace(stats=stats)
        out[...] = right.grad
        return sg.LossGradStats(right.loss, out, stats)

    assert_caught(lambda batch: check(batch, function), batches("cross_entropy"))
